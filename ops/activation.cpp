#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/operands.hpp>

namespace xgrad {

using kernels::Formula;

// y = max(x, 0);  dL/dx = dL/dy where y > 0, else 0
Tensor relu(const Tensor& x) {
  // NaN compares false and must stay NaN.
  const Tensor y =
      map_numeric("relu", x, Formula{[](auto v) { return v < 0 ? decltype(v)(0) : v; }});
  return record(Op::relu, y,
                wrt(x, [y = saved_result(y)](const Tensor& dy) { return mask_positive(dy, y()); }));
}

// y = x where s > 0, else 0;  dL/dx = dL/dy where s > 0, else 0
Tensor mask_positive(const Tensor& x, const Tensor& sign_of) {
  require<ShapeError>(x.shape() == sign_of.shape(), "mask_positive: shapes {} and {} differ",
                      x.shape(), sign_of.shape());
  require<DTypeError>(x.dtype() == sign_of.dtype(), "mask_positive: {} and {} differ", x.dtype(),
                      sign_of.dtype());
  const Tensor y = combine("mask_positive", x, sign_of,
                           Formula{[](auto v, auto s) { return s > 0 ? v : decltype(v)(0); }});
  return record(Op::mask_positive, y,
                wrt(x, [s = saved(sign_of)](const Tensor& dy) { return mask_positive(dy, s()); }));
}

}  // namespace xgrad
