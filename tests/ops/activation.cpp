#include <cmath>
#include <functional>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

using Function = std::function<Tensor(const Tensor&)>;

double at(const Function& f, double x) { return f(tensor(x, {.dtype = float64})).item(); }

/// f'(x), by the rule that runs alone and by the one that is recorded, which agree.
double slope(const Function& f, double x) {
  const Tensor leaf = tensor(x, {.dtype = float64, .requires_grad = true});
  const double fast = grad(f(leaf), leaf).item();
  const double plain = grad(f(leaf), leaf, {.create_graph = true}).item();
  CHECK((std::isnan(fast) ? std::isnan(plain)
                          : std::abs(fast - plain) <= 1e-14 * (1 + std::abs(fast))));
  return fast;
}

const Function gelu_tanh = [](const Tensor& x) {
  return gelu(x, {.approximate = Approximate::tanh});
};

/// The smooth ones, worked out by the standard library in long double.
struct Smooth {
  const char* name;
  Function f;
  std::function<long double(long double)> expected, slope;
  /// Of the last place that a value may be off, and a slope of 1 by 3 times as many. Of
  /// gelu by tanh: what z is off, about two roundings of its own size, counts |z| times in e^z, and
  /// a z below −70 is not looked at.
  double units;
};

long double sigma(long double x) { return 1 / (1 + std::exp(-x)); }
long double softplus_of(long double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

std::vector<Smooth> smooth() {
  const auto z = [](long double x) {
    return 2 * std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x);
  };
  const auto dz = [](long double x) {
    return 2 * std::sqrt(2 / std::acos(-1.0L)) * (1 + 3 * 0.044715L * x * x);
  };
  return {{"silu", silu, [](long double x) { return x * sigma(x); },
           [](long double x) { return sigma(x) * (1 + x * sigma(-x)); }, 4},
          {"mish", mish, [](long double x) { return x * std::tanh(softplus_of(x)); },
           [](long double x) {
             const long double t = std::tanh(softplus_of(x));
             return t + x / (std::cosh(softplus_of(x)) * std::cosh(softplus_of(x))) * sigma(x);
           },
           6},
          {"gelu, tanh", gelu_tanh, [z](long double x) { return x * sigma(z(x)); },
           [z, dz](long double x) { return sigma(z(x)) * (1 + x * dz(x) * sigma(-z(x))); }, 160},
          {"softplus", [](const Tensor& x) { return softplus(x, 1, inf); }, softplus_of, sigma, 3},
          {"logsigmoid", logsigmoid, [](long double x) { return -softplus_of(-x); },
           [](long double x) { return sigma(-x); }, 3},
          {"elu", [](const Tensor& x) { return elu(x); },
           [](long double x) { return x > 0 ? x : std::expm1(x); },
           [](long double x) { return x > 0 ? 1 : std::exp(x); }, 3},
          {"selu", selu,
           [](long double x) {
             return 1.0507009873554805L * (x > 0 ? x : 1.6732632423543772L * std::expm1(x));
           },
           [](long double x) {
             return 1.0507009873554805L * (x > 0 ? 1 : 1.6732632423543772L * std::exp(x));
           },
           4},
          {"celu", [](const Tensor& x) { return celu(x, 0.5); },
           [](long double x) { return x > 0 ? x : 0.5L * std::expm1(2 * x); },
           [](long double x) { return x > 0 ? 1 : std::exp(2 * x); }, 3}};
}

}  // namespace

TEST_CASE("smooth activations and their slopes are those of long double") {
  for (const Smooth& s : smooth())
    for (const DType dtype : {float32, float64}) {
      CAPTURE(s.name);
      CAPTURE(dtype);
      const double epsilon = dtype == float32 ? 0x1p-23 : 0x1p-52;
      // From float32's first denormal results of eˣ to where all are straight lines.
      const Tensor x =
          cat({linspace(-80, 80, 3001, {.dtype = dtype}), linspace(-1, 1, 501, {.dtype = dtype})})
              .requires_grad_();
      const Tensor y = s.f(x);
      const auto given = values(x.detach());
      const auto found = values(y.detach());
      const auto slopes = values(grad(y, x, {.grad_outputs = {ones_like(y)}}));
      double worst = 0, worst_slope = 0;
      for (std::size_t i = 0; i < given.size(); ++i) {
        const auto exact = static_cast<double>(s.expected(given[i]));
        // Terms of the slope near its zero cancel: it is off by its own size there.
        const auto exact_slope = static_cast<double>(s.slope(given[i]));
        if (std::abs(exact) > 1e-30)
          worst = std::max(worst, std::abs(found[i] - exact) / std::abs(exact));
        worst_slope = std::max(worst_slope, std::abs(slopes[i] - exact_slope));
      }
      CHECK(worst <= s.units * epsilon);
      CHECK(worst_slope <= 3 * s.units * epsilon);
    }
}

