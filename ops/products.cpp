#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/along.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/products.hpp>
#include <xgrad/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace xgrad {
namespace {

void require_alike(const char* operation, const Tensor& a, const Tensor& b) {
  require<DTypeError>(a.dtype() == b.dtype(), "{}: operands are {} and {}; convert one with x.to()",
                      operation, a.dtype(), b.dtype());
}

/// A product of operands of so many axes each, whose leading ones do not broadcast.
Tensor product(const char* operation, const Tensor& a, const Tensor& b, std::int64_t axes_a,
               std::int64_t axes_b) {
  const detail::Running running(operation, a, b);
  require<ShapeError>(a.dim() == axes_a && b.dim() == axes_b,
                      "{}: shapes {} and {}; the left must have {} axes, the right {}", operation,
                      a.shape(), b.shape(), axes_a, axes_b);
  require_alike(operation, a, b);
  require<DTypeError>(is_floating(a.dtype()), "{}: takes floating tensors, got {}", operation,
                      a.dtype());
  const std::int64_t terms = b.size(axes_b == 1 ? 0 : -2);
  require<ShapeError>(a.size(-1) == terms && (axes_a < 3 || a.size(0) == b.size(0)),
                      "{}: shapes {} and {} do not fit", operation, a.shape(), b.shape());
  return matmul(a, b);
}

/// beta x + alpha multiply(a, b)
Tensor added(const char* operation, const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta,
             Scalar alpha, Tensor (*multiply)(const Tensor&, const Tensor&)) {
  const detail::Running running(operation, x, a, b);
  require_alike(operation, x, a);
  if (is_half(x.dtype()))
    return in_float32(
        [&](const auto& wide, const auto&... rest) {
          return added(operation, wide, rest..., beta, alpha, multiply);
        },
        x, a, b);
  Tensor y = multiply(a, b);
  require<ShapeError>(broadcast(x.shape(), y.shape(), operation) == y.shape(),
                      "{}: {} does not broadcast to the product's shape {}", operation, x.shape(),
                      y.shape());
  if (alpha.to<double>() != 1) y = y * alpha;
  if (beta.to<double>() == 0) return y;
  return y + (beta.to<double>() == 1 ? x : x * beta);
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) { return product("mm", a, b, 2, 2); }
Tensor bmm(const Tensor& a, const Tensor& b) { return product("bmm", a, b, 3, 3); }
Tensor mv(const Tensor& a, const Tensor& x) { return product("mv", a, x, 2, 1); }
Tensor dot(const Tensor& a, const Tensor& b) { return product("dot", a, b, 1, 1); }
Tensor vdot(const Tensor& a, const Tensor& b) { return product("vdot", a, b, 1, 1); }

Tensor outer(const Tensor& a, const Tensor& b) {
  const detail::Running running("outer", a, b);
  require<ShapeError>(a.dim() == 1 && b.dim() == 1,
                      "outer: shapes {} and {}; both must have one axis", a.shape(), b.shape());
  return unsqueeze(a, 1) * b;
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return added("addmm", x, a, b, beta, alpha, mm);
}
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return added("baddbmm", x, a, b, beta, alpha, bmm);
}
Tensor addmv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  return added("addmv", x, a, b, beta, alpha, mv);
}

