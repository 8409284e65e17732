// Activations as layers.

#include <xgrad/nn/nn.hpp>

#include <limits>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// Both sides of 0, of 1, of 3, of 6 and of 20.
Tensor numbers() {
  return tensor({-30., -6., -3., -1.5, -1., -0.5, -0.1, 0., 0.1, 0.5, 1., 2., 3., 5., 7., 30.})
      .to(float64);
}

template <class M, class F>
void check_function(const char* name, M layer, const F& f) {
  check_layer(name, std::move(layer), numbers(), [&](const M&, const Tensor& x) { return f(x); });
}

}  // namespace

TEST_CASE("activations are the functions of their names, with PyTorch's defaults") {
  check_function("ReLU", nn::ReLU{}, [](const Tensor& x) { return clamp(x, 0); });
  check_function("Sigmoid", nn::Sigmoid{}, [](const Tensor& x) { return sigmoid(x); });
  check_function("Tanh", nn::Tanh{}, [](const Tensor& x) { return tanh(x); });
  check_function("GELU", nn::GELU{}, [](const Tensor& x) { return gelu(x); });
  check_function("LeakyReLU", nn::LeakyReLU{}, [](auto& x) { return leaky_relu(x, 0.01); });
  check_function("ELU", nn::ELU{}, [](const Tensor& x) { return elu(x, 1); });
  check_function("SELU", nn::SELU{}, [](const Tensor& x) { return selu(x); });
  check_function("CELU", nn::CELU{}, [](const Tensor& x) { return celu(x, 1); });
  check_function("SiLU", nn::SiLU{}, [](const Tensor& x) { return silu(x); });
  check_function("Mish", nn::Mish{}, [](const Tensor& x) { return mish(x); });
  check_function("Softplus", nn::Softplus{}, [](auto& x) { return softplus(x, 1, 20); });
  check_function("Softsign", nn::Softsign{}, [](const Tensor& x) { return softsign(x); });
  check_function("LogSigmoid", nn::LogSigmoid{}, [](const Tensor& x) { return logsigmoid(x); });
  check_function("Hardtanh", nn::Hardtanh{}, [](const Tensor& x) { return clamp(x, -1, 1); });
  check_function("ReLU6", nn::ReLU6{}, [](const Tensor& x) { return clamp(x, 0, 6); });
  check_function("Hardsigmoid", nn::Hardsigmoid{}, [](const Tensor& x) { return hardsigmoid(x); });
  check_function("Hardswish", nn::Hardswish{}, [](const Tensor& x) { return hardswish(x); });
  check_function("Hardshrink", nn::Hardshrink{}, [](auto& x) { return hardshrink(x, 0.5); });
  check_function("Softshrink", nn::Softshrink{}, [](auto& x) { return softshrink(x, 0.5); });
  check_function("Tanhshrink", nn::Tanhshrink{}, [](const Tensor& x) { return x - tanh(x); });
  check_function("GLU", nn::GLU{}, [](const Tensor& x) { return glu(x, -1); });
  check_function("PReLU", nn::PReLU{}, [](const Tensor& x) { return leaky_relu(x, 0.25); });
}

TEST_CASE("activations pass on what they are made with") {
  check_function("GELU", nn::GELU{{.approximate = nn::Approximate::tanh}},
                 [](const Tensor& x) { return gelu(x, {.approximate = Approximate::tanh}); });
  check_function("LeakyReLU", nn::LeakyReLU{0.2}, [](auto& x) { return leaky_relu(x, 0.2); });
  check_function("ELU", nn::ELU{0.7}, [](const Tensor& x) { return elu(x, 0.7); });
  check_function("CELU", nn::CELU{0.7}, [](const Tensor& x) { return celu(x, 0.7); });
  check_function("Softplus", nn::Softplus{2, 5}, [](auto& x) { return softplus(x, 2, 5); });
  check_function("Hardtanh", nn::Hardtanh{-2, 5.5}, [](auto& x) { return clamp(x, -2, 5.5); });
  check_function("Hardshrink", nn::Hardshrink{1}, [](auto& x) { return hardshrink(x, 1); });
  check_function("Softshrink", nn::Softshrink{1}, [](auto& x) { return softshrink(x, 1); });
  check_function("Threshold", nn::Threshold{0.5, 20},
                 [](auto& x) { return threshold(x, 0.5, 20); });
  CHECK(values(nn::Threshold{1, -7}(tensor({0.5F, 1.F, 1.5F}))) ==
        std::vector<double>{-7, -7, 1.5});
  CHECK(values(nn::ELU{2}(tensor({0., 3.}))) == std::vector<double>{0, 3});
  CHECK(nn::Hardtanh{-1, 1}(tensor({-5, 5})).dtype() == int64);
}

