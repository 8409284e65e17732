#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/channels.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/resample.hpp>
#include <xgrad/ops/resampling.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <span>

namespace xgrad {
namespace {

using kernels::Runs;

constexpr auto me = "interpolate";

/// One spatial axis of input and result.
struct Axis {
  std::int64_t in, out;
  std::optional<double> factor;  ///< how much larger, where that was given
  bool align_corners;

  /// How far apart in the input the result's places lie.
  double step() const {
    if (align_corners)
      return out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
    return factor ? 1 / *factor : static_cast<double>(in) / static_cast<double>(out);
  }
  /// Where place j of the result lies in the input.
  double position(std::int64_t j) const {
    const auto place = static_cast<double>(j);
    return align_corners ? step() * place : step() * (place + 0.5) - 0.5;
  }
};

std::int64_t whole_below(double x, std::int64_t least, std::int64_t most) {
  return static_cast<std::int64_t>(
      std::clamp(std::floor(x), static_cast<double>(least), static_cast<double>(most)));
}

/// f(j, add) for every place j of the result; add(first, weights).
template <class F>
Runs runs_of(const Axis& axis, std::int64_t most, const F& f) {
  Runs runs(axis.in, axis.out, most, me);
  for (std::int64_t j = 0; j < axis.out; ++j)
    f(j, [&](std::int64_t first, std::initializer_list<double> weights) {
      runs.add(first, std::span(weights.begin(), weights.size()));
    });
  runs.finish();
  return runs;
}

// PyTorch counts these places in float32 for every dtype; in exact numbers some fall on the other
// side of a border.
Runs nearest(const Axis& axis, float offset) {
  const auto step = static_cast<float>(axis.step());
  return runs_of(axis, 1, [&](std::int64_t j, const auto& add) {
    const float place = (static_cast<float>(j) + offset) * step;
    add(whole_below(place, 0, axis.in - 1), {1.0});
  });
}

Runs linear(const Axis& axis) {
  return runs_of(axis, 2, [&](std::int64_t j, const auto& add) {
    const double at = std::max(axis.position(j), 0.0);
    const std::int64_t left = whole_below(at, 0, axis.in - 1);
    const double t = std::clamp(at - static_cast<double>(left), 0.0, 1.0);
    if (left + 1 < axis.in)
      add(left, {1 - t, t});
    else
      add(left, {1.0});
  });
}

/// What the cubic kernel of Keys weighs a value at distance |t|.
double cubic(double t, double a) {
  t = std::abs(t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  return 0;
}

Runs bicubic(const Axis& axis) {
  Runs runs(axis.in, axis.out, 4, me);
  for (std::int64_t j = 0; j < axis.out; ++j) {
    const double at = axis.position(j);
    const std::int64_t left = whole_below(at, -1, axis.in - 1);
    const auto inside = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, axis.in - 1); };
    const std::int64_t first = inside(left - 1);
    std::array<double, 4> weights{};
    for (std::int64_t i = left - 1; i <= left + 2; ++i)
      weights[static_cast<std::size_t>(inside(i) - first)] +=
          cubic(at - static_cast<double>(i), -0.75);
    runs.add(first,
             std::span(weights).first(static_cast<std::size_t>(inside(left + 2) - first + 1)));
  }
  runs.finish();
  return runs;
}

/// The kernel of so many values' width, made wider by as much as the result is smaller, and its
/// weights made to add up to 1.
Runs antialiased(const Axis& axis, bool is_cubic) {
  const double width = std::max(axis.step(), 1.0);
  const double reach = (is_cubic ? 2 : 1) * width;
  const std::int64_t most = std::min(axis.in, whole_below(2 * reach, 0, axis.in) + 2);
  Runs runs(axis.in, axis.out, most, me);
  auto weights = values_of<double>(most, me);
  for (std::int64_t j = 0; j < axis.out; ++j) {
    const double centre = axis.step() * (static_cast<double>(j) + 0.5);
    const std::int64_t first = whole_below(centre - reach + 0.5, 0, axis.in - 1);
    const std::int64_t end = whole_below(centre + reach + 0.5, first + 1, axis.in);
    const auto count = static_cast<std::size_t>(std::min(end - first, most));
    double total = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const double t = (static_cast<double>(first) + static_cast<double>(k) - centre + 0.5) / width;
      weights[k] = is_cubic ? cubic(t, -0.5) : std::max(1 - std::abs(t), 0.0);
      total += weights[k];
    }
    for (std::size_t k = 0; k < count && total != 0; ++k) weights[k] /= total;
    runs.add(first, std::span(weights).first(count));
  }
  runs.finish();
  return runs;
}

