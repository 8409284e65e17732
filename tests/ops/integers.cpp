// An int64 stays what it is wherever it meets a number, a list, a text or a file (for files:
// tests/nn/state.cpp). A double holds 53 bits of its 63.

#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

using Whole = std::int64_t;

constexpr Whole odd = (Whole{1} << 53) + 1;  // the first whole number that double does not hold
constexpr Whole most = std::numeric_limits<Whole>::max();
constexpr Whole least = std::numeric_limits<Whole>::min();

std::vector<Whole> whole(const Tensor& x) {
  REQUIRE(x.dtype() == int64);
  return x.to_vector<Whole>();
}

struct Way {
  const char* name;
  std::function<Tensor(Whole)> f;  ///< gives the number back as an int64 tensor
};

const std::vector<Way> ways{
    {"tensor of a list", [](Whole v) { return tensor({v}); }},
    {"tensor of nested lists",
     [](Whole v) {
       return tensor({{v}, {v}});
     }},
    {"tensor of a number", [](Whole v) { return tensor(v); }},
    {"tensor with dtype", [](Whole v) { return tensor({v}, {.dtype = int64}); }},
    {"from_vector", [](Whole v) { return from_vector(std::vector<Whole>{v}); }},
    {"full", [](Whole v) { return full({2}, v); }},
    {"full_like", [](Whole v) { return full_like(tensor({1}), v); }},
    {"fill_",
     [](Whole v) {
       return tensor({1, 2}).fill_(v);
     }},
    {"copy_", [](Whole v) { return tensor({1}).copy_(tensor({v})); }},
    {"linspace", [](Whole v) { return linspace(v, v, 3, {.dtype = int64}); }},
    {"+", [](Whole v) { return tensor({0}) + v; }},
    {"+ on the left", [](Whole v) { return v + tensor({0}); }},
    {"-",
     [](Whole v) {
       return tensor({0, 0}) - (v == least ? v : -v);
     }},
    {"*", [](Whole v) { return v * tensor({1}); }},
    {"bool and number", [](Whole v) { return maximum(tensor({false}), v) + minimum(v, 0); }},
    {"maximum", [](Whole v) { return maximum(tensor({least}), v); }},
    {"minimum", [](Whole v) { return minimum(v, tensor({most})); }},
    {"where", [](Whole v) { return where(tensor({true}), v, tensor({0})); }},
    {"where of two numbers", [](Whole v) { return where(tensor({false}), 0, v); }},
    {"clamp from below", [](Whole v) { return clamp(tensor({least}), v); }},
    {"clamp from above", [](Whole v) { return clamp(tensor({most}), {}, v); }},
    {"clamp of it", [](Whole v) { return clamp(tensor({v}), least, most); }},
    {"pow", [](Whole v) { return pow(tensor({v}), 1); }},
    {"pow of a number", [](Whole v) { return pow(v, tensor({1})); }},
    {"pad",
     [](Whole v) {
       return pad(zeros({0}, {.dtype = int64}), {1, 2}, v);
     }},
    {"sum",
     [](Whole v) {
       return sum(tensor({v, Whole{0}}));
     }},
    {"prod",
     [](Whole v) {
       return prod(tensor({v, Whole{1}}));
     }},
    {"max",
     [](Whole v) {
       return max(tensor({v, least}));
     }},
    {"min",
     [](Whole v) {
       return min(tensor({v, most}));
     }},
    {"gather", [](Whole v) { return gather(tensor({v}), 0, tensor({0})); }},
    {"index_add", [](Whole v) { return index_add(tensor({0}), 0, tensor({0}), tensor({v})); }},
    {"scatter", [](Whole v) { return scatter(tensor({0}), 0, tensor({0}), tensor({v})); }},
    {"scatter a number", [](Whole v) { return scatter(tensor({0}), 0, tensor({0}), v); }},
    {"scatter_add", [](Whole v) { return scatter_add(tensor({0}), 0, tensor({0}), tensor({v})); }},
    {"index_select", [](Whole v) { return index_select(tensor({v}), 0, tensor({0})); }},
    {"cat",
     [](Whole v) {
       return cat({tensor({v}), tensor({v})});
     }},
    {"slice_scatter", [](Whole v) { return slice_scatter(tensor({0}), tensor({v})); }},
    {"flip, slice",
     [](Whole v) {
       return flip(tensor({v, v}), 0).slice(0, 1);
     }},
    {"item", [](Whole v) { return tensor(tensor({v}).item<Whole>()); }},
};

std::string shown(const Tensor& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

}  // namespace

TEST_CASE("no way in or out of an int64 tensor changes a large number") {
  for (const Way& way : ways)
    for (const Whole v : {odd, -odd, most, least, Whole{0}}) {
      CAPTURE(way.name);
      CAPTURE(v);
      for (const Whole found : whole(way.f(v))) CHECK(found == v);
    }
}