TEST_CASE("smooth activations far out and at NaN") {
  for (const Smooth& s : smooth()) {
    CAPTURE(s.name);
    CHECK(std::isnan(at(s.f, NaN)));
    CHECK(std::isnan(slope(s.f, NaN)));
  }
  for (const Function& f : {Function(silu), Function(mish), gelu_tanh}) {
    for (const double far : {-inf, -1e300, -1e4}) {
      CHECK(at(f, far) == 0);
      CHECK(slope(f, far) == 0);
      CHECK(at(f, -far) == -far);
      CHECK(slope(f, -far) == 1);
    }
    CHECK(std::signbit(at(f, -inf)));
    CHECK(at(f, 0) == 0);
  }
  CHECK(slope(silu, 0) == 0.5);
  CHECK(slope(gelu_tanh, 0) == 0.5);
  CHECK(slope(mish, 0) == doctest::Approx(0.6));
  CHECK(at(silu, 1) == doctest::Approx(0.7310585786300049));
  CHECK(at(mish, 1) == doctest::Approx(0.8650983882673103));
  CHECK(at(gelu_tanh, 1) == doctest::Approx(0.8411919906082768));
  CHECK(at(gelu_tanh, -3) == doctest::Approx(-0.0036373920817729943));
  for (const Function& f : {Function([](const Tensor& x) { return elu(x, 2); }),
                            Function([](const Tensor& x) { return celu(x, 2); })}) {
    CHECK(at(f, -inf) == -2);
    CHECK(slope(f, -inf) == 0);
    CHECK(at(f, inf) == inf);
    CHECK(slope(f, inf) == 1);
    CHECK(at(f, 0) == 0);
  }
  CHECK(slope([](const Tensor& x) { return elu(x, 2); }, 0) == 2);
  CHECK(slope([](const Tensor& x) { return celu(x, 2); }, 0) == 1);
  CHECK(at(selu, 1) == doctest::Approx(1.0507009873554805));
  CHECK(at(selu, -inf) == doctest::Approx(-1.7580993408473766));
}

TEST_CASE("softplus is a straight line above its threshold") {
  const auto f = [](double beta, double threshold) {
    return [=](const Tensor& x) { return softplus(x, beta, threshold); };
  };
  CHECK(at(f(1, 20), 0) == doctest::Approx(std::log(2)));
  CHECK(at(f(2, 20), 0) == doctest::Approx(std::log(2) / 2));
  CHECK(at(f(2, 4), 2) == doctest::Approx(std::log1p(std::exp(4)) / 2));
  CHECK(at(f(2, 4), 2.5) == 2.5);
  CHECK(slope(f(2, 4), 2.5) == 1);
  CHECK(slope(f(2, 4), 2) == doctest::Approx(1 / (1 + std::exp(-4))));
  CHECK(at(f(1, 1e9), 1e4) == 1e4);  // no overflow
  CHECK(at(f(1, 20), -inf) == 0);
  CHECK(at(f(1, 20), inf) == inf);
  CHECK(at(f(1, 20), -50) == doctest::Approx(std::exp(-50)));
  CHECK(at(logsigmoid, -1e4) == -1e4);
  CHECK(at(logsigmoid, inf) == 0);
  CHECK(at(logsigmoid, -inf) == -inf);
  CHECK(slope(logsigmoid, -inf) == 1);
  CHECK(message_of<ValueError>([] { softplus(zeros({1}), 0); }) ==
        "softplus: beta is 0; the logarithm is divided by it");
}

