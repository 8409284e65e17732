#include <xgrad/optim/schedule.hpp>
#include <xgrad/optim/sgd.hpp>

#include "support.hpp"

using namespace support;
namespace schedule = optim::schedule;

TEST_CASE("schedules at their corners and between") {
  const auto check = [](const optim::Schedule& s, double progress, double factor) {
    CAPTURE(progress);
    CHECK(s(progress) == doctest::Approx(factor).epsilon(1e-12));
  };
  check(schedule::constant(), 0.7, 1);
  check(schedule::linear(), 0.25, 0.75);
  check(schedule::linear(1, 0, 0.5), 0.25, 0.5);
  check(schedule::linear(1, 0, 0.5), 0.75, 0);
  const auto triangle = schedule::triangle(0.2, 0.25, 0.1);
  check(triangle, 0, 0.2);
  check(triangle, 0.125, 0.6);
  check(triangle, 0.25, 1);
  check(triangle, 0.625, 0.55);
  check(triangle, 1, 0.1);
  const auto cosine = schedule::cosine(0.2, 0.1);
  check(cosine, 0.1, 0.5);
  check(cosine, 0.2, 1);
  check(cosine, 0.6, 0.55);
  check(cosine, 1, 0.1);
  check(schedule::cosine(), 0, 1);
}

TEST_CASE("a scheduler multiplies the rate of each group") {
  Tensor a = tensor({1.}, {.requires_grad = true});
  Tensor b = tensor({1.}, {.requires_grad = true});
  optim::SGD sgd(std::vector<optim::SGD::Group>{{{a}, {.lr = 0.1}}, {{b}, {.lr = 1}}});
  optim::Scheduler scheduler(sgd, schedule::linear());
  scheduler.set(0.5);
  CHECK(sgd.learning_rates() == std::vector<double>{0.05, 0.5});
  scheduler.set(0);
  CHECK(sgd.learning_rates() == std::vector<double>{0.1, 1});
  CHECK_THROWS_AS(scheduler.set(1.1), ValueError);
  CHECK_THROWS_AS(sgd.set_learning_rates({1}), ValueError);
}

TEST_CASE("schedules that make no sense are errors") {
  CHECK_THROWS_AS(schedule::linear(1, 0, 0), ValueError);
  CHECK_THROWS_AS(schedule::triangle(0, 1), ValueError);
  CHECK_THROWS_AS(schedule::cosine(1), ValueError);
}
