// Every operation but those of shapes.cpp. Not here: dispatch and the operators, which are the
// functions that are.

#include <xgrad/ops/rules.hpp>

#include "hostile.hpp"

using namespace hostile;

namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);
using Reducing = Tensor (*)(const Tensor&, const Axes&, bool);

}  // namespace

TEST_CASE("hostile: functions of each element") {
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Unary>>{{"neg", neg},
                                                  {"abs", abs},
                                                  {"exp", exp},
                                                  {"log", log},
                                                  {"sqrt", sqrt},
                                                  {"tanh", tanh},
                                                  {"erf", erf},
                                                  {"erfc", erfc},
                                                  {"sigmoid", sigmoid},
                                                  {"sign", sign},
                                                  {"gelu", gelu},
                                                  {"square", square},
                                                  {"relu", [](const Tensor& x) { return relu(x); }},
                                                  {"clone", clone},
                                                  {"zeros_like", zeros_like},
                                                  {"ones_like", ones_like}})
    rows.push_back({name, [f = f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }});
  for (const auto& [name, f] : std::vector<std::pair<std::string, Binary>>{{"add", add},
                                                                           {"sub", sub},
                                                                           {"mul", mul},
                                                                           {"div", div},
                                                                           {"pow", pow},
                                                                           {"maximum", maximum},
                                                                           {"minimum", minimum},
                                                                           {"eq", eq},
                                                                           {"ne", ne},
                                                                           {"lt", lt},
                                                                           {"le", le},
                                                                           {"gt", gt},
                                                                           {"ge", ge}}) {
    add_binary(rows, name, f);
  }
  sweep(rows);
}

TEST_CASE("hostile: more of arithmetic") {
  sweep({
      {"where",
       [](Arguments& from) {
         const Tensor c = from.tensor({2, 3}, boolean);
         const Tensor a = from.tensor({2, 3});
         Arguments::use(where(c, a, from.tensor({2, 3})));
       }},
      {"where",
       [](Arguments& from) {
         const Tensor c = from.tensor({2, 3}, boolean);
         const Scalar a = from.scalar();
         Arguments::use(where(c, a, from.scalar()));
       }},
      {"clamp",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Scalar low = from.scalar();
         Arguments::use(clamp(x, low, from.scalar()));
       }},
      {"clamp",
       [](Arguments& from) {
         Arguments::use(clamp(from.tensor({2, 3}, int64), from.scalar(0)));
       }},
      {"to",
       [](Arguments& from) {
         Arguments::use(to(from.tensor({2, 3}), int64));
       }},
      {"to",
       [](Arguments& from) {
         Arguments::use(to(from.tensor({2, 3}, int64), float32));
       }},
      {"full_like",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, int64);
         Arguments::use(full_like(x, from.scalar()));
       }},
      {"equal",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         equal(a, from.tensor({2, 3}));
       }},
      {"allclose",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({2, 3});
         const double rtol = from.real();
         allclose(a, b, rtol, from.real());
       }},
      {"all_finite",
       [](Arguments& from) {
         all_finite(from.tensor({2, 3}));
       }},
      {"mask_positive",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(xgrad::detail::mask_positive(x, from.tensor({2, 3})));
       }},
      {"dropout",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const double p = from.real();
         Arguments::use(dropout(x, {.p = p, .training = from.flag(true)}));
       }},
  });
}

TEST_CASE("hostile: reductions") {
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Reducing>>{{"sum", sum},
                                                     {"mean", mean},
                                                     {"prod", prod},
                                                     {"max", max},
                                                     {"min", min},
                                                     {"logsumexp", logsumexp}})
    for (const DType dtype : {float32, int64}) {
      if (dtype == int64 && (name == "mean" || name == "logsumexp")) continue;
      rows.push_back({name, [f = f, dtype](Arguments& from) {
                        const Tensor x = from.tensor({2, 3}, dtype);
                        const Axes axes = from.axes({1});
                        Arguments::use(f(x, axes, from.flag()));
                      }});
    }
  rows.push_back({"var", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const Axes axes = from.axes({1});
                    const std::int64_t correction = from.size(1);
                    Arguments::use(var(x, axes, correction, from.flag()));
                  }});
  for (const auto& [name, f] : {std::pair("argmax", &argmax), std::pair("argmin", &argmin)})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const std::int64_t axis = from.size(1);
                      Arguments::use(f(x, axis, from.flag()));
                    }});
  rows.push_back({"softmax", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(softmax(x, from.size(1)));
                  }});
  rows.push_back({"log_softmax", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(log_softmax(x, from.size(1)));
                  }});
  sweep(rows);
}

