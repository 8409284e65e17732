#pragma once
// What the files of xgrad's side share.

#include <xgrad/xgrad.hpp>

#include "works.hpp"

namespace bench {

inline xgrad::Tensor filled(const xgrad::Shape& shape, std::uint64_t seed) {
  xgrad::Tensor x = xgrad::Tensor::empty(shape);
  fill(x.mutable_data<float>(), x.numel(), seed);
  return x;
}

/// Classes below `count`, scattered.
inline xgrad::Tensor classes(const xgrad::Shape& shape, std::int64_t count) {
  xgrad::Tensor x = xgrad::Tensor::empty(shape, xgrad::int64);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data<std::int64_t>()[i] = i * 7 % count;
  return x;
}

/// Matrices are random, by their order, and biases 0.
inline void fill_parameters(xgrad::nn::Module& net) {
  const xgrad::NoGradGuard guard;
  std::uint64_t index = 0;
  for (auto& [name, x] : net.named_parameters())
    if (x.dim() > 1)
      fill_weight(x.mutable_data<float>(), x.numel(), x.size(0), index++);
    else if (name.find("bias") != std::string::npos)
      x.fill_(0);
}

}  // namespace bench
