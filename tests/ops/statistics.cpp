#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

const double inf = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

/// The gradient of f at x, of values.
template <class F>
Values gradient(const Tensor& x, const F& f) {
  const Tensor leaf = x.clone().requires_grad_();
  sum(f(leaf)).backward();
  return values(leaf.grad());
}

}  // namespace

TEST_CASE("deviations and means by hand") {
  const Tensor x = tensor({{1., 5., 3.}, {4., 2., 6.}}, {.dtype = float64});
  CHECK(values(xgrad::std(x, 1)) == Values{2, 2});
  CHECK(values(x.std(1, 0, true)) == Values{std::sqrt(8. / 3), std::sqrt(8. / 3)});
  CHECK(x.std(1, 0, true).shape() == Shape{2, 1});
  const auto [variance, mean] = var_mean(x, 1);
  CHECK(values(variance) == Values{4, 4});
  CHECK(values(mean) == Values{3, 4});
  const auto [deviation, middle] = std_mean(x, 0, 0, true);
  CHECK(values(deviation) == Values{1.5, 1.5, 1.5});
  CHECK(middle.shape() == Shape{1, 3});
  CHECK(std::isnan(xgrad::std(tensor({1.})).item()));
  // Of equal values the root has no derivative.
  CHECK(gradient(full({3}, 7.), [](const Tensor& v) { return v.std(); }) == Values{0, 0, 0});
  CHECK(message_of<DTypeError>([] {
          xgrad::std(tensor({1, 2}));
        }) == "std: takes floating tensors, got int64; use x.to(xgrad::float32).std()");
}

TEST_CASE("extremes along an axis come with their places, the first of equal ones") {
  const Tensor x = tensor({{1., 3., 3.}, {NAN, 2., NAN}, {-inf, inf, 0.}});
  const auto [values_of_max, places] = max(x, 1);
  CHECK(places.to_vector<int>() == std::vector<int>{1, 0, 1});
  CHECK(values_of_max[0].item() == 3);
  CHECK(std::isnan(values_of_max[1].item()));
  CHECK(min(x, -1).indices.to_vector<int>() == std::vector<int>{0, 0, 0});
  CHECK(x.max(0, true).values.shape() == Shape{1, 3});
  CHECK(gradient(tensor({{1., 3., 3.}}), [](const Tensor& v) { return v.max(1).values; }) ==
        Values{0, 1, 0});
  CHECK(gradient(tensor({{1., 3., 3.}}), [](const Tensor& v) { return v.amax(1); }) ==
        Values{0, 0.5, 0.5});
  CHECK(gradient(tensor({{1., 3., 3.}}), [](const Tensor& v) { return max(v, {1}); }) ==
        Values{0, 0.5, 0.5});
  CHECK(values(max(tensor({{3, 9}, {7, 1}}), 0).values) == Values{7, 9});
  CHECK(max(tensor({false, true}), 0).values.dtype() == boolean);
  CHECK(max(tensor(5.), 0).values.item() == 5);
  CHECK(max(tensor(5.), -1).indices.shape() == Shape{});
  CHECK(message_of<ShapeError>([] { max(tensor(5.), 1); }) ==
        "max: axis 1 of a scalar; it is 0 or -1");
  CHECK(message_of<ValueError>([] {
          min(zeros({2, 0}), -1);
        }) == "min: no elements along axis 1 of shape [2, 0]");
  const auto [low, high] = aminmax(x.slice(0, 0, 1), 1);
  CHECK(low.item() == 1);
  CHECK(high.item() == 3);
  CHECK(message_of<ValueError>([] { aminmax(zeros({0})); }) ==
        "aminmax: no elements along axes [0] of shape [0]");
}

TEST_CASE("norms by hand, and their gradients where there is no derivative") {
  const Tensor x = tensor({3., -4., 0.}, {.dtype = float64});
  CHECK(norm(x).item() == 5);
  CHECK(norm(x, 0).item() == 2);
  CHECK(norm(x, 1).item() == 7);
  CHECK(norm(x, inf).item() == 4);
  CHECK(norm(x, -inf).item() == 0);
  CHECK(norm(x, 3).item() == doctest::Approx(std::cbrt(91)));
  CHECK(norm(x, -1).item() == 0);
  CHECK(values(norm(tensor({{3., 4.}, {6., 8.}}), 2, 1)) == Values{5, 10});
  CHECK(x.norm(2, 0, true).shape() == Shape{1});
  CHECK(norm(zeros({0})).item() == 0);
  for (const double p : {0., 1., 2., 3., 1.5, 0.5, inf}) {
    CAPTURE(p);
    CHECK(gradient(zeros({3}), [p](const Tensor& v) { return norm(v, p); }) == Values{0, 0, 0});
  }
  CHECK(gradient(x, [](const Tensor& v) { return norm(v, 2); }) == Values{0.6, -0.8, 0});
  CHECK(gradient(x, [](const Tensor& v) { return norm(v, 1); }) == Values{1, -1, 0});
  CHECK(gradient(tensor({2., -2., 1.}), [](const Tensor& v) { return norm(v, inf); }) ==
        Values{0.5, -0.5, 0});
  CHECK(message_of<ValueError>([] {
          norm(zeros({2, 0}), inf, 1);
        }) == "norm: no elements along axes [1] of shape [2, 0], for p = inf");
  CHECK(message_of<DTypeError>([] {
          norm(tensor({1, 2}));
        }) == "norm: takes floating tensors, got int64");
  CHECK(message_of<ValueError>([] { norm(zeros({2}), NAN); }) ==
        "norm: p is nan; it must be a number");
}