TEST_CASE("hostile: products, convolutions, pooling") {
  const auto options = [](Arguments& from) {
    const Extents<2> stride = from.pair(1);
    const Extents<2> padding = from.pair(1);
    const Extents<2> dilation = from.pair(1);
    const std::int64_t groups = from.size(1);
    return Conv2dOptions{stride, padding, dilation, groups, from.flag(true)};
  };
  sweep({
      {"matmul",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         Arguments::use(matmul(a, from.tensor({3, 4})));
       }},
      {"linear",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor weight = from.tensor({4, 3});
         Arguments::use(linear(x, weight, from.tensor({4})));
       }},
      {"conv2d",
       [=](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 5, 5});
         const Tensor weight = from.tensor({4, 3, 3, 3});
         const Tensor bias = from.tensor({4});
         Arguments::use(conv2d(x, weight, bias, options(from)));
       }},
      {"conv2d",  // which its adjoints begin with
       [=](Arguments& from) {
         Arguments::use(conv2d(zeros({1, 1, 5, 5}), zeros({1, 1, 3, 3}), {}, options(from)));
       }},
      {"conv2d_input|conv2d",
       [=](Arguments& from) {
         const Tensor dy = from.tensor({2, 4, 5, 5});
         const Tensor weight = from.tensor({4, 3, 3, 3});
         const Shape shape = from.shape({2, 3, 5, 5});
         Arguments::use(conv2d_input(dy, weight, shape, options(from)));
       }},
      {"conv2d_weight|conv2d",
       [=](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 5, 5});
         const Tensor dy = from.tensor({2, 4, 5, 5});
         const Shape shape = from.shape({4, 3, 3, 3});
         Arguments::use(conv2d_weight(x, dy, shape, options(from)));
       }},
      {"max_pool2d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 6, 6});
         const Extents<2> kernel = from.pair(2);
         const Extents<2> stride = from.pair(2);
         Arguments::use(max_pool2d(x, kernel, {.stride = stride, .padding = from.pair(1)}));
       }},
      {"avg_pool2d",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 6, 6});
         const Extents<2> kernel = from.pair(2);
         const Extents<2> stride = from.pair(2);
         Arguments::use(avg_pool2d(x, kernel, {.stride = stride, .padding = from.pair(1)}));
       }},
      {"avg_pool2d_input",
       [](Arguments& from) {
         const Tensor dy = from.tensor({2, 3, 3, 3});
         const Shape shape = from.shape({2, 3, 6, 6});
         const Extents<2> kernel = from.pair(2);
         Arguments::use(avg_pool2d_input(dy, shape, kernel, {.stride = from.pair(2)}));
       }},
      {"batch_norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3, 2, 2});
         const Tensor mean = from.tensor({3});
         const Tensor var = from.tensor({3});
         const Tensor weight = from.tensor({3});
         const Tensor bias = from.tensor({3});
         const bool training = from.flag(true);
         const double momentum = from.real();
         const NoGradGuard guard;
         Arguments::use(
             batch_norm(x, mean, var, weight, bias,
                        {.training = training, .momentum = momentum, .eps = from.real()}));
       }},
  });
}

TEST_CASE("hostile: losses") {
  const auto reduction = [](Arguments& from) {
    return from.flag() ? Reduction::sum : Reduction::mean;
  };
  sweep({
      {"mse_loss",
       [=](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.tensor({2, 3});
         Arguments::use(mse_loss(x, target, {.reduction = reduction(from)}));
       }},
      {"nll_loss",
       [=](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.index({2});
         const Tensor weight = from.tensor({3});
         const std::int64_t ignored = from.size(-100);
         Arguments::use(nll_loss(
             x, target, {.weight = weight, .ignore_index = ignored, .reduction = reduction(from)}));
       }},
      {"cross_entropy",
       [=](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.index({2});
         const Tensor weight = from.tensor({3});
         const double smoothing = from.real(0.1);
         const std::int64_t ignored = from.size(-100);
         Arguments::use(cross_entropy(x, target,
                                      {.weight = weight,
                                       .ignore_index = ignored,
                                       .label_smoothing = smoothing,
                                       .reduction = reduction(from)}));
       }},
      {"cross_entropy",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(cross_entropy(x, from.tensor({2, 3})));
       }},
  });
}

