#include "kinds.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

#include <ATen/ScalarOps.h>

namespace agreement {
namespace {

using xgrad::DType;
using xgrad::Shape;
using xgrad::Tensor;

using Double = std::numeric_limits<double>;
constexpr double inf = Double::infinity();
constexpr double nan = Double::quiet_NaN();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

std::string text(double value) {
  char number[32];
  std::snprintf(number, sizeof number, "%.17g", value);
  return number;
}

std::string kind(const Tensor& x) {
  return std::string(xgrad::name(x.dtype())) + " " + xgrad::to_string(x.shape());
}

/// A number beside a tensor, as Python has it.
at::Tensor number(const at::Scalar& value) { return at::native::wrapped_scalar_tensor(value); }

/// The integers that a dtype holds.
std::vector<std::int64_t> held_by(DType dtype) {
  std::vector<std::int64_t> held;
  for (const std::int64_t value : awkward_integers()) {
    const bool fits = xgrad::dispatch(dtype, [&]<class T>() {
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        return static_cast<std::int64_t>(static_cast<T>(value)) == value;
      return true;
    });
    if (fits) held.push_back(value);
  }
  return held;
}

void one(Suite& suite, const std::string& operation, const Input& input, OurUnary f, TheirUnary g) {
  check(
      suite, operation, {input}, "", [f](const Ours& x) { return f(x[0]); },
      [g](const Theirs& x) { return g(x[0]); });
}

void two(Suite& suite, const std::string& operation, const Input& a, const Input& b, OurBinary f,
         TheirBinary g) {
  check(
      suite, operation, {a, b}, "", [f](const Ours& x) { return f(x[0], x[1]); },
      [g](const Theirs& x) { return g(x[0], x[1]); });
}

/// Small numbers, none of them 0, for every dtype.
Input small(const Shape& shape, DType dtype, std::uint64_t seed) {
  if (dtype == xgrad::boolean) return filled(shape, 1, dtype);
  return whole(shape, dtype, 1, 6, seed);
}

}  // namespace

Input random(const Shape& shape, DType dtype, double low, double high, std::uint64_t seed) {
  xgrad::Generator generator(seed);
  const Tensor x =
      xgrad::rand(shape, {.dtype = xgrad::float64, .generator = &generator}) * (high - low) + low;
  return {"random " + std::string(xgrad::name(dtype)) + " " + xgrad::to_string(shape), x.to(dtype)};
}

Input whole(const Shape& shape, DType dtype, std::int64_t low, std::int64_t high,
            std::uint64_t seed) {
  xgrad::Generator generator(seed);
  const Tensor x = xgrad::randint(low, high, shape, {.generator = &generator});
  return {"whole " + std::string(xgrad::name(dtype)) + " " + xgrad::to_string(shape), x.to(dtype)};
}

Input filled(const Shape& shape, double value, DType dtype) {
  const Tensor x = xgrad::full(shape, value, {.dtype = dtype});
  return {kind(x) + " of " + text(value), x};
}

Input listed(const std::vector<double>& values, DType dtype, std::optional<Shape> shape) {
  const Tensor x = xgrad::from_vector(values, shape).to(dtype);
  std::string what = kind(x) + " of";
  for (const double value : values) what += " " + text(value);
  return {what, x};
}

Input integers(const std::vector<std::int64_t>& values, DType dtype, std::optional<Shape> shape) {
  const Tensor x = xgrad::from_vector(values, shape).to(dtype);
  std::string what = kind(x) + " of";
  for (const std::int64_t value : values) what += " " + std::to_string(value);
  return {what, x};
}

Input bools(const std::vector<bool>& values, std::optional<Shape> shape) {
  const std::vector<std::int64_t> numbers(values.begin(), values.end());
  return integers(numbers, xgrad::boolean, shape);
}

Input with_value(const Input& x, std::int64_t place, double value) {
  std::vector<double> values = x.tensor.to(xgrad::float64).to_vector<double>();
  values[static_cast<std::size_t>(place)] = value;
  return {x.what + " with " + text(value),
          xgrad::from_vector(values, x.tensor.shape()).to(x.tensor.dtype())};
}

Inputs lying_otherwise(const Input& matrix) {
  const Tensor& x = matrix.tensor;
  const Tensor apart = xgrad::stack({x, x}, -1).select(-1, 0);
  return {{matrix.what + " transposed", xgrad::contiguous(x.transpose(0, 1)).transpose(0, 1)},
          {matrix.what + " apart in memory", apart},
          {matrix.what + " expanded", x.slice(0, 0, 1).expand(x.shape())}};
}

const std::vector<double>& awkward() {
  static const std::vector<double> values{0.0,
                                          -0.0,
                                          1,
                                          -1,
                                          0.5,
                                          -0.5,
                                          1.5,
                                          2,
                                          -2,
                                          2.5,
                                          -2.5,
                                          3,
                                          -3,
                                          6,
                                          0.1,
                                          -0.1,
                                          20,
                                          20.5,
                                          -20,
                                          100,
                                          -100,
                                          1 - Double::epsilon() / 2,
                                          1 + Double::epsilon(),
                                          1e-8,
                                          -1e-8,
                                          1e-20,
                                          1.5707963267948966,
                                          3.141592653589793,
                                          88.8,
                                          -104,
                                          171.5,
                                          709.9,
                                          -745.5,
                                          1e6,
                                          -1e6,
                                          9007199254740993.0,
                                          1e30,
                                          -1e30,
                                          1e300,
                                          -1e300,
                                          Double::max(),
                                          Double::lowest(),
                                          Double::min(),
                                          Double::denorm_min(),
                                          -Double::denorm_min(),
                                          inf,
                                          -inf,
                                          nan};
  return values;
}

const std::vector<double>& awkward_few() {
  static const std::vector<double> values{0.0,  -0.0,  1,    -1,     0.5, 2,    -2.5, 3,
                                          1e10, 1e300, -800, 1e-300, inf, -inf, nan};
  return values;
}

const std::vector<std::int64_t>& awkward_integers() {
  static const std::vector<std::int64_t> values{0,
                                                1,
                                                -1,
                                                2,
                                                -2,
                                                3,
                                                7,
                                                -7,
                                                255,
                                                65535,
                                                2147483647,
                                                -2147483648LL,
                                                16777217,
                                                4294967296,
                                                (1LL << 53) - 1,
                                                1LL << 53,
                                                (1LL << 53) + 1,
                                                -(1LL << 53) - 1,
                                                1LL << 62,
                                                highest - 1,
                                                highest,
                                                lowest + 1,
                                                lowest};
  return values;
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> list{{},     {1},    {0},    {5},       {37},
                                       {2, 3}, {0, 3}, {3, 0}, {1, 4, 1}, {2, 3, 4}};
  return list;
}

void unary(Suite& suite, const std::string& operation, OurUnary f, TheirUnary g) {
  for (const DType dtype : floating_dtypes)
    for (const double value : awkward()) one(suite, operation, filled({9}, value, dtype), f, g);
  for (const DType dtype : all_dtypes)
    if (!xgrad::is_floating(dtype)) one(suite, operation, integers(held_by(dtype), dtype), f, g);
  for (const Shape& shape : shapes()) {
    one(suite, operation, random(shape), f, g);
    one(suite, operation, random(shape, xgrad::float64, 0, 1), f, g);
    one(suite, operation, random(shape, xgrad::float32), f, g);
  }
  one(suite, operation, random({1000}, xgrad::float64, -40, 40), f, g);
  for (const Input& input : lying_otherwise(random({4, 6}))) one(suite, operation, input, f, g);
}

void binary(Suite& suite, const std::string& operation, OurBinary f, TheirBinary g) {
  for (const double a : awkward_few())
    for (const double b : awkward_few())
      two(suite, operation, filled({9}, a), filled({9}, b), f, g);
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{}, {}},         {{1}, {}},        {{0}, {1}},       {{0}, {}},    {{5}, {1}},
      {{2, 3}, {3}},    {{3}, {2, 3}},    {{2, 1}, {1, 3}}, {{2, 3}, {}}, {{2, 3, 4}, {3, 1}},
      {{0, 3}, {1, 3}}, {{2, 0}, {2, 1}}, {{2}, {3}},       {{0}, {2}},   {{2, 3}, {2}}};
  for (const auto& [a, b] : pairs) {
    two(suite, operation, random(a, xgrad::float64, -3, 3, 1), random(b, xgrad::float64, -3, 3, 2),
        f, g);
    two(suite, operation, random(a, xgrad::float64, 0.1, 2, 1),
        random(b, xgrad::float64, 0.1, 2, 2), f, g);
    two(suite, operation, whole(a, xgrad::float64, -2, 3, 1), whole(b, xgrad::float64, -2, 3, 2), f,
        g);
  }
  for (const DType a : all_dtypes)
    for (const DType b : all_dtypes)
      for (const auto& [s, t] : {std::pair{Shape{2, 3}, Shape{2, 3}},
                                 {Shape{3}, Shape{}},
                                 {Shape{}, Shape{3}},
                                 {Shape{}, Shape{}}})
        two(suite, operation, small(s, a, 1), small(t, b, 2), f, g);
  // lowest / −1 ends libtorch's program.
  for (const DType dtype : {xgrad::int64, xgrad::int32, xgrad::uint8})
    for (const std::int64_t a : held_by(dtype))
      for (const std::int64_t b : held_by(dtype))
        if (b != -1)
          two(suite, operation, integers({a, a, a}, dtype), integers({b, b, b}, dtype), f, g);
  for (const DType dtype : all_dtypes)
    for (const Shape& shape : {Shape{3}, Shape{}}) {
      const Input x = small(shape, dtype, 1);
      const auto beside = [&](const std::string& what, const xgrad::Scalar& ours,
                              const at::Scalar& theirs) {
        check(
            suite, operation, {x}, "beside " + what, [=](const Ours& x) { return f(x[0], ours); },
            [=](const Theirs& x) { return g(x[0], number(theirs)); });
        check(
            suite, operation, {x}, "behind " + what, [=](const Ours& x) { return f(ours, x[0]); },
            [=](const Theirs& x) { return g(number(theirs), x[0]); });
      };
      beside("2", 2, 2);
      beside("-3", -3, -3);
      beside("2.5", 2.5, 2.5);
      beside("true", true, true);
      beside("0.0", 0.0, 0.0);
      beside("2^53 + 1", (std::int64_t{1} << 53) + 1, (std::int64_t{1} << 53) + 1);
    }
  const Inputs left = lying_otherwise(random({4, 6}, xgrad::float64, -3, 3, 1));
  const Inputs right = lying_otherwise(random({4, 6}, xgrad::float64, -3, 3, 2));
  for (const Input& a : left)
    for (const Input& b : right) two(suite, operation, a, b, f, g);
}

