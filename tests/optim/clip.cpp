#include <xgrad/optim/clip.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;
using optim::clip_grad_norm_;
using optim::clip_grad_value_;
using optim::grad_norm;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor parameter(const Tensor& gradient, const char* name = "") {
  Tensor x = zeros(gradient.shape(), {.dtype = gradient.dtype(), .requires_grad = true});
  if (*name != '\0') x.set_name(name);
  x.set_grad(gradient);
  return x;
}

}  // namespace

TEST_CASE("the norm of all gradients together, clipped as worked out by hand") {
  const Tensor a = parameter(tensor({3., 0.}, {.dtype = float64}));
  const Tensor b = parameter(tensor({{-4.}}, {.dtype = float32}));
  const Tensor none = zeros({3}, {.requires_grad = true});
  const std::vector<Tensor> all{a, none, b};
  CHECK(grad_norm(all) == 5);
  CHECK(nn::utils::clip_grad_norm_(all, 2.5) == 5);  // as PyTorch calls it
  CHECK(equal(a.grad(), tensor({1.5, 0.}, {.dtype = float64})));
  CHECK(equal(b.grad(), tensor({{-2.}}, {.dtype = float32})));
  CHECK_FALSE(none.grad().defined());
  SUBCASE("smaller ones stay") {
    CHECK(clip_grad_norm_(all, 2.5) == 2.5);
    CHECK(clip_grad_norm_(all, infinity) == 2.5);
    CHECK(equal(a.grad(), tensor({1.5, 0.}, {.dtype = float64})));
  }
  SUBCASE("value by value") {
    clip_grad_value_(all, 1.75);
    CHECK(equal(a.grad(), tensor({1.5, 0.}, {.dtype = float64})));
    CHECK(equal(b.grad(), tensor({{-1.75}}, {.dtype = float32})));
  }
}

TEST_CASE("no gradients, no values and no parameters have the norm 0") {
  const Tensor none = zeros({3}, {.requires_grad = true});
  const Tensor empty = parameter(zeros({0, 3}));
  CHECK(grad_norm({}) == 0);
  CHECK(clip_grad_norm_({none, empty}, 1) == 0);
  clip_grad_value_({none, empty}, 1);
  const Tensor at_rest = parameter(zeros({4}));
  CHECK(clip_grad_norm_({at_rest}, 1) == 0);
  CHECK(equal(at_rest.grad(), zeros({4})));
}

TEST_CASE("squares of float32 gradients neither overflow nor vanish") {
  for (const double scale : {1e30, 1e-30}) {
    const Tensor x = parameter(full({100, 100}, scale, {.dtype = float32}));
    CHECK(grad_norm({x}) == doctest::Approx(100 * scale).epsilon(1e-6));
    clip_grad_norm_({x}, scale);
    CHECK(grad_norm({x}) == doctest::Approx(scale).epsilon(1e-6));
  }
}

TEST_CASE("large gradients: against the operations, with the same bits on any number of threads") {
  const int threads = num_threads();
  const Tensor g = normal({300, 1001});
  const Tensor h = normal({70001}, 5);
  const double exact = std::sqrt((g.square().sum() + h.square().sum()).item());
  double first = 0;
  Tensor clipped;
  for (const int number : {1, 2, 5}) {
    set_num_threads(number);
    const std::vector<Tensor> all{parameter(g.clone()), parameter(h.clone())};
    const double norm = clip_grad_norm_(all, 1);
    if (number == 1) {
      first = norm;
      clipped = all[0].grad().clone();
      CHECK(norm == doctest::Approx(exact).epsilon(1e-12));
      CHECK(allclose(clipped, g / exact, 1e-12, 1e-15));
    }
    CHECK(norm == first);
    CHECK(equal(all[0].grad(), clipped));
    clip_grad_value_(all, 0.001);
    CHECK(equal(all[0].grad(), clamp(clipped, -0.001, 0.001)));
  }
  set_num_threads(threads);
}

TEST_CASE("gradients that are not finite are told, not spread, and nothing is changed") {
  const Tensor fine = parameter(tensor({30., 40.}, {.dtype = float64}));
  for (const double bad : {not_a_number, infinity, -infinity}) {
    const Tensor wrong = parameter(tensor({1., bad}, {.dtype = float64}), "fc.weight");
    CHECK_FALSE(std::isfinite(grad_norm({fine, wrong})));
    CHECK_THROWS_WITH_AS(
        clip_grad_norm_({fine, wrong}, 1),
        doctest::Contains("clip_grad_norm_: the gradient of 'fc.weight' [2] is not finite"),
        ValueError);
    CHECK(equal(fine.grad(), tensor({30., 40.}, {.dtype = float64})));
    clip_grad_value_({wrong}, 2);
    const double clipped = wrong.grad()[1].item();
    CHECK((std::isnan(bad) ? std::isnan(clipped) : clipped == std::copysign(2, bad)));
  }
}

TEST_CASE("errors that say what is wrong") {
  const Tensor x = parameter(tensor({3., 4.}));
  for (const double bad : {0., -1., not_a_number}) {
    CHECK_THROWS_WITH_AS(clip_grad_norm_({x}, bad), doctest::Contains("it must be positive"),
                         ValueError);
    CHECK_THROWS_WITH_AS(clip_grad_value_({x}, bad), doctest::Contains("it must be positive"),
                         ValueError);
  }
  CHECK_THROWS_WITH_AS(grad_norm({x, Tensor()}), "grad_norm: parameter 1 is undefined", ValueError);

  Tensor w = tensor({1., 2.}, {.requires_grad = true});
  (w.square() * w).sum().backward({}, {.create_graph = true});
  CHECK(grad_norm({w}) > 0);
  CHECK_THROWS_WITH_AS(clip_grad_norm_({w}, 1),
                       doctest::Contains("the gradient of parameter 0 [2] is on the tape"),
                       GraphError);
  CHECK_THROWS_AS(clip_grad_value_({w}, 1), GraphError);
  w.set_grad({});
}

TEST_CASE("the tape notices that a gradient it saved was clipped") {
  const Tensor x = parameter(tensor({3., 4.}));
  const Tensor w = tensor({1., 1.}, {.requires_grad = true});
  const Tensor y = (w * x.grad()).sum();
  clip_grad_norm_({x}, 1);
  CHECK_THROWS_AS(y.backward(), GraphError);
}
