#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/sample.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/resample.hpp>
#include <xgrad/ops/rules.hpp>

#include <algorithm>
#include <vector>

namespace xgrad {
namespace {

// Three functions, each linear in its two tensors and the adjoint of the others in one of them, as
// a convolution has them. x [N, C, I], w and at [N, P, K], y [N, C, P].
Tensor gathered(const Tensor& x, const Tensor& w, const Tensor& at);
Tensor gathered_input(const Tensor& y, const Tensor& w, const Tensor& at, std::int64_t extent);
Tensor gathered_weight(const Tensor& x, const Tensor& y, const Tensor& at);

const std::int64_t* places_in(const Tensor& at) { return at.data<std::int64_t>(); }

// y[p] = Σ w[p, k] x[at[p, k]]
Tensor gathered(const Tensor& x, const Tensor& w, const Tensor& at) {
  const kernels::SampleExtents e{x.size(0), x.size(1), x.size(2), at.size(1), at.size(2)};
  const Tensor y = compute<Types::floating>(
      Op::gather_sum, Shape{e.batch, e.channels, e.out},
      [&](const auto* from, const auto* by, auto* to) {
        kernels::gather_sum(e, from, by, places_in(at), to);
      },
      x, w);
  return record(
      Op::gather_sum, y,
      wrt(x, linear_in([w = saved_for(x, w), at = saved(at), extent = e.in](
                           const Tensor& dy) { return gathered_input(dy, w(), at(), extent); },
                       [w = saved_for(x, w), at = saved(at)](const Tensor& v) {
                         return gathered(v, w(), at());
                       })),
      wrt(w, linear_in([x = saved_for(w, x), at = saved(at)](
                           const Tensor& dy) { return gathered_weight(x(), dy, at()); },
                       [x = saved_for(w, x), at = saved(at)](const Tensor& v) {
                         return gathered(x(), v, at());
                       })));
}

// x[i] = Σ w[p, k] y[p] over at[p, k] = i
Tensor gathered_input(const Tensor& y, const Tensor& w, const Tensor& at, std::int64_t extent) {
  const kernels::SampleExtents e{y.size(0), y.size(1), extent, at.size(1), at.size(2)};
  const Tensor x = compute<Types::floating>(
      Op::gather_sum_input, Shape{e.batch, e.channels, e.in},
      [&](const auto* from, const auto* by, auto* to) {
        kernels::gather_sum_input(e, from, by, places_in(at), to);
      },
      y, w);
  return record(Op::gather_sum_input, x,
                wrt(y, linear_in([w = saved_for(y, w), at = saved(at)](
                                     const Tensor& dx) { return gathered(dx, w(), at()); },
                                 [w = saved_for(y, w), at = saved(at), extent](const Tensor& v) {
                                   return gathered_input(v, w(), at(), extent);
                                 })),
                wrt(w, linear_in([y = saved_for(w, y), at = saved(at)](
                                     const Tensor& dx) { return gathered_weight(dx, y(), at()); },
                                 [y = saved_for(w, y), at = saved(at), extent](const Tensor& v) {
                                   return gathered_input(y(), v, at(), extent);
                                 })));
}

// w[p, k] = Σ y[p] x[at[p, k]] over the channels
Tensor gathered_weight(const Tensor& x, const Tensor& y, const Tensor& at) {
  const kernels::SampleExtents e{x.size(0), x.size(1), x.size(2), at.size(1), at.size(2)};
  const Tensor w = compute<Types::floating>(
      Op::gather_sum_weight, at.shape(),
      [&](const auto* from, const auto* with, auto* to) {
        kernels::gather_sum_weight(e, from, with, places_in(at), to);
      },
      x, y);
  return record(
      Op::gather_sum_weight, w,
      wrt(x, linear_in([y = saved_for(x, y), at = saved(at), extent = e.in](
                           const Tensor& dw) { return gathered_input(y(), dw, at(), extent); },
                       [y = saved_for(x, y), at = saved(at)](const Tensor& v) {
                         return gathered_weight(v, y(), at());
                       })),
      wrt(y, linear_in([x = saved_for(y, x),
                        at = saved(at)](const Tensor& dw) { return gathered(x(), dw, at()); },
                       [x = saved_for(y, x), at = saved(at)](const Tensor& v) {
                         return gathered_weight(x(), v, at());
                       })));
}

/// The list in row-major order, after a look at all that it names.
Tensor checked(const char* operation, const Tensor& at, std::int64_t extent) {
  require<DTypeError>(at.dtype() == int64, "{}: the places are {}, they must be int64", operation,
                      at.dtype());
  const Tensor rows = in_rows(at);
  const std::int64_t* const values = places_in(rows);
  const auto* const bad = std::find_if(values, values + rows.numel(), [extent](std::int64_t value) {
    return value < -1 || value >= extent;
  });
  if (bad != values + rows.numel())
    raise<ValueError>("{}: place {} is outside of the {} that there are", operation, *bad, extent);
  return rows;
}

void require_fitting(const char* operation, const Tensor& a, const Tensor& b, const Tensor& at,
                     bool fits) {
  require<DTypeError>(a.dtype() == b.dtype() && is_floating(a.dtype()),
                      "{}: takes floating tensors of one dtype, got {} and {}", operation,
                      a.dtype(), b.dtype());
  require<ShapeError>(fits,
                      "{}: {}, {} and places {} do not fit: x is [N, C, I], y [N, C, P], w "
                      "and the places [N, P, K]",
                      operation, a.shape(), b.shape(), at.shape());
}

bool fit(const Shape& x, const Shape& w, const Shape& at) {
  return x.size() == 3 && w.size() == 3 && w == at && x[0] == w[0];
}

}  // namespace

Tensor detail::gather_sum(const Tensor& x, const Tensor& w, const Tensor& at) {
  const Running running("gather_sum", x, w, at);
  require_fitting("gather_sum", x, w, at, fit(x.shape(), w.shape(), at.shape()));
  return gathered(x, w, checked("gather_sum", at, x.size(2)));
}

Tensor detail::gather_sum_input(const Tensor& y, const Tensor& w, const Tensor& at,
                                std::int64_t extent) {
  const Running running("gather_sum_input", y, w, at);
  require_fitting("gather_sum_input", y, w, at,
                  fit(y.shape(), w.shape(), at.shape()) && y.size(2) == w.size(1));
  require<ValueError>(extent >= 0, "gather_sum_input: {} places", extent);
  return gathered_input(y, w, checked("gather_sum_input", at, extent), extent);
}

Tensor detail::gather_sum_weight(const Tensor& x, const Tensor& y, const Tensor& at) {
  const Running running("gather_sum_weight", x, y, at);
  require_fitting("gather_sum_weight", x, y, at,
                  fit(x.shape(), at.shape(), at.shape()) && y.dim() == 3 &&
                      y.size(0) == x.size(0) && y.size(1) == x.size(1) && y.size(2) == at.size(1));
  return gathered_weight(x, y, checked("gather_sum_weight", at, x.size(2)));
}

namespace {

using kernels::Beyond;

constexpr auto me = "grid_sample";

void check(const Tensor& x, const Tensor& grid, const GridSampleOptions& o) {
  require<ValueError>(o.mode == "bilinear" || o.mode == "nearest" || o.mode == "bicubic",
                      "grid_sample: mode '{}'; it is 'bilinear', 'nearest' or 'bicubic'", o.mode);
  require<ValueError>(
      o.padding_mode == "zeros" || o.padding_mode == "border" || o.padding_mode == "reflection",
      "grid_sample: padding_mode '{}'; it is 'zeros', 'border' or 'reflection'", o.padding_mode);
  require<ShapeError>(
      (x.dim() == 4 || x.dim() == 5) && grid.dim() == x.dim(),
      "grid_sample: input {} and grid {}; they are [N, C, H, W] and [N, OH, OW, 2], "
      "or have a depth more and 3",
      x.shape(), grid.shape());
  require<ShapeError>(x.size(0) == grid.size(0), "grid_sample: {} and {} are of different batches",
                      x.shape(), grid.shape());
  require<ShapeError>(grid.size(-1) == x.dim() - 2,
                      "grid_sample: grid {} has {} numbers for each place of input {}; it needs {}",
                      grid.shape(), grid.size(-1), x.shape(), x.dim() - 2);
  for (std::int64_t axis = 2; axis < x.dim(); ++axis)
    require<ShapeError>(x.size(axis) > 0, "grid_sample: input {} has an empty axis", x.shape());
  require<ShapeError>(o.mode != "bicubic" || x.dim() == 4,
                      "grid_sample: mode 'bicubic' is for [N, C, H, W], got {}", x.shape());
  require<DTypeError>(is_floating(x.dtype()) && x.dtype() == grid.dtype(),
                      "grid_sample: takes floating tensors of one dtype, got {} and {}", x.dtype(),
                      grid.dtype());
}

/// Values where they lie strictly inside (0, last), the nearest border without a gradient
/// elsewhere.
Tensor clipped(const Tensor& at, double last) {
  const Tensor is_inside = logical_and(at > 0, at < last);
  return where(is_inside, at, clamp(at.detach(), 0, last));
}

/// Thrown back at the ends, as often as it takes.
Tensor reflected(const Tensor& at, std::int64_t extent, bool align_corners) {
  const double low = align_corners ? 0 : -0.5;
  const double span = static_cast<double>(extent - 1) - 2 * low;
  if (span == 0) return zeros_like(at);
  const Tensor far = abs(at - low);
  const Tensor rest = fmod(far, span);
  const Tensor is_turned = no_grad([&] { return fmod(floor(far / span), 2) != 0; });
  return where(is_turned, span - rest, rest) + low;
}

/// Where in an axis of the input the grid's numbers lie.
Tensor position(const Tensor& given, std::int64_t extent, const GridSampleOptions& o) {
  const Tensor g = where(isnan(given), -1, given);
  const auto size = static_cast<double>(extent);
  const Tensor at = o.align_corners ? (g + 1) * ((size - 1) / 2) : ((g + 1) * size - 1) * 0.5;
  if (o.mode == "bicubic" || o.padding_mode == "zeros") return at;
  return clipped(o.padding_mode == "reflection" ? reflected(at, extent, o.align_corners) : at,
                 size - 1);
}

/// Weights of the places around a position, along a last axis of their own. t: how far it lies
/// beyond the place below.
Tensor weights_of(const Tensor& at, std::int64_t taps) {
  const Tensor t = at - no_grad([&] { return floor(at); });
  if (taps == 2) return stack({1 - t, t}, -1);
  // Keys' kernel with a = −¾, of distances up to 1 and from there to 2.
  constexpr double a = -0.75;
  const auto near = [](const Tensor& d) { return ((a + 2) * d - (a + 3)) * square(d) + 1; };
  const auto far = [](const Tensor& d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return stack({far(t + 1), near(t), near(1 - t), far(2 - t)}, -1);
}

/// The products of each axis' weights [N, P, taps], the last axis' side by side: [N, P, K].
Tensor products_of(const std::vector<Tensor>& axes) {
  Tensor product = axes.front();
  for (std::size_t i = 1; i < axes.size(); ++i)
    product = flatten(unsqueeze(product, -1) * unsqueeze(axes[i], -2), 2);
  return product;
}

}  // namespace

// y = Σ w x over the places around each position, their weights w polynomials of the grid
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options) {
  const detail::Running running(me, x, grid);
  check(x, grid, options);
  if (is_half(x.dtype()))
    return in_float32(
        [&](const Tensor& wide, const Tensor& at) { return grid_sample(wide, at, options); }, x,
        grid);
  const std::int64_t axes = x.dim() - 2;
  const std::int64_t taps = options.mode == "nearest" ? 1 : options.mode == "bilinear" ? 2 : 4;
  const Tensor rows = flatten(grid, 1, -2);  // [N, P, axes], the last axis of x first
  std::vector<Tensor> positions, weights;
  Tensor w;
  kernels::SamplePlaces places{.axes = axes, .extents = {}, .taps = taps};
  for (std::int64_t axis = 0; axis < axes; ++axis) {
    places.extents[static_cast<std::size_t>(axis)] = x.size(2 + axis);
    const Tensor at = position(select(rows, 2, axes - 1 - axis), x.size(2 + axis), options);
    positions.push_back(at.detach());
    if (taps > 1)
      weights.push_back(weights_of(at, taps));
    else
      w = unsqueeze(zero_of(at) + 1, -1);
  }
  if (taps > 1) w = products_of(weights);
  if (taps == 4 && options.padding_mode != "zeros")
    places.beyond = options.padding_mode == "border" ? Beyond::border : Beyond::reflection;
  places.at_centres = options.align_corners;
  const Tensor at = compute<Types::floating, std::int64_t>(
      me, w.shape(),
      [&](const auto* from, std::int64_t* to) {
        kernels::sample_places(places, w.size(0) * w.size(1), from, to);
      },
      no_grad([&] { return stack(positions); }));
  const Tensor y = gathered(flatten(x, 2), w, at);
  Shape shape = x.shape();
  for (std::int64_t axis = 0; axis < axes; ++axis)
    shape[static_cast<std::size_t>(2 + axis)] = grid.size(1 + axis);
  return reshape(y, shape);
}

namespace {

/// From −1 to 1: the places' centres, or the outer ones' borders.
Tensor centres(std::int64_t count, bool align_corners) {
  const auto n = static_cast<double>(count);
  const double last = count <= 1 ? 0 : align_corners ? 1 : (n - 1) / n;
  return linspace(-last, last, count, {.dtype = float64});
}

}  // namespace

// (column, row) = θ (j, i, 1)
Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners) {
  const detail::Running running("affine_grid", theta);
  require<ShapeError>(size.size() == 4 || size.size() == 5,
                      "affine_grid: size {}; it is [N, C, H, W] or [N, C, D, H, W]", size);
  for (const std::int64_t extent : size)
    require<ShapeError>(extent > 0, "affine_grid: size {} must be positive in every axis", size);
  const auto axes = static_cast<std::int64_t>(size.size()) - 2;
  require<ShapeError>(theta.shape() == Shape{size[0], axes, axes + 1},
                      "affine_grid: theta {} for size {}; it must be {}", theta.shape(), size,
                      Shape{size[0], axes, axes + 1});
  require<DTypeError>(is_floating(theta.dtype()), "affine_grid: takes floating tensors, got {}",
                      theta.dtype());
  Shape places;
  Shape result{size[0]};
  for (std::size_t axis = 2; axis < size.size(); ++axis) {
    places.push_back(size[axis]);
    result.push_back(size[axis]);
  }
  result.push_back(axes);
  bytes_of(result, theta.dtype());  // tells what no machine has memory for
  const Tensor base = no_grad([&] {
    std::vector<Tensor> columns;
    for (std::int64_t axis = axes; axis-- > 0;) {
      Shape alone = places;
      for (std::size_t i = 0; i < alone.size(); ++i)
        if (i != static_cast<std::size_t>(axis)) alone[i] = 1;
      const std::int64_t count = places[static_cast<std::size_t>(axis)];
      columns.push_back(expand(reshape(centres(count, align_corners), alone), places));
    }
    columns.push_back(expand(ones({1}, {.dtype = float64}), places));
    return to(flatten(stack(columns, -1), 0, -2), theta.dtype());
  });
  return reshape(matmul(base, transpose(theta, 1, 2)), result);
}

}  // namespace xgrad
