#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/softmax.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/softmax.hpp>

namespace xgrad {
namespace {

void check(const char* operation, const Tensor& x, std::int64_t axis) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes float32 or float64, got {}", operation,
                      x.dtype());
  require<ShapeError>(x.dim() > 0, "{}: a scalar has no axis {}", operation, axis);
  normalize_axis(axis, x.shape().size(), operation);
}

/// x shifted so that its largest value along the axis is 0: eˣ cannot overflow.
Tensor shifted(const Tensor& x, std::int64_t axis) {
  return x.numel() == 0 ? clone(x) : x - max(x, axis, true);
}

/// The last axis is done by kernels that read each row once.
bool is_last(const Tensor& x, std::int64_t axis) { return axis == -1 || axis == x.dim() - 1; }

kernels::Rows rows_of(const Tensor& x) {
  const std::int64_t n = x.size(-1);
  return {n > 0 ? x.numel() / n : 0, n};
}

/// kernel(rows, arguments…, result) over the last axis.
template <class Kernel, class... Tensors>
Tensor by_rows(const char* operation, const Kernel& kernel, const Tensor& x,
               const Tensors&... more) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&x, &more..., &y}, 1); });
  dispatch_floating(x.dtype(), operation, [&]<class T>() {
    kernel(rows_of(x), x.data<T>(), more.template data<T>()..., y.mutable_data<T>());
  });
  return y;
}

}  // namespace

// y = eˣ / Σ eˣ;  dL/dx = y (dL/dy − Σ y dL/dy)
Tensor softmax(const Tensor& x, std::int64_t axis) {
  const detail::Running running("softmax", x);
  const Tensor y = no_grad([&] {
    check("softmax", x, axis);
    if (is_last(x, axis))
      return by_rows(
          "softmax", [](const auto&... a) { kernels::softmax(a...); }, x);
    const Tensor e = exp(shifted(x, axis));
    return e / sum(e, axis, true);
  });
  return record(Op::softmax, y, wrt(x, [y = saved_result(y), axis](const Tensor& dy) {
                  const Tensor p = y();
                  if (is_last(p, axis) && !is_grad_enabled())
                    return by_rows(
                        "softmax_input", [](const auto&... a) { kernels::softmax_input(a...); }, dy,
                        p);
                  return p * (dy - sum(p * dy, axis, true));
                }));
}

// y = x − ln Σ eˣ;  dL/dx = dL/dy − eʸ Σ dL/dy
Tensor log_softmax(const Tensor& x, std::int64_t axis) {
  const detail::Running running("log_softmax", x);
  const Tensor y = no_grad([&] {
    check("log_softmax", x, axis);
    if (is_last(x, axis))
      return by_rows(
          "log_softmax", [](const auto&... a) { kernels::log_softmax(a...); }, x);
    const Tensor z = shifted(x, axis);
    return z - log(sum(exp(z), axis, true));
  });
  return record(Op::log_softmax, y, wrt(x, [y = saved_result(y), axis](const Tensor& dy) {
                  const Tensor lp = y();
                  if (is_last(lp, axis) && !is_grad_enabled())
                    return by_rows(
                        "log_softmax_input",
                        [](const auto&... a) { kernels::log_softmax_input(a...); }, dy, lp);
                  return dy - exp(lp) * sum(dy, axis, true);
                }));
}

}  // namespace xgrad
