#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/group_norm.hpp>
#include <xgrad/ops/kernels/row_norm.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/norm.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pad.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/running_statistics.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/statistics.hpp>

#include <algorithm>
#include <array>

namespace xgrad {
namespace {

/// x as [examples, groups, channels, places]: statistics are of the last two axes, weights of the
/// middle two.
struct Problem {
  Op op;
  std::int64_t examples;
  std::int64_t groups;
  std::int64_t channels;
  std::int64_t places;
  Layout layout;
  bool centered;
  double eps;

  std::int64_t width() const { return groups * channels; }
  kernels::NormRows rows() const { return {examples, groups, channels, centered, eps}; }
  kernels::NormGroups planes() const {
    return {examples, groups, channels, places, layout == Layout::blocked ? channel_block() : 1,
            eps};
  }
  /// Statistics of each group.
  template <class T>
  kernels::NormStatistics<T> statistics(T* values) const {
    const std::int64_t count = examples * groups;
    return {values, values + count, values + 2 * count};
  }
};

/// y, and the statistics in `statistics` [3, examples, groups].
Tensor normalized(const Problem& p, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& statistics) {
  return compute<Types::floating>(
      p.op, Made(x.shape(), p.layout),
      [&]<class T>(const T* values, const T* w, const T* b, T* y) {
        const auto to = p.statistics(statistics.mutable_data<T>());
        if (p.places == 1)
          kernels::normalize_rows(p.rows(), values, w, b, y, to);
        else
          kernels::normalize_groups(p.planes(), values, w, b, y, to);
      },
      x, weight, bias);
}

/// What the rule keeps.
struct Kept {
  Problem problem;
  Saved x;
  Saved weight;  // undefined where there is none
  Tensor statistics;
  Shape weights;  // the shape of weight and bias

  Tensor weight_or_ones(DType dtype) const {
    const Tensor w = weight();
    return w.defined() ? w : ones(weights, {.dtype = dtype});
  }
};

std::array<Tensor, 3> gradients(const Kept& kept, const Tensor& dy, const Needs& needs) {
  const Problem& p = kept.problem;
  const Tensor x = kept.x();
  std::array<Tensor, 3> d;
  if (needs[0]) d[0] = empty(x.shape(), x.dtype(), p.layout);
  if (needs[1] || needs[2])
    for (const std::size_t i : {1UL, 2UL}) d[i] = Tensor::empty(kept.weights, x.dtype());
  detail::visit_in<Types::floating>(
      p.layout, "norm, gradients",
      [&]<class T>(const T* values, const T* slopes, const T* w) {
        const auto own = [](Tensor& t) { return t.defined() ? own_data<T>(t) : nullptr; };
        const auto of = p.statistics(kept.statistics.data<T>());
        const kernels::NormGradients<T> to{own(d[0]), own(d[1]), own(d[2])};
        if (p.places == 1)
          kernels::normalize_rows_backward<T>(p.rows(), values, slopes, w, of, to);
        else
          kernels::normalize_groups_backward<T>(p.planes(), values, slopes, w, of, to);
      },
      x, dy, kept.weight_or_ones(x.dtype()));
  return d;
}

/// The same from operations, the statistics as functions of x: for derivatives of derivatives.
std::array<Tensor, 3> recorded_gradients(const Kept& kept, const Tensor& dy, const Needs& needs) {
  const Problem& p = kept.problem;
  const Axes own{2, 3};
  const Axes others{0, 3};
  const auto view = [&](const Tensor& t) {
    return reshape(t, {p.examples, p.groups, p.channels, p.places});
  };
  const Tensor x = view(kept.x());
  const Tensor slopes = view(dy);
  const Tensor c = p.centered ? detail::centered(x, own) : x;
  const Tensor inverse_std = 1 / sqrt(mean(square(c), own, true) + p.eps);
  const Tensor unit = c * inverse_std;
  std::array<Tensor, 3> d;
  if (needs[2]) d[2] = reshape(sum(slopes, others), kept.weights);
  if (needs[1]) d[1] = reshape(sum(slopes * unit, others), kept.weights);
  if (needs[0]) {
    const Tensor w = kept.weight();
    const Tensor g = w.defined() ? slopes * reshape(w, {p.groups, p.channels, 1}) : slopes;
    const Tensor level = p.centered ? g - mean(g, own, true) : g;
    d[0] = reshape(inverse_std * (level - unit * mean(g * unit, own, true)), dy.shape());
  }
  return d;
}

/// x̂ w + b, recorded.
Tensor normalize_by(const Problem& p, const Tensor& x, const Shape& weights, const Tensor& weight,
                    const Tensor& bias) {
  const Tensor statistics = Tensor::empty({3, p.examples, p.groups}, x.dtype());
  const Kept kept{p, saved(x), saved(weight), statistics, weights};
  const Tensor b = bias.defined() ? bias : zeros(weights, {.dtype = x.dtype()});
  const Tensor y =
      no_grad([&] { return normalized(p, x, kept.weight_or_ones(x.dtype()), b, statistics); });
  return record(p.op, y,
                wrt_all(x, weight, bias,
                        fused([kept](const Tensor& dy,
                                     const Needs& needs) { return gradients(kept, dy, needs); },
                              [kept](const Tensor& dy, const Needs& needs) {
                                return recorded_gradients(kept, dy, needs);
                              })));
}

/// The spacing of numbers at 1.
double epsilon_of(DType dtype) {
  if (dtype == bfloat16) return 0x1p-7;
  if (dtype == float16) return 0x1p-10;
  return dtype == float32 ? 0x1p-23 : 0x1p-52;
}

void check_eps(const char* operation, double eps) {
  require<ValueError>(eps >= 0, "{}: eps is {}, it must not be negative", operation, eps);
}

void check_floating(const char* operation, const Tensor& x) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes floating tensors, got {}", operation,
                      x.dtype());
}

