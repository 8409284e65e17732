// Questions about values.

#include "hostile.hpp"

using namespace hostile;

namespace {

Row of_one(const char* name, Tensor (*f)(const Tensor&)) {
  return {name, [f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }};
}

Row of_two(const char* name, Tensor (*f)(const Tensor&, const Tensor&)) {
  return {name, [f](Arguments& from) {
            const Tensor a = from.tensor({2, 3});
            Arguments::use(f(a, from.tensor({3})));
          }};
}

Row over_axes(const char* name, Tensor (*f)(const Tensor&, const Axes&, bool)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor({2, 3});
            const Axes axes = from.axes({0});
            Arguments::use(f(x, axes, from.flag()));
          }};
}

}  // namespace

TEST_CASE("hostile: logic") {
  sweep({
      of_one("isnan", isnan),
      of_one("isinf", isinf),
      of_one("isfinite", isfinite),
      of_one("logical_not", logical_not),
      of_two("logical_and", logical_and),
      of_two("logical_or", logical_or),
      of_two("logical_xor", logical_xor),
      over_axes("any", any),
      over_axes("all", all),
      {"isclose",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({3});
         const double rtol = from.real();
         const double atol = from.real();
         Arguments::use(isclose(a, b, rtol, atol, from.flag()));
       }},
      {"count_nonzero",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(count_nonzero(x, from.axes({0})));
       }},
  });
}
