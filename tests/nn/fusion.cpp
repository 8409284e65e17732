// Parameters as one vector, and batch norms put into the layers before them.

#include <xgrad/nn/nn.hpp>

#include "support.hpp"

using namespace support;
namespace utils = xgrad::nn::utils;

namespace {

/// A norm that has seen something, in evaluation.
nn::BatchNorm2d used_norm(std::int64_t channels, const nn::BatchNormOptions& options = {}) {
  nn::BatchNorm2d norm{channels, options};
  norm.to(float64);
  norm.running_mean.copy_(normal({channels}, 2));
  norm.running_var.copy_(uniform({channels}, 0.5, 2, 3));
  no_grad([&] {
    if (!options.affine) return;
    norm.weight.copy_(normal({channels}, 4));
    norm.bias.copy_(normal({channels}, 5));
  });
  norm.eval();
  return norm;
}

// Of which the weight's first axis is not that of the output channels.
template <class Layer>
concept Fusible = requires(const Layer& layer, const nn::BatchNorm2d& norm) {
  utils::fuse_conv_bn_eval(layer, norm);
};
static_assert(Fusible<nn::Conv1d> && Fusible<nn::Conv3d>);
static_assert(!Fusible<nn::ConvTranspose2d> && !Fusible<nn::Linear>);

}  // namespace

TEST_CASE("parameters as a vector and back") {
  nn::Linear fc{2, 3};
  const Tensor all = utils::parameters_to_vector(fc.parameters());
  CHECK(all.shape() == Shape{9});
  CHECK(equal(all.slice(0, 0, 6).reshape({3, 2}), fc.weight));
  CHECK(equal(all.slice(0, 6, 9), fc.bias));
  sum(square(all)).backward();
  CHECK(allclose(fc.weight.grad(), 2 * fc.weight.detach()));
  const Tensor numbers = arange(9).to(float32).requires_grad_();
  utils::vector_to_parameters(numbers, fc.parameters());
  CHECK(values(fc.bias) == std::vector<double>{6, 7, 8});
  CHECK(values(fc.weight) == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(fc.weight.is_leaf());
  CHECK(fc.weight.requires_grad());
  no_grad([&] { fc.weight.fill_(1); });
  CHECK(values(numbers)[0] == 0);  // no memory is shared

  CHECK(message_of<ShapeError>([&] { utils::vector_to_parameters(zeros({8}), fc.parameters()); }) ==
        "vector_to_parameters: a vector [8] for parameters of 9 values in all");
  CHECK(message_of<ShapeError>([&] {
          utils::vector_to_parameters(zeros({9, 1}), fc.parameters());
        }).starts_with("vector_to_parameters: a vector [9, 1]"));
  CHECK(message_of<ValueError>([] { utils::parameters_to_vector({}); }) ==
        "parameters_to_vector: there are no parameters");
  CHECK(message_of<ValueError>([] {
          utils::parameters_to_vector({zeros({1}), {}});
        }) == "parameters_to_vector: parameter 1 is undefined");
  CHECK(message_of<ValueError>([] { utils::vector_to_parameters(zeros({1}), {Tensor()}); }) ==
        "vector_to_parameters: parameter 0 is undefined");
  CHECK(message_of<DTypeError>([&] {
          utils::parameters_to_vector({fc.weight, zeros({1}, {.dtype = float64})});
        }) == "parameters_to_vector: 'weight' is float32, parameter 1 is float64");
}

TEST_CASE("a batch norm in a convolution: the two give what they gave together") {
  const Tensor x = normal({2, 4, 5, 6});
  for (const bool has_bias : {true, false})
    for (const bool affine : {true, false}) {
      CAPTURE(has_bias);
      CAPTURE(affine);
      nn::Conv2d conv{4, 6, 3, {.stride = 2, .padding = 1, .groups = 2, .bias = has_bias}};
      conv.to(float64).eval();
      nn::BatchNorm2d norm = used_norm(6, {.eps = 1e-3, .affine = affine});
      const Tensor expected = norm(conv(x));
      const Tensor weight_before = conv.weight.detach().clone();
      nn::Conv2d fused = utils::fuse_conv_bn_eval(conv, norm);
      CHECK(allclose(fused(x), expected, 1e-12, 1e-12));
      CHECK(equal(conv.weight.detach(), weight_before));
      CHECK(fused.parameters().size() == 2);
      CHECK(fused.bias.requires_grad());
      CHECK_FALSE(fused.is_training());
    }
}

TEST_CASE("a batch norm in a linear layer") {
  const Tensor x = normal({7, 4});
  nn::Linear fc{4, 3, {.bias = false}};
  fc.to(float64).eval();
  nn::BatchNorm1d norm{3};
  norm.to(float64);
  norm(normal({9, 3}, 2) * 3 + 1);
  norm.eval();
  nn::Linear fused = utils::fuse_linear_bn_eval(fc, norm);
  CHECK(allclose(fused(x), norm(fc(x)), 1e-12, 1e-12));
  // By hand: w = 1, b = 0, mean 2, variance 4 − eps.
  nn::Linear one{1, 1};
  nn::BatchNorm1d plain{1, {.eps = 1}};
  no_grad([&] {
    one.weight.fill_(6);
    one.bias.fill_(1);
  });
  plain.running_mean.fill_(3);
  plain.running_var.fill_(3);
  one.eval();
  plain.eval();
  const nn::Linear together = utils::fuse_linear_bn_eval(one, plain);
  CHECK(together.weight.item() == 3);
  CHECK(together.bias.item() == -1);
}

TEST_CASE("what cannot be fused is told") {
  nn::Conv2d conv{2, 3, 1};
  nn::BatchNorm2d norm{3};
  CHECK(message_of<ValueError>([&] { utils::fuse_conv_bn_eval(conv, norm); }) ==
        "fuse_conv_bn_eval: Conv2d is in training; eval() of both comes first");
  conv.eval();
  CHECK(message_of<ValueError>([&] { utils::fuse_conv_bn_eval(conv, norm); }) ==
        "fuse_conv_bn_eval: BatchNorm2d is in training; eval() of both comes first");
  nn::BatchNorm2d other{4};
  other.eval();
  CHECK(message_of<ShapeError>([&] { utils::fuse_conv_bn_eval(conv, other); }) ==
        "fuse_conv_bn_eval: a weight [3, 2, 1, 1] and a BatchNorm2d of 4 channels");
  nn::BatchNorm2d forgetful{3, {.track_running_stats = false}};
  forgetful.eval();
  CHECK(message_of<ValueError>([&] { utils::fuse_conv_bn_eval(conv, forgetful); }) ==
        "fuse_conv_bn_eval: the BatchNorm2d has no running statistics");
  norm.eval();
  norm.to(float64);
  CHECK(message_of<DTypeError>([&] { utils::fuse_conv_bn_eval(conv, norm); }) ==
        "fuse_conv_bn_eval: Conv2d is float32, the BatchNorm2d float64; convert one with to()");
  utils::parametrizations::weight_norm(conv);
  CHECK(message_of<ValueError>([&] { utils::fuse_conv_bn_eval(conv, norm); }) ==
        "fuse_conv_bn_eval: Conv2d has parameters that are computed; remove_parametrizations() "
        "first");
  CHECK_THROWS_AS(utils::fuse_linear_bn_eval(nn::Linear{}, nn::BatchNorm1d{1}), ValueError);
}
