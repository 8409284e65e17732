#include <xgrad/optim/lr_decay.hpp>
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

TEST_CASE("schedules by step go by their own steps, from the rates that they found") {
  const Tensor x = ones({1}, {.requires_grad = true});
  const Tensor y = ones({1}, {.requires_grad = true});
  optim::SGD optimizer({{{x}, {.lr = 1}}, {{y}, {.lr = 0.5}}});
  optim::StepLR scheduler(optimizer, {.step_size = 3, .gamma = 0.1});
  std::vector<double> rates;
  for (int i = 0; i < 7; ++i) {
    rates.push_back(optimizer.learning_rates()[1]);
    scheduler.step();
  }
  const std::vector<double> right{0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.005};
  for (std::size_t i = 0; i < right.size(); ++i) CHECK(rates[i] == doctest::Approx(right[i]));
  CHECK(scheduler.steps() == 7);
  CHECK(optimizer.learning_rates()[0] == doctest::Approx(0.01));

  optimizer.set_learning_rates({1, 2});
  optim::LambdaLR one(optimizer, [](std::int64_t step) { return 1.0 / double(step + 2); });
  CHECK(optimizer.learning_rates() == std::vector<double>{0.5, 1});
  one.step();
  CHECK(optimizer.learning_rates()[1] == doctest::Approx(2. / 3));
  optimizer.set_learning_rates({1, 2});
  optim::LambdaLR each(optimizer, {[](std::int64_t) { return 3.0; },
                                   [](std::int64_t step) { return step == 0 ? 1.0 : 0.25; }});
  each.step();
  CHECK(optimizer.learning_rates() == std::vector<double>{3, 0.5});
}

TEST_CASE("a schedule by step goes on from its state") {
  const auto rate = [](optim::SGD& optimizer) { return optimizer.learning_rates()[0]; };
  const Tensor x = ones({1}, {.requires_grad = true});
  optim::SGD first({x}, {.lr = 1});
  optim::StepLR before(first, 2, 0.5);
  for (int i = 0; i < 3; ++i) before.step();
  optim::SGD second({x}, {.lr = 7});
  optim::StepLR after(second, 2, 0.5);
  after.load_state_dict(before.state_dict());
  CHECK(rate(second) == 0.5);
  CHECK(after.steps() == 3);
  after.step();
  CHECK(rate(second) == 0.25);
  CHECK(message_of<ValueError>([&] { after.load_state_dict({}); }) ==
        "load_state_dict: the scheduler's step is missing");
  auto state = before.state_dict();
  state[0].second = full({}, -1);
  CHECK(message_of<ValueError>([&] { after.load_state_dict(state); }) ==
        "load_state_dict: the scheduler's step is -1");
  state[1].first = "rates";
  CHECK(message_of<ValueError>([&] { after.load_state_dict(state); }) ==
        "load_state_dict: the state does not fit:\n  unexpected: rates [1]");
  CHECK(after.steps() == 4);
  CHECK(rate(second) == 0.25);
}
