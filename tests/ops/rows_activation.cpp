#include "ops/table.hpp"

namespace table {
namespace {

/// Values away from the kinks at 0, ±½, ±1, ±3 and 6 of these functions, on both sides of each.
Tensor sample(const Shape& shape) {
  const Tensor far = tensor({-4.1, -2.3, -1.4, -0.8, -0.25, 0.2, 0.7, 1.7, 2.2, 3.6, 6.8, 4.4},
                            {.dtype = float64});
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return slice(far, 0, 12 - count).reshape(shape) + 0.01;
}

Rows each(const std::function<Tensor(const Tensor&)>& f) {
  Rows result;
  for (const Shape& shape : {Shape{3, 4}, Shape{}, Shape{1, 6, 1}, Shape{0, 3}})
    result.push_back({to_string(shape), {sample(shape)}, [f](const Inputs& x) { return f(x[0]); }});
  return result;
}

Rows with(Rows rows, const char* name, const std::function<Tensor(const Tensor&)>& f) {
  rows.push_back({name, {sample({3, 4})}, [f](const Inputs& x) { return f(x[0]); }});
  return rows;
}

}  // namespace

template <>
Rows rows<Op::leaky_relu>() {
  return with(each([](const Tensor& x) { return leaky_relu(x); }), "slope 0.3",
              [](const Tensor& x) { return leaky_relu(x, 0.3); });
}

template <>
Rows rows<Op::prelu>() {
  const auto row = [](const Shape& x, const Shape& weight) {
    return Row{to_string(x) + " with " + to_string(weight),
               {sample(x), uniform(weight, 0.1, 0.5)},
               [](const Inputs& in) { return prelu(in[0], in[1]); }};
  };
  return {row({2, 3, 2}, {3}), row({2, 3}, {1}), row({4}, {}),
          row({}, {1}),        row({4}, {1}),    row({0, 3}, {3})};
}

template <>
Rows rows<Op::elu>() {
  return with(each([](const Tensor& x) { return elu(x); }), "alpha 0.7",
              [](const Tensor& x) { return elu(x, 0.7); });
}

template <>
Rows rows<Op::selu>() {
  return each([](const Tensor& x) { return selu(x); });
}

template <>
Rows rows<Op::celu>() {
  return with(each([](const Tensor& x) { return celu(x); }), "alpha 1.5",
              [](const Tensor& x) { return celu(x, 1.5); });
}

template <>
Rows rows<Op::silu>() {
  return each([](const Tensor& x) { return silu(x); });
}

template <>
Rows rows<Op::mish>() {
  return each([](const Tensor& x) { return mish(x); });
}

template <>
Rows rows<Op::softplus>() {
  return with(each([](const Tensor& x) { return softplus(x); }), "beta 2, threshold 3",
              [](const Tensor& x) { return softplus(x, 2, 3); });
}

template <>
Rows rows<Op::logsigmoid>() {
  return each([](const Tensor& x) { return logsigmoid(x); });
}

template <>
Rows rows<Op::softsign>() {
  return each([](const Tensor& x) { return softsign(x); });
}

template <>
Rows rows<Op::hardtanh>() {
  return with(each([](const Tensor& x) { return hardtanh(x); }), "-2 to 1.5",
              [](const Tensor& x) { return hardtanh(x, -2, 1.5); });
}

template <>
Rows rows<Op::relu6>() {
  return each([](const Tensor& x) { return relu6(x); });
}

template <>
Rows rows<Op::hardsigmoid>() {
  return each([](const Tensor& x) { return hardsigmoid(x); });
}

template <>
Rows rows<Op::hardswish>() {
  return each([](const Tensor& x) { return hardswish(x); });
}

template <>
Rows rows<Op::glu>() {
  return {{"last", {sample({3, 4})}, [](const Inputs& x) { return glu(x[0]); }},
          {"first", {sample({2, 3})}, [](const Inputs& x) { return glu(x[0], 0); }},
          {"empty", {sample({3, 0})}, [](const Inputs& x) { return glu(x[0]); }}};
}

template <>
Rows rows<Op::softmin>() {
  return {{"last", {sample({3, 4})}, [](const Inputs& x) { return softmin(x[0], -1); }},
          {"first", {sample({3, 4})}, [](const Inputs& x) { return softmin(x[0], 0); }}};
}

template <>
Rows rows<Op::softshrink>() {
  return each([](const Tensor& x) { return softshrink(x); });
}

template <>
Rows rows<Op::hardshrink>() {
  return each([](const Tensor& x) { return hardshrink(x); });
}

template <>
Rows rows<Op::tanhshrink>() {
  return each([](const Tensor& x) { return tanhshrink(x); });
}

template <>
Rows rows<Op::threshold>() {
  return each([](const Tensor& x) { return threshold(x, 0.5, 2); });
}

}  // namespace table
