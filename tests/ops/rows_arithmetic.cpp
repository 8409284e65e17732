#include <xgrad/ops/rules.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

/// The shapes every elementwise function of one tensor is checked on.
Rows on_shapes(const std::function<Tensor(const Tensor&)>& f,
               const std::function<Tensor(const Shape&)>& sample) {
  Rows result;
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{1, 4, 1}, Shape{0, 3}})
    result.push_back({to_string(shape), {sample(shape)}, [f](const Inputs& x) { return f(x[0]); }});
  return result;
}

Tensor positive(const Shape& shape) { return uniform(shape, 0.5, 2.5); }
Tensor any(const Shape& shape) { return normal(shape); }

}  // namespace

template <>
Rows rows<Op::neg>() {
  return on_shapes([](const Tensor& x) { return -x; }, any);
}

template <>
Rows rows<Op::abs>() {
  return on_shapes([](const Tensor& x) { return abs(x); }, any);
}

template <>
Rows rows<Op::exp>() {
  return on_shapes([](const Tensor& x) { return exp(x); }, any);
}

template <>
Rows rows<Op::log>() {
  return on_shapes([](const Tensor& x) { return log(x); }, positive);
}

template <>
Rows rows<Op::sqrt>() {
  return on_shapes([](const Tensor& x) { return sqrt(x); }, positive);
}

template <>
Rows rows<Op::square>() {
  return on_shapes([](const Tensor& x) { return square(x); }, any);
}

template <>
Rows rows<Op::tanh>() {
  return on_shapes([](const Tensor& x) { return tanh(x); }, any);
}

template <>
Rows rows<Op::erf>() {
  return on_shapes([](const Tensor& x) { return erf(x); }, any);
}

template <>
Rows rows<Op::erfc>() {
  return on_shapes([](const Tensor& x) { return erfc(x); }, any);
}

template <>
Rows rows<Op::gelu>() {
  return on_shapes([](const Tensor& x) { return gelu(x); }, any);
}

template <>
Rows rows<Op::sigmoid>() {
  return on_shapes([](const Tensor& x) { return sigmoid(x); }, any);
}

template <>
Rows rows<Op::relu>() {
  return on_shapes([](const Tensor& x) { return relu(x); }, any);
}

template <>
Rows rows<Op::clone>() {
  return on_shapes([](const Tensor& x) { return clone(x); }, any);
}

template <>
Rows rows<Op::to>() {
  // float32 inside would drown the differences in rounding, so there and back is checked on
  // values that float32 holds exactly, by its gradient alone (tests/ops/arithmetic.cpp).
  return on_shapes([](const Tensor& x) { return to(to(x * 0, float32), float64) + x; }, any);
}

template <>
Rows rows<Op::clamp>() {
  Rows rows = on_shapes([](const Tensor& x) { return clamp(x, -0.5, 0.7); }, any);
  rows.push_back({"min", {normal({7})}, [](const Inputs& x) { return clamp(x[0], 0.1); }});
  rows.push_back({"max", {normal({7})}, [](const Inputs& x) { return clamp(x[0], {}, 0.1); }});
  rows.push_back({"tensors",
                  {normal({3, 5}), uniform({5}, -0.9, -0.3, 2), uniform({3, 1}, 0.3, 0.9, 3)},
                  [](const Inputs& x) { return clamp(x[0], x[1], x[2]); }});
  return rows;
}

template <>
Rows rows<Op::dropout>() {
  return on_shapes(
      [](const Tensor& x) {
        Generator generator(5);
        return dropout(x, {.p = 0.4, .generator = &generator});
      },
      any);
}

