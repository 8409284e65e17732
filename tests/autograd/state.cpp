// State that a pass reads or leaves: graphs used again and freed, what grad() is asked for,
// gradients on the tape, modes that nest.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

#include "support.hpp"

using namespace support;

namespace {

Tensor leaf(std::uint64_t seed) { return normal({3}, seed).requires_grad_(); }

bool close(const Tensor& a, const Tensor& b) { return allclose(a, b, 1e-12, 1e-12); }

}  // namespace

TEST_CASE("passes that keep the graph may come in any number, and one that does not is the last") {
  const Tensor x = leaf(1);
  for (const int keeping : {0, 1, 2, 5}) {
    CAPTURE(keeping);
    x.set_grad({});
    const Tensor y = exp(x * x).sum();
    for (int i = 0; i < keeping; ++i) y.backward({}, {.retain_graph = true});
    for (int i = 0; i < keeping; ++i) grad(y, x, {.create_graph = true});
    y.backward();
    CHECK(close(x.grad(), (keeping + 1) * (2 * x * exp(x * x)).detach()));
    CHECK_THROWS_AS(y.backward(), GraphError);
    CHECK_THROWS_AS(y.backward({}, {.retain_graph = true}), GraphError);
    CHECK_THROWS_AS(grad(y, x, {.create_graph = true}), GraphError);
  }
}

TEST_CASE("a pass that failed leaves the rules that it did not reach, and those it was in") {
  const Tensor x = leaf(1);
  for (const bool retain : {false, true}) {
    CAPTURE(retain);
    x.set_grad({});
    int fails = 1;
    const Tensor a = x * x;
    const Tensor b = record("fails", a.detach().clone(),
                            wrt(a, [&fails, kept = saved(a.detach())](const Tensor& dy) {
                              if (fails-- > 0) throw std::runtime_error("once");
                              return dy * kept() / kept();
                            }));
    CHECK_THROWS_AS(b.backward(ones_like(b), {.retain_graph = retain}), std::runtime_error);
    CHECK_FALSE(x.grad().defined());
    b.backward(ones_like(b));
    CHECK(close(x.grad(), (2 * x).detach()));
    CHECK_THROWS_AS(b.backward(ones_like(b)), GraphError);
  }
}

TEST_CASE("a freed part of a graph is told where another part still needs it") {
  const Tensor x = leaf(1);
  const Tensor shared = exp(x);
  const Tensor one = (shared * 2).sum();
  const Tensor other = (shared + 1).sum();
  one.backward();
  CHECK_THROWS_AS(other.backward(), GraphError);
  CHECK(close(x.grad(), (2 * exp(x)).detach()));
}

TEST_CASE("grad() of results and leaves together, asked for in any order and again") {
  const Tensor x = leaf(1);
  const Tensor w = leaf(2);
  const Tensor h = x * w;
  const Tensor y = h * h * x;
  const Tensor dy = normal({3}, 3);
  const auto right_h = (2 * h * x * dy).detach();
  const auto right_x = (3 * square(x * w) * dy).detach();
  const auto right_w = (2 * x * x * x * w * dy).detach();
  const GradOptions options{.grad_outputs = {dy}, .retain_graph = true};
  const auto check = [&](const std::vector<Tensor>& inputs, const std::vector<Tensor>& right) {
    const auto found = grad({y}, inputs, options);
    REQUIRE(found.size() == right.size());
    for (std::size_t i = 0; i < right.size(); ++i) CHECK(close(found[i], right[i]));
  };
  check({x, h, w}, {right_x, right_h, right_w});
  check({w, h, h, x, w}, {right_w, right_h, right_h, right_x, right_w});
  check({h}, {right_h});
  check({y}, {dy});
  check({y, x}, {dy, right_x});
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(w.grad().defined());

  // Several outputs, one of them twice and one inside another.
  const auto found = grad({y, h, h}, {x, h}, {.grad_outputs = {dy, dy, dy}, .retain_graph = true});
  CHECK(close(found[1], right_h + 2 * dy));
  CHECK(close(found[0], right_x + (2 * w * dy).detach()));
  // What it gives is changed by nobody.
  Tensor first = grad(y, x, options);
  first.fill_(7);
  check({x}, {right_x});
}

TEST_CASE("hooks of a result are in what grad() gives for it, and in what comes before it") {
  const Tensor x = leaf(1);
  Tensor h = x * 3;
  h.register_hook([](const Tensor& g) { return g * 10; });
  const Tensor y = h * 2;
  const Tensor dy = normal({3}, 3);
  const auto found = grad({y}, {h, x}, {.grad_outputs = {dy}});
  CHECK(close(found[0], 20 * dy));
  CHECK(close(found[1], 60 * dy));
}

TEST_CASE("gradients on the tape add up there, pass after pass") {
  Tensor x = leaf(1);
  const Tensor value = x.detach();
  const auto cube = [&] { return (x * x * x).sum(); };
  cube().backward({}, {.create_graph = true});
  CHECK(x.grad().requires_grad());
  CHECK(close(x.grad().detach(), 3 * square(value)));
  cube().backward({}, {.create_graph = true});
  CHECK(close(x.grad().detach(), 6 * square(value)));
  CHECK(close(grad(x.grad().sum(), x), 12 * value));
  x.set_grad({});
  // A pass that is not recorded adds to one that was, off the tape.
  cube().backward({}, {.create_graph = true});
  cube().backward();
  CHECK(close(x.grad().detach(), 6 * square(value)));
  CHECK_FALSE(x.grad().requires_grad());
  x.set_grad({});

  Tensor y = x * x;
  y.retain_grad();
  (y * y).sum().backward({}, {.create_graph = true});
  CHECK(y.grad().requires_grad());
  CHECK(close(y.grad().detach(), 2 * square(value)));
  CHECK(close(grad(y.grad().sum(), x).detach(), 4 * value));
  x.set_grad({});
  y.set_grad({});
}

