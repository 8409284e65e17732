#pragma once
// The networks of the examples.

#include <xgrad/nn/nn.hpp>

#include <memory>
#include <string>
#include <vector>

namespace examples {

/// A network of those below by the name() of one, as it stands in a file of weights: "vgg 1 32 64".
/// ValueError for any other name.
std::unique_ptr<xgrad::nn::Module> make_network(const std::string& name);

/// The course assignment's for MNIST.
struct AssignmentMNIST : xgrad::nn::Module {
  xgrad::nn::Conv2d conv1 = add("conv1", xgrad::nn::Conv2d{1, 16, 5, {.padding = 2}});
  xgrad::nn::MaxPool2d pool1 = add("pool1", xgrad::nn::MaxPool2d{2});
  xgrad::nn::Conv2d conv2 = add("conv2", xgrad::nn::Conv2d{16, 16, 5, {.padding = 2}});
  xgrad::nn::MaxPool2d pool2 = add("pool2", xgrad::nn::MaxPool2d{2});
  xgrad::nn::Linear fc = add("fc", xgrad::nn::Linear{16 * 7 * 7, 10});

  xgrad::Tensor forward(const xgrad::Tensor& images) override;
  static std::string name() { return "assignment-mnist"; }
  /// The weights as the course's code draws them.
  void assignment_init();
};

/// The course assignment's for CIFAR-10.
struct AssignmentCIFAR : xgrad::nn::Module {
  xgrad::nn::Conv2d conv1 = add("conv1", xgrad::nn::Conv2d{3, 16, 5, {.padding = 2}});
  xgrad::nn::MaxPool2d pool1 = add("pool1", xgrad::nn::MaxPool2d{2});
  xgrad::nn::Conv2d conv2 = add("conv2", xgrad::nn::Conv2d{16, 16, 5, {.padding = 2}});
  xgrad::nn::Linear fc = add("fc", xgrad::nn::Linear{16 * 16 * 16, 10});

  AssignmentCIFAR();
  xgrad::Tensor forward(const xgrad::Tensor& images) override;
  static std::string name() { return "assignment-cifar10"; }
};

/// Groups of two 3x3 convolutions with batch norm and ReLU, as in VGG (arXiv:1409.1556), each
/// halved in size by max-pooling, and a linear layer on the mean of what the last one finds.
struct VGG : xgrad::nn::Module {
  xgrad::nn::Sequential features;
  xgrad::nn::Linear head;

  /// Images of `channels`; `widths` are the groups' channels.
  VGG(std::int64_t channels, const std::vector<std::int64_t>& widths);
  xgrad::Tensor forward(const xgrad::Tensor& images) override;
  std::string name() const;
};

/// Two convolutions with batch norm and GELU, the first with max-pooling: half the size, `out`
/// channels. The norms have no gain.
struct Group : xgrad::nn::Module {
  xgrad::nn::Conv2d conv1, conv2;
  xgrad::nn::MaxPool2d pool = add("pool", xgrad::nn::MaxPool2d{2});
  xgrad::nn::BatchNorm2d norm1, norm2;

  /// `identity`: the first filters of each convolution pass its input on.
  Group(std::int64_t in, std::int64_t out, bool identity = true);
  xgrad::Tensor forward(const xgrad::Tensor& x) override;
};

/// The network of Jordan's record for 94 % (arXiv:2404.00498), for images [N, 3, 32, 32]: fixed
/// filters that whiten 2x2 patches, three groups, and a linear layer on what the last one finds
/// anywhere.
struct Airbench : xgrad::nn::Module {
  xgrad::nn::Conv2d whiten = add("whiten", xgrad::nn::Conv2d{3, 24, 2});
  Group group1, group2, group3;
  xgrad::nn::Linear head;

  /// `widths` are the three groups' channels.
  explicit Airbench(const std::vector<std::int64_t>& widths, bool identity = true);
  xgrad::Tensor forward(const xgrad::Tensor& images) override;
  std::string name() const;

  std::vector<xgrad::Tensor> filters() const;  ///< of the groups' convolutions
  std::vector<xgrad::Tensor> biases() const;   ///< of the groups' norms
};

}  // namespace examples
