#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/operands.hpp>

#include <utility>

namespace xgrad {

using kernels::Formula;

namespace {

// NaN compares false and must stay NaN.
const Formula rectified{[](auto v) { return v < 0 ? decltype(v)(0) : v; }};
const Formula masked{[](auto v, auto s) { return s > 0 ? v : decltype(v)(0); }};

// y = max(x, 0);  dL/dx = dL/dy where y > 0, else 0
Tensor relu_recorded(const Tensor& x, const Tensor& y) {
  return record(Op::relu, y, wrt(x, [y = saved_result(y)](Tensor dy) {
                  return mask_positive(std::move(dy), y());
                }));
}

// y = x where s > 0, else 0;  dL/dx = dL/dy where s > 0, else 0
Tensor mask_recorded(const Tensor& x, const Tensor& sign_of, const Tensor& y) {
  return record(Op::mask_positive, y, wrt(x, [s = saved(sign_of)](Tensor dy) {
                  return mask_positive(std::move(dy), s());
                }));
}

void check_mask(const Tensor& x, const Tensor& sign_of) {
  require<ShapeError>(x.shape() == sign_of.shape(), "mask_positive: shapes {} and {} differ",
                      x.shape(), sign_of.shape());
  require<DTypeError>(x.dtype() == sign_of.dtype(), "mask_positive: {} and {} differ", x.dtype(),
                      sign_of.dtype());
}

}  // namespace

Tensor relu(const Tensor& x) { return relu_recorded(x, map_numeric("relu", x, rectified)); }

Tensor relu(Tensor&& x) {
  if (!takes_memory(x)) return relu(std::as_const(x));
  const Tensor y = map_numeric_in_place("relu", x, rectified);
  return relu_recorded(x, y);
}

Tensor mask_positive(const Tensor& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  return mask_recorded(x, sign_of, combine("mask_positive", x, sign_of, masked));
}

Tensor mask_positive(Tensor&& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  if (!takes_memory(x) || !lie_alike(x, sign_of)) return mask_positive(std::as_const(x), sign_of);
  return mask_recorded(x, sign_of, combine_in_place("mask_positive", x, sign_of, masked));
}

}  // namespace xgrad