Inputs along_inputs() {
  Inputs inputs;
  for (const Shape& shape : shapes()) inputs.push_back(random(shape));
  for (const DType dtype : all_dtypes) {
    inputs.push_back(whole({3, 4}, dtype, 0, 3));
    inputs.push_back(whole({0}, dtype, 0, 3));
    inputs.push_back(whole({}, dtype, 0, 3));
    inputs.push_back(whole({4, 0, 2}, dtype, 0, 3));
  }
  for (const double value : {0.0, -0.0, 1.0, 1e300, inf, -inf, nan})
    inputs.push_back(filled({3, 4}, value));
  const Input few = whole({3, 4}, xgrad::float64, -2, 3);
  const Input some = random({3, 4});
  for (const double value : {nan, inf, -inf, -0.0})
    for (const std::int64_t place : {0, 5, 11}) {
      inputs.push_back(with_value(few, place, value));
      inputs.push_back(with_value(some, place, value));
    }
  inputs.push_back(with_value(with_value(some, 0, inf), 1, -inf));
  inputs.push_back(with_value(with_value(some, 0, nan), 1, nan));
  inputs.push_back(with_value(with_value(some, 3, inf), 2, nan));
  inputs.push_back(with_value(with_value(few, 0, 0.0), 1, -0.0));
  inputs.push_back(integers({highest, highest, 1, lowest, (1LL << 53) + 1, 1LL << 53}, xgrad::int64,
                            Shape{2, 3}));
  inputs.push_back(
      integers({2147483647, 2147483647, 1, -2147483648LL, 5, 5}, xgrad::int32, Shape{2, 3}));
  inputs.push_back(integers({255, 255, 1, 0, 7, 7}, xgrad::uint8, Shape{2, 3}));
  inputs.push_back(random({3, 1000}));
  inputs.push_back(random({1000, 3}, xgrad::float32));
  for (const Input& input : lying_otherwise(random({4, 6}))) inputs.push_back(input);
  for (const Input& input : lying_otherwise(whole({4, 6}, xgrad::int64, -2, 3)))
    inputs.push_back(input);
  return inputs;
}

