#pragma once
#include <xgrad/nn/module.hpp>

#include <memory>

#pragma GCC visibility push(default)

namespace xgrad::optim {
namespace detail {

/// Gathers the statistics of what a net's batch norms are given while one lives, in training mode.
class BatchNormStatistics {
 public:
  explicit BatchNormStatistics(nn::Module& net);
  ~BatchNormStatistics();
  BatchNormStatistics(const BatchNormStatistics&) = delete;
  BatchNormStatistics& operator=(const BatchNormStatistics&) = delete;

  void add(const Tensor& batch);
  /// Makes them the running ones. ValueError where nothing was added.
  void write();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// Recomputes the running statistics of every batch norm in `net`, for weights that were averaged:
/// their means over what net(batch) gives them for all batches, each batch counting the same, as
/// PyTorch's update_bn does. `batches` is any range of tensors. Dropout acts as in training; each
/// module has its mode back afterwards. ValueError where there are no batches; where it throws the
/// statistics are as they were.
template <class Batches>
void update_bn(nn::Module& net, Batches&& batches) {
  detail::BatchNormStatistics statistics(net);
  for (const Tensor& batch : batches) statistics.add(batch);
  statistics.write();
}

}  // namespace xgrad::optim

#pragma GCC visibility pop
