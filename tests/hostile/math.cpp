// The functions of math.hpp.

#include "hostile.hpp"

using namespace hostile;

namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);
using Three = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, Scalar);

}  // namespace

TEST_CASE("hostile: mathematical functions of one and two") {
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Unary>>{{"reciprocal", reciprocal},
                                                  {"rsqrt", rsqrt},
                                                  {"exp2", exp2},
                                                  {"expm1", expm1},
                                                  {"log2", log2},
                                                  {"log10", log10},
                                                  {"log1p", log1p},
                                                  {"floor", floor},
                                                  {"ceil", ceil},
                                                  {"round", round},
                                                  {"trunc", trunc},
                                                  {"frac", frac},
                                                  {"sin", sin},
                                                  {"cos", cos},
                                                  {"tan", tan},
                                                  {"asin", asin},
                                                  {"acos", acos},
                                                  {"atan", atan},
                                                  {"sinh", sinh},
                                                  {"cosh", cosh},
                                                  {"asinh", asinh},
                                                  {"acosh", acosh},
                                                  {"atanh", atanh},
                                                  {"signbit", signbit}})
    rows.push_back({name, [f = f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }});
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Binary>>{{"atan2", atan2},
                                                   {"hypot", hypot},
                                                   {"logaddexp", logaddexp},
                                                   {"logaddexp2", logaddexp2},
                                                   {"xlogy", xlogy},
                                                   {"copysign", copysign},
                                                   {"fmod", fmod},
                                                   {"remainder", remainder},
                                                   {"floor_divide", floor_divide},
                                                   {"fmax", fmax},
                                                   {"fmin", fmin}}) {
    add_binary(rows, name, f);
  }
  sweep(rows);
}

TEST_CASE("hostile: more mathematical functions") {
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Three>>{{"addcmul", addcmul}, {"addcdiv", addcdiv}})
    rows.push_back({name + "|add|mul|div", [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const Tensor t1 = from.tensor({3});
                      const Tensor t2 = from.tensor({2, 1});
                      Arguments::use(f(x, t1, t2, from.scalar()));
                    }});
  rows.push_back({"lerp", [](Arguments& from) {
                    const Tensor start = from.tensor({2, 3});
                    const Tensor end = from.tensor({3});
                    Arguments::use(lerp(start, end, from.tensor({2, 1})));
                  }});
  rows.push_back({"lerp", [](Arguments& from) {
                    const Tensor start = from.tensor({2, 3});
                    const Tensor end = from.tensor({3});
                    Arguments::use(lerp(start, end, from.scalar()));
                  }});
  rows.push_back({"clamp_min|clamp", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(clamp_min(x, from.scalar()));
                  }});
  rows.push_back({"clamp_max|clamp", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3}, int64);
                    Arguments::use(clamp_max(x, from.scalar()));
                  }});
  rows.push_back({"clamp", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const Tensor low = from.tensor({3});
                    Arguments::use(clamp(x, low, from.tensor({2, 1})));
                  }});
  rows.push_back({"clamp_min|clamp", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(clamp_min(x, from.tensor({3})));
                  }});
  rows.push_back({"round", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(round(x, from.size(1)));
                  }});
  rows.push_back({"nan_to_num", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    const double nan = from.real();
                    const double high = from.real();
                    Arguments::use(nan_to_num(x, nan, high, from.real()));
                  }});
  sweep(rows);
}