void reduction(Suite& suite, const std::string& operation, OurReduction f, TheirReduction g) {
  const std::vector<std::vector<std::int64_t>> lists{{}, {0}, {-1}, {1}, {0, 1}, {0, 0}, {-2, 3}};
  for (const Input& input : along_inputs())
    for (const auto& axes : lists)
      for (const bool keepdim : {false, true})
        check(
            suite, operation, {input},
            "axes " + xgrad::to_string(xgrad::Axes(std::span(axes))) + (keepdim ? " kept" : ""),
            [=](const Ours& x) { return f(x[0], xgrad::Axes(std::span(axes)), keepdim); },
            [=](const Theirs& x) { return g(x[0], axes, keepdim); });
}

Inputs arranged_inputs() {
  Inputs inputs;
  for (const Shape& shape : shapes()) inputs.push_back(random(shape));
  inputs.push_back(random({3, 3}));
  inputs.push_back(random({2, 2, 3, 4}));
  inputs.push_back(random({1, 1}));
  inputs.push_back(random({0, 0}));
  for (const DType dtype : all_dtypes) inputs.push_back(whole({2, 3, 4}, dtype, 0, 9));
  for (const Input& input : lying_otherwise(random({4, 6}))) inputs.push_back(input);
  return inputs;
}

std::vector<Inputs> factors() {
  std::vector<std::pair<Shape, Shape>> pairs{{{3}, {3}},
                                             {{0}, {0}},
                                             {{1}, {1}},
                                             {{3}, {4}},
                                             {{1}, {3}},
                                             {{}, {}},
                                             {{}, {3}},
                                             {{3}, {}},
                                             {{2, 3}, {3, 4}},
                                             {{2, 3}, {3}},
                                             {{2}, {2, 3}},
                                             {{2, 3}, {2, 3}},
                                             {{2, 3}, {4}},
                                             {{2, 0}, {0, 3}},
                                             {{0, 2}, {2, 3}},
                                             {{2, 3}, {3, 0}},
                                             {{1, 1}, {1, 1}},
                                             {{1, 3}, {3, 1}},
                                             {{2, 3}, {1, 4}},
                                             {{5, 2, 3}, {5, 3, 4}},
                                             {{5, 2, 3}, {3, 4}},
                                             {{2, 3}, {5, 3, 4}},
                                             {{5, 2, 3}, {3}},
                                             {{3}, {5, 3, 4}},
                                             {{1, 2, 3}, {5, 3, 4}},
                                             {{5, 2, 3}, {4, 3, 4}},
                                             {{0, 2, 3}, {0, 3, 4}},
                                             {{5, 0, 3}, {5, 3, 4}},
                                             {{2, 1, 2, 3}, {3, 3, 2}},
                                             {{3, 3}, {3, 3}},
                                             {{2, 2, 3}, {2, 2, 3}},
                                             {{40, 50}, {50, 30}}};
  std::vector<Inputs> all;
  for (const auto& [a, b] : pairs)
    all.push_back({random(a, xgrad::float64, -3, 3, 1), random(b, xgrad::float64, -3, 3, 2)});
  for (const DType a : all_dtypes)
    for (const DType b : all_dtypes)
      for (const auto& [s, t] : {std::pair{Shape{3}, Shape{3}},
                                 {Shape{3, 3}, Shape{3, 3}},
                                 {Shape{2, 3, 3}, Shape{2, 3, 3}},
                                 {Shape{3, 3}, Shape{3}}})
        all.push_back({whole(s, a, 0, 3, 1), whole(t, b, 0, 3, 2)});
  for (const double value : {nan, inf})
    for (const Shape& shape : {Shape{3}, Shape{3, 3}, Shape{2, 3, 3}}) {
      const Input a = random(shape, xgrad::float64, -3, 3, 1);
      const Input b = random(shape, xgrad::float64, -3, 3, 2);
      all.push_back({with_value(a, 1, value), b});
      all.push_back({a, with_value(with_value(b, 1, value), 0, 0)});
    }
  const Inputs left = lying_otherwise(random({4, 4}, xgrad::float64, -3, 3, 1));
  const Inputs right = lying_otherwise(random({4, 4}, xgrad::float64, -3, 3, 2));
  for (const Input& a : left)
    for (const Input& b : right) all.push_back({a, b});
  return all;
}

