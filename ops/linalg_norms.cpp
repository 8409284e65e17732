#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrices.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace xgrad::linalg {

using namespace matrices;  // NOLINT: internal

namespace {

/// The two axes, counted from the front and in the order given.
std::array<std::int64_t, 2> matrix_axes(const char* operation, const Tensor& A, const Axes& axes) {
  require<DTypeError>(is_floating(A.dtype()), "{}: takes floating tensors, got {}", operation,
                      A.dtype());
  require<ShapeError>(axes.size() == 2, "{}: axes {}; a matrix has two", operation, axes);
  std::array<std::int64_t, 2> result{};
  for (std::size_t i = 0; i < 2; ++i)
    result[i] = static_cast<std::int64_t>(normalize_axis(axes[i], A.shape().size(), operation));
  require<ShapeError>(result[0] != result[1], "{}: axes {} name an axis twice", operation, axes);
  return result;
}

/// The largest sum along `summed` of |A|, or the smallest, over `ranged`.
Tensor sum_norm(const Tensor& A, std::int64_t summed, std::int64_t ranged, bool largest,
                bool keepdim) {
  const Tensor sums = sum(abs(A), summed, true);
  const Tensor y = largest ? amax(sums, ranged, true) : amin(sums, ranged, true);
  return keepdim ? y : squeeze(y, {summed, ranged});
}

/// What f makes of the singular values along their axis.
template <class F>
Tensor spectral_norm(const Tensor& A, const std::array<std::int64_t, 2>& axes, bool keepdim,
                     const F& f) {
  Axes order;
  for (std::int64_t i = 0; i < A.dim(); ++i)
    if (i != axes[0] && i != axes[1]) order.push_back(i);
  for (const std::int64_t axis : axes) order.push_back(axis);
  Tensor y = f(svdvals(permute(A, order)));
  if (keepdim)
    for (const std::int64_t axis : {std::min(axes[0], axes[1]), std::max(axes[0], axes[1])})
      y = unsqueeze(y, axis);
  return y;
}

}  // namespace

Tensor matrix_norm(const Tensor& A, std::string_view ord, const Axes& axes, bool keepdim) {
  const detail::Running running("matrix_norm", A);
  const auto two = matrix_axes("matrix_norm", A, axes);
  if (ord == "fro") return xgrad::norm(A, 2, {two[0], two[1]}, keepdim);
  require<ValueError>(ord == "nuc", "matrix_norm: ord is {}; it is fro, nuc or a number",
                      std::string(ord.substr(0, 20)));
  return spectral_norm(A, two, keepdim, [](const Tensor& s) { return sum(s, -1); });
}

Tensor matrix_norm(const Tensor& A, double ord, const Axes& axes, bool keepdim) {
  const detail::Running running("matrix_norm", A);
  const auto [rows, columns] = matrix_axes("matrix_norm", A, axes);
  const double size = std::abs(ord);
  require<ValueError>(size == 1 || size == 2 || std::isinf(size),
                      "matrix_norm: ord is {}; it is 1, 2, inf, the same below 0, fro or nuc", ord);
  if (size == 1) return sum_norm(A, rows, columns, ord > 0, keepdim);
  if (size != 2) return sum_norm(A, columns, rows, ord > 0, keepdim);
  return spectral_norm(A, {rows, columns}, keepdim,
                       [ord](const Tensor& s) { return ord > 0 ? amax(s, -1) : amin(s, -1); });
}

Tensor vector_norm(const Tensor& x, Scalar ord, const Axes& axes, bool keepdim) {
  const detail::Running running("vector_norm", x);
  require<DTypeError>(is_floating(x.dtype()), "vector_norm: takes floating tensors, got {}",
                      x.dtype());
  return xgrad::norm(x, ord, axes, keepdim);
}

Tensor norm(const Tensor& x, std::optional<double> ord, const Axes& axes, bool keepdim) {
  const detail::Running running("norm", x);
  const std::size_t count = axes.empty() ? x.shape().size() : axes.size();
  if (!ord || count == 1) return xgrad::norm(x, ord.value_or(2), axes, keepdim);
  return matrix_norm(x, *ord, axes.empty() ? Axes{-2, -1} : axes, keepdim);
}
Tensor norm(const Tensor& x, std::string_view ord, const Axes& axes, bool keepdim) {
  const detail::Running running("norm", x);
  return matrix_norm(x, ord, axes, keepdim);
}

