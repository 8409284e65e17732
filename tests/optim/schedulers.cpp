// Schedulers by steps, 100 of each, against the table of schedulers.py, and on from a saved state.

#include "schedulers.hpp"

#include <xgrad/optim/optim.hpp>

#include <cmath>

#include "every_scheduler.hpp"
#include "support.hpp"

using namespace support;
using schedulers::all_schedulers, schedulers::Made;

namespace {

constexpr int steps = 100;

Tensor leaf() { return ones({1}, {.requires_grad = true}); }

optim::SGD two_groups(double first = 0.05, double second = 1) {
  return optim::SGD(std::vector<optim::SGD::Group>{{{leaf()}, {.lr = first, .momentum = 0.3}},
                                                   {{leaf()}, {.lr = second, .momentum = 0.3}}});
}

/// The one of lr_scheduler.hpp.
class HalvingLR : public optim::LRScheduler {
 public:
  explicit HalvingLR(optim::Optimizer& optimizer) : LRScheduler(optimizer) {}

 protected:
  double next(std::int64_t step, std::size_t, double rate) const override {
    return step == 0 ? rate : rate / 2;
  }
};

/// The rates of both groups and the first one's momentum.
std::vector<double> numbers(optim::Optimizer& optimizer) {
  std::vector<double> all = optimizer.learning_rates();
  all.push_back(optimizer.momenta()[0]);
  return all;
}

}  // namespace

TEST_CASE("a hundred steps of each scheduler are PyTorch's") {
  const auto schedulers = all_schedulers();
  REQUIRE(schedulers.size() == wanted.size());
  constexpr std::array shown{0, 1, 2, 7, 34, 50, 99};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(wanted[i].name);
    optim::SGD optimizer = two_groups();
    const Made made = schedulers[i](optimizer);
    std::vector<std::vector<double>> seen;
    std::vector<double> sums(3);
    for (int step = 0; step < steps; ++step) {
      seen.push_back(numbers(optimizer));
      for (std::size_t j = 0; j < 3; ++j) sums[j] += (step + 1) * seen.back()[j];
      made.step(step);
    }
    if (wanted[i].numbers.size() == 2) CHECK(sums[2] == doctest::Approx(0.3 * 5050));
    for (std::size_t j = 0; j < wanted[i].numbers.size(); ++j) {
      CAPTURE(j);
      const auto& right = wanted[i].numbers[j];
      // Factors of a hundred steps are rounded one after the other.
      const auto near = [](double x) { return doctest::Approx(x).epsilon(1e-12).scale(0.05); };
      for (std::size_t k = 0; k < shown.size(); ++k) {
        CAPTURE(shown[k]);
        CHECK(seen[std::size_t(shown[k])][j] == near(right[k]));
      }
      CHECK(sums[j] == near(right[7]));
    }
  }
}

TEST_CASE("each scheduler goes on from its state as if it had never stopped") {
  const auto schedulers = all_schedulers();
  for (std::size_t i = 0; i < schedulers.size(); ++i)
    for (const int stop : {0, 1, 17, 50, 73}) {
      CAPTURE(wanted[i].name);
      CAPTURE(stop);
      optim::SGD first = two_groups();
      const Made before = schedulers[i](first);
      for (int step = 0; step < stop; ++step) before.step(step);

      optim::SGD second = two_groups(7, 8);
      second.set_momenta({0.1, 0.1});
      const Made after = schedulers[i](second);
      REQUIRE(after.all.size() == before.all.size());
      for (std::size_t j = after.all.size() - after.saved; j < after.all.size(); ++j)
        after.all[j]->load_state_dict(before.all[j]->state_dict());
      const bool cycles = wanted[i].numbers.size() == 3;
      for (int step = stop; step < steps; ++step) {
        CAPTURE(step);
        CHECK(second.learning_rates() == first.learning_rates());
        if (cycles) CHECK(second.momenta() == first.momenta());
        before.step(step);
        after.step(step);
      }
      if (!cycles) CHECK(second.momenta() == std::vector<double>{0.1, 0.1});
    }
}

