// create.hpp, as far as its values are not random.
#include <limits>

#include "kinds.hpp"

namespace agreement {
namespace {

/// A number as both have it.
struct Number {
  std::string what;
  xgrad::Scalar ours;
  at::Scalar theirs;
};

template <class T>
Number number(T value) {
  return {xgrad::to_string(xgrad::Scalar(value)), value, value};
}
Number whole_number(std::int64_t value) { return number(value); }

at::TensorOptions typed(std::optional<xgrad::DType> dtype) {
  return dtype ? at::TensorOptions(theirs(xgrad::zeros({}, {.dtype = *dtype})).scalar_type())
               : at::TensorOptions();
}

std::vector<std::optional<xgrad::DType>> dtypes() {
  std::vector<std::optional<xgrad::DType>> all{{}};
  for (const xgrad::DType dtype : all_dtypes) all.emplace_back(dtype);
  return all;
}
std::string text(std::optional<xgrad::DType> dtype) {
  return dtype ? " of " + std::string(xgrad::name(*dtype)) : "";
}

}  // namespace

void creation(Suite& s) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  const std::vector<std::tuple<Number, Number, Number>> ranges{
      {number(0), number(5), number(1)},
      {number(0), number(5), number(2)},
      {number(5), number(0), number(-2)},
      {number(0), number(0), number(1)},
      {number(0), number(5), number(-1)},
      {number(0), number(5), number(0)},
      {number(0.0), number(1.0), number(0.1)},
      {number(0), number(1), number(0.3)},
      {number(0), number(2.5), number(1)},
      {number(1.5), number(4), number(1)},
      {whole_number(big), whole_number(big + 4), number(1)},
      {number(-3), number(3), number(1)},
      {number(250), number(256), number(2)},
      {number(0.0), number(INFINITY), number(1.0)},
      {number(NAN), number(1.0), number(1.0)},
      {number(1), number(0), number(1)},
      {number(true), number(4), number(1)}};
  for (const auto& dtype : dtypes()) {
    for (const auto& [start, end, step] : ranges)
      check(
          s, "arange", {}, start.what + " to " + end.what + " by " + step.what + text(dtype),
          [=, a = start.ours, b = end.ours, c = step.ours](const Ours&) {
            return xgrad::arange(a, b, c, {.dtype = dtype});
          },
          [=, a = start.theirs, b = end.theirs, c = step.theirs](const Theirs&) {
            return at::arange(a, b, c, typed(dtype));
          });
    for (const auto& [start, end] :
         std::vector<std::pair<Number, Number>>{{number(0), number(1)},
                                                {number(-2.5), number(3)},
                                                {number(3), number(-3)},
                                                {number(0), number(10)},
                                                {whole_number(big), whole_number(big + 4)},
                                                {number(0.0), number(INFINITY)},
                                                {number(1.0), number(1.0)}})
      for (const std::int64_t steps : {0, 1, 2, 5, 7, 100, -1})
        check(
            s, "linspace", {},
            start.what + " to " + end.what + " in " + std::to_string(steps) + text(dtype),
            [=, a = start.ours, b = end.ours](const Ours&) {
              return xgrad::linspace(a, b, steps, {.dtype = dtype});
            },
            [=, a = start.theirs, b = end.theirs](const Theirs&) {
              return at::linspace(a, b, steps, typed(dtype));
            });
    for (const Number& value : {number(0), number(-1), number(2.5), number(true), number(300),
                                number(NAN), whole_number(big)})
      for (const xgrad::Shape& shape : {xgrad::Shape{2, 3}, xgrad::Shape{}, xgrad::Shape{0}})
        check(
            s, "full", {}, xgrad::to_string(shape) + " of " + value.what + text(dtype),
            [=, v = value.ours](const Ours&) { return xgrad::full(shape, v, {.dtype = dtype}); },
            [=, v = value.theirs](const Theirs&) {
              return at::full(list(shape), v, typed(dtype));
            });
    for (const auto& [n, m] : {std::pair{3, 3}, {2, 4}, {0, 0}, {0, 3}, {-1, 2}, {2, -1}})
      check(
          s, "eye", {}, std::to_string(n) + " by " + std::to_string(m) + text(dtype),
          [=, n = n, m = m](const Ours&) { return xgrad::eye(n, m, {.dtype = dtype}); },
          [=, n = n, m = m](const Theirs&) { return at::eye(n, m, typed(dtype)); });
    check(
        s, "zeros", {}, "[2, 0]" + text(dtype),
        [=](const Ours&) {
          return xgrad::zeros({2, 0}, {.dtype = dtype});
        },
        [=](const Theirs&) {
          return at::zeros({2, 0}, typed(dtype));
        });
    check(
        s, "ones", {}, "[2, 3]" + text(dtype),
        [=](const Ours&) {
          return xgrad::ones({2, 3}, {.dtype = dtype});
        },
        [=](const Theirs&) {
          return at::ones({2, 3}, typed(dtype));
        });
    check(
        s, "zeros", {}, "[-1]" + text(dtype),
        [=](const Ours&) { return xgrad::zeros({-1}, {.dtype = dtype}); },
        [=](const Theirs&) { return at::zeros({-1}, typed(dtype)); });
  }
  for (const double base : {10.0, 2.0, 0.5, 0.0, -2.0})
    for (const std::int64_t steps : {0, 1, 2, 5, -1})
      check(
          s, "logspace", {},
          "-1 to 2 in " + std::to_string(steps) + " base " + std::to_string(base),
          [=](const Ours&) {
            return xgrad::logspace(-1, 2, steps, base, {.dtype = xgrad::float64});
          },
          [=](const Theirs&) { return at::logspace(-1, 2, steps, base, at::kDouble); });
  for (const std::int64_t offset : {0, 1, -1, 5, -5})
    for (const auto& [n, m] : {std::pair{3, 4}, {4, 3}, {0, 3}, {3, 0}, {-1, 2}}) {
      const std::string with =
          std::to_string(n) + " by " + std::to_string(m) + " offset " + std::to_string(offset);
      check(
          s, "tril_indices", {}, with,
          [=, n = n, m = m](const Ours&) { return xgrad::tril_indices(n, m, offset); },
          [=, n = n, m = m](const Theirs&) { return at::tril_indices(n, m, offset, at::kLong); });
      check(
          s, "triu_indices", {}, with,
          [=, n = n, m = m](const Ours&) { return xgrad::triu_indices(n, m, offset); },
          [=, n = n, m = m](const Theirs&) { return at::triu_indices(n, m, offset, at::kLong); });
    }
  over(s, "zeros_like", [](const auto& x) { return zeros_like(x); });
  over(s, "ones_like", [](const auto& x) { return ones_like(x); });
  over(s, "full_like", [](const auto& x) { return full_like(x, 2.5); });
}

}  // namespace agreement
