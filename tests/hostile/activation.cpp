#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: activations") {
  using Unary = Tensor (*)(const Tensor&);
  using OfNumber = Tensor (*)(const Tensor&, double);
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Unary>>{{"selu", selu},
                                                  {"silu", silu},
                                                  {"mish", mish},
                                                  {"hardswish", hardswish},
                                                  {"logsigmoid", logsigmoid},
                                                  {"softsign", softsign},
                                                  {"relu6", relu6},
                                                  {"hardsigmoid", hardsigmoid},
                                                  {"tanhshrink", tanhshrink}})
    rows.push_back({name, [f = f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }});
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, OfNumber>>{{"leaky_relu", leaky_relu},
                                                     {"elu", elu},
                                                     {"celu", celu},
                                                     {"hardshrink", hardshrink},
                                                     {"softshrink", softshrink}})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      Arguments::use(f(x, from.real()));
                    }});
  rows.push_back({"gelu", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(
                        gelu(x, {from.flag(true) ? Approximate::tanh : Approximate::none}));
                  }});
  rows.push_back({"softplus", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double beta = from.real();
                    Arguments::use(softplus(x, beta, from.real()));
                  }});
  for (const DType dtype : {float32, int64}) {
    rows.push_back({"hardtanh", [dtype](Arguments& from) {
                      const Tensor x = from.tensor({2, 3}, dtype);
                      const Scalar low = from.scalar(-1);
                      Arguments::use(hardtanh(x, low, from.scalar(1)));
                    }});
    rows.push_back({"threshold", [dtype](Arguments& from) {
                      const Tensor x = from.tensor({2, 3}, dtype);
                      const Scalar bound = from.scalar(1);
                      Arguments::use(threshold(x, bound, from.scalar(1)));
                    }});
  }
  rows.push_back({"prelu", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(prelu(x, from.tensor({3})));
                  }});
  rows.push_back({"rrelu", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double lower = from.real(0.1);
                    const double upper = from.real(0.2);
                    Arguments::use(
                        rrelu(x, {.lower = lower, .upper = upper, .training = from.flag(true)}));
                  }});
  rows.push_back({"glu", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 4});
                    Arguments::use(glu(x, from.size(1)));
                  }});
  rows.push_back({"softmin", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(softmin(x, from.size(1)));
                  }});
  rows.push_back({"gumbel_softmax", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double tau = from.real();
                    const std::int64_t axis = from.size(1);
                    Arguments::use(
                        gumbel_softmax(x, {.tau = tau, .hard = from.flag(true), .axis = axis}));
                  }});
  sweep(rows);
}
