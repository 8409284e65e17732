#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/operation.hpp>

namespace xgrad {

// y = m x with m = 0 or 1 / (1 − p);  dL/dx = m dL/dy
Tensor dropout(const Tensor& x, const DropoutOptions& options) {
  const detail::Running running("dropout", x);
  const double p = options.p;
  require<ValueError>(p >= 0 && p <= 1, "dropout: p is {}, it must lie in [0, 1]", p);
  if (!options.training || p == 0) return x;
  // Always float32, so that the same seed drops the same elements in any dtype.
  const Tensor draw = rand(x.shape(), {.dtype = float32, .generator = options.generator});
  const Tensor m = p == 1 ? zeros_like(x) : to(draw >= p, x.dtype()) * (1 / (1 - p));
  const Tensor y = no_grad([&] { return x * m; });
  return record(Op::dropout, y,
                wrt(x, elementwise([m = saved(m)](const Tensor& dy) { return dy * m(); })));
}

}  // namespace xgrad