/// The mean of what a piece of the input touches.
Runs area(const Axis& axis) {
  const std::int64_t in = axis.in;
  const std::int64_t out = axis.out;
  // ⌊j · in / out⌋, where the product may have more than 63 bits.
  const auto begin = [in, out](std::int64_t j) { return in / out * j + in % out * j / out; };
  const std::int64_t most = in / out + 2;
  Runs runs(in, out, most, me);
  auto weights = values_of<double>(most, me);
  for (std::int64_t j = 0; j < out; ++j) {
    const std::int64_t first = begin(j);
    const std::int64_t end = in - begin(out - 1 - j);  // ⌈(j + 1) · in / out⌉
    const auto count = static_cast<std::size_t>(end - first);
    std::fill_n(weights.begin(), count, 1 / static_cast<double>(count));
    runs.add(first, std::span(weights).first(count));
  }
  runs.finish();
  return runs;
}

Runs runs_of(const Axis& axis, const std::string& mode, bool antialias) {
  if (mode == "nearest") return nearest(axis, 0);
  if (mode == "nearest-exact") return nearest(axis, 0.5F);
  if (mode == "area") return area(axis);
  if (antialias) return antialiased(axis, mode == "bicubic");
  return mode == "bicubic" ? bicubic(axis) : linear(axis);
}

/// Whether an axis of the same extent stays as it is whatever the scale factor.
bool keeps_equal_extents(const std::string& mode, bool antialias) {
  return mode != "bicubic" && mode != "nearest-exact" && !antialias;
}

/// All spatial axes; without runs where one stays as it is.
struct Resampling {
  std::vector<std::optional<Runs>> axes;
  std::vector<std::int64_t> in, out;
};
using Shared = std::shared_ptr<const Resampling>;

Shared transposed(const Resampling& by) {
  Resampling back{{}, by.out, by.in};
  for (const auto& runs : by.axes)
    back.axes.push_back(runs ? std::optional(kernels::transposed(*runs, me)) : std::nullopt);
  return std::make_shared<const Resampling>(std::move(back));
}

/// [N, C] of x, and other spatial extents.
Shape with_spatial(const Shape& x, const std::vector<std::int64_t>& extents) {
  Shape shape{x[0], x[1]};
  for (const std::int64_t extent : extents) shape.push_back(extent);
  return shape;
}

// y = A x along each axis;  dL/dx = Aᵀ dL/dy
Tensor resampled(const Tensor& x, const Shared& by) {
  std::vector<const Runs*> runs;
  for (const auto& axis : by->axes) runs.push_back(axis ? &*axis : nullptr);
  const std::int64_t lanes = channel_extents(x).lanes;
  const std::int64_t planes = x.size(0) * x.size(1) / lanes;
  const Tensor y = compute<Types::floating>(
      Op::interpolate, like(x, with_spatial(x.shape(), by->out)),
      [&](const auto* from, auto* to) { kernels::resample(planes, runs, by->in, lanes, from, to); },
      x);
  return record(
      Op::interpolate, y,
      wrt(x, reusable(linear_in([by](const Tensor& dy) { return resampled(dy, transposed(*by)); },
                                [by](const Tensor& v) { return resampled(v, by); }))));
}

/// Numbers for each spatial axis of x.
template <class T>
std::vector<T> for_axes(const char* what, const PerAxis<T>& given, const Tensor& x) {
  const auto axes = static_cast<std::size_t>(x.dim() - 2);
  if (given.values().size() == 1) return std::vector<T>(axes, given.values()[0]);
  require<ValueError>(given.values().size() == axes,
                      "interpolate: {} has {} numbers, input {} has {} spatial axes", what,
                      given.values().size(), x.shape(), axes);
  return given.values();
}

bool is_nearest(std::string_view mode) { return mode == "nearest" || mode == "nearest-exact"; }
bool is_plain(std::string_view mode) { return is_nearest(mode) || mode == "area"; }