TEST_CASE("activations with kinks: values, and the gradients at the kinks, are PyTorch's") {
  struct Point {
    double x, y, slope;
  };
  struct Kinked {
    const char* name;
    Function f;
    std::vector<Point> points;
  };
  const std::vector<Kinked> all_kinked{
      {"leaky_relu",
       [](const Tensor& x) { return leaky_relu(x, 0.25); },
       {{-2, -0.5, 0.25}, {0, 0, 0.25}, {3, 3, 1}, {-inf, -inf, 0.25}, {inf, inf, 1}}},
      {"relu6", relu6, {{-1, 0, 0}, {0, 0, 0}, {2, 2, 1}, {6, 6, 0}, {7, 6, 0}, {inf, 6, 0}}},
      {"hardtanh",
       [](const Tensor& x) { return hardtanh(x); },
       {{-2, -1, 0}, {-1, -1, 0}, {0.5, 0.5, 1}, {1, 1, 0}, {2, 1, 0}, {-inf, -1, 0}}},
      {"hardsigmoid",
       hardsigmoid,
       {{-4, 0, 0}, {-3, 0, 0}, {0, 0.5, 1. / 6}, {3, 1, 0}, {4, 1, 0}, {inf, 1, 0}}},
      {"hardswish",
       hardswish,
       {{-4, 0, 0},
        {-3, 0, 0},
        {0, 0, 0.5},
        {1.5, 1.125, 1},
        {3, 3, 1},
        {4, 4, 1},
        {-inf, 0, 0},
        {inf, inf, 1}}},
      {"hardshrink",
       [](const Tensor& x) { return hardshrink(x); },
       {{-1, -1, 1}, {-0.5, 0, 0}, {0.25, 0, 0}, {0.5, 0, 0}, {2, 2, 1}, {-inf, -inf, 1}}},
      {"softshrink",
       [](const Tensor& x) { return softshrink(x); },
       {{-1, -0.5, 1}, {-0.5, 0, 0}, {0.25, 0, 0}, {0.5, 0, 0}, {2, 1.5, 1}, {inf, inf, 1}}},
      {"threshold",
       [](const Tensor& x) { return threshold(x, 1, -7); },
       {{0, -7, 0}, {1, -7, 0}, {1.5, 1.5, 1}, {-inf, -7, 0}, {inf, inf, 1}}},
      {"softsign", softsign, {{-3, -0.75, 0.0625}, {0, 0, 1}, {1, 0.5, 0.25}}}};
  for (const Kinked& k : all_kinked) {
    CAPTURE(k.name);
    for (const Point& p : k.points) {
      CAPTURE(p.x);
      CHECK((at(k.f, p.x) == p.y || at(k.f, p.x) == doctest::Approx(p.y)));  // Approx takes no ∞
      CHECK(slope(k.f, p.x) == doctest::Approx(p.slope));
    }
    CHECK(std::isnan(at(k.f, NaN)));
  }
  CHECK(at(tanhshrink, 1) == doctest::Approx(1 - std::tanh(1)));
}

TEST_CASE("integers where PyTorch takes them") {
  const Tensor x = tensor({-3, 0, 9});
  CHECK(hardtanh(x).dtype() == int64);
  CHECK(values(hardtanh(x)) == std::vector<double>{-1, 0, 1});
  CHECK(values(relu6(x)) == std::vector<double>{0, 0, 6});
  CHECK(threshold(x, 0.5, -2).dtype() == int64);
  CHECK(values(threshold(x, 0.5, -2)) == std::vector<double>{-2, -2, 9});
  CHECK(softsign(x).dtype() == float32);
  CHECK(values(softsign(tensor({-3, 1}))) == std::vector<double>{-0.75, 0.5});
  for (const Function& f :
       {Function(silu), Function(mish), Function(selu), Function(hardswish), gelu_tanh,
        Function([](const Tensor& y) { return rrelu(y, {.training = true}); })})
    CHECK_THROWS_AS(f(x), DTypeError);
  CHECK(message_of<DTypeError>([&] {
          glu(tensor({1, 2}));
        }) == "glu: takes floating tensors, got int64");
}

TEST_CASE("what options may not be is told") {
  const Tensor x = ones({2});
  CHECK(message_of<ValueError>([&] { hardtanh(x, 2, 1); }) ==
        "hardtanh: min_val is 2 and max_val 1; the first must not be larger");
  CHECK(message_of<ValueError>([&] { celu(x, 0); }) == "celu: alpha is 0; it must be above 0");
  CHECK(message_of<ValueError>([&] { softshrink(x, -1); }) ==
        "softshrink: lambd is -1; it must not be negative");
  CHECK(message_of<ValueError>([&] { rrelu(x, {.lower = 1, .upper = 0.5}); }) ==
        "rrelu: lower is 1 and upper 0.5; they must be finite, the upper not below the lower");
  CHECK(message_of<ShapeError>([] {
          glu(zeros({2, 3}));
        }) == "glu: axis -1 of [2, 3] has 3 elements, which have no halves");
  CHECK(message_of<ShapeError>([] { glu(zeros({})); }) == "glu: a scalar has no axis -1");
  CHECK(message_of<ValueError>([&] { gumbel_softmax(x, {.tau = 0}); }) ==
        "gumbel_softmax: tau is 0; it must be above 0");
}

