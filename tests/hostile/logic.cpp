#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: logic") {
  using Binary = Tensor (*)(const Operand&, const Operand&);
  using Unary = Tensor (*)(const Tensor&);
  using InPlace = Tensor (*)(const Tensor&, const Operand&);
  std::vector<Row> rows;
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Unary>>{{"isnan", isnan},
                                                  {"isinf", isinf},
                                                  {"isfinite", isfinite},
                                                  {"logical_not", logical_not}})
    rows.push_back({name, [f = f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }});
  rows.push_back({"bitwise_not", [](Arguments& from) {
                    Arguments::use(bitwise_not(from.tensor({2, 3}, int64)));
                  }});
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Binary>>{{"logical_and", logical_and},
                                                   {"logical_or", logical_or},
                                                   {"logical_xor", logical_xor},
                                                   {"bitwise_and", bitwise_and},
                                                   {"bitwise_or", bitwise_or},
                                                   {"bitwise_xor", bitwise_xor}}) {
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor a = from.tensor({2, 3}, int64);
                      Arguments::use(f(a, from.tensor({2, 3}, int64)));
                    }});
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor a = from.tensor({2, 3}, int64);
                      Arguments::use(f(a, from.scalar()));
                    }});
  }
  for (const auto& [name, f] : {std::pair("bitwise_left_shift", &bitwise_left_shift),
                                std::pair("bitwise_right_shift", &bitwise_right_shift)}) {
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor a = from.tensor({2, 3}, int64);
                      Arguments::use(f(a, from.tensor({3}, int64)));
                    }});
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor a = from.tensor({2, 3}, int64);
                      Arguments::use(f(a, from.scalar()));
                    }});
  }
  rows.push_back({"isclose", [](Arguments& from) {
                    const Tensor a = from.tensor({2, 3});
                    const Tensor b = from.tensor({2, 3});
                    const double rtol = from.real();
                    const double atol = from.real();
                    Arguments::use(isclose(a, b, rtol, atol, from.flag()));
                  }});
  for (const auto& [name, f] : {std::pair("any", &any), std::pair("all", &all)})
    rows.push_back({name, [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const Axes axes = from.axes({1});
                      Arguments::use(f(x, axes, from.flag()));
                    }});
  rows.push_back({"count_nonzero", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(count_nonzero(x, from.axes({1})));
                  }});
  for (const auto& [name, f] : std::vector<std::pair<std::string, InPlace>>{
           {"+=", [](auto&x, auto&y) { return x += y; }},
           {"-=", [](auto&x, auto&y) { return x -= y; }},
           {"*=", [](auto&x, auto&y) { return x *= y; }},
           {"/=", [](auto&x, auto&y) { return x /= y; }}}) {
    rows.push_back({name + "|" + (name == "-=" ? "sub" : name), [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      Arguments::use(f(x, from.tensor({2, 3})));
                    }});
    rows.push_back({name + "|add|sub|mul|div", [f = f](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      Arguments::use(f(x, from.scalar()));
                    }});
  }
  sweep(rows);
}
