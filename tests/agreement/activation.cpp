// activation.hpp, softmax.hpp, dropout.hpp.
#include "kinds.hpp"

namespace agreement {

void activations(Suite& s) {
  unary(
      s, "relu", [](const xgrad::Tensor& x) { return xgrad::relu(x); }, at::relu);
  unary(s, "gelu", xgrad::gelu, [](const at::Tensor& x) { return at::gelu(x); });
  unary(
      s, "gelu_tanh",
      [](const xgrad::Tensor& x) { return xgrad::gelu(x, {xgrad::Approximate::tanh}); },
      [](const at::Tensor& x) { return at::gelu(x, "tanh"); });
  unary(
      s, "leaky_relu", [](const xgrad::Tensor& x) { return xgrad::leaky_relu(x); },
      [](const at::Tensor& x) { return at::leaky_relu(x); });
  unary(
      s, "leaky_relu", [](const xgrad::Tensor& x) { return xgrad::leaky_relu(x, -0.5); },
      [](const at::Tensor& x) { return at::leaky_relu(x, -0.5); });
  unary(
      s, "elu", [](const xgrad::Tensor& x) { return xgrad::elu(x); },
      [](const at::Tensor& x) { return at::elu(x); });
  unary(
      s, "elu", [](const xgrad::Tensor& x) { return xgrad::elu(x, 0.3); },
      [](const at::Tensor& x) { return at::elu(x, 0.3); });
  unary(s, "selu", xgrad::selu, at::selu);
  unary(
      s, "celu", [](const xgrad::Tensor& x) { return xgrad::celu(x, 0.5); },
      [](const at::Tensor& x) { return at::celu(x, 0.5); });
  unary(s, "silu", xgrad::silu, at::silu);
  unary(s, "mish", xgrad::mish, at::mish);
  unary(
      s, "softplus", [](const xgrad::Tensor& x) { return xgrad::softplus(x); },
      [](const at::Tensor& x) { return at::softplus(x); });
  unary(
      s, "softplus", [](const xgrad::Tensor& x) { return xgrad::softplus(x, 2, 5); },
      [](const at::Tensor& x) { return at::softplus(x, 2, 5); });
  unary(s, "logsigmoid", xgrad::logsigmoid, at::log_sigmoid);
  unary(s, "softsign", xgrad::softsign, [](const at::Tensor& x) { return x / (x.abs() + 1); });
  unary(
      s, "hardtanh", [](const xgrad::Tensor& x) { return xgrad::hardtanh(x); },
      [](const at::Tensor& x) { return at::hardtanh(x); });
  unary(
      s, "hardtanh", [](const xgrad::Tensor& x) { return xgrad::hardtanh(x, -2, 0.5); },
      [](const at::Tensor& x) { return at::hardtanh(x, -2, 0.5); });
  unary(s, "relu6", xgrad::relu6, at::relu6);
  unary(s, "hardsigmoid", xgrad::hardsigmoid, at::hardsigmoid);
  unary(s, "hardswish", xgrad::hardswish, at::hardswish);
  unary(
      s, "softshrink", [](const xgrad::Tensor& x) { return xgrad::softshrink(x); },
      [](const at::Tensor& x) { return at::softshrink(x); });
  unary(
      s, "hardshrink", [](const xgrad::Tensor& x) { return xgrad::hardshrink(x); },
      [](const at::Tensor& x) { return at::hardshrink(x); });
  unary(s, "tanhshrink", xgrad::tanhshrink, [](const at::Tensor& x) { return x - at::tanh(x); });
  unary(
      s, "threshold", [](const xgrad::Tensor& x) { return xgrad::threshold(x, 0.5, 20); },
      [](const at::Tensor& x) { return at::threshold(x, 0.5, 20); });
  unary(
      s, "rrelu", [](const xgrad::Tensor& x) { return xgrad::rrelu(x); },
      [](const at::Tensor& x) { return at::rrelu(x); });
  unary(
      s, "rrelu", [](const xgrad::Tensor& x) { return xgrad::rrelu(x, {.lower = -1, .upper = 3}); },
      [](const at::Tensor& x) { return at::rrelu(x, -1, 3); });
  s.no_counterpart("gumbel_softmax", "random, and both draw other numbers");
  along(s, "glu", [](const auto& x, std::int64_t axis) { return glu(x, axis); });
  along(
      s, "softmin",
      [](const xgrad::Tensor& x, std::int64_t axis) { return xgrad::softmin(x, axis); },
      [](const at::Tensor& x, std::int64_t axis) { return at::softmax(-x, axis); });
  along(s, "softmax", [](const auto& x, std::int64_t axis) { return softmax(x, axis); });
  along(s, "log_softmax", [](const auto& x, std::int64_t axis) { return log_softmax(x, axis); });
  for (const xgrad::Shape& shape : shapes())
    for (const xgrad::Shape& weight :
         {xgrad::Shape{1}, xgrad::Shape{3}, xgrad::Shape{}, xgrad::Shape{0}})
      check(s, "prelu", {random(shape), random(weight, xgrad::float64, -1, 1, 2)},
            [](const auto& x) { return prelu(x[0], x[1]); });
  for (const double value : awkward())
    check(s, "prelu", {filled({2, 3}, value), filled({3}, 0.25)},
          [](const auto& x) { return prelu(x[0], x[1]); });
  for (const xgrad::DType a : all_dtypes)
    for (const xgrad::DType b : all_dtypes)
      check(s, "prelu", {whole({2, 3}, a, 0, 3), whole({3}, b, 0, 3)},
            [](const auto& x) { return prelu(x[0], x[1]); });
  for (const Input& x : along_inputs())
    for (const double p : {0.0, 1.0, 1.5, -0.5, 0.3})
      check(
          s, "dropout", {x}, "not training, or all or nothing, p " + std::to_string(p),
          [p](const Ours& x) {
            return xgrad::dropout(x[0], {.p = p, .training = p == 0 || p == 1});
          },
          [p](const Theirs& x) { return at::dropout(x[0], p, p == 0 || p == 1); });
}

}  // namespace agreement
