#include <xgrad/nn/pool.hpp>

namespace xgrad::nn {

Tensor MaxPool2d::forward(const Tensor& x) { return max_pool2d(x, kernel_, options_); }
Tensor AvgPool2d::forward(const Tensor& x) { return avg_pool2d(x, kernel_, options_); }

}  // namespace xgrad::nn