void check_weight(const char* operation, const Tensor& x, const Tensor& values, const char* what,
                  const Shape& expected) {
  if (!values.defined()) return;
  require<ShapeError>(values.shape() == expected, "{}: {} {} does not fit input {}; it must be {}",
                      operation, what, values.shape(), x.shape(), expected);
  require<DTypeError>(values.dtype() == x.dtype(),
                      "{}: {} is {}, the input {}; convert one with x.to()", operation, what,
                      values.dtype(), x.dtype());
}

/// The last axes of x, those of normalized_shape, in one row.
Problem over_last_axes(Op op, const Tensor& x, const Shape& normalized_shape, bool centered,
                       double eps) {
  const Shape& shape = x.shape();
  const std::size_t own = normalized_shape.size();
  const bool fits = own > 0 && own <= shape.size() &&
                    std::equal(normalized_shape.begin(), normalized_shape.end(),
                               shape.begin() + (shape.size() - own));
  require<ShapeError>(fits, "{}: input {} does not end in normalized_shape {}", name(op), shape,
                      normalized_shape);
  std::int64_t n = 1;
  for (const std::int64_t extent : normalized_shape) n *= extent;
  std::int64_t rows = x.numel() > 0 ? 1 : 0;  // no statistics of nothing
  for (std::size_t i = 0; i + own < shape.size(); ++i) rows *= shape[i];
  return {op, rows, 1, n, 1, Layout::plain, centered, eps};
}

/// Blocks of channels where each group is some of them, or a part of one; rows otherwise.
Layout layout_of_groups(const Tensor& x, std::int64_t channels) {
  const bool fits = channels % channel_block() == 0 || channel_block() % channels == 0;
  return fits ? layout_of(x) : Layout::plain;
}

}  // namespace

// y = x̂ w + b with x̂ = (x − μ) s, s = 1 / √(σ² + ε);  dL/db = Σ dL/dy, dL/dw = Σ x̂ dL/dy, dL/dx =
// s (g − mean(g) − x̂ mean(x̂ g)) with g = w dL/dy
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  const detail::Running running("layer_norm", x);
  check_floating("layer_norm", x);
  check_eps("layer_norm", eps);
  const Problem p = over_last_axes(Op::layer_norm, x, normalized_shape, true, eps);
  check_weight("layer_norm", x, weight, "weight", normalized_shape);
  check_weight("layer_norm", x, bias, "bias", normalized_shape);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& in, const Tensor& w,
                          const Tensor& b) { return normalize_by(p, in, normalized_shape, w, b); },
                      x, weight, bias);
  return normalize_by(p, x, normalized_shape, weight, bias);
}

// As layer_norm, but with μ = 0 and without mean(g).
Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight,
                std::optional<double> eps) {
  const detail::Running running("rms_norm", x);
  check_floating("rms_norm", x);
  if (!eps) eps = epsilon_of(x.dtype());
  check_eps("rms_norm", *eps);
  const Problem p = over_last_axes(Op::rms_norm, x, normalized_shape, false, *eps);
  check_weight("rms_norm", x, weight, "weight", normalized_shape);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& in,
                          const Tensor& w) { return normalize_by(p, in, normalized_shape, w, {}); },
                      x, weight);
  return normalize_by(p, x, normalized_shape, weight, {});
}

