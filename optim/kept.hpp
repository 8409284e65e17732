#pragma once
// Internal: where an optimiser tries other parameters.

#include <xgrad/autograd/tensor.hpp>

#include <vector>

namespace xgrad::optim::detail {

/// The values that tensors had when this was made; they have them again, bit for bit, when it is
/// gone.
class Kept {
 public:
  explicit Kept(const std::vector<Tensor>& tensors) {
    for (const Tensor& x : tensors) {
      tensors_.push_back(x.detach());
      values_.push_back(tensors_.back().clone());
    }
  }
  ~Kept() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].copy_(values_[i]);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

 private:
  std::vector<Tensor> tensors_, values_;
};

}  // namespace xgrad::optim::detail
