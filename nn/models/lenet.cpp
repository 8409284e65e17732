#include <xgrad/nn/models/lenet.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/shape.hpp>

namespace xgrad::nn::models {

LeNet::LeNet(const LeNetOptions& options)
    : conv1(add("conv1", Conv2d{options.in_channels, 6, 5, {.padding = 2}})),
      conv2(add("conv2", Conv2d{6, 16, 5})),
      fc1(add("fc1", Linear{16 * 5 * 5, 120})),
      fc2(add("fc2", Linear{120, 84})),
      fc3(add("fc3", Linear{84, options.num_classes})) {}

Tensor LeNet::forward(const Tensor& x) {
  Tensor y = max_pool2d(relu(conv1(x)), 2);
  y = max_pool2d(relu(conv2(std::move(y))), 2);
  return fc3(relu(fc2(relu(fc1(flatten(y, 1))))));
}

}  // namespace xgrad::nn::models