TEST_CASE("what needs no gradient gets none, and is none of a node's edges") {
  const Tensor x = leaf(1);
  const Tensor constant = normal({3}, 2);
  const Tensor y = x * constant;
  CHECK(static_cast<bool>(y.grad_fn()->edges()[0]));
  CHECK_FALSE(static_cast<bool>(y.grad_fn()->edges()[1]));
  y.backward(ones_like(y));
  CHECK_FALSE(constant.grad().defined());
  CHECK(close(x.grad(), constant));
  // A leaf that stopped to want one.
  Tensor z = leaf(4);
  z.requires_grad_(false);
  CHECK_FALSE((z * constant).requires_grad());
  z.requires_grad_();
  CHECK((z * constant).requires_grad());
}

TEST_CASE("modes nest, end with their scope, and are their thread's own") {
  const auto recorded = [x = leaf(1)] { return (x * 2).requires_grad(); };
  CHECK(recorded());
  {
    const NoGradGuard outer;
    CHECK_FALSE(recorded());
    {
      const EnableGradGuard inner;
      CHECK(recorded());
      const NoGradGuard innermost;
      CHECK_FALSE(recorded());
    }
    CHECK_FALSE(recorded());
    bool elsewhere = false;
    std::thread([&] { elsewhere = recorded(); }).join();
    CHECK(elsewhere);
  }
  CHECK(recorded());
  CHECK_THROWS_AS(no_grad([]() -> int { throw std::runtime_error("inside"); }), std::runtime_error);
  CHECK(recorded());
  {
    const AnomalyMode outer;
    CHECK(is_anomaly_mode());
    {
      const AnomalyMode inner;
      CHECK(is_anomaly_mode());
    }
    CHECK(is_anomaly_mode());
    bool elsewhere = true;
    std::thread([&] { elsewhere = is_anomaly_mode(); }).join();
    CHECK_FALSE(elsewhere);
  }
  CHECK_FALSE(is_anomaly_mode());
}

TEST_CASE(
    "anomaly mode tells what is new: NaN of infinities, in its place, and not what was there") {
  const double inf = std::numeric_limits<double>::infinity();
  const AnomalyMode guard;
  const Tensor x = tensor({{1., 2., 3.}, {4., inf, 6.}}, {.dtype = float64});
  CHECK(message_of<AnomalyError>([&] { x - x; }) ==
        "anomaly: sub gave nan at [1, 1] of its result [2, 3] (inputs [2, 3], [2, 3])");
  CHECK_NOTHROW(x * 2);
  const Tensor none = log(tensor({1.}, {.dtype = float64})) * 0;
  CHECK(none.item() == 0);
  const Tensor with_nan =
      from_vector(std::vector<double>{std::numeric_limits<double>::quiet_NaN(), 1});
  CHECK_NOTHROW(with_nan + 1);
  CHECK_NOTHROW(with_nan - from_vector(std::vector<double>{1, inf}));
  const Tensor y = leaf(1);
  const auto wrong = record("wrong", y.detach().clone(), wrt(y, [](const Tensor& dy) {
                              Tensor dx = dy.clone();
                              dx.mutable_data<double>()[2] =
                                  -std::numeric_limits<double>::infinity();
                              return dx;
                            }));
  CHECK(message_of<AnomalyError>([&] { wrong.backward(ones_like(wrong)); }) ==
        "anomaly: the backward rule of wrong gave -inf at [2] of the gradient [3] of its argument "
        "0 (gradient of the result: [3])");
}

TEST_CASE("lists of extents and axes: inserted, erased, filled to eight") {
  Shape shape{2, 3, 4};
  shape.insert(0, 7);
  CHECK(shape == Shape{7, 2, 3, 4});
  shape.insert(2, 8);
  CHECK(shape == Shape{7, 2, 8, 3, 4});
  shape.insert(5, 9);
  CHECK(shape == Shape{7, 2, 8, 3, 4, 9});
  shape.erase(5);
  shape.erase(0);
  shape.erase(1);
  CHECK(shape == Shape{2, 3, 4});
  for (std::int64_t i = 0; i < 5; ++i) shape.push_back(i);
  CHECK(shape == Shape{2, 3, 4, 0, 1, 2, 3, 4});
  CHECK(shape.back() == 4);
  CHECK_THROWS_AS(shape.push_back(1), ShapeError);
  CHECK_THROWS_AS(shape.insert(0, 1), ShapeError);
  CHECK_THROWS_AS(normalize_axes({0, -3}, 3, "f"), ShapeError);
  CHECK(normalize_axis(-3, 3, "f") == 0);
  CHECK_THROWS_AS(normalize_axis(-4, 3, "f"), ShapeError);
  CHECK_THROWS_AS(normalize_axis(0, 0, "f"), ShapeError);
}

TEST_CASE("dtypes promote alike from either side") {
  const std::array order{boolean, int64, float32, float64};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j)
      CHECK(promote(order[i], order[j]) == order[std::max(i, j)]);
}
