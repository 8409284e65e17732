#include <xgrad/nn/sequential.hpp>

#include <utility>

namespace xgrad::nn {

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < child_count(); ++i) y = child(i)(std::move(y));
  return y;
}

}  // namespace xgrad::nn
