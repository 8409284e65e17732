#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>

namespace xgrad {
namespace {

/// 0 for bool, 1 for integers, 2 for floating types.
int kind_of(DType dtype) { return dtype == boolean ? 0 : is_integer(dtype) ? 1 : 2; }

// Errors from below speak of the operator that was written.
Tensor changed(const char* sign, const Tensor& x, const Operand& y,
               Tensor (*f)(const Operand&, const Operand&)) {
  const detail::Running running(sign, x);
  if (y.is_undefined()) detail::throw_undefined_argument(sign, 2);
  detail::require_changeable(x, sign);
  if (y.is_tensor()) {
    const Tensor& other = y.tensor();
    require<GraphError>(!is_grad_enabled() || !other.requires_grad(),
                        "{}: the right side {} requires a gradient, and changes in place are not "
                        "recorded; do it under no_grad, or write x = x {} y",
                        sign, other.shape(), sign[0]);
    require<ShapeError>(broadcast(x.shape(), other.shape(), sign) == x.shape(),
                        "{}: the right side {} does not broadcast to {}, which stays as large as "
                        "it is; write x = x {} y",
                        sign, other.shape(), x.shape(), sign[0]);
  }
  const Tensor result = no_grad([&] { return f(x, y); });
  require<DTypeError>(kind_of(result.dtype()) <= kind_of(x.dtype()),
                      "{}: the result is {}, which {} does not hold; write x = x {} y", sign,
                      result.dtype(), x.dtype(), sign[0]);
  detail::copy_values(result, x);
  return x;
}

}  // namespace

Tensor operator+=(const Tensor& x, const Operand& y) { return changed("+=", x, y, add); }
Tensor operator-=(const Tensor& x, const Operand& y) { return changed("-=", x, y, sub); }
Tensor operator*=(const Tensor& x, const Operand& y) { return changed("*=", x, y, mul); }
Tensor operator/=(const Tensor& x, const Operand& y) { return changed("/=", x, y, div); }
Tensor operator&=(const Tensor& x, const Operand& y) { return changed("&=", x, y, bitwise_and); }
Tensor operator|=(const Tensor& x, const Operand& y) { return changed("|=", x, y, bitwise_or); }
Tensor operator^=(const Tensor& x, const Operand& y) { return changed("^=", x, y, bitwise_xor); }

}  // namespace xgrad
