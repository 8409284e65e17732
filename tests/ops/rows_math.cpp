#include <utility>

#include "ops/table.hpp"

namespace table {
namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);

struct Range {
  double low, high;
};

/// f of values between its kinks and poles.
Rows within(Unary f, Range range) {
  Rows rows;
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{1, 4, 1}, Shape{0, 3}})
    rows.push_back({to_string(shape),
                    {uniform(shape, range.low, range.high)},
                    [f](const Inputs& x) { return f(x[0]); }});
  return rows;
}

/// f of pairs, broadcast both ways, and beside numbers.
Rows within(Binary f, Range first, Range second) {
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{2, 3}, {2, 3}}, {{2, 3}, {3}},       {{3}, {2, 3}},    {{2, 1}, {1, 3}},
      {{}, {2, 2}},     {{2, 3, 4}, {3, 1}}, {{0, 3}, {1, 3}}, {{2, 0}, {2, 1}}};
  Rows rows;
  for (const auto& [a, b] : pairs)
    rows.push_back({to_string(a) + " with " + to_string(b),
                    {uniform(a, first.low, first.high, 1), uniform(b, second.low, second.high, 2)},
                    [f](const Inputs& x) { return f(x[0], x[1]); }});
  const double a = (first.low + first.high) / 2;
  const double b = (second.low + second.high) / 2;
  rows.push_back({"with a number", {uniform({2, 3}, first.low, first.high)}, [=](const Inputs& x) {
                    return f(x[0], b);
                  }});
  rows.push_back({"of a number", {uniform({2, 3}, second.low, second.high)}, [=](const Inputs& x) {
                    return f(a, x[0]);
                  }});
  return rows;
}

constexpr Range positive{0.5, 2.5};
constexpr Range around_zero{-1.2, 1.2};
constexpr Range inside_one{-0.7, 0.7};

}  // namespace

template <>
Rows rows<Op::reciprocal>() {
  return within(reciprocal, positive);
}
template <>
Rows rows<Op::rsqrt>() {
  return within(rsqrt, positive);
}
template <>
Rows rows<Op::exp2>() {
  return within(exp2, around_zero);
}
template <>
Rows rows<Op::expm1>() {
  return within(expm1, around_zero);
}
template <>
Rows rows<Op::log2>() {
  return within(log2, positive);
}
template <>
Rows rows<Op::log10>() {
  return within(log10, positive);
}
template <>
Rows rows<Op::log1p>() {
  return within(log1p, positive);
}
template <>
Rows rows<Op::floor>() {
  return within(floor, {-1.9, -1.1});
}
template <>
Rows rows<Op::ceil>() {
  return within(ceil, {-1.9, -1.1});
}
template <>
Rows rows<Op::round>() {
  Rows rows = within(round, {0.6, 1.4});
  rows.push_back(
      {"to a decimal", {uniform({4}, 0.76, 0.84)}, [](const Inputs& x) { return round(x[0], 1); }});
  return rows;
}
template <>
Rows rows<Op::trunc>() {
  return within(trunc, {-1.9, -1.1});
}
template <>
Rows rows<Op::frac>() {
  return within(frac, {-1.9, -1.1});
}
template <>
Rows rows<Op::sin>() {
  return within(sin, around_zero);
}
template <>
Rows rows<Op::cos>() {
  return within(cos, around_zero);
}
template <>
Rows rows<Op::tan>() {
  return within(tan, inside_one);
}
template <>
Rows rows<Op::asin>() {
  return within(asin, inside_one);
}
template <>
Rows rows<Op::acos>() {
  return within(acos, inside_one);
}
template <>
Rows rows<Op::atan>() {
  return within(atan, around_zero);
}
template <>
Rows rows<Op::sinh>() {
  return within(sinh, around_zero);
}
template <>
Rows rows<Op::cosh>() {
  return within(cosh, around_zero);
}
template <>
Rows rows<Op::asinh>() {
  return within(asinh, around_zero);
}
template <>
Rows rows<Op::acosh>() {
  return within(acosh, {1.6, 2.6});
}
template <>
Rows rows<Op::atanh>() {
  return within(atanh, inside_one);
}

