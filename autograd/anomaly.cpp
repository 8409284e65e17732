#include <xgrad/autograd/anomaly.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/raise.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace xgrad {
namespace {

thread_local bool on_this_thread = false;

struct Find {
  double value;
  std::int64_t position;
};

template <class Bad>
std::optional<Find> find_if(const Tensor& x, Bad bad) {
  if (!is_floating(x.dtype())) return {};
  return dispatch_all_floating(x.dtype(), "anomaly", [&]<class T>() -> std::optional<Find> {
    const Tensor rows = detail::in_rows(x);
    const T* values = rows.data<T>();
    for (std::int64_t i = 0; i < x.numel(); ++i)
      if (const double value = values[i]; bad(value)) return Find{value, i};
    return {};
  });
}

std::optional<Find> find_nan(const Tensor& x) {
  return find_if(x, [](auto value) { return std::isnan(value); });
}

std::optional<Find> find_nonfinite(const Tensor& x) {
  return find_if(x, [](auto value) { return !std::isfinite(value); });
}

// What `result` has that its inputs do not excuse: a NaN where none of them has one, an infinity
// where all of them are finite.
std::optional<Find> find_new(const Tensor& result, std::span<const Tensor* const> inputs) {
  bool nan_before = false;
  bool nonfinite_before = false;
  for (const Tensor* x : inputs) {
    if (!x->defined()) continue;
    nan_before |= find_nan(*x).has_value();
    nonfinite_before |= find_nonfinite(*x).has_value();
  }
  if (!nonfinite_before) return find_nonfinite(result);
  return nan_before ? std::nullopt : find_nan(result);
}

std::string index_of(std::int64_t position, const Shape& shape) {
  Shape index = shape;
  for (std::size_t i = shape.size(); i-- > 0; position /= shape[i]) index[i] = position % shape[i];
  return to_string(index);
}

}  // namespace

AnomalyMode::AnomalyMode() noexcept : before_(std::exchange(on_this_thread, true)) {}
AnomalyMode::~AnomalyMode() { on_this_thread = before_; }
bool is_anomaly_mode() noexcept { return on_this_thread; }

namespace detail {

void check_forward(const char* name, const Tensor& result, std::span<const Tensor* const> inputs) {
  const auto found = find_new(result, inputs);
  if (!found) return;
  std::string shapes;
  for (const Tensor* x : inputs)
    if (x->defined()) shapes += (shapes.empty() ? "" : ", ") + to_string(x->shape());
  raise<AnomalyError>("anomaly: {} gave {} at {} of its result {} (inputs {})", name, found->value,
                      index_of(found->position, result.shape()), result.shape(), shapes);
}

void check_backward(const Node& node, std::size_t argument, std::span<const Tensor> dys,
                    const Tensor& dx) {
  const auto found = find_new(dx, pointers_to(dys));
  if (!found) return;
  const auto dy = std::ranges::find_if(dys, [](const Tensor& d) { return d.defined(); });
  raise<AnomalyError>(
      "anomaly: the backward rule of {} gave {} at {} of the gradient {} of its "
      "argument {} (gradient of the result: {})",
      node.name(), found->value, index_of(found->position, dx.shape()), dx.shape(), argument,
      dy->shape());
}

}  // namespace detail
}  // namespace xgrad