TEST_CASE("an undefined argument is told by the operation's name and its own number") {
  const std::string why =
      "default-constructed, moved from, or the grad() of a tensor that no backward() has reached";
  const Tensor x = zeros({2, 2}), none;
  CHECK(message_of<ValueError>([&] { matmul(x, none); }) ==
        "matmul: argument 2 is undefined: " + why);
  CHECK(message_of<ValueError>([&] { none * 2; }) == "mul: argument 1 is undefined: " + why);
  CHECK(message_of<ValueError>([&] { where(x > 0, x, none); }) ==
        "where: argument 3 is undefined: " + why);
  CHECK(message_of<ValueError>([&] {
          stack({x, none});
        }) == "stack: argument 2 is undefined: " + why);
  CHECK(message_of<ValueError>([&] { none.sum(); }) == "sum: argument 1 is undefined: " + why);
  CHECK(message_of<ValueError>([&] { none.numel(); }) == "numel: this tensor is undefined: " + why);
  const Tensor index = tensor({0, 1});
  const std::vector<std::pair<std::string, std::function<void(const Tensor&, const Tensor&)>>>
      pairs{{"mask_positive", [](auto& a, auto& b) { xgrad::detail::mask_positive(a, b); }},
            {"mul", [](auto& a, auto& b) { mul(a, b); }},
            {"equal", [](auto& a, auto& b) { (void)equal(a, b); }},
            {"allclose", [](auto& a, auto& b) { (void)allclose(a, b); }},
            {"conv2d", [](auto& a, auto& b) { conv2d(a, b); }},
            {"conv2d_input",
             [](auto& a, auto& b) {
               conv2d_input(a, b, {1, 1, 1, 1});
             }},
            {"conv2d_weight",
             [](auto& a, auto& b) {
               conv2d_weight(a, b, {1, 1, 1, 1});
             }},
            {"mse_loss", [](auto& a, auto& b) { mse_loss(a, b); }},
            {"nll_loss", [](auto& a, auto& b) { nll_loss(a, b); }},
            {"cross_entropy", [](auto& a, auto& b) { cross_entropy(a, b); }},
            {"matmul", [](auto& a, auto& b) { matmul(a, b); }},
            {"linear", [](auto& a, auto& b) { linear(a, b); }},
            {"index_select", [](auto& a, auto& b) { index_select(a, 0, b); }},
            {"index_add", [](auto& a, auto& b) { index_add(a, 0, b, b); }},
            {"gather", [](auto& a, auto& b) { gather(a, 0, b); }},
            {"scatter", [](auto& a, auto& b) { scatter(a, 0, b, 0); }},
            {"scatter_add", [](auto& a, auto& b) { scatter_add(a, 0, b, b); }},
            {"slice_scatter", [](auto& a, auto& b) { slice_scatter(a, b); }},
            {"select_scatter", [](auto& a, auto& b) { select_scatter(a, b, 0, 0); }}};
  for (const auto& [name, f] : pairs) {
    const auto& call = f;
    CHECK(message_of<ValueError>([&] { call(none, index); }) ==
          name + ": argument 1 is undefined: " + why);
    CHECK(message_of<ValueError>([&] { call(x, none); }) ==
          name + ": argument 2 is undefined: " + why);
  }
  // The operation that was called, not one that it is made of.
  CHECK(message_of<ValueError>([&] { mse_loss(x, none); }) ==
        "mse_loss: argument 2 is undefined: " + why);
  const std::int64_t half = std::int64_t{1} << 62;
  CHECK(message_of<ValueError>([&] {
          sum(zeros({half, 0}), 1);
        }) == "sum: no memory for shape [4611686018427387904, 1] of float32");
  // And nobody's name stays behind.
  CHECK(message_of<ValueError>([&] { Tensor::empty({half}); }) ==
        "tensor: no memory for shape [4611686018427387904] of float32");
}

TEST_CASE("sums of int64 wrap around") {
  const std::int64_t most = INT64_MAX, least = INT64_MIN;
  CHECK(sum(tensor({most, std::int64_t{1}})).item<std::int64_t>() == least);
  CHECK(sum(full({1000}, most)).item<std::int64_t>() == -1000);
  CHECK(sum(full({300, 2}, most), 0).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{-300, -300});
  const Tensor twice = full({2}, most);
  const Tensor none = tensor({0});
  CHECK(index_add(none, 0, tensor({0, 0}), twice).item<std::int64_t>() == -2);
  CHECK(scatter_add(none, 0, tensor({0, 0}), twice).item<std::int64_t>() == -2);
}