Inputs matrix_inputs() {
  Inputs inputs;
  for (const Shape& shape : {Shape{3, 3}, Shape{1, 1}, Shape{0, 0}, Shape{2, 4}, Shape{4, 2},
                             Shape{0, 3}, Shape{3, 0}, Shape{2, 3, 3}, Shape{0, 3, 3},
                             Shape{2, 0, 0}, Shape{2, 3, 2}, Shape{5}, Shape{}, Shape{7, 7}})
    inputs.push_back(random(shape));
  for (const DType dtype : all_dtypes) inputs.push_back(whole({3, 3}, dtype, 0, 4));
  for (const std::int64_t n : {3, 6}) {
    const Tensor a = random({n, n}).tensor;
    inputs.push_back({"symmetric positive float64 " + std::to_string(n),
                      a.matmul(a.t()) + xgrad::eye(n, {}, {.dtype = xgrad::float64})});
    inputs.push_back({"symmetric float64 " + std::to_string(n), a + a.t()});
  }
  inputs.push_back(filled({3, 3}, 0));
  inputs.push_back(filled({3, 3}, 1));
  inputs.push_back({"float64 identity", xgrad::eye(3, {}, {.dtype = xgrad::float64})});
  inputs.push_back(listed({1, 2, 3, 2, 4, 6, 1, 0, 1}, xgrad::float64, Shape{3, 3}));
  inputs.push_back(listed({0, 1, 1, 0}, xgrad::float64, Shape{2, 2}));
  inputs.push_back(listed({-1, 0, 0, -2}, xgrad::float64, Shape{2, 2}));
  inputs.push_back(with_value(random({3, 3}), 4, nan));
  inputs.push_back(with_value(random({3, 3}), 4, inf));
  for (const Input& input : lying_otherwise(random({4, 4}))) inputs.push_back(input);
  return inputs;
}

