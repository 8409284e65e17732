#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/softmax.hpp>

namespace xgrad {
namespace {

/// x shifted so that its largest value along the axis is 0: eˣ cannot overflow.
Tensor shifted(const char* operation, const Tensor& x, std::int64_t axis) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes float32 or float64, got {}", operation,
                      x.dtype());
  require<ShapeError>(x.dim() > 0, "{}: a scalar has no axis {}", operation, axis);
  if (x.numel() == 0) return clone(x);
  return x - max(x, axis, true);
}

}  // namespace

// y = eˣ / Σ eˣ;  dL/dx = y (dL/dy − Σ y dL/dy)
Tensor softmax(const Tensor& x, std::int64_t axis) {
  const Tensor y = no_grad([&] {
    const Tensor e = exp(shifted("softmax", x, axis));
    return e / sum(e, axis, true);
  });
  return record(Op::softmax, y, wrt(x, [y = saved_result(y), axis](const Tensor& dy) {
                  const Tensor p = y();
                  return p * (dy - sum(p * dy, axis, true));
                }));
}

// y = x − ln Σ eˣ;  dL/dx = dL/dy − eʸ Σ dL/dy
Tensor log_softmax(const Tensor& x, std::int64_t axis) {
  const Tensor y = no_grad([&] {
    const Tensor z = shifted("log_softmax", x, axis);
    return z - log(sum(exp(z), axis, true));
  });
  return record(Op::log_softmax, y, wrt(x, [y = saved_result(y), axis](const Tensor& dy) {
                  return dy - exp(y()) * sum(dy, axis, true);
                }));
}

}  // namespace xgrad