namespace {

/// p(A) p(A⁻¹), and ∞ for singular matrices, in whose place the identity is inverted.
template <class Norm>
Tensor condition(const Tensor& A, const Norm& norm_of) {
  require_square("cond", A);
  const Tensor is_singular = no_grad([&] { return slogdet(A).sign == 0; });
  const Tensor there = unsqueeze(unsqueeze(is_singular, -1), -1);
  const Tensor regular = where(there, identity(A.size(-1), A), A);
  return where(is_singular, std::numeric_limits<double>::infinity(),
               norm_of(A) * norm_of(inv(regular)));
}

}  // namespace

Tensor cond(const Tensor& A, double p) {
  const detail::Running running("cond", A);
  require_matrix("cond", A);
  if (std::abs(p) != 2) return condition(A, [p](const Tensor& x) { return matrix_norm(x, p); });
  const Tensor S = svdvals(A);
  require<ValueError>(S.size(-1) > 0, "cond: no elements in shape {}", A.shape());
  const Tensor largest = select(S, -1, 0);
  const Tensor smallest = select(S, -1, -1);
  return p > 0 ? largest / smallest : smallest / largest;
}
Tensor cond(const Tensor& A, std::string_view p) {
  const detail::Running running("cond", A);
  return condition(A, [p](const Tensor& x) { return matrix_norm(x, p); });
}

namespace {

/// How often matrices are halved until the approximation holds, which is θ₁₃ of Higham's table 2.3.
Tensor halvings(const Tensor& A) {
  constexpr double most = 5.371920351148152;
  std::vector<double> counts;
  for (const double norm : amax(sum(abs(A.detach()), -2), -1).to(float64).to_vector<double>()) {
    const bool is_large = std::isfinite(norm) && norm > most;
    counts.push_back(is_large ? std::ceil(std::log2(norm / most)) : 0);
  }
  return reshape(from_vector(counts, {}, {.dtype = float64}), with(batch_of(A), {1, 1}));
}

/// Padé's approximation of degree 13.
Tensor approximation(const Tensor& A) {
  constexpr std::array b{64764752532480000.,
                         32382376266240000.,
                         7771770303897600.,
                         1187353796428800.,
                         129060195264000.,
                         10559470521600.,
                         670442572800.,
                         33522128640.,
                         1323241920.,
                         40840800.,
                         960960.,
                         16380.,
                         182.,
                         1.};
  const Tensor I = identity(A.size(-1), A);
  const Tensor A2 = matmul(A, A), A4 = matmul(A2, A2), A6 = matmul(A4, A2);
  const auto with_four = [&](std::size_t first) {
    return b[first] * I + b[first + 2] * A2 + b[first + 4] * A4 + b[first + 6] * A6;
  };
  const auto high = [&](std::size_t first) {
    return matmul(A6, b[first] * A2 + b[first + 2] * A4 + b[first + 4] * A6);
  };
  const Tensor odd = matmul(A, high(9) + with_four(1));
  const Tensor even = high(8) + with_four(0);
  return solve(even - odd, even + odd);
}

}  // namespace

// e^A = (e^(A/2ˢ))^(2ˢ), with Padé's approximation of degree 13 of e^(A/2ˢ) (Higham 2005, "The
// scaling and squaring method for the matrix exponential revisited")
Tensor matrix_exp(const Tensor& A) {
  const detail::Running running("matrix_exp", A);
  require_square("matrix_exp", A);
  if (A.numel() == 0) return clone(A);
  const Tensor times = halvings(A);
  Tensor y = approximation(A * to(pow(2, -times), A.dtype()));
  const auto most = static_cast<std::int64_t>(max(times).item());
  for (std::int64_t i = 0; i < most; ++i) {
    const Tensor squared = matmul(y, y);
    y = times.numel() == 1 ? squared : where(times > i, squared, y);
  }
  return y;
}

}  // namespace xgrad::linalg
