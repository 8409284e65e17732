#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
}

TEST_CASE("operators compute and broadcast") {
  const Tensor a = tensor({{1., 2.}, {3., 4.}});
  CHECK(values(a + tensor({10., 20.})) == std::vector<double>{11, 22, 13, 24});
  CHECK(values(tensor({{1.}, {2.}}) * tensor({3., 4.})) == std::vector<double>{3, 4, 6, 8});
  CHECK(values(2 - a) == std::vector<double>{1, 0, -1, -2});
  CHECK(values(a / 2) == std::vector<double>{0.5, 1, 1.5, 2});
  CHECK(values(-a) == std::vector<double>{-1, -2, -3, -4});
  CHECK(values(pow(a, 2)) == std::vector<double>{1, 4, 9, 16});
  CHECK(values(maximum(a, 2.5)) == std::vector<double>{2.5, 2.5, 3, 4});
  CHECK(values(clamp(a, 2, 3)) == std::vector<double>{2, 2, 3, 3});
  CHECK(values(where(a > 2, a, -1)) == std::vector<double>{-1, -1, 3, 4});
}

TEST_CASE("long operands are split over threads and broadcast patterns agree with a plain loop") {
  const Tensor x = normal({3, 257, 131});
  for (const Shape& shape : {Shape{3, 257, 131}, Shape{131}, Shape{257, 1}, Shape{3, 1, 1}, Shape{},
                             Shape{3, 1, 131}, Shape{1, 257, 131}}) {
    CAPTURE(shape);
    const Tensor y = normal(shape, 2);
    const Tensor sum = x + y;
    const Tensor swapped = y - x;
    const Tensor wide = expand(y, x.shape()).contiguous();
    bool same = true;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      same &= sum.data<double>()[i] == x.data<double>()[i] + wide.data<double>()[i];
      same &= swapped.data<double>()[i] == wide.data<double>()[i] - x.data<double>()[i];
    }
    CHECK(same);
  }
}

