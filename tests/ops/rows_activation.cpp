#include "ops/table.hpp"

namespace table {
namespace {

/// Values on both sides of every kink, on the shapes that functions of one tensor are checked on.
Rows on_both_sides(const std::function<Tensor(const Tensor&)>& f) {
  Rows result;
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{1, 4, 1}, Shape{0, 3}})
    result.push_back(
        {to_string(shape), {normal(shape) * 3}, [f](const Inputs& x) { return f(x[0]); }});
  return result;
}

/// Along the last axis, the first, one in the middle.
Rows along(const std::function<Tensor(const Tensor&, std::int64_t)>& f) {
  Rows result;
  for (const auto& [shape, axis] : std::vector<std::pair<Shape, std::int64_t>>{
           {{3, 4}, -1}, {{4, 3}, 0}, {{2, 4, 2}, 1}, {{0, 2}, 1}})
    result.push_back({to_string(shape) + " along " + std::to_string(axis),
                      {normal(shape)},
                      [f, axis = axis](const Inputs& x) { return f(x[0], axis); }});
  return result;
}

}  // namespace

template <>
Rows rows<Op::leaky_relu>() {
  Rows rows = on_both_sides([](const Tensor& x) { return leaky_relu(x); });
  rows.push_back(
      {"falling", {normal({7})}, [](const Inputs& x) { return leaky_relu(x[0], -0.7); }});
  return rows;
}

template <>
Rows rows<Op::elu>() {
  Rows rows = on_both_sides([](const Tensor& x) { return elu(x); });
  rows.push_back({"alpha", {normal({7})}, [](const Inputs& x) { return elu(x[0], 0.3); }});
  return rows;
}

template <>
Rows rows<Op::selu>() {
  return on_both_sides([](const Tensor& x) { return selu(x); });
}

template <>
Rows rows<Op::celu>() {
  Rows rows = on_both_sides([](const Tensor& x) { return celu(x); });
  rows.push_back({"alpha", {normal({7})}, [](const Inputs& x) { return celu(x[0], 0.3); }});
  return rows;
}

template <>
Rows rows<Op::silu>() {
  return on_both_sides([](const Tensor& x) { return silu(x); });
}

template <>
Rows rows<Op::mish>() {
  return on_both_sides([](const Tensor& x) { return mish(x); });
}

template <>
Rows rows<Op::gelu_tanh>() {
  return on_both_sides([](const Tensor& x) { return gelu(x, {.approximate = Approximate::tanh}); });
}

template <>
Rows rows<Op::softplus>() {
  Rows rows = on_both_sides([](const Tensor& x) { return softplus(x); });
  rows.push_back({"straight from 1 on", {normal({9}) * 2}, [](const Inputs& x) {
                    return softplus(x[0], 3, 3);
                  }});
  rows.push_back(
      {"falling", {normal({9}) * 2}, [](const Inputs& x) { return softplus(x[0], -0.5); }});
  return rows;
}

template <>
Rows rows<Op::logsigmoid>() {
  return on_both_sides([](const Tensor& x) { return logsigmoid(x); });
}

template <>
Rows rows<Op::softsign>() {
  return on_both_sides([](const Tensor& x) { return softsign(x); });
}

template <>
Rows rows<Op::hardtanh>() {
  Rows rows = on_both_sides([](const Tensor& x) { return hardtanh(x); });
  rows.push_back({"bounds", {normal({7})}, [](const Inputs& x) { return hardtanh(x[0], 0.2, 2); }});
  return rows;
}

template <>
Rows rows<Op::relu6>() {
  return on_both_sides([](const Tensor& x) { return relu6(x * 3); });
}

template <>
Rows rows<Op::hardsigmoid>() {
  return on_both_sides([](const Tensor& x) { return hardsigmoid(x); });
}

template <>
Rows rows<Op::hardswish>() {
  return on_both_sides([](const Tensor& x) { return hardswish(x); });
}

template <>
Rows rows<Op::softshrink>() {
  return on_both_sides([](const Tensor& x) { return softshrink(x); });
}

template <>
Rows rows<Op::hardshrink>() {
  return on_both_sides([](const Tensor& x) { return hardshrink(x, 1.5); });
}

template <>
Rows rows<Op::tanhshrink>() {
  return on_both_sides([](const Tensor& x) { return tanhshrink(x); });
}

template <>
Rows rows<Op::threshold>() {
  return on_both_sides([](const Tensor& x) { return threshold(x, 0.5, -2); });
}

template <>
Rows rows<Op::prelu>() {
  const auto f = [](const Inputs& x) { return prelu(x[0], x[1]); };
  return {{"one number", {normal({3, 4}), normal({}, 2)}, f},
          {"one in an axis", {normal({3}), normal({1}, 2)}, f},
          {"channels", {normal({4, 3}), normal({3}, 2)}, f},
          {"images", {normal({2, 3, 2, 2}), normal({3}, 2)}, f},
          {"a scalar", {normal({}), normal({}, 2)}, f},
          {"no examples", {normal({0, 3}), normal({3}, 2)}, f}};
}

template <>
Rows rows<Op::rrelu>() {
  Rows rows = on_both_sides([](const Tensor& x) { return rrelu(x, {.lower = 0.2}); });
  rows.push_back({"training", {normal({3, 5})}, [](const Inputs& x) {
                    Generator generator(5);
                    return rrelu(x[0], {.training = true, .generator = &generator});
                  }});
  return rows;
}

template <>
Rows rows<Op::glu>() {
  return along([](const Tensor& x, std::int64_t axis) { return glu(x, axis); });
}

template <>
Rows rows<Op::softmin>() {
  return along([](const Tensor& x, std::int64_t axis) { return softmin(x, axis); });
}

template <>
Rows rows<Op::gumbel_softmax>() {
  return along([](const Tensor& x, std::int64_t axis) {
    Generator generator(5);
    return gumbel_softmax(x, {.tau = 0.7, .axis = axis, .generator = &generator});
  });
}

}  // namespace table