TEST_CASE("comparisons with numbers are exact: large ones, fractions, infinities, NaN") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const Tensor x = tensor({odd, most, least, Whole{2}});
  const auto truth = [](const Tensor& y) {
    std::string text;
    for (const bool t : y.to_vector<bool>()) text += t ? '1' : '0';
    return text;
  };
  CHECK(truth(x == odd) == "1000");
  CHECK(truth(x == odd - 1) == "0000");
  CHECK(truth(odd - 1 < x) == "1100");
  CHECK(truth(x >= most) == "0100");
  CHECK(truth(x < least + 1) == "0010");
  CHECK(truth(x == 9007199254740992.0) == "0000");
  CHECK(truth(x > 9007199254740992.0) == "1100");
  CHECK(truth(x < 0x1p63) == "1111");
  CHECK(truth(x >= -0x1p63) == "1111");
  CHECK(truth(x == -0x1p63) == "0010");
  CHECK(truth(x > 1.5) == "1101");
  CHECK(truth(x < 2.5) == "0011");
  CHECK(truth(2.5 > x) == "0011");
  CHECK(truth(2.0 == x) == "0001");
  CHECK(truth(x != 2.5) == "1111");
  CHECK(truth(x < inf) == "1111");
  CHECK(truth(x <= -inf) == "0000");
  CHECK(truth(x == NAN) == "0000");
  CHECK(truth(x != NAN) == "1111");
  CHECK(truth(NAN < x) == "0000");
  CHECK(truth(tensor({16777217}) > 16777216.5) == "1");  // float32 would make both 2²⁴
  CHECK(allclose(tensor({odd}), tensor({odd}), 0, 0));
  CHECK_FALSE(allclose(tensor({odd}), tensor({odd - 1}), 0, 0));
  CHECK(allclose(tensor({odd}), tensor({odd - 1}), 0, 1));
  CHECK_FALSE(allclose(tensor({most}), tensor({least}), 0.5, 0));
}

TEST_CASE("ranges are counted in whole numbers") {
  CHECK(whole(arange(odd, odd + 3)) == std::vector<Whole>{odd, odd + 1, odd + 2});
  CHECK(whole(arange(most, most - 5, -2)) == std::vector<Whole>{most, most - 2, most - 4});
  CHECK(whole(arange(least, most, Whole{1} << 62)) ==
        std::vector<Whole>{least, -(Whole{1} << 62), 0, Whole{1} << 62});
  CHECK(whole(arange(most, least, least)) == std::vector<Whole>{most, -1});
  CHECK(arange(0, least, 1 - 2 * (Whole{1} << 60)).numel() == 5);
  CHECK(arange(3, 3).numel() == 0);
  CHECK(whole(arange(0.5, 3.9, 1, {.dtype = int64})) == std::vector<Whole>{0, 1, 2});
  CHECK(values(arange(odd, odd + 1, 1, {.dtype = float64})) ==
        std::vector<double>{static_cast<double>(odd)});
  CHECK(whole(linspace(odd, odd + 4, 3, {.dtype = int64})) ==
        std::vector<Whole>{odd, odd + 2, odd + 4});
  CHECK(whole(linspace(least, most, 4, {.dtype = int64})) ==
        std::vector<Whole>{least, -most / 3 - 1, most / 3, most});
  CHECK(whole(linspace(-3, 4, 5, {.dtype = int64})) == std::vector<Whole>{-3, -1, 0, 2, 4});
}

TEST_CASE("ranges without an end, or too long for any memory, are told") {
  const auto message = [](auto f) { return message_of<ValueError>(f); };
  CHECK(message([] { arange(0, 1e30); }) ==
        "arange: from 0 to 1e+30 in steps of 1 are 1e+30 elements; no memory holds them");
  CHECK(message([] { arange(most); }) ==
        "arange: from 0 to 9223372036854775807 in steps of 1 are 9.223372036854776e+18 elements; "
        "no memory holds them");
  CHECK(message([] { arange(0, INFINITY); }) ==
        "arange: from 0 to inf in steps of 1 are inf elements; no memory holds them");
  CHECK(message([] { arange(0, NAN); }) == "arange: from 0 to nan in steps of 1 is no range");
  CHECK(message([] { arange(5, 0, 1); }) == "arange: from 5 to 0 in steps of 1 goes the wrong way");
  CHECK(message([] { arange(0, 5, 0); }) == "arange: a step of 0 never arrives");
  CHECK(message([] { arange(0, 5, 0.5, {.dtype = int64}); }) ==
        "arange: a step of 0 never arrives");
  CHECK(message([] { arange(0, 1e30, 1, {.dtype = int64}); }) ==
        "arange: 1e+30 does not fit int64");
  CHECK(message([] { linspace(0, NAN, 3, {.dtype = int64}); }) ==
        "linspace: nan does not fit int64");
}