TEST_CASE("prelu has a slope for all or for each channel") {
  const Tensor x = tensor({{-1., 2.}, {-3., -4.}}, {.requires_grad = true});
  const Tensor w = tensor({0.5, 0.25}, {.requires_grad = true});
  const Tensor y = prelu(x, w);
  CHECK(values(y.detach()) == std::vector<double>{-0.5, 2, -1.5, -1});
  y.sum().backward();
  CHECK(values(x.grad()) == std::vector<double>{0.5, 1, 0.5, 0.25});
  CHECK(values(w.grad()) == std::vector<double>{-4, -4});
  CHECK(values(prelu(x.detach(), tensor(0.5))) == std::vector<double>{-0.5, 2, -1.5, -2});
  CHECK(values(prelu(tensor({-2., inf, 0.}), tensor({0.5}))) == std::vector<double>{-1, inf, 0});
  // x is infinite where the weight does not count.
  const Tensor far = tensor({inf, -1.}, {.requires_grad = true});
  const Tensor one = tensor({0.5}, {.requires_grad = true});
  prelu(far, one).sum().backward();
  CHECK(one.grad().item() == -1);
  CHECK(message_of<ShapeError>([&] { prelu(x, ones({3})); }) ==
        "prelu: weight [3] for x [2, 2]; it has one value, or one for each of the 2 channels");
  CHECK(message_of<DTypeError>([&] { prelu(x, ones({2}, {.dtype = float64})); }) ==
        "prelu: x is float32 and the weight float64; convert one");
}

TEST_CASE("rrelu draws a slope for each element below 0") {
  Generator generator(3);
  const Tensor x = cat({full({5000}, -2.0), full({10}, 3.0)});
  const Tensor y = rrelu(x, {.training = true, .generator = &generator});
  const Tensor slopes = y.slice(0, 0, 5000) / -2;
  CHECK(min(slopes).item() >= 0.125);
  CHECK(max(slopes).item() < 1.0 / 3);
  CHECK(mean(slopes).item() == doctest::Approx(11.0 / 48).epsilon(0.02));
  CHECK(values(y.slice(0, 5000)) == std::vector<double>(10, 3));
  CHECK(values(rrelu(tensor({-48., 1.}))) == std::vector<double>{-11, 1});
  Generator again(3);
  CHECK(allclose(rrelu(x.to(float64), {.training = true, .generator = &again}), y));
}

TEST_CASE("glu multiplies one half by the sigmoid of the other") {
  const Tensor x = tensor({{1., 2., 0., inf}, {3., 4., -inf, 0.}});
  CHECK(values(glu(x)) == std::vector<double>{0.5, 2, 0, 2});
  CHECK(glu(x, 0).shape() == Shape{1, 4});
  const auto p = values(softmin(tensor({0., inf, std::log(3)}), 0));
  CHECK(p[0] == doctest::Approx(0.75));
  CHECK(p[1] == 0);
}

TEST_CASE("gumbel_softmax draws the classes as often as their probabilities say") {
  const std::int64_t count = 20000;
  const Tensor p = tensor({0.1, 0.2, 0.7});
  Generator generator(4);
  const Tensor logits = log(p).expand({count, 3});
  const Tensor hard = gumbel_softmax(logits, {.hard = true, .generator = &generator});
  CHECK(values(hard.sum(1)) == std::vector<double>(static_cast<std::size_t>(count), 1));
  CHECK(equal(hard * hard, hard));
  CHECK(allclose(hard.mean(0), p, 0, 0.015));  // four deviations

  Generator first(7), second(7);
  const Tensor leaf = normal({2, 3}).requires_grad_();
  const Tensor soft = gumbel_softmax(leaf, {.tau = 0.5, .generator = &first});
  const Tensor single = gumbel_softmax(leaf, {.tau = 0.5, .hard = true, .generator = &second});
  CHECK(equal(argmax(soft, 1), argmax(single, 1)));
  const Tensor weight = normal({2, 3}, 2);
  CHECK(allclose(grad((soft * weight).sum(), leaf), grad((single * weight).sum(), leaf)));
  CHECK(allclose(soft.sum(1), ones({2}, {.dtype = float64})));
}