TEST_CASE("softmaxes go along their axis") {
  const Tensor x = normal({2, 4, 3, 5});
  const auto check = [&]<class M>(const char* name, M layer, const Tensor& expected) {
    check_layer(name, std::move(layer), x, [&](const M&, const Tensor&) { return expected; });
  };
  check("Softmax", nn::Softmax{2}, softmax(x, 2));
  check("LogSoftmax", nn::LogSoftmax{-1}, log_softmax(x, 3));
  check("Softmin", nn::Softmin{1}, softmax(-x, 1));
  check("Softmax2d", nn::Softmax2d{}, softmax(x, 1));
  check("GLU", nn::GLU{1}, x.slice(1, 0, 2) * sigmoid(x.slice(1, 2, 4)));
  CHECK(equal(nn::Softmax2d{}(x[0]), softmax(x[0], 0)));
  CHECK(message_of<ShapeError>([&] { nn::Softmax2d{}(x[0][0]); }) ==
        "net (Softmax2d): Softmax2d: input [3, 5] must be [batch, channels, height, width], or "
        "[channels, height, width] without a batch");
}

TEST_CASE("PReLU has a slope, or one for each channel") {
  nn::PReLU one;
  CHECK(values(one.weight) == std::vector<double>{0.25});
  CHECK(values(one(tensor({-2.F, 4.F}))) == std::vector<double>{-0.5, 4});
  nn::PReLU each{3, 0.5};
  CHECK(state_of(each) == std::vector<std::string>{"weight [3]"});
  {
    const NoGradGuard guard;
    each.weight.copy_(tensor({1.F, 2.F, 3.F}));
  }
  CHECK(values(each(full({1, 3, 1}, -1.F))) == std::vector<double>{-1, -2, -3});
  CHECK(message_of<ValueError>([] { nn::PReLU{0}; }) ==
        "PReLU: 0 parameters; give one, or one for each channel");
}

TEST_CASE("RReLU draws its slopes in training alone") {
  nn::RReLU layer;
  const Tensor x = full({1000}, -1.);
  manual_seed(3);
  const Tensor drawn = layer(x);
  manual_seed(3);
  CHECK(equal(drawn, rrelu(x, {.lower = 1. / 8, .upper = 1. / 3, .training = true})));
  CHECK(drawn.std().item() > 0.01);
  layer.eval();
  CHECK(values(layer(x))[0] == doctest::Approx(-11. / 48));
  CHECK(equal(layer(x), leaky_relu(x, (1. / 8 + 1. / 3) / 2)));
  nn::RReLU fixed{0.5, 0.5};
  CHECK(equal(fixed(x), x / 2));
}

TEST_CASE("activations refuse when they are made what their functions refuse") {
  CHECK(message_of<ValueError>([] { nn::CELU{0}; }) == "celu: alpha is 0; it must be above 0");
  CHECK(message_of<ValueError>([] { nn::Softplus{0}; }) ==
        "softplus: beta is 0; the logarithm is divided by it");
  CHECK(message_of<ValueError>([] { nn::Softshrink{-1}; }) ==
        "softshrink: lambd is -1; it must not be negative");
  CHECK(message_of<ValueError>([] { nn::Softshrink{std::numeric_limits<double>::quiet_NaN()}; }) ==
        "softshrink: lambd is nan; it must not be negative");
  CHECK(message_of<ValueError>([] {
          nn::Hardtanh{2, 1};
        }) == "hardtanh: min_val is 2 and max_val 1; the first must not be larger");
  CHECK(message_of<ValueError>([] {
          nn::RReLU{0.5, 0.25};
        }) ==
        "rrelu: lower is 0.5 and upper 0.25; they must be finite, the upper not below the lower");
}