TEST_CASE("a cosine is exact at its ends, and factors of 0 leave no NaN") {
  optim::SGD optimizer({leaf()}, {.lr = 0.1});
  const auto steps_of = [&](optim::LRScheduler& scheduler, int count) {
    for (int i = 0; i < count; ++i) scheduler.step();
    return optimizer.lr();
  };
  optim::CosineAnnealingLR cosine(optimizer, 3);
  CHECK(steps_of(cosine, 3) == 0);
  CHECK(steps_of(cosine, 3) == doctest::Approx(0.1));

  optimizer.set_lr(1);
  optim::ConstantLR off(optimizer, {.factor = 0, .total_iters = 2});
  CHECK(optimizer.lr() == 0);
  CHECK(steps_of(off, 2) == 1);
  optim::ExponentialLR dropped(optimizer, 0);
  CHECK(steps_of(dropped, 5) == 0);

  optimizer.set_lr(1);
  for (int total = 1; total < 60; ++total)
    for (const double start : {0.1, 0.3, 0.7, 1.}) {
      optimizer.set_lr(1);
      optim::LinearLR linear(optimizer,
                             {.start_factor = start, .end_factor = 0, .total_iters = total});
      const double last = steps_of(linear, total);
      CHECK(last >= 0);
      CHECK(last < 1e-15);
    }
  optimizer.set_lr(1);
  optim::PolynomialLR polynomial(optimizer, {.total_iters = 7, .power = 0.5});
  CHECK(steps_of(polynomial, 9) == 0);
}

TEST_CASE("schedulers that are made side by side start from the same rates") {
  optim::SGD optimizer({leaf()}, {.lr = 1});
  const optim::ConstantLR constant(optimizer, {.factor = 0.5});
  CHECK(optimizer.lr() == 0.5);
  optim::LambdaLR lambda(optimizer, [](std::int64_t) { return 0.25; });
  CHECK(optimizer.lr() == 0.25);  // not 0.125
  optimizer.set_lr(3);            // by somebody else
  const optim::LambdaLR other(optimizer, [](std::int64_t) { return 0.5; });
  CHECK(optimizer.lr() == 1.5);
  CHECK(other.get_last_lr() == std::vector<double>{1.5});
  lambda.step();
  CHECK(optimizer.lr() == 0.25);
  const optim::StepLR late(optimizer, 1);
  optimizer.add_group({leaf()});
  CHECK(message_of<ValueError>([&] { lambda.step(); }) ==
        "LRScheduler: the optimiser has 2 groups, and had 1 when this was made for it");
  const optim::LambdaLR both(optimizer, [](std::int64_t) { return 1.0; });
  CHECK(optimizer.learning_rates() == std::vector<double>{3, 0.25});
}

TEST_CASE("sequences and chains hold each other") {
  const auto rates = [](optim::Optimizer& optimizer, optim::LRScheduler& scheduler) {
    std::vector<double> all;
    for (int i = 0; i < 6; ++i) {
      all.push_back(optimizer.lr());
      scheduler.step();
    }
    return all;
  };
  optim::SGD optimizer({leaf()}, {.lr = 1});
  optim::ExponentialLR first(optimizer, 0.5);
  optim::ConstantLR low(optimizer, {.factor = 0.25, .total_iters = 2});
  optim::ExponentialLR second(optimizer, 0.5);
  optim::ChainedScheduler chain({low, second});
  optim::SequentialLR sequence(optimizer, {first, chain}, {2});
  CHECK(rates(optimizer, sequence) == std::vector<double>{1, 0.5, 0.25, 0.125, 0.25, 0.125});
  std::vector<std::string> names;
  for (const auto& [name, x] : sequence.state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"step", "base_lrs", "0.step", "0.base_lrs", "1.step",
                                          "1.base_lrs", "1.0.step", "1.0.base_lrs", "1.1.step",
                                          "1.1.base_lrs", "last_lr"});

  optim::SGD another({leaf()}, {.lr = 1});
  optim::MultiplicativeLR third(another, [](std::int64_t) { return 0.5; });
  optim::StepLR fourth(another, 1, 0.25);
  optim::SequentialLR inner(another, {fourth, third}, {1});
  optim::ConstantLR full(another, {.factor = 1});
  optim::SequentialLR outer(another, {full, inner}, {2});
  // The inner one anew: 1, and its second part from what it finds.
  CHECK(rates(another, outer) == std::vector<double>{1, 1, 1, 1, 0.5, 0.25});
}

TEST_CASE("a scheduler of one's own is the rate of each step") {
  optim::SGD optimizer({leaf()}, {.lr = 1});
  HalvingLR halving(optimizer);
  optim::StepLR by_steps(optimizer, 2, 0.5);
  optim::SequentialLR scheduler(optimizer, {by_steps, halving}, {3});
  std::vector<double> rates;
  for (int i = 0; i < 6; ++i, scheduler.step()) rates.push_back(optimizer.lr());
  CHECK(rates == std::vector<double>{1, 1, 0.5, 1, 0.5, 0.25});
}