TEST_CASE("vectorised functions agree with the standard library, special values included") {
  const std::vector<double> special{0.0,    -0.0, 1.0,  -1.0,  inf,  -inf,   NAN,    700.0,
                                    -700.0, 1e-3, 88.0, -87.0, 30.0, 1e-300, 5e-324, 1e-310};
  const auto agrees = [&](auto ours, double (*theirs)(double), DType dtype, double bound) {
    std::vector<double> in = special;
    const Tensor more = normal({1000}) * 10;
    in.insert(in.end(), more.data<double>(), more.data<double>() + more.numel());
    const Tensor x = from_vector(in).to(dtype);
    const Tensor y = ours(x).to(float64);
    const Tensor wide = x.to(float64);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double v = wide.data<double>()[i];
      const double expected = theirs(v);
      const double found = y.data<double>()[i];
      CAPTURE(v);
      if (std::isnan(expected)) {
        CHECK(std::isnan(found));
      } else if (dtype == float32 && std::abs(expected) > 3.4e38) {
        CHECK(found == std::copysign(inf, expected));
      } else if (dtype == float32 && expected != 0 && std::abs(expected) < 1.2e-38) {
        CHECK(std::abs(found - expected) < 2e-38);  // denormals may be flushed
      } else {
        CHECK((found == expected || found == doctest::Approx(expected).epsilon(bound)));
        if (expected == 0) CHECK(std::signbit(found) == std::signbit(expected));
      }
    }
  };
  for (const DType dtype : {float32, float64}) {
    const double bound = dtype == float32 ? 1e-6 : 1e-14;
    CAPTURE(name(dtype));
    agrees([](const Tensor& x) { return exp(x); }, [](double v) { return std::exp(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return log(x); }, [](double v) { return std::log(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return tanh(x); }, [](double v) { return std::tanh(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return sqrt(x); }, [](double v) { return std::sqrt(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return sigmoid(x); },
           [](double v) { return 1 / (1 + std::exp(-v)); }, dtype, bound);
    agrees([](const Tensor& x) { return erf(x); }, [](double v) { return std::erf(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return abs(x); }, [](double v) { return std::abs(v); }, dtype,
           bound);
    agrees([](const Tensor& x) { return -x; }, [](double v) { return -v; }, dtype, bound);
    agrees([](const Tensor& x) { return square(x); }, [](double v) { return v * v; }, dtype, bound);
    agrees([](const Tensor& x) { return relu(x); },
           [](double v) { return std::isnan(v) ? v
                                 : v < 0       ? 0
                                               : v; }, dtype, bound);
  }
}

TEST_CASE("gelu and its gradient, as the standard library has them") {
  for (const DType dtype : {float32, float64}) {
    CAPTURE(name(dtype));
    const double bound = dtype == float32 ? 1e-6 : 1e-14;
    Tensor x = linspace(-12, 12, 97, {.dtype = dtype}).requires_grad_();
    const Tensor y = gelu(x);
    sum(y).backward();
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double v = x.detach()[i].item();
      const double area = std::erfc(-v / std::sqrt(2)) / 2;
      const double density = std::exp(-v * v / 2) / std::sqrt(2 * std::acos(-1));
      CAPTURE(v);
      CHECK(std::abs(y.detach()[i].item() - v * area) <= bound * std::max(1.0, std::abs(v)));
      CHECK(std::abs(x.grad()[i].item() - (area + v * density)) <= 2 * bound);
    }
  }
}

TEST_CASE("dtypes meet at the wider one; numbers take on the tensor's") {
  CHECK((tensor({1, 2}) + tensor({0.5, 1.5})).dtype() == float32);
  CHECK((tensor({1.}) + tensor({1.}, {.dtype = float64})).dtype() == float64);
  CHECK((tensor({1, 2}) * 2).dtype() == int64);
  CHECK((tensor({1, 2}) * 0.5).dtype() == float32);
  CHECK((tensor({1.}, {.dtype = float64}) * 2).dtype() == float64);
  CHECK((tensor({1.}) * 2.5).dtype() == float32);
  CHECK((tensor({true}) + 1).dtype() == int64);
  CHECK((tensor({3, 4}) / 2).dtype() == float32);
  CHECK(values(tensor({3, 4}) / 2) == std::vector<double>{1.5, 2});
  CHECK((tensor({1.}) > 0).dtype() == boolean);
}

TEST_CASE("a conversion carries the gradient back in the argument's dtype") {
  const Tensor x = tensor({1., 2.}, {.dtype = float64, .requires_grad = true});
  (to(x, float32) * 3).sum().backward();
  CHECK(x.grad().dtype() == float64);
  CHECK(values(x.grad()) == std::vector<double>{3, 3});
  CHECK_FALSE(to(x, int64).requires_grad());
}

TEST_CASE("ties: maximum shares, relu and abs have slope 0 at 0, clamp passes at its bounds") {
  const auto slope = [](auto f, const NestedList& at) {
    const Tensor x = tensor(at, {.dtype = float64, .requires_grad = true});
    f(x).sum().backward();
    return values(x.grad());
  };
  CHECK(slope([](const Tensor& x) { return maximum(x, 1); }, {0., 1., 2.}) ==
        std::vector<double>{0, 0.5, 1});
  CHECK(slope([](const Tensor& x) { return minimum(x, 1); }, {0., 1., 2.}) ==
        std::vector<double>{1, 0.5, 0});
  CHECK(slope([](const Tensor& x) { return relu(x); }, {-1., 0., 2.}) ==
        std::vector<double>{0, 0, 1});
  CHECK(slope([](const Tensor& x) { return abs(x); }, {-1., 0., 2.}) ==
        std::vector<double>{-1, 0, 1});
  CHECK(slope([](const Tensor& x) { return clamp(x, 0, 1); }, {-1., 0., 1., 2.}) ==
        std::vector<double>{0, 1, 1, 0});
  CHECK(slope([](const Tensor& x) { return pow(x, 0.0); }, {0., 2.}) == std::vector<double>{0, 0});
  CHECK(slope([](const Tensor& x) { return pow(tensor(0., {.dtype = float64}), x); }, {1., 2.}) ==
        std::vector<double>{0, 0});
}

TEST_CASE("wrong arguments are told apart") {
  CHECK(
      message_of<ShapeError>([] {
        zeros({2, 3}) + zeros({2, 4});
      }) ==
      "add: shapes [2, 3] and [2, 4] do not broadcast: axis 1 has 3 and 4; they must be equal, or "
      "one of them 1");
  CHECK(message_of<DTypeError>([] {
          exp(tensor({1, 2}));
        }) == "exp: takes float32 or float64, got int64; convert with x.to(xgrad::float32)");
  CHECK(message_of<DTypeError>([] {
          where(tensor({1, 0}), 1, 2);
        }).starts_with("where: the condition is int64, it must be bool"));
  CHECK(message_of<ValueError>([] { clamp(zeros({1}), {}); }) ==
        "clamp: neither a minimum nor a maximum was given");
  CHECK(message_of<ValueError>([] { Tensor() + 1; }) ==
        "add: argument 1 is undefined: default-constructed, moved from, or the grad() of a tensor "
        "that no backward() has reached");
}

TEST_CASE("comparisons of whole tensors") {
  CHECK(equal(tensor({1, 2}), tensor({1, 2})));
  CHECK_FALSE(equal(tensor({1, 2}), tensor({1., 2.})));
  CHECK_FALSE(equal(tensor({1, 2}), tensor({1, 3})));
  CHECK(allclose(tensor({1., 2.}), tensor({1., 2.000001})));
  CHECK_FALSE(allclose(tensor({1.}), tensor({1.1})));
  CHECK(allclose(tensor({1.}), tensor({1.5}), 0, 0.5));  // as far as may be
  CHECK_FALSE(allclose(tensor({1.}), tensor({1.75}), 0, 0.5));
  CHECK(allclose(tensor({3}), tensor({4}), 0.25, 0));
  CHECK(allclose(tensor({3}), tensor({5}), 0.2, 1));
  CHECK_FALSE(allclose(tensor({2}), tensor({5}), 0.2, 1));
  CHECK(all_finite(tensor({1., 2.})));
  CHECK_FALSE(all_finite(tensor({1., inf})));
}