/// How many axes a mode is for, 0: any.
std::int64_t axes_for(std::string_view mode) {
  return mode == "linear"                          ? 1
         : mode == "bilinear" || mode == "bicubic" ? 2
         : mode == "trilinear"                     ? 3
                                                   : 0;
}

}  // namespace

void detail::check_options(const char* operation, const InterpolateOptions& o) {
  const std::string& mode = o.mode;
  require<ValueError>(is_plain(mode) || axes_for(mode) > 0,
                      "{}: mode '{}'; it is 'nearest', 'nearest-exact', 'linear', 'bilinear', "
                      "'bicubic', 'trilinear' or 'area'",
                      operation, mode);
  require<ValueError>(!is_plain(mode) || !o.align_corners,
                      "{}: align_corners is given for mode '{}'; it is for the linear and cubic "
                      "ones",
                      operation, mode);
  require<ValueError>(!o.antialias || axes_for(mode) == 2,
                      "{}: antialias is for 'bilinear' and 'bicubic', not for '{}'", operation,
                      mode);
  require<ValueError>(o.size.is_given() != o.scale_factor.is_given(),
                      "{}: {} of size and scale_factor; give one", operation,
                      o.size.is_given() ? "both" : "none");
  require<ValueError>(!o.recompute_scale_factor.value_or(false) || !o.size.is_given(),
                      "{}: recompute_scale_factor with a size, which needs no factor", operation);
}

namespace {

/// What the mode takes.
void check_input(const Tensor& x, const std::string& mode) {
  const std::int64_t axes = axes_for(mode);
  require<ShapeError>(x.dim() >= 3 && x.dim() <= 5 && (axes == 0 || x.dim() - 2 == axes),
                      "interpolate: input {} for mode '{}', which takes [batch, channels] and {}",
                      x.shape(), mode,
                      axes == 0   ? "one to three axes"
                      : axes == 1 ? "one axis"
                      : axes == 2 ? "two axes"
                                  : "three axes");
  require<DTypeError>(is_nearest(mode) || is_floating(x.dtype()),
                      "interpolate: mode '{}' takes floating tensors, got {}", mode, x.dtype());
  for (std::int64_t axis = 2; axis < x.dim(); ++axis)
    require<ShapeError>(x.size(axis) > 0,
                        "interpolate: input {} has an empty axis; only batch and channels may be",
                        x.shape());
}

/// The spatial axes of x and of the result.
std::vector<Axis> axes_of(const Tensor& x, const InterpolateOptions& o) {
  const bool recomputes = o.recompute_scale_factor.value_or(false);
  std::vector<Axis> axes;
  const auto add = [&](std::int64_t out, std::optional<double> factor) {
    const std::int64_t in = x.shape()[axes.size() + 2];
    axes.push_back({in, out, factor, o.align_corners.value_or(false)});
  };
  if (o.size.is_given()) {
    for (const std::int64_t out : for_axes("size", o.size, x)) {
      require<ValueError>(out > 0, "interpolate: a size of {}; it must be positive", out);
      add(out, {});
    }
  } else {
    for (const double factor : for_axes("scale_factor", o.scale_factor, x)) {
      const std::int64_t in = x.shape()[axes.size() + 2];
      const double out = std::floor(static_cast<double>(in) * factor);
      require<ValueError>(out >= 1 && out < 0x1p63,
                          "interpolate: scale_factor {} makes no axis of {} elements", factor, in);
      add(static_cast<std::int64_t>(out),
          recomputes || o.mode == "area" ? std::optional<double>() : factor);
    }
  }
  return axes;
}

/// By whole elements, for what has no products.
Tensor picked(const Tensor& x, const Resampling& by) {
  Tensor y = x;
  for (std::size_t i = 0; i < by.axes.size(); ++i)
    if (by.axes[i])
      y = index_select(y, static_cast<std::int64_t>(i) + 2, from_vector(by.axes[i]->first));
  return y;
}

}  // namespace

