#include <xgrad/nn/sequential.hpp>

namespace xgrad::nn {

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& [name, module] : children()) y = (*module)(y);
  return y;
}

}  // namespace xgrad::nn
