#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/softmax.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/softmax.hpp>

namespace xgrad {
namespace {

void check(const char* operation, const Tensor& x, std::int64_t axis) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes floating tensors, got {}", operation,
                      x.dtype());
  require<ShapeError>(x.dim() > 0, "{}: a scalar has no axis {}", operation, axis);
  normalize_axis(axis, x.shape().size(), operation);
}

/// x shifted so that its largest value along the axis is 0: eˣ cannot overflow.
Tensor shifted(const Tensor& x, std::int64_t axis) {
  return x.numel() == 0 ? clone(x) : x - amax(x, axis, true);
}

/// The last axis is done by kernels that read each row once.
bool is_last(const Tensor& x, std::int64_t axis) { return axis == -1 || axis == x.dim() - 1; }

kernels::Rows rows_of(const Tensor& x) {
  const std::int64_t n = x.size(-1);
  return {n > 0 ? x.numel() / n : 0, n};
}

/// kernel(rows, arguments…, result) over the last axis.
template <class Kernel, class... Tensors>
Tensor by_rows(Name operation, const Kernel& kernel, const Tensor& x, const Tensors&... more) {
  return compute<Types::floating>(
      operation, x.shape(), [&](auto*... values) { kernel(rows_of(x), values...); }, x, more...);
}

constexpr auto rows = [](const auto&... a) { kernels::softmax(a...); };
constexpr auto rows_input = [](const auto&... a) { kernels::softmax_input(a...); };
constexpr auto log_rows = [](const auto&... a) { kernels::log_softmax(a...); };
constexpr auto log_rows_input = [](const auto&... a) { kernels::log_softmax_input(a...); };

}  // namespace

// y = eˣ / Σ eˣ;  dL/dx = y (dL/dy − Σ y dL/dy)
Tensor softmax(const Tensor& x, std::int64_t axis) {
  const detail::Running running("softmax", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return softmax(wide, axis); }, x);
  const Tensor y = no_grad([&] {
    check("softmax", x, axis);
    if (is_last(x, axis)) return by_rows(Op::softmax, rows, x);
    const Tensor e = exp(shifted(x, axis));
    return e / sum(e, axis, true);
  });
  const auto plain = [y = saved_result(y), axis](const Tensor& dy) {
    return y() * (dy - sum(y() * dy, axis, true));
  };
  if (!is_last(x, axis)) return record(Op::softmax, y, wrt(x, plain));
  return record(
      Op::softmax, y,
      wrt(x, fused([y = saved_result(y)](
                       const Tensor& dy) { return by_rows("softmax_input", rows_input, dy, y()); },
                   plain)));
}

// y = x − ln Σ eˣ;  dL/dx = dL/dy − eʸ Σ dL/dy
Tensor log_softmax(const Tensor& x, std::int64_t axis) {
  const detail::Running running("log_softmax", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return log_softmax(wide, axis); }, x);
  const Tensor y = no_grad([&] {
    check("log_softmax", x, axis);
    if (is_last(x, axis)) return by_rows(Op::log_softmax, log_rows, x);
    const Tensor z = shifted(x, axis);
    return z - log(sum(exp(z), axis, true));
  });
  const auto plain = [y = saved_result(y), axis](const Tensor& dy) {
    return dy - exp(y()) * sum(dy, axis, true);
  };
  if (!is_last(x, axis)) return record(Op::log_softmax, y, wrt(x, plain));
  return record(Op::log_softmax, y,
                wrt(x, fused(
                           [y = saved_result(y)](const Tensor& dy) {
                             return by_rows("log_softmax_input", log_rows_input, dy, y());
                           },
                           plain)));
}

}  // namespace xgrad