template <>
Rows rows<Op::atan2>() {
  return within(atan2, around_zero, positive);
}
template <>
Rows rows<Op::hypot>() {
  return within(hypot, around_zero, positive);
}
template <>
Rows rows<Op::logaddexp>() {
  return within(logaddexp, around_zero, around_zero);
}
template <>
Rows rows<Op::logaddexp2>() {
  return within(logaddexp2, around_zero, around_zero);
}
template <>
Rows rows<Op::xlogy>() {
  return within(xlogy, around_zero, positive);
}
template <>
Rows rows<Op::copysign>() {
  return within(copysign, {0.5, 2}, {-2, -0.5});
}
// Quotients between −2.75 and −2.33.
template <>
Rows rows<Op::fmod>() {
  return within(fmod, {-2.2, -2.1}, {0.8, 0.9});
}
template <>
Rows rows<Op::remainder>() {
  return within(remainder, {-2.2, -2.1}, {0.8, 0.9});
}
template <>
Rows rows<Op::floor_divide>() {
  return within(floor_divide, {-2.2, -2.1}, {0.8, 0.9});
}

// Either side taken, and never both equal.
template <>
Rows rows<Op::fmax>() {
  Rows rows = within(fmax, {0.5, 1}, {1.5, 2});
  for (Row& row : within(fmax, {1.5, 2}, {0.5, 1})) rows.push_back(std::move(row));
  return rows;
}
template <>
Rows rows<Op::fmin>() {
  Rows rows = within(fmin, {0.5, 1}, {1.5, 2});
  for (Row& row : within(fmin, {1.5, 2}, {0.5, 1})) rows.push_back(std::move(row));
  return rows;
}

template <>
Rows rows<Op::addcmul>() {
  return {{"broadcast",
           {normal({2, 3}), normal({3}, 2), normal({2, 1}, 3)},
           [](const Inputs& x) { return addcmul(x[0], x[1], x[2], 0.5); }},
          {"alike", {normal({4}), normal({4}, 2), normal({4}, 3)}, [](const Inputs& x) {
             return addcmul(x[0], x[1], x[2]);
           }}};
}

template <>
Rows rows<Op::addcdiv>() {
  return {{"broadcast",
           {normal({2, 3}), normal({3}, 2), uniform({2, 1}, 0.5, 2, 3)},
           [](const Inputs& x) { return addcdiv(x[0], x[1], x[2], 0.5); }},
          {"alike", {normal({4}), normal({4}, 2), uniform({4}, 0.5, 2, 3)}, [](const Inputs& x) {
             return addcdiv(x[0], x[1], x[2]);
           }}};
}

template <>
Rows rows<Op::lerp>() {
  Rows rows;
  for (const double weight : {0.25, 0.75})
    rows.push_back({"by a number", {normal({2, 3}), normal({3}, 2)}, [=](const Inputs& x) {
                      return lerp(x[0], x[1], weight);
                    }});
  for (const Range range : {Range{0.1, 0.4}, Range{0.6, 0.9}})
    rows.push_back({"by a tensor",
                    {normal({2, 3}), normal({3}, 2), uniform({2, 1}, range.low, range.high, 3)},
                    [](const Inputs& x) { return lerp(x[0], x[1], x[2]); }});
  return rows;
}

// Some of the values lie on either side of a bound that is a tensor.
template <>
Rows rows<Op::clamp_min>() {
  return {{"[3, 5]", {normal({3, 5})}, [](const Inputs& x) { return clamp_min(x[0], 0.25); }},
          {"tensors", {normal({3, 5}), uniform({5}, -0.2, 0.2, 2)}, [](const Inputs& x) {
             return clamp_min(x[0], x[1]);
           }}};
}
template <>
Rows rows<Op::clamp_max>() {
  return {{"[3, 5]", {normal({3, 5})}, [](const Inputs& x) { return clamp_max(x[0], 0.25); }},
          {"tensors", {normal({5}), uniform({3, 1}, -0.2, 0.2, 2)}, [](const Inputs& x) {
             return clamp_max(x[0], x[1]);
           }}};
}
template <>
Rows rows<Op::nan_to_num>() {
  return {{"[3, 5]", {normal({3, 5})}, [](const Inputs& x) { return nan_to_num(x[0]); }},
          {"[0]", {normal({0})}, [](const Inputs& x) { return nan_to_num(x[0], 1, 2, 3); }}};
}

}  // namespace table