namespace {

/// Sums over axes[0] of a together with axes[1] of b, both counted from the front.
Tensor contracted(const char* operation, const Tensor& a, const Tensor& b, const Axes& axes_a,
                  const Axes& axes_b) {
  require_alike(operation, a, b);
  require<DTypeError>(is_floating(a.dtype()), "{}: takes floating tensors, got {}", operation,
                      a.dtype());
  std::int64_t terms = 1;
  bool fits = true;
  for (std::size_t i = 0; i < axes_a.size(); ++i) {
    fits = fits && a.size(axes_a[i]) == b.size(axes_b[i]);
    terms *= a.size(axes_a[i]);
  }
  require<ShapeError>(fits, "{}: axes {} of shape {} and {} of {} differ in extent", operation,
                      axes_a, a.shape(), axes_b, b.shape());
  Shape result;
  const auto free_axes = [&](const Tensor& x, const Axes& summed) {
    Axes free;
    for (std::int64_t i = 0; i < x.dim(); ++i)
      if (std::ranges::find(summed, i) == summed.end()) {
        free.push_back(i);
        result.push_back(x.size(i));
      }
    return free;
  };
  Axes left = free_axes(a, axes_a);
  const std::int64_t rows = result.numel();
  const Axes right = free_axes(b, axes_b);
  const std::int64_t columns =
      std::accumulate(right.begin(), right.end(), std::int64_t{1},
                      [&](std::int64_t count, std::int64_t axis) { return count * b.size(axis); });
  for (const std::int64_t axis : axes_a) left.push_back(axis);
  Axes order = axes_b;
  for (const std::int64_t axis : right) order.push_back(axis);
  return reshape(matmul(reshape(permute(a, left), {rows, terms}),
                        reshape(permute(b, order), {terms, columns})),
                 result);
}

}  // namespace

Tensor inner(const Tensor& a, const Tensor& b) {
  const detail::Running running("inner", a, b);
  if (a.dim() == 0 || b.dim() == 0) return a * b;
  return contracted("inner", a, b, a.dim() - 1, b.dim() - 1);
}

Tensor tensordot(const Tensor& a, const Tensor& b, std::int64_t axes) {
  const detail::Running running("tensordot", a, b);
  require<ValueError>(axes >= 0 && axes <= std::min(a.dim(), b.dim()),
                      "tensordot: {} axes of shapes {} and {}; both must have as many", axes,
                      a.shape(), b.shape());
  Axes last, first;
  for (std::int64_t i = 0; i < axes; ++i) {
    last.push_back(a.dim() - axes + i);
    first.push_back(i);
  }
  return contracted("tensordot", a, b, last, first);
}

Tensor tensordot(const Tensor& a, const Tensor& b, const std::vector<std::int64_t>& axes_a,
                 const std::vector<std::int64_t>& axes_b) {
  const detail::Running running("tensordot", a, b);
  require<ValueError>(axes_a.size() == axes_b.size(),
                      "tensordot: {} axes of the left and {} of the right; it takes pairs",
                      axes_a.size(), axes_b.size());
  const auto from_front = [](const Tensor& x, const std::vector<std::int64_t>& given) {
    Axes axes;
    for (const std::int64_t axis : given) {
      const auto one =
          static_cast<std::int64_t>(normalize_axis(axis, x.shape().size(), "tensordot"));
      require<ValueError>(std::ranges::find(axes, one) == axes.end(),
                          "tensordot: axis {} of shape {} is named twice", axis, x.shape());
      axes.push_back(one);
    }
    return axes;
  };
  return contracted("tensordot", a, b, from_front(a, axes_a), from_front(b, axes_b));
}

Tensor kron(const Tensor& a, const Tensor& b) {
  const detail::Running running("kron", a, b);
  const std::int64_t rank = std::max(a.dim(), b.dim());
  require<ShapeError>(2 * rank <= static_cast<std::int64_t>(Shape::max_size),
                      "kron: shapes {} and {}; at most {} axes", a.shape(), b.shape(),
                      Shape::max_size / 2);
  Shape outer, inner, result;  // [a, 1, …] and [1, b, …]
  for (std::int64_t i = -rank; i < 0; ++i) {
    const std::int64_t m = -i <= a.dim() ? a.size(i) : 1;
    const std::int64_t n = -i <= b.dim() ? b.size(i) : 1;
    for (const std::int64_t extent : {m, std::int64_t{1}}) outer.push_back(extent);
    for (const std::int64_t extent : {std::int64_t{1}, n}) inner.push_back(extent);
    result.push_back((Size(m, "kron") * n).value());
  }
  return reshape(reshape(a, outer) * reshape(b, inner), result);
}

