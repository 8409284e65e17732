#pragma once
// What the files of libtorch's side share: what xgrad.hpp has, of theirs.

#include "works.hpp"
#include <torch/torch.h>

namespace bench {

inline torch::Tensor filled(at::IntArrayRef shape, std::uint64_t seed) {
  torch::Tensor x = torch::empty(shape);
  fill(x.data_ptr<float>(), x.numel(), seed);
  return x;
}

inline torch::Tensor classes(at::IntArrayRef shape, std::int64_t count) {
  torch::Tensor x = torch::empty(shape, torch::kLong);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data_ptr<std::int64_t>()[i] = i * 7 % count;
  return x;
}

inline void fill_parameters(torch::nn::Module& net) {
  torch::NoGradGuard guard;
  std::uint64_t index = 0;
  for (auto& item : net.named_parameters()) {
    torch::Tensor& x = item.value();
    if (x.dim() > 1)
      fill_weight(x.data_ptr<float>(), x.numel(), x.size(0), index++);
    else if (item.key().find("bias") != std::string::npos)
      x.zero_();
  }
}

}  // namespace bench