namespace {

using Binary = std::function<Tensor(const Tensor&, const Tensor&)>;

/// Broadcasting in both directions and at once, scalars, and axes of no elements.
Rows on_pairs(const Binary& f, const std::function<Tensor(const Shape&, std::uint64_t)>& sample) {
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{2, 3}, {2, 3}},       {{2, 3}, {3}}, {{3}, {2, 3}},       {{2, 1}, {1, 3}},
      {{}, {2, 2}},           {{2, 2}, {}},  {{2, 3, 4}, {3, 1}}, {{1, 1}, {2, 1, 3}},
      {{1, 3, 1}, {2, 1, 2}}, {{0, 3}, {3}}, {{2, 0}, {2, 1}}};
  Rows rows;
  for (const auto& [a, b] : pairs)
    rows.push_back({to_string(a) + " with " + to_string(b),
                    {sample(a, 1), sample(b, 2)},
                    [f](const Inputs& x) { return f(x[0], x[1]); }});
  rows.push_back(
      {"with itself", {sample({3}, 3)}, [f](const Inputs& x) { return f(x[0], x[0] * x[0]); }});
  return rows;
}

Tensor any_pair(const Shape& shape, std::uint64_t seed) { return normal(shape, seed); }
Tensor away_from_zero(const Shape& shape, std::uint64_t seed) {
  return uniform(shape, 0.5, 2.0, seed);
}

Row with_scalar(const char* name, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {uniform({2, 3}, 0.5, 2.0)}, [f](const Inputs& x) { return f(x[0]); }};
}

}  // namespace

template <>
Rows rows<Op::add>() {
  Rows rows = on_pairs([](const Tensor& a, const Tensor& b) { return a + b; }, any_pair);
  rows.push_back(with_scalar("2 + x", [](const Tensor& x) { return 2 + x; }));
  return rows;
}

template <>
Rows rows<Op::sub>() {
  Rows rows = on_pairs([](const Tensor& a, const Tensor& b) { return a - b; }, any_pair);
  rows.push_back(with_scalar("2 - x", [](const Tensor& x) { return 2 - x; }));
  return rows;
}

template <>
Rows rows<Op::mul>() {
  Rows rows = on_pairs([](const Tensor& a, const Tensor& b) { return a * b; }, any_pair);
  rows.push_back(with_scalar("x * 2.5", [](const Tensor& x) { return x * 2.5; }));
  return rows;
}

template <>
Rows rows<Op::div>() {
  Rows rows = on_pairs([](const Tensor& a, const Tensor& b) { return a / b; }, away_from_zero);
  rows.push_back(with_scalar("2 / x", [](const Tensor& x) { return 2 / x; }));
  return rows;
}

template <>
Rows rows<Op::pow>() {
  Rows rows = on_pairs([](const Tensor& a, const Tensor& b) { return pow(a, b); }, away_from_zero);
  for (const double p : {-1.5, 0.0, 1.0, 2.0, 3.0})
    rows.push_back(with_scalar("x to a number", [p](const Tensor& x) { return pow(x, p); }));
  rows.push_back(with_scalar("2 to the x", [](const Tensor& x) { return pow(2.0, x); }));
  rows.push_back({"negative base", {normal({5})}, [](const Inputs& x) { return pow(x[0], 3); }});
  return rows;
}

template <>
Rows rows<Op::maximum>() {
  return on_pairs([](const Tensor& a, const Tensor& b) { return maximum(a, b); }, any_pair);
}

template <>
Rows rows<Op::minimum>() {
  return on_pairs([](const Tensor& a, const Tensor& b) { return minimum(a, b); }, any_pair);
}

template <>
Rows rows<Op::where>() {
  Rows rows = on_pairs(
      [](const Tensor& a, const Tensor& b) { return where(a.detach() > b.detach(), a * b, b); },
      any_pair);
  rows.push_back({"broadcast condition", {normal({2, 3}), normal({2, 1}, 2)}, [](const Inputs& x) {
                    return where(tensor({true, false, true}), x[0], x[1]);
                  }});
  return rows;
}

template <>
Rows rows<Op::mask_positive>() {
  return {{"[2, 3]",
           {normal({2, 3})},
           [](const Inputs& x) {
             return xgrad::detail::mask_positive(x[0], normal({2, 3}, 9).to(x[0].dtype()));
           }},
          {"[0]", {normal({0})}, [](const Inputs& x) {
             return xgrad::detail::mask_positive(x[0], zeros({0}, {.dtype = x[0].dtype()}));
           }}};
}

}  // namespace table