// y = (a₁b₂ − a₂b₁, a₂b₀ − a₀b₂, a₀b₁ − a₁b₀)
Tensor cross(const Tensor& a, const Tensor& b, std::int64_t which) {
  const detail::Running running("cross", a, b);
  require<ShapeError>(a.dim() == b.dim(), "cross: shapes {} and {} differ in their axes", a.shape(),
                      b.shape());
  const auto axis = static_cast<std::int64_t>(normalize_axis(which, a.shape().size(), "cross"));
  require<ShapeError>(a.size(axis) == 3 && b.size(axis) == 3,
                      "cross: axis {} of shapes {} and {} must be 3 long", which, a.shape(),
                      b.shape());
  broadcast(a.shape(), b.shape(), "cross");
  if (is_half(a.dtype()) && a.dtype() == b.dtype())
    return in_float32([&](const auto&... x) { return cross(x..., axis); }, a, b);
  const Tensor next = tensor({1, 2, 0});
  const Tensor after = tensor({2, 0, 1});
  const auto at = [axis](const Tensor& x, const Tensor& i) { return index_select(x, axis, i); };
  return at(a, next) * at(b, after) - at(a, after) * at(b, next);
}

namespace {

/// What is near the rows of a: taken from both sides, it leaves differences as they are, and of
/// what is far from 0 more digits.
Tensor center_of(const Tensor& a) {
  return no_grad([&] {
    const Tensor center = mean(a, -2, true);
    return where(center - center == 0, center, 0);
  });
}

Tensor distances(const Tensor& a, const Tensor& b) {
  constexpr std::int64_t few = 25;  // PyTorch's
  if (a.size(-2) <= few && b.size(-2) <= few)
    return norm(unsqueeze(a, -2) - unsqueeze(b, -3), 2, -1);
  const Tensor center = center_of(a);
  const Tensor u = a - center;
  const Tensor v = b - center;
  const auto distance = [](auto uu, auto vv, auto uv) {
    const auto square = uu + vv - 2 * uv;
    return square < 0 ? 0 : std::sqrt(square);
  };
  return map<Types::floating>(Op::cdist, kernels::Formula{distance}, sum(square(u), -1, true),
                              transpose(sum(square(v), -1, true), -2, -1),
                              matmul(u, transpose(v, -2, -1)));
}

}  // namespace

// y = ‖aᵢ − bⱼ‖;  with w = dL/dy / y, dL/daᵢ = Σ wᵢⱼ (aᵢ − bⱼ) = aᵢ Σ wᵢⱼ − (w b)ᵢ, and dL/db alike
Tensor cdist(const Tensor& a, const Tensor& b, double p) {
  const detail::Running running("cdist", a, b);
  require_alike("cdist", a, b);
  require<DTypeError>(is_floating(a.dtype()), "cdist: takes floating tensors, got {}", a.dtype());
  require<ShapeError>(a.dim() >= 2 && b.dim() >= 2 && a.size(-1) == b.size(-1),
                      "cdist: shapes {} and {}; both are [..., rows, columns], of as many columns",
                      a.shape(), b.shape());
  require<ValueError>(p >= 0, "cdist: p is {}; it must not be negative", p);
  if (is_half(a.dtype())) return in_float32([&](const auto&... x) { return cdist(x..., p); }, a, b);
  if (a.size(-1) == 0)
    return sum(unsqueeze(a, -2) - unsqueeze(b, -3), -1);  // of nothing, which has no largest value
  if (p != 2) return norm(unsqueeze(a, -2) - unsqueeze(b, -3), p, -1);
  const Tensor y = no_grad([&] { return distances(a, b); });
  return record(
      Op::cdist, y,
      wrt(a, summed_to(a,
                       [a = saved(a), b = saved(b), y = saved_result(y)](const Tensor& dy) {
                         const Tensor w = divided_or_0(dy, y());
                         const Tensor center = center_of(a());
                         return (a() - center) * sum(w, -1, true) - matmul(w, b() - center);
                       })),
      wrt(b, summed_to(b, [a = saved(a), b = saved(b), y = saved_result(y)](const Tensor& dy) {
            const Tensor w = transpose(divided_or_0(dy, y()), -2, -1);
            const Tensor center = center_of(a());
            return (b() - center) * sum(w, -1, true) - matmul(w, a() - center);
          })));
}