std::vector<Inputs> loss_inputs(double low, double high) {
  std::vector<Inputs> all;
  for (const Shape& shape : shapes())
    all.push_back(
        {random(shape, xgrad::float64, low, high, 1), random(shape, xgrad::float64, low, high, 2)});
  for (const DType dtype : all_dtypes)
    all.push_back({random({2, 3}, dtype, low, high, 1), random({2, 3}, dtype, low, high, 2)});
  all.push_back(
      {random({2, 3}, xgrad::float64, low, high, 1), random({2, 3}, xgrad::float32, low, high, 2)});
  for (const double value : {low, high, (low + high) / 2, low + 1, low + 0.5})
    all.push_back({filled({2, 3}, value), filled({2, 3}, low)});
  for (const double value : {nan, inf, -inf, 0.0, -0.0, 1e300}) {
    const Input x = random({2, 3}, xgrad::float64, low, high, 1);
    const Input target = random({2, 3}, xgrad::float64, low, high, 2);
    all.push_back({with_value(x, 1, value), target});
    all.push_back({x, with_value(target, 1, value)});
    all.push_back({with_value(x, 1, value), with_value(target, 1, value)});
  }
  for (const auto& [s, t] : {std::pair{Shape{2, 3}, Shape{3}},
                             {Shape{2, 1}, Shape{2}},
                             {Shape{2, 3}, Shape{}},
                             {Shape{2}, Shape{3}}})
    all.push_back(
        {random(s, xgrad::float64, low, high, 1), random(t, xgrad::float64, low, high, 2)});
  const Inputs left = lying_otherwise(random({4, 6}, xgrad::float64, low, high, 1));
  const Inputs right = lying_otherwise(random({4, 6}, xgrad::float64, low, high, 2));
  for (std::size_t i = 0; i < left.size(); ++i) all.push_back({left[i], right[(i + 1) % 3]});
  return all;
}

}  // namespace agreement
