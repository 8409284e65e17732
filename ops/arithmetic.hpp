#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

/// One side of an operator: a tensor, or a number that takes on the other side's dtype. It sees the
/// tensor that it is made from, which has to outlive it, as an argument outlives a call.
class Operand {
 public:
  Operand(const Tensor& x) : tensor_(&x) {}  // NOLINT: x * 2 and 2 * x are meant to work
  template <Number T>
  Operand(T value) : scalar_(value) {}       // NOLINT
  Operand(Scalar value) : scalar_(value) {}  // NOLINT
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;

  /// Where it is one.
  const Tensor& tensor() const noexcept { return *tensor_; }
  bool is_tensor() const noexcept { return tensor_ != nullptr; }
  bool is_undefined() const noexcept { return is_tensor() && !tensor_->defined(); }
  const std::optional<Scalar>& scalar() const noexcept { return scalar_; }

 private:
  const Tensor* tensor_ = nullptr;
  std::optional<Scalar> scalar_;
};

// Shapes broadcast as NumPy's do (ShapeError otherwise); different dtypes meet as promote() says,
// but that a number, and beside a tensor of axes one of none, takes on the other's dtype unless it
// is of a higher kind. Division of integers gives float32; what else an integer does not hold wraps
// around.

Tensor add(const Operand& a, const Operand& b);
/// DTypeError where either is bool.
Tensor sub(const Operand& a, const Operand& b);
Tensor mul(const Operand& a, const Operand& b);
Tensor div(const Operand& a, const Operand& b);
/// aᵇ. The gradient in a is 0 where b is 0, the one in b where a is 0 and b ≥ 0. ValueError where
/// an integer is raised to a negative one.
Tensor pow(const Operand& a, const Operand& b);
/// Where both are equal, each gets half of the gradient. NaN if either is; both then get all of it.
Tensor maximum(const Operand& a, const Operand& b);
Tensor minimum(const Operand& a, const Operand& b);
/// a where the bool tensor `condition` holds, b elsewhere; all three broadcast.
Tensor where(const Tensor& condition, const Operand& a, const Operand& b);

// The functions from exp to sigmoid take float32 and float64 (DTypeError otherwise). A value
// depends on its argument alone, not on its place in the tensor. The number behind each is its
// largest error anywhere, denormals included, in units in the last place of the result.

Tensor neg(const Tensor& x);
/// The gradient at 0 is 0.
Tensor abs(const Tensor& x);
Tensor exp(const Tensor& x);   ///< 1.3
Tensor log(const Tensor& x);   ///< 1
Tensor sqrt(const Tensor& x);  ///< ½
Tensor square(const Tensor& x);
Tensor tanh(const Tensor& x);  ///< 2.5
/// The error function, 2/√π ∫₀ˣ e^(−t²) dt. 3
Tensor erf(const Tensor& x);
/// 1 − erf(x), without the cancellation for large x. 7
Tensor erfc(const Tensor& x);
/// 1 / (1 + e⁻ˣ), for any x where the result is a number other than 0. 2.5
Tensor sigmoid(const Tensor& x);
/// min(max(x, min), max), so max where min > max; a fractional bound makes integers float32. The
/// gradient passes where min ≤ x ≤ max. ValueError without a bound.
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max = {});

/// The values in another dtype; the tensor itself if it has that dtype.
Tensor to(const Tensor& x, DType dtype);
/// A copy with memory of its own, in row-major order.
Tensor clone(const Tensor& x);
/// The values in row-major order: x itself where they lie so, a copy otherwise.
Tensor contiguous(const Tensor& x);

// Comparisons give bool tensors and carry no gradient. An int64 tensor is compared with a
// fractional number exactly.
Tensor eq(const Operand& a, const Operand& b);
Tensor ne(const Operand& a, const Operand& b);
Tensor lt(const Operand& a, const Operand& b);
Tensor le(const Operand& a, const Operand& b);
Tensor gt(const Operand& a, const Operand& b);
Tensor ge(const Operand& a, const Operand& b);

/// −1, 0 or 1; carries no gradient.
Tensor sign(const Tensor& x);

/// Whether shapes, dtypes and all values are equal.
bool equal(const Tensor& a, const Tensor& b);
/// Whether everywhere a = b, or |a − b| is finite and ≤ atol + rtol |b|, or, with equal_nan, both
/// are NaN. ShapeError where the shapes differ.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false);
/// Whether no value is NaN or infinite.
bool all_finite(const Tensor& x);

inline Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator==(const Operand& a, const Operand& b) { return eq(a, b); }
inline Tensor operator!=(const Operand& a, const Operand& b) { return ne(a, b); }
inline Tensor operator<(const Operand& a, const Operand& b) { return lt(a, b); }
inline Tensor operator<=(const Operand& a, const Operand& b) { return le(a, b); }
inline Tensor operator>(const Operand& a, const Operand& b) { return gt(a, b); }
inline Tensor operator>=(const Operand& a, const Operand& b) { return ge(a, b); }

// In place, as copy_(): not recorded, so a GraphError outside of no_grad where x or y requires a
// gradient. y is broadcast to x and never x to y (ShapeError). x keeps its dtype, to which the
// result is rounded: DTypeError where x is of a lower kind, as integers beside fractions are. A
// handle may be const, or a part: x[0] += 1.
Tensor operator+=(const Tensor& x, const Operand& y);
Tensor operator-=(const Tensor& x, const Operand& y);
Tensor operator*=(const Tensor& x, const Operand& y);
Tensor operator/=(const Tensor& x, const Operand& y);

}  // namespace xgrad

#pragma GCC visibility pop
