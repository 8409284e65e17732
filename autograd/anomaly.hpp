#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <initializer_list>
#include <span>

#pragma GCC visibility push(default)

namespace xgrad {

/// While one lives on this thread, the operation that first turns finite numbers into NaN or
/// infinity, forward or backward, throws an AnomalyError with its name and shapes. Slow: every
/// result is scanned.
class AnomalyMode {
 public:
  AnomalyMode() noexcept;
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

 private:
  bool before_;
};

bool is_anomaly_mode() noexcept;

namespace detail {
void check_forward(const char* name, const Tensor& result, std::span<const Tensor* const> inputs);
void check_backward(const Node& node, std::size_t argument, std::span<const Tensor> dys,
                    const Tensor& dx);
}  // namespace detail
}  // namespace xgrad

#pragma GCC visibility pop
