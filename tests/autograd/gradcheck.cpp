// The checker is checked: it must reject what is wrong by very little.

#include <limits>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

/// x², with a rule off by `factor`, and a second derivative off by `second`.
auto off_by(double factor, double second = 1) {
  return [=](const Tensor& x) {
    const Tensor y = no_grad([&] { return x * x; });
    return record("off", y, wrt(x, [x = saved(x), factor, second](const Tensor& dy) {
                    const Tensor right = 2 * x() * dy;
                    const Tensor g = no_grad([&] { return right * factor; });
                    return record("off2", g, wrt(right, [factor, second](const Tensor& d) {
                                    return d * factor * second;
                                  }));
                  }));
  };
}

}  // namespace

TEST_CASE("right rules pass, and rules wrong by 0.05 % do not") {
  std::ostringstream out;
  CHECK(gradcheck(off_by(1), {normal({5})}, {.report = &out}));
  CHECK(gradgradcheck(off_by(1), {normal({5})}, {.report = &out}));
  CHECK(out.str().empty());
  CHECK_FALSE(gradcheck(off_by(1.0005), {normal({5})}, {.report = &out}));
  CHECK_FALSE(gradgradcheck(off_by(1, 1.0005), {normal({5})}, {.report = &out}));
}

TEST_CASE("figures count the entries of all checks and keep the largest error of any") {
  std::ostringstream out;
  GradcheckFigures figures;
  const auto check = [&](double factor, std::int64_t n) {
    gradcheck(off_by(factor), {normal({n})}, {.report = &out, .figures = &figures});
  };
  check(1, 3);
  CHECK(figures.entries == 3);
  CHECK(figures.largest_error < 1e-8);
  check(3, 4);  // |3 r − r| / (3 |r| + |r|)
  CHECK(figures.entries == 7);
  CHECK(figures.largest_error == doctest::Approx(0.5));
  check(1, 5);
  CHECK(figures.entries == 12);
  CHECK(figures.largest_error == doctest::Approx(0.5));
}

TEST_CASE("a failure prints the input, the index, both values and the relative error") {
  std::ostringstream out;
  const Tensor x = tensor({{1., 2.}}, {.dtype = float64});
  CHECK_FALSE(
      gradcheck([](auto& a, auto& b) { return b + off_by(1.5)(a); }, {x, x}, {.report = &out}));
  CHECK(out.str().find("2 of 4 entries differ") != std::string::npos);
  CHECK(out.str().find("input 0 at [0, 1]: the tape gives") != std::string::npos);
  CHECK(out.str().find("relative error 0.2") != std::string::npos);
}

TEST_CASE("a missing gradient is a wrong one") {
  std::ostringstream out;
  CHECK_FALSE(gradcheck([](auto& x) { return x * x.detach(); }, {normal({3})}, {.report = &out}));
  CHECK_FALSE(gradcheck([](auto& x) { return x.detach() * 2; }, {normal({3})}, {.report = &out}));
}

TEST_CASE("marked inputs are checked alone, integers are passed on, the inputs stay as they are") {
  const Tensor a = normal({3});
  const Tensor b = normal({3}, 2);
  const auto before = values(a);
  const Tensor marked = a.clone().requires_grad_();
  std::ostringstream out;
  CHECK(gradcheck([](auto& x, auto& y) { return x * y.detach(); }, {marked, b}, {.report = &out}));
  CHECK(gradcheck([](auto& x, auto& i) { return index_select(x, 0, i); }, {a, tensor({2, 0})}));
  CHECK(values(a) == before);
  CHECK_FALSE(marked.grad().defined());
}

TEST_CASE("several outputs are checked together") {
  const auto f = [](const Tensor& x) { return std::vector<Tensor>{x * x, exp(x)}; };
  CHECK(gradcheck(f, {normal({3})}));
  CHECK(gradgradcheck(f, {normal({3})}));
}

TEST_CASE("it works under no_grad, and says what it cannot check") {
  const NoGradGuard guard;
  CHECK(gradcheck([](auto& x) { return x * x; }, {normal({3})}));
  CHECK(message_of<DTypeError>([] {
          gradcheck([](auto& x) { return x; }, {zeros({2})});
        }).starts_with("gradcheck: input 0 [2] is float32; differences need float64"));
  CHECK_THROWS_AS(gradcheck([](auto& x) { return x; }, {tensor({1})}), ValueError);
  CHECK_THROWS_AS(gradcheck([](auto& x, auto& y) { return x * y; }, {normal({2})}), ValueError);
}

TEST_CASE("what is no number is wrong: in the tape's gradient and in the difference") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  std::ostringstream out;
  for (const double wrong : {none, inf, -inf}) {
    CAPTURE(wrong);
    CHECK_FALSE(gradcheck(off_by(wrong), {normal({3})}, {.report = &out}));
    CHECK_FALSE(gradgradcheck(off_by(1, wrong), {normal({3})}, {.report = &out}));
    // One entry of many.
    const auto in_one = [wrong](const Tensor& x) {
      const Tensor y = no_grad([&] { return x * 2; });
      return record("one", y, wrt(x, [wrong](const Tensor& dy) {
                      Tensor dx = dy * 2;
                      dx.mutable_data<double>()[2] = wrong;
                      return dx;
                    }));
    };
    CHECK_FALSE(gradcheck(in_one, {normal({5})}, {.report = &out}));
    const auto of_values = [wrong](const Tensor& x) { return where(x > 0, x, x * 0 + wrong); };
    CHECK_FALSE(gradcheck(of_values, {normal({5})}, {.report = &out}));
  }
}

TEST_CASE("forward mode is checked where that is asked for, against differences and reverse mode") {
  // 2 x, with tangents off by `factor`.
  const auto doubled = [](double factor) {
    return [factor](const Tensor& x) {
      const Tensor y = no_grad([&] { return 2 * x; });
      return record("doubled", y,
                    wrt(x, linear_in([](const Tensor& dy) { return 2 * dy; },
                                     [factor](const Tensor& v) { return 2 * factor * v; })));
    };
  };
  const Tensor x = normal({2, 2});
  std::ostringstream out;
  CHECK(gradcheck(doubled(1.0005), {x}, {.report = &out}));
  CHECK(gradcheck(doubled(1), {x}, {.report = &out, .check_forward_ad = true}));
  CHECK(gradgradcheck(off_by(1), {x}, {.report = &out, .check_forward_ad = true}));
  CHECK(out.str().empty());
  CHECK_FALSE(gradcheck(doubled(1.0005), {x}, {.report = &out, .check_forward_ad = true}));
  CHECK(out.str().find("4 of 4 entries differ") != std::string::npos);
  CHECK(out.str().find(", forward mode ") != std::string::npos);
  // Of several results, some of which an input does not reach, and what is not to be checked.
  const auto several = [](const Tensor& a, const Tensor& b, const Tensor& index) {
    return std::vector<Tensor>{a * b.sum(), exp(b), index_select(a, 0, index)};
  };
  CHECK(gradcheck(several, {x, normal({3}, 2), tensor({1, 0, 1})}, {.check_forward_ad = true}));
  // NaN in the tangent alone.
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(gradcheck(doubled(none), {x}, {.report = &out, .check_forward_ad = true}));
}
