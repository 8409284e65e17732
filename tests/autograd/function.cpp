#include "support.hpp"
#include <fmt/format.h>

using namespace support;

namespace {

// y = x³;  dL/dx = 3 x² dL/dy
Tensor cube(const Tensor& x) {
  const Tensor y = no_grad([&] { return x * x * x; });
  return record("cube", y, wrt(x, [x = saved(x)](const Tensor& dy) { return 3 * x() * x() * dy; }));
}

// y = eᵃ b, whose rule for a keeps the result
Tensor grow(const Tensor& a, const Tensor& b) {
  const Tensor y = no_grad([&] { return exp(a) * b; });
  return record("grow", y, wrt(a, [y = saved_result(y)](const Tensor& dy) { return dy * y(); }),
                wrt(b, [a = saved(a)](const Tensor& dy) { return dy * exp(a()); }));
}

}  // namespace

TEST_CASE("a user's function has its gradient, and the next ones for free") {
  CHECK(gradcheck(cube, {normal({3})}));
  CHECK(gradgradcheck(cube, {normal({3})}));
  CHECK(gradcheck(grow, {normal({3}), normal({3}, 2)}));
  CHECK(gradgradcheck(grow, {normal({3}), normal({3}, 2)}));
  const Tensor x = tensor({2.}, {.requires_grad = true});
  CHECK(std::string(cube(x).grad_fn()->name()) == "cube");
  CHECK_FALSE(cube(tensor({2.})).requires_grad());
}

TEST_CASE("a rule that nobody needs never runs") {
  const Tensor a = tensor({2.});
  const Tensor b = tensor({3.}, {.requires_grad = true});
  bool ran = false;
  const Tensor y = record("f", tensor({6.}),
                          wrt(a,
                              [&ran](const Tensor& dy) {
                                ran = true;
                                return dy;
                              }),
                          wrt(b, [](const Tensor& dy) { return dy; }));
  y.backward();
  CHECK_FALSE(ran);
  CHECK(b.grad().item() == 1);
}

TEST_CASE("a gradient of the wrong shape or dtype is told by the function's name") {
  const Tensor x = tensor({1., 2.}, {.requires_grad = true});
  const Tensor wrong = record("short", x.detach().clone(),
                              wrt(x, [](const Tensor& dy) { return dy.slice(0, 0, 1); }));
  CHECK(message_of<ShapeError>([&] { wrong.sum().backward(); }) ==
        "short: its backward rule for argument 0 gave [1], the argument has shape [2]");
  const Tensor wide =
      record("wide", x.detach().clone(), wrt(x, [](const Tensor& dy) { return dy.to(float64); }));
  CHECK(message_of<DTypeError>([&] { wide.sum().backward(); }) ==
        "wide: its backward rule for argument 0 gave float64, the argument is float32");
  const Tensor nothing =
      record("nothing", x.detach().clone(), wrt(x, [](const Tensor&) { return Tensor(); }));
  CHECK_THROWS_AS(nothing.sum().backward(), ShapeError);
}

TEST_CASE("a result that is on the tape already is told") {
  const Tensor x = tensor({1.}, {.requires_grad = true});
  const auto pass = [](const Tensor& dy) { return dy; };
  CHECK(message_of<GraphError>([&] {
          record("f", x * 2, wrt(x, pass));
        }).starts_with("f: its result is on the tape already (by mul)"));
  CHECK_THROWS_AS(record("f", x, wrt(x, pass)), GraphError);
  CHECK_THROWS_AS(record("f", tensor({1}), wrt(x, pass)), DTypeError);
}

TEST_CASE("anomaly mode names the operation that first made NaN or infinity") {
  const Tensor x = tensor({1., 0.}, {.requires_grad = true});
  const AnomalyMode guard;
  CHECK(message_of<AnomalyError>([&] { log(x) * 2; }) ==
        "anomaly: log gave -inf at [1] of its result [2] (inputs [2])");
  CHECK(message_of<AnomalyError>([&] { sqrt(x).sum().backward(); })
            .starts_with("anomaly: the backward rule of sqrt gave inf at [1] of the gradient [2] "
                         "of its argument 0"));
  // What was not finite before is not the fault of what comes after.
  const Tensor masked = tensor({0., -std::numeric_limits<double>::infinity()});
  CHECK(softmax(masked, 0).to_vector<float>() == std::vector<float>{1, 0});
}

TEST_CASE("anomaly mode looks at every value, the first and the only one too") {
  const AnomalyMode guard;
  for (const std::int64_t place : {0, 1, 6}) {
    CAPTURE(place);
    std::vector<double> numbers(7, 1.0);
    numbers[static_cast<std::size_t>(place)] = 0;
    const Tensor x = from_vector(numbers).requires_grad_();
    CHECK(message_of<AnomalyError>([&] { log(x) * 2; }) ==
          fmt::format("anomaly: log gave -inf at [{}] of its result [7] (inputs [7])", place));
    CHECK(message_of<AnomalyError>([&] {
            sqrt(x).sum().backward();
          }).find(fmt::format("gave inf at [{}]", place)) != std::string::npos);
  }
  CHECK(message_of<AnomalyError>([&] { log(tensor(-1.0)); }) ==
        "anomaly: log gave nan at [] of its result [] (inputs [])");
}

TEST_CASE("outside anomaly mode nothing is scanned") {
  CHECK_FALSE(is_anomaly_mode());
  CHECK_FALSE(all_finite(log(tensor({0.}))));
}