Tensor trace(const Tensor& x) {
  const detail::Running running("trace", x);
  require<ShapeError>(x.dim() == 2, "trace: shape {}; it takes a matrix", x.shape());
  const std::int64_t n = std::min(x.size(0), x.size(1));
  if (n == 0) return sum(x);
  const std::int64_t step = x.size(1) + 1;
  return sum(slice(reshape(x, {-1}), 0, 0, (n - 1) * step + 1, step));
}

namespace {

/// The cheapest way to multiply matrices of extents[i] × extents[i + 1].
class Chain {
 public:
  explicit Chain(const std::vector<std::int64_t>& extents)
      : count_(extents.size() - 1), split_(count_ * count_) {
    std::vector<double> cost(count_ * count_);
    for (std::size_t length = 2; length <= count_; ++length)
      for (std::size_t i = 0; i + length <= count_; ++i) {
        const std::size_t j = i + length - 1;
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t k = i; k < j; ++k) {
          const double total = cost[i * count_ + k] + cost[(k + 1) * count_ + j] +
                               static_cast<double>(extents[i]) *
                                   static_cast<double>(extents[k + 1]) *
                                   static_cast<double>(extents[j + 1]);
          if (total < best) {
            best = total;
            split_[i * count_ + j] = k;
          }
        }
        cost[i * count_ + j] = best;
      }
  }

  Tensor multiply(const std::vector<Tensor>& matrices, std::size_t i, std::size_t j) const {
    if (i == j) return matrices[i];
    const std::size_t k = split_[i * count_ + j];
    return matmul(multiply(matrices, i, k), multiply(matrices, k + 1, j));
  }

 private:
  std::size_t count_;
  std::vector<std::size_t> split_;
};

Tensor multiplied(const char* operation, const std::vector<Tensor>& given, bool takes_vectors) {
  const detail::Running running(operation, given);
  require<ValueError>(!given.empty(), "{}: no matrices", operation);
  std::vector<Tensor> matrices = given;
  const bool is_row = takes_vectors && given.size() > 1 && given.front().dim() == 1;
  const bool is_column = takes_vectors && given.size() > 1 && given.back().dim() == 1;
  if (is_row) matrices.front() = unsqueeze(given.front(), 0);
  if (is_column) matrices.back() = unsqueeze(given.back(), 1);
  std::vector<std::int64_t> extents;
  for (const Tensor& x : matrices) {
    require<ShapeError>(x.dim() == 2, "{}: shape {}; it takes matrices", operation, x.shape());
    require_alike(operation, given.front(), x);
    require<ShapeError>(extents.empty() || extents.back() == x.size(0),
                        "{}: a matrix of {} columns before shape {}", operation,
                        extents.empty() ? 0 : extents.back(), x.shape());
    if (extents.empty()) extents.push_back(x.size(0));
    extents.push_back(x.size(1));
  }
  require<DTypeError>(is_floating(given.front().dtype()), "{}: takes floating tensors, got {}",
                      operation, given.front().dtype());
  if (is_half(given.front().dtype())) {
    for (Tensor& x : matrices) x = to(x, float32);
  }
  Tensor y = to(Chain(extents).multiply(matrices, 0, matrices.size() - 1), given.front().dtype());
  if (is_column) y = squeeze(y, 1);
  return is_row ? squeeze(y, 0) : y;
}

}  // namespace

Tensor multi_dot(const std::vector<Tensor>& matrices) {
  return multiplied("multi_dot", matrices, true);
}
Tensor chain_matmul(const std::vector<Tensor>& matrices) {
  return multiplied("chain_matmul", matrices, false);
}

}  // namespace xgrad