TEST_CASE("what does not fit int64 is told where a number or a list is given") {
  const auto message = [](auto f) { return message_of<ValueError>(f); };
  CHECK(message([] { tensor({1}).fill_(NAN); }) == "fill_: nan does not fit int64");
  CHECK(message([] { tensor({1}).fill_(0x1p63); }) ==
        "fill_: 9.223372036854776e+18 does not fit int64");
  CHECK(message([] { full({1}, INFINITY, {.dtype = int64}); }) == "full: inf does not fit int64");
  CHECK(message([] { full_like(tensor({1}), 1e19); }) == "full_like: 1e+19 does not fit int64");
  CHECK(message([] { pad(tensor({1}), {1, 1}, NAN); }) == "pad: nan does not fit int64");
  CHECK(message([] { tensor({1.0, NAN}, {.dtype = int64}); }) == "tensor: nan does not fit int64");
  CHECK(message([] { from_vector(std::vector<float>{-1e30F}, {}, {.dtype = int64}); }) ==
        "from_vector: -1.0000000150474662e+30 does not fit int64");
  CHECK(message([] { tensor(1e19).item<Whole>(); }).ends_with("does not fit int64"));
  // Fractions are cut, as PyTorch does.
  CHECK(whole(tensor({1, 2}).fill_(-2.9)) == std::vector<Whole>{-2, -2});
  CHECK(whole(tensor({2.5, -0.5}, {.dtype = int64})) == std::vector<Whole>{2, 0});
  CHECK(whole(pad(tensor({1}), {1, 0}, 2.5)) == std::vector<Whole>{2, 1});
}

TEST_CASE("conversion of floating tensors: what int64 does not hold becomes its lowest value") {
  for (const DType dtype : {float32, float64}) {
    const Tensor x =
        tensor({2.9, -2.9, -0.0, static_cast<double>(NAN), static_cast<double>(INFINITY),
                -static_cast<double>(INFINITY), 0x1p63, -0x1p63, 0x1p62, 1e38},
               {.dtype = dtype});
    const std::vector<Whole> expected{2,     -2,    0,     least,          least,
                                      least, least, least, Whole{1} << 62, least};
    CHECK(whole(x.to(int64)) == expected);
    CHECK(whole(zeros({10}, {.dtype = int64}).copy_(x)) == expected);
  }
  CHECK(tensor({0.5, 0., static_cast<double>(NAN)}).to(boolean).to_vector<bool>() ==
        std::vector<bool>{true, false, true});
}

TEST_CASE("integer powers are exact, wrap around, and are not negative") {
  CHECK(whole(pow(tensor({3}), 39)) == std::vector<Whole>{4052555153018976267});
  CHECK(whole(pow(tensor({94906267}), 2)) == std::vector<Whole>{9007199515875289});
  CHECK(whole(pow(tensor({-3, 0, 1, -1}), 3)) == std::vector<Whole>{-27, 0, 1, -1});
  CHECK(whole(pow(tensor({-3, 0}), 0)) == std::vector<Whole>{1, 1});
  CHECK(whole(pow(2, tensor({0, 10, 62, 63, 64}))) ==
        std::vector<Whole>{1, 1024, Whole{1} << 62, least, 0});
  CHECK(whole(pow(tensor({3}), 41)) == std::vector<Whole>{-420491770248316829});  // mod 2⁶⁴
  CHECK(whole(pow(tensor({-1}), most)) == std::vector<Whole>{-1});
  CHECK(whole(pow(tensor({true, false}), 2)) == std::vector<Whole>{1, 0});
  const char* const told =
      "pow: an integer to the power -1; integers have no negative powers: convert with "
      "x.to(xgrad::float32)";
  CHECK(message_of<ValueError>([] { pow(tensor({2}), -1); }) == told);
  CHECK(message_of<ValueError>([] { pow(2, tensor({1, -1})); }) == told);
  CHECK(values(pow(tensor({2}), -1.0)) == std::vector<double>{0.5});
  CHECK(values(pow(tensor({2}), 0.5)) == std::vector<double>{double(std::sqrt(2.0F))});
}

TEST_CASE("integer arithmetic wraps around") {
  const Tensor top = tensor({most}), bottom = tensor({least});
  CHECK(whole(top + 1) == std::vector<Whole>{least});
  CHECK(whole(bottom - 1) == std::vector<Whole>{most});
  CHECK(whole(top * 2) == std::vector<Whole>{-2});
  CHECK(whole(-bottom) == std::vector<Whole>{least});
  CHECK(whole(abs(bottom)) == std::vector<Whole>{least});
  CHECK(whole(abs(tensor({-odd, odd}))) == std::vector<Whole>{odd, odd});
  CHECK(whole(square(top)) == std::vector<Whole>{1});
}

TEST_CASE("integers print all their digits") {
  CHECK(shown(tensor({odd, -odd})) == "tensor([ 9007199254740993, -9007199254740993])");
  CHECK(shown(tensor(most)) == "tensor(9223372036854775807)");
  CHECK(shown(tensor(least)) == "tensor(-9223372036854775808)");
}