Tensor interpolate(const Tensor& x, const InterpolateOptions& options) {
  const detail::Running running(me, x);
  detail::check_options(me, options);
  check_input(x, options.mode);
  Resampling by;
  const std::vector<Axis> axes = axes_of(x, options);
  for (const Axis& axis : axes) {
    by.in.push_back(axis.in);
    by.out.push_back(axis.out);
  }
  bytes_of(with_spatial(x.shape(), by.out), x.dtype());  // tells what no machine has memory for
  for (const Axis& axis : axes) {
    const bool stays = axis.in == axis.out && keeps_equal_extents(options.mode, options.antialias);
    by.axes.push_back(stays ? std::nullopt
                            : std::optional(runs_of(axis, options.mode, options.antialias)));
  }
  if (!is_floating(x.dtype())) return picked(x, by);
  return resampled(x, std::make_shared<const Resampling>(std::move(by)));
}

namespace {

/// [*, C, H, W] as [B, C, H, W], which reshape() undoes.
Tensor batched(const char* operation, const Tensor& x) {
  require<ShapeError>(
      x.dim() >= 3, "{}: input {} must be [channels, height, width] with or without axes in front",
      operation, x.shape());
  return x.dim() == 3 ? unsqueeze(x, 0) : flatten(x, 0, x.dim() - 4);
}

/// Of shape x but for its last three extents.
Tensor unbatched(const Tensor& y, const Shape& x) {
  Shape shape = x;
  for (std::size_t i = 1; i <= 3; ++i) shape[shape.size() - i] = y.shape()[y.shape().size() - i];
  return reshape(y, shape);
}

}  // namespace

Tensor pixel_shuffle(const Tensor& given, std::int64_t r) {
  const detail::Running running("pixel_shuffle", given);
  require<ValueError>(r > 0, "pixel_shuffle: upscale_factor {}; it must be positive", r);
  const Tensor x = batched("pixel_shuffle", given);
  const std::int64_t square = (Size(r, "pixel_shuffle") * r).value();
  require<ShapeError>(x.size(1) % square == 0,
                      "pixel_shuffle: the {} channels of {} are no multiple of {}, the square of "
                      "upscale_factor {}",
                      x.size(1), given.shape(), square, r);
  const std::int64_t channels = x.size(1) / square;
  const Tensor parts = reshape(x, {x.size(0), channels, r, r, x.size(2), x.size(3)});
  const Shape shape{x.size(0), channels, (Size(x.size(2), "pixel_shuffle") * r).value(),
                    (Size(x.size(3), "pixel_shuffle") * r).value()};
  return unbatched(reshape(permute(parts, {0, 1, 4, 2, 5, 3}), shape), given.shape());
}

Tensor pixel_unshuffle(const Tensor& given, std::int64_t r) {
  const detail::Running running("pixel_unshuffle", given);
  require<ValueError>(r > 0, "pixel_unshuffle: downscale_factor {}; it must be positive", r);
  const Tensor x = batched("pixel_unshuffle", given);
  require<ShapeError>(x.size(2) % r == 0 && x.size(3) % r == 0,
                      "pixel_unshuffle: height and width of {} are no multiples of "
                      "downscale_factor {}",
                      given.shape(), r);
  const std::int64_t height = x.size(2) / r;
  const std::int64_t width = x.size(3) / r;
  const Tensor parts = reshape(x, {x.size(0), x.size(1), height, r, width, r});
  const std::int64_t channels = (Size(x.size(1), "pixel_unshuffle") * r * r).value();
  return unbatched(
      reshape(permute(parts, {0, 1, 3, 5, 2, 4}), {x.size(0), channels, height, width}),
      given.shape());
}

Tensor channel_shuffle(const Tensor& x, std::int64_t groups) {
  const detail::Running running("channel_shuffle", x);
  require<ShapeError>(x.dim() >= 3, "channel_shuffle: input {} must be [batch, channels, …]",
                      x.shape());
  require<ValueError>(groups > 0, "channel_shuffle: {} groups; there must be one or more", groups);
  require<ShapeError>(x.size(1) % groups == 0,
                      "channel_shuffle: the {} channels of {} do not make {} groups", x.size(1),
                      x.shape(), groups);
  const Tensor rows = flatten(x, 2);
  const Tensor parts = reshape(rows, {x.size(0), groups, x.size(1) / groups, rows.size(2)});
  return reshape(transpose(parts, 1, 2), x.shape());
}

}  // namespace xgrad
