#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/layers.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/shape.hpp>

#include <utility>

namespace xgrad::nn {

Tensor ReLU::forward(Tensor x) { return relu(std::move(x)); }
Tensor GELU::forward(const Tensor& x) { return gelu(x); }
Tensor MaxPool2d::forward(const Tensor& x) { return max_pool2d(x, kernel_, options_); }
Tensor AvgPool2d::forward(const Tensor& x) { return avg_pool2d(x, kernel_, options_); }
Tensor Flatten::forward(const Tensor& x) { return flatten(x, start_, end_); }

Dropout::Dropout(double p) : p_(p) {
  require<ValueError>(p >= 0 && p <= 1, "Dropout: p is {}, it must lie in [0, 1]", p);
}

Tensor Dropout::forward(const Tensor& x) {
  return dropout(x, {.p = p_, .training = is_training()});
}

}  // namespace xgrad::nn