TEST_CASE("warm restarts at places between epochs") {
  optim::SGD optimizer({leaf()}, {.lr = 1});
  const auto height = [](double part) { return (1 + std::cos(part * 3.14159265358979323846)) / 2; };
  optim::CosineAnnealingWarmRestarts same(optimizer, {.T_0 = 4});
  for (int i = 0; i < 40; ++i) {
    same.step(i / 3.);
    CHECK(optimizer.lr() == doctest::Approx(height(std::fmod(i / 3., 4.) / 4)));
    CHECK(same.steps() == i / 3);
  }
  optimizer.set_lr(1);
  optim::CosineAnnealingWarmRestarts longer(optimizer, {.T_0 = 2, .T_mult = 3});
  for (int i = 0; i < 100; ++i) {
    longer.step(i / 4.);
    const double place = i / 4.;  // cycles of 2, 6 and 18
    CHECK(optimizer.lr() == doctest::Approx(height(place < 2   ? place / 2
                                                   : place < 8 ? (place - 2) / 6
                                                               : (place - 8) / 18)));
  }
  longer.step(1.5);
  longer.step();  // from where it is
  CHECK(longer.steps() == 2);
  CHECK(optimizer.lr() == doctest::Approx(height(0.5 / 6)));
  for (const double bad : {-0.5, double(NAN), double(INFINITY)})
    CHECK_THROWS_AS(longer.step(bad), ValueError);
  CHECK(message_of<ValueError>([&] { longer.step(-0.5); }) ==
        "CosineAnnealingWarmRestarts: epoch is -0.5, it must lie in [0, 2⁵³]");
}

TEST_CASE("one cycle ends with its steps, and cycles the betas of Adam") {
  optim::Adam optimizer({leaf()}, {.lr = 1, .betas = {0.5, 0.999}});
  optim::OneCycleLR scheduler(optimizer,
                              {.max_lr = 0.1, .total_steps = 10, .anneal_strategy = "linear"});
  CHECK(optimizer.lr() == 0.1 / 25);
  CHECK(optimizer.momenta() == std::vector<double>{0.95});
  for (int i = 0; i < 9; ++i) scheduler.step();
  const double last = optimizer.lr();
  CHECK(last == doctest::Approx(0.1 / 25e4));
  scheduler.step();
  CHECK(optimizer.lr() == last);
  CHECK(optimizer.groups()[0].options.betas == std::array<double, 2>{0.95, 0.999});
  CHECK(message_of<ValueError>([&] { scheduler.step(); }) ==
        "OneCycleLR: step 11 of a schedule of 10 steps");
  CHECK(scheduler.steps() == 10);
  CHECK(optimizer.lr() == last);

  optim::SGD sgd({leaf()}, {.lr = 1});
  for (const double start : {0., 0.1, 0.5, 1.})  // the first phase has no steps, one, …
    for (const bool three : {false, true})
      for (const int total : {1, 2, 10}) {
        optim::OneCycleLR any(
            sgd, {.max_lr = 1, .total_steps = total, .pct_start = start, .three_phase = three});
        for (int step = 0; step < total; ++step, any.step()) {
          CHECK(sgd.lr() > 0);
          CHECK(sgd.lr() <= 1);
        }
      }
}

TEST_CASE("a plateau is left by what is better by the threshold, and NaN is not") {
  optim::SGD optimizer({leaf()}, {.lr = 1});
  optim::ReduceLROnPlateau scheduler(optimizer, {.factor = 0.5, .patience = 1, .threshold = 0.1});
  const auto rate_after = [&](std::initializer_list<double> metrics) {
    for (const double metric : metrics) scheduler.step(metric);
    return optimizer.lr();
  };
  CHECK(rate_after({1, 0.95}) == 1);
  CHECK(scheduler.num_bad_epochs() == 1);
  CHECK(rate_after({0.89, 0.85}) == 1);
  CHECK(scheduler.best() == 0.89);
  CHECK(rate_after({NAN}) == 0.5);
  CHECK(rate_after({NAN, 0.5}) == 0.5);
  CHECK(scheduler.num_bad_epochs() == 0);
  optim::ReduceLROnPlateau twice(optimizer, {.mode = "max", .patience = 0, .threshold = 1});
  twice.step(1);
  twice.step(2.5);
  CHECK(optimizer.lr() == 0.5);
  twice.step(4);
  CHECK(optimizer.lr() == doctest::Approx(0.05));
  optimizer.set_lr(1e-8);
  twice.step(0);  // less than eps
  CHECK(optimizer.lr() == 1e-8);
}