// As layer_norm, over the channels of a group and all places, w and b being of each channel.
Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight,
                  const Tensor& bias, double eps) {
  const detail::Running running("group_norm", x);
  require<ShapeError>(x.dim() >= 2, "group_norm: input {} must be [batch, channels, …]", x.shape());
  check_floating("group_norm", x);
  check_eps("group_norm", eps);
  const std::int64_t all = x.size(1);
  require<ValueError>(num_groups > 0 && all % num_groups == 0,
                      "group_norm: {} channels in {} groups; there must be as many in each", all,
                      num_groups);
  check_weight("group_norm", x, weight, "weight", {all});
  check_weight("group_norm", x, bias, "bias", {all});
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& in, const Tensor& w,
                          const Tensor& b) { return group_norm(in, num_groups, w, b, eps); },
                      x, weight, bias);
  const std::int64_t channels = all / num_groups;
  const std::int64_t places = x.numel() > 0 ? x.numel() / (x.size(0) * all) : 0;
  const Layout layout = channels > 0 ? layout_of_groups(x, channels) : Layout::plain;
  const std::int64_t images = x.numel() > 0 ? x.size(0) : 0;  // no statistics of nothing
  return normalize_by({Op::group_norm, images, num_groups, channels, places, layout, true, eps}, x,
                      {all}, weight, bias);
}

// Each channel is a group; or, by the running statistics, as batch_norm.
Tensor instance_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, const InstanceNormOptions& options) {
  const char* const operation = "instance_norm";
  const detail::Running running(operation, x);
  require<ShapeError>(x.dim() >= 3, "instance_norm: input {} must be [batch, channels, places, …]",
                      x.shape());
  check_floating(operation, x);
  check_eps(operation, options.eps);
  const std::int64_t channels = x.size(1);
  detail::check_running(operation, x, running_mean, running_var, options.use_input_stats);
  check_weight(operation, x, weight, "weight", {channels});
  check_weight(operation, x, bias, "bias", {channels});
  if (!options.use_input_stats) {
    require<ValueError>(running_mean.defined(),
                        "instance_norm: without use_input_stats it needs running_mean and "
                        "running_var");
    return batch_norm(x, running_mean, running_var, weight, bias, {.eps = options.eps});
  }
  Axes places;
  bool one = true;
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) {
    places.push_back(axis);
    one = one && x.size(axis) == 1;
  }
  require<ValueError>(!one,
                      "instance_norm: input {} has one value in each channel, which has no "
                      "variance; give larger images, or use_input_stats = false",
                      x.shape());
  if (channels == 0) return clone(x);
  if (running_mean.defined() && x.numel() > 0)
    no_grad([&] {
      const auto [var, mean] = var_mean(is_half(x.dtype()) ? to(x, float32) : x, places);
      detail::update_running(running_mean, xgrad::mean(mean, 0), options.momentum);
      detail::update_running(running_var, xgrad::mean(var, 0), options.momentum);
    });
  return group_norm(x, channels, weight, bias, options.eps);
}

// y = x / (k + α / n · Σ x²)^β, the sum being that of a pool over the channels
Tensor local_response_norm(const Tensor& x, std::int64_t size,
                           const LocalResponseNormOptions& options) {
  const detail::Running running("local_response_norm", x);
  require<ShapeError>(x.dim() >= 3, "local_response_norm: input {} must be [batch, channels, …]",
                      x.shape());
  check_floating("local_response_norm", x);
  require_number("local_response_norm", "alpha", options.alpha);
  require_number("local_response_norm", "beta", options.beta);
  require_number("local_response_norm", "k", options.k);
  require<ValueError>(size >= 1, "local_response_norm: size is {}, it must be positive", size);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& in) { return local_response_norm(in, size, options); }, x);
  const auto divided = [&](const Tensor& sums) {
    return x / pow(sums * (options.alpha / static_cast<double>(size)) + options.k, options.beta);
  };
  const Tensor squares = square(x);
  if (x.numel() == 0) return divided(squares);
  // Channels further away than there are any add nothing.
  const std::int64_t channels = x.size(1);
  const std::int64_t before = std::min(size / 2, channels);
  const std::int64_t behind = std::min((size - 1) / 2, channels);
  const std::int64_t window = before + behind + 1;
  const std::int64_t places = x.numel() / (x.size(0) * channels);
  const Tensor planes =
      pad(reshape(squares, {x.size(0), 1, channels, places}), {0, 0, before, behind});
  const Tensor means = avg_pool2d(planes, {window, 1}, {.stride = 1});
  return divided(reshape(means * static_cast<double>(window), x.shape()));
}

// y = x / max(‖x‖, ε)
Tensor normalize(const Tensor& x, const NormalizeOptions& options) {
  const detail::Running running("normalize", x);
  check_floating("normalize", x);
  require_number("normalize", "eps", options.eps);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& in) { return normalize(in, options); }, x);
  return x / clamp(norm(x, options.p, options.axis, true), options.eps);
}

}  // namespace xgrad
