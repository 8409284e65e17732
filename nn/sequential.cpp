#include <xgrad/nn/sequential.hpp>

#include <utility>

namespace xgrad::nn {

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& [name, module] : children()) y = (*module)(std::move(y));
  return y;
}

}  // namespace xgrad::nn