TEST_CASE("the median is the lower of two in the middle, with the place of the first") {
  CHECK(median(tensor({4., 1., 3., 2.})).item() == 2);
  CHECK(median(tensor({5, 1, 3})).item<int>() == 3);
  CHECK(std::isnan(median(tensor({1., NAN, 2.})).item()));
  CHECK(nanmedian(tensor({1., NAN, 2.})).item() == 1);
  CHECK(std::isnan(nanmedian(tensor({NAN, NAN})).item()));
  CHECK(std::isnan(median(zeros({0})).item()));
  const Tensor x = tensor({{3., 1., 3., 3.}, {NAN, 2., 1., 0.}});
  const auto [m, places] = median(x, 1);
  CHECK(m[0].item() == 3);
  CHECK(std::isnan(m[1].item()));
  CHECK(places.to_vector<int>() == std::vector<int>{0, 0});
  CHECK(values(nanmedian(x, 1, true).values) == Values{3, 1});
  CHECK(nanmedian(x, 1).indices.to_vector<int>() == std::vector<int>{0, 2});
  CHECK(gradient(tensor({2., 1., 2., 5., 2.}), [](const Tensor& v) { return median(v) * 3; }) ==
        Values{1, 0, 1, 0, 1});
  CHECK(gradient(x, [](const Tensor& v) { return nanmedian(v, 1).values; }) ==
        Values{1, 0, 0, 0, 0, 0, 1, 0});
  CHECK(message_of<ValueError>([] {
          median(zeros({0, 2}), 0);
        }) == "median: no elements along axis 0 of shape [0, 2]");
  CHECK(message_of<ValueError>([] { median(zeros({0}, {.dtype = int64})); }) ==
        "median: no elements in shape [0] of int64");
}

TEST_CASE("the mode is the smallest of the most frequent, where it is last") {
  const auto [most, places] = mode(tensor({{5, 2, 5, 2, 1}, {7, 7, 7, 0, 0}}));
  CHECK(values(most) == Values{2, 7});
  CHECK(places.to_vector<int>() == std::vector<int>{3, 2});
  CHECK(mode(tensor({NAN, 4., NAN, 4.})).values.item() == 4);
  CHECK(std::isnan(mode(tensor({NAN, NAN})).values.item()));
  CHECK(mode(tensor({{1., 2.}}), 0, true).values.shape() == Shape{1, 2});
}

TEST_CASE("quantiles between two elements") {
  const Tensor x = tensor({4., 1., 3., 2.}, {.dtype = float64});
  const auto at = [&](double q, const char* how) { return quantile(x, q, {}, false, how).item(); };
  CHECK(at(0.5, "linear") == 2.5);
  CHECK(at(0.5, "lower") == 2);
  CHECK(at(0.5, "higher") == 3);
  CHECK(at(0.5, "midpoint") == 2.5);
  CHECK(at(0.5, "nearest") == 3);  // 1.5 is as near to 1 as to 2, which is even
  CHECK(at(0.75, "linear") == 3.25);
  CHECK(at(0, "linear") == 1);
  CHECK(at(1, "linear") == 4);
  const Tensor m = tensor({{1., 2., NAN}, {6., 4., 5.}}, {.dtype = float64});
  const Tensor q = tensor({0.5, 1.}, {.dtype = float64});
  const Tensor y = quantile(m, q, 1, true);
  CHECK(y.shape() == Shape{2, 2, 1});
  CHECK(std::isnan(y[0][0].item()));
  CHECK(y[0][1].item() == 5);
  CHECK(y[1][1].item() == 6);
  CHECK(quantile(m, q).shape() == Shape{2});
  CHECK(quantile(m, 0.5, {}, true).shape() == Shape{1, 1});
  // A place of its own takes nothing from the next.
  CHECK(quantile(tensor({1., inf, inf}), 0.5).item() == inf);
  CHECK(quantile(tensor({1., 2., inf}), 0.5).item() == 2);
  CHECK(message_of<ValueError>([&] { quantile(x, 1.5); }) ==
        "quantile: q is 1.5; it must lie in [0, 1]");
  CHECK(message_of<ValueError>([&] { quantile(x, 0.5, 0, false, "cubic"); }) ==
        "quantile: the interpolation is cubic; it is linear, lower, higher, nearest or midpoint");
  CHECK(message_of<DTypeError>([&] { quantile(x, tensor({0.5})); }) ==
        "quantile: q is float32, it must be float64 as x is");
  CHECK(message_of<ValueError>([] { quantile(zeros({0}), 0.5); }) ==
        "quantile: no elements along axis 0 of shape [0]");
}

TEST_CASE("sums and means without what is NaN") {
  const Tensor x = tensor({{1., NAN, 3.}, {NAN, NAN, NAN}});
  CHECK(values(nansum(x, 1)) == Values{4, 0});
  const Tensor m = nanmean(x, 1);
  CHECK(m[0].item() == 2);
  CHECK(std::isnan(m[1].item()));
  CHECK(nansum(tensor({1, 2})).item<int>() == 3);
  CHECK(gradient(x.slice(0, 0, 1), [](const Tensor& v) { return nanmean(v); }) ==
        Values{0.5, 0, 0.5});
}
