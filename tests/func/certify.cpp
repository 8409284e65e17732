// The measure of derivatives is measured by derivatives that are wrong by a known amount.

#include <xgrad/func/certify.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

/// x², with a rule off by `factor` at element `place` and a second derivative off by `second`.
auto off_by(double factor, std::int64_t place, double second = 1) {
  return [=](const Tensor& x) {
    const Tensor y = no_grad([&] { return x * x; });
    return record("off", y, wrt(x, [x = saved(x), factor, place, second](const Tensor& dy) {
                    Tensor scale = ones_like(x());
                    if (factor != 1) scale.mutable_data<double>()[place] = factor;
                    const Tensor right = 2 * x() * dy * scale;
                    return record("off2", right.detach(),
                                  wrt(right, [second](const Tensor& d) { return d * second; }));
                  }));
  };
}

}  // namespace

TEST_CASE("right derivatives are right to many digits, in each input that has any") {
  const auto f = [](const Tensor& x, const Tensor& index, const Tensor& w) {
    return std::vector<Tensor>{tanh(index_select(x, 0, index) * w), exp(x).sum()};
  };
  const Tensor x = uniform({3, 2}, -1, 1), w = uniform({2}, 0.5, 1.5, 2);
  const Certificate found = certify(f, {x, tensor({2, 0}), w});
  REQUIRE(found.inputs.size() == 2);
  CHECK(found.inputs[0].number == 0);
  CHECK(found.inputs[1].number == 2);
  CHECK(found.inputs[0].shape == Shape{3, 2});
  CHECK(found.worst() > 0);
  CHECK(found.worst() <= 1e-5);
  for (const auto& input : found.inputs) {
    REQUIRE(input.curve.size() == 10);
    const auto at = [&](std::size_t i) { return input.curve[i]; };
    CHECK(at(0).step == 1e-1);
    CHECK(at(9).step == 1e-10);
    // First the error of the difference falls with the square of the step, then rounding wins.
    CHECK(at(0).first > 10 * at(1).first);
    CHECK(at(1).first > 10 * at(2).first);
    CHECK(at(0).second > 10 * at(1).second);
    CHECK(at(9).first > 10 * at(4).first);
    CHECK(at(4).first == input.first.error);
    CHECK(at(4).forward == input.forward.error);
    CHECK(at(4).second == input.second.error);
  }
}

TEST_CASE("what is wrong is found, with its place") {
  const Tensor x = uniform({2, 3}, 0.5, 1.5);
  const auto first = certify(off_by(1.5, 4), {x}, {.steps = {}}).inputs[0];
  CHECK(first.first.error == doctest::Approx(0.2));  // |1.5 r − r| / 2.5 |r|
  CHECK(first.first.at == Shape{1, 1});
  CHECK(first.first.found == doctest::Approx(1.5 * first.first.expected));
  CHECK(first.forward.error == doctest::Approx(0.2));
  CHECK(first.second.error < 1e-5);  // of the wrong gradient
  CHECK(first.curve.empty());
  const auto second = certify(off_by(1, 0, 3), {x}, {.steps = {1e-3}}).inputs[0];
  CHECK(second.first.error < 1e-5);
  CHECK(second.second.error == doctest::Approx(0.5));
  CHECK(second.curve.at(0).second == doctest::Approx(0.5));
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(certify(off_by(none, 2), {x}, {.steps = {}}).worst()));
}

TEST_CASE("what cannot be measured is told, and the inputs stay as they are") {
  const Tensor x = normal({2});
  const auto before = values(x);
  certify([](const Tensor& t) { return t * t; }, {x});
  CHECK(values(x) == before);
  const Tensor marked = normal({2}).requires_grad_();
  CHECK(
      certify([](const Tensor& a, const Tensor& b) { return a * b; }, {marked, x}).inputs.size() ==
      1);
  CHECK_FALSE(marked.grad().defined());
  const auto f = [](const Tensor& t) { return t; };
  CHECK(message_of<ValueError>([&] { certify(f, {ones({2})}); }) == "certify: no input is float64");
  CHECK(message_of<DTypeError>([&] { certify(f, {ones({2}).requires_grad_()}); }) ==
        "certify: input 0 is float32; differences need float64, use x.to(xgrad::float64)");
  CHECK(message_of<ValueError>([&] { certify(f, {Tensor()}); }) == "certify: input 0 is undefined");
  CHECK(message_of<ValueError>([&] { certify(f, {x}, {.eps = 0}); }) ==
        "certify: eps is 0, it must be positive");
  CHECK(message_of<DTypeError>([&] {
          certify([](const Tensor& t) { return t.to(float32); }, {x});
        }) == "certify: the function gave float32, not float64");
}
