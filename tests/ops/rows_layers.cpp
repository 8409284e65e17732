#include "ops/table.hpp"

namespace table {
namespace {

Row pair(const char* name, const Shape& a, const Shape& b,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a, 1), normal(b, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

Row single(const char* name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

}  // namespace

template <>
Rows rows<Op::linear>() {
  return {{"bias",
           {normal({4, 3}), normal({2, 3}, 2), normal({2}, 3)},
           [](const Inputs& x) { return linear(x[0], x[1], x[2]); }},
          {"no bias, one example",
           {normal({3}), normal({2, 3}, 2)},
           [](const Inputs& x) { return linear(x[0], x[1]); }},
          {"leading axes",
           {normal({2, 2, 3}), normal({4, 3}, 2), normal({4}, 3)},
           [](const Inputs& x) { return linear(x[0], x[1], x[2]); }},
          {"no examples", {normal({0, 3}), normal({2, 3}, 2), normal({2}, 3)}, [](const Inputs& x) {
             return linear(x[0], x[1], x[2]);
           }}};
}

template <>
Rows rows<Op::matmul>() {
  const auto f = [](const Tensor& a, const Tensor& b) { return matmul(a, b); };
  return {pair("matrices", {2, 3}, {3, 4}, f),
          pair("dot", {3}, {3}, f),
          pair("matrix and vector", {2, 3}, {3}, f),
          pair("vector and matrix", {3}, {3, 2}, f),
          pair("batch", {2, 2, 3}, {2, 3, 2}, f),
          pair("batch and matrix", {2, 2, 3}, {3, 2}, f),
          pair("matrix and batch", {2, 3}, {2, 3, 2}, f),
          pair("broadcast batches", {2, 1, 2, 3}, {3, 3, 1}, f),
          pair("batch and vector", {2, 2, 3}, {3}, f),
          pair("ones", {1, 1}, {1, 1}, f),
          pair("no rows", {0, 3}, {3, 2}, f),
          pair("no inner axis", {2, 0}, {0, 3}, f),
          pair("no batch", {0, 2, 3}, {3, 2}, f)};
}

namespace {

Rows conv_rows(Op op) {
  struct Case {
    const char* name;
    Shape x, w;
    Conv2dOptions options;
  };
  const std::vector<Case> cases{
      {"plain", {2, 2, 5, 4}, {3, 2, 3, 2}, {}},
      {"stride and padding", {1, 2, 5, 6}, {2, 2, 3, 3}, {.stride = 2, .padding = 1}},
      {"uneven", {1, 1, 6, 5}, {2, 1, 2, 3}, {.stride = {2, 1}, .padding = {0, 2}}},
      {"dilation", {1, 2, 7, 6}, {1, 2, 3, 2}, {.dilation = {2, 3}}},
      {"groups", {2, 4, 4, 4}, {4, 2, 3, 3}, {.padding = 1, .groups = 2}},
      {"depthwise", {1, 3, 4, 4}, {3, 1, 3, 3}, {.stride = 2, .padding = 2, .groups = 3}},
      {"1x1", {2, 3, 2, 2}, {2, 3, 1, 1}, {}},
      {"window in the padding", {1, 1, 2, 2}, {1, 1, 1, 1}, {.stride = 3, .padding = 2}},
      {"no images", {0, 2, 4, 4}, {3, 2, 3, 3}, {}}};
  Rows rows;
  for (const auto& [name, x, w, options] : cases) {
    const Tensor input = normal(x, 1);
    const Tensor weight = normal(w, 2);
    const Shape out = conv2d(input, weight, {}, options).shape();
    const auto o = options;
    if (op == Op::conv2d) {
      rows.push_back({name, {input, weight, normal({w[0]}, 3)}, [o](const Inputs& in) {
                        return conv2d(in[0], in[1], in[2], o);
                      }});
    } else if (op == Op::conv2d_input) {
      const Shape shape = x;
      rows.push_back({name, {normal(out, 3), weight}, [o, shape](const Inputs& in) {
                        return conv2d_input(in[0], in[1], shape, o);
                      }});
    } else {
      const Shape shape = w;
      rows.push_back({name, {input, normal(out, 3)}, [o, shape](const Inputs& in) {
                        return conv2d_weight(in[0], in[1], shape, o);
                      }});
    }
  }
  return rows;
}

}  // namespace

template <>
Rows rows<Op::conv2d>() {
  return conv_rows(Op::conv2d);
}
template <>
Rows rows<Op::conv2d_input>() {
  return conv_rows(Op::conv2d_input);
}
template <>
Rows rows<Op::conv2d_weight>() {
  return conv_rows(Op::conv2d_weight);
}

namespace {

const AvgPool2dOptions partial{.stride = 2, .padding = 1, .count_include_pad = false};

}  // namespace

template <>
Rows rows<Op::max_pool2d>() {
  return {single("2x2", {2, 2, 4, 6}, [](const Tensor& x) { return max_pool2d(x, 2); }),
          single("odd size", {1, 2, 5, 7}, [](const Tensor& x) { return max_pool2d(x, 2); }),
          single("overlapping", {1, 2, 5, 5},
                 [](const Tensor& x) { return max_pool2d(x, 3, {.stride = 1}); }),
          single("uneven, padded", {1, 1, 5, 6},
                 [](const Tensor& x) {
                   return max_pool2d(x, {3, 2}, {.stride = {2, 1}, .padding = {1, 1}});
                 }),
          single("dilated", {1, 2, 5, 6},
                 [](const Tensor& x) {
                   return max_pool2d(x, {2, 3}, {.stride = 1, .padding = 1, .dilation = {3, 2}});
                 }),
          single("over the end, no batch", {2, 5, 6},
                 [](const Tensor& x) {
                   return max_pool2d(x, 2, {.stride = {2, 3}, .ceil_mode = true});
                 }),
          single("no images", {0, 1, 4, 4}, [](const Tensor& x) { return max_pool2d(x, 2); })};
}

template <>
Rows rows<Op::avg_pool2d>() {
  return {single("2x2", {2, 2, 4, 6}, [](const Tensor& x) { return avg_pool2d(x, 2); }),
          single("padded", {1, 2, 5, 4},
                 [](const Tensor& x) { return avg_pool2d(x, 3, {.stride = 2, .padding = 1}); }),
          single("padding not counted", {1, 2, 5, 4},
                 [](const Tensor& x) { return avg_pool2d(x, 3, partial); }),
          single("over the end", {1, 2, 4, 6},
                 [](const Tensor& x) {
                   return avg_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true});
                 }),
          single("divided by 5, no batch", {2, 5, 4},
                 [](const Tensor& x) {
                   return avg_pool2d(x, {2, 1}, {.divisor_override = 5});
                 }),
          single("no images", {0, 1, 4, 4}, [](const Tensor& x) { return avg_pool2d(x, 2); })};
}

template <>
Rows rows<Op::avg_pool2d_input>() {
  return {single("2x2", {1, 2, 2, 3},
                 [](const Tensor& x) {
                   return avg_pool2d_input(x, {1, 2, 4, 6}, 2);
                 }),
          single("padding not counted", {1, 1, 3, 2}, [](const Tensor& x) {
            return avg_pool2d_input(x, {1, 1, 5, 4}, 3, partial);
          })};
}

template <>
Rows rows<Op::batch_norm>() {
  const Tensor running_mean = tensor({0.5, -1.0, 2.0}, {.dtype = float64});
  const Tensor running_var = tensor({1.5, 0.5, 2.0}, {.dtype = float64});
  const auto trained = [](const Inputs& x) {
    return batch_norm(x[0], {}, {}, x[1], x[2], {.training = true});
  };
  const auto with = [](const Shape& shape) {
    return Inputs{normal(shape), normal({3}, 2), normal({3}, 3)};
  };
  return {{"images", with({2, 3, 2, 3}), trained},
          {"features", with({5, 3}), trained},
          {"one position each", with({4, 3, 1, 1}), trained},
          {"no images", with({0, 3, 2, 2}), trained},
          single("without weight and bias", {3, 2, 4},
                 [](const Tensor& x) { return batch_norm(x, {}, {}, {}, {}, {.training = true}); }),
          {"running statistics", with({2, 3, 2, 2}), [=](const Inputs& x) {
             const auto dtype = x[0].dtype();
             return batch_norm(x[0], running_mean.to(dtype), running_var.to(dtype), x[1], x[2]);
           }}};
}

namespace {

Rows along(const std::function<Tensor(const Tensor&, std::int64_t)>& f) {
  return {single("last", {3, 4}, [f](const Tensor& x) { return f(x, -1); }),
          single("first", {3, 4}, [f](const Tensor& x) { return f(x, 0); }),
          single("middle", {2, 3, 2}, [f](const Tensor& x) { return f(x, 1); }),
          single("one element", {2, 1}, [f](const Tensor& x) { return f(x, 1); }),
          single("no rows", {0, 3}, [f](const Tensor& x) { return f(x, 1); })};
}

Tensor classes() { return tensor({2, 0, 1}); }
Tensor weight_for(const Tensor& x) { return tensor({0.5, 2.0, 1.5, 1.0}, {.dtype = x.dtype()}); }

}  // namespace

template <>
Rows rows<Op::softmax>() {
  return along([](const Tensor& x, std::int64_t axis) { return softmax(x, axis); });
}

template <>
Rows rows<Op::log_softmax>() {
  return along([](const Tensor& x, std::int64_t axis) { return log_softmax(x, axis); });
}

template <>
Rows rows<Op::nll_loss>() {
  return {single("mean", {3, 4}, [](const Tensor& x) { return nll_loss(x, classes()); }),
          single("weighted", {3, 4},
                 [](const Tensor& x) { return nll_loss(x, classes(), {.weight = weight_for(x)}); }),
          single("ignored", {3, 4},
                 [](const Tensor& x) { return nll_loss(x, classes(), {.ignore_index = 0}); }),
          single("one example", {4}, [](const Tensor& x) { return nll_loss(x, tensor(2)); }),
          single("images", {2, 4, 2}, [](const Tensor& x) {
            return nll_loss(x, tensor({{0, 3}, {1, 1}}), {.reduction = Reduction::none});
          })};
}

template <>
Rows rows<Op::cross_entropy>() {
  return {
      single("mean", {3, 4}, [](const Tensor& x) { return cross_entropy(x, classes()); }),
      single("smoothed, weighted, ignored", {3, 4},
             [](const Tensor& x) {
               return cross_entropy(
                   x, classes(),
                   {.weight = weight_for(x), .ignore_index = 1, .label_smoothing = 0.1});
             }),
      single("sum", {3, 4},
             [](const Tensor& x) {
               return cross_entropy(x, classes(),
                                    {.label_smoothing = 0.2, .reduction = Reduction::sum});
             }),
      single(
          "none", {2, 4, 3},
          [](const Tensor& x) {
            return cross_entropy(x, tensor({{0, 3, 1}, {1, 1, 2}}), {.reduction = Reduction::none});
          }),
      {"probabilities", {normal({3, 4}), uniform({3, 4}, 0, 1, 2)}, [](const Inputs& x) {
         return cross_entropy(x[0], x[1], {.weight = weight_for(x[0]), .label_smoothing = 0.1});
       }}};
}

template <>
Rows rows<Op::mse_loss>() {
  return {
      pair("mean", {2, 3}, {2, 3}, [](const Tensor& a, const Tensor& b) { return mse_loss(a, b); }),
      pair("none", {2, 3}, {2, 3}, [](const Tensor& a, const Tensor& b) {
        return mse_loss(a, b, {.reduction = Reduction::none});
      })};
}

}  // namespace table
