// Clipping, averages and schedules against loops over single numbers.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "support.hpp"

using namespace support;
namespace schedule = optim::schedule;

namespace {

/// Parameters of both dtypes and many sizes, some of them without a gradient.
std::vector<Tensor> parameters_with_gradients(std::uint64_t seed, double scale) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> all;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 2}, Shape{0}, Shape{67}, Shape{40'000}}) {
    const DType dtype = random() % 2 == 0 ? float32 : float64;
    Tensor x = zeros(shape, {.dtype = dtype, .requires_grad = true});
    if (random() % 4 != 0) x.set_grad((normal(shape, random()) * scale).to(dtype));
    all.push_back(x);
  }
  std::ranges::shuffle(all, random);
  return all;
}

std::vector<std::vector<double>> gradients_of(const std::vector<Tensor>& parameters) {
  std::vector<std::vector<double>> all;
  for (const Tensor& x : parameters)
    all.push_back(x.grad().defined() ? values(x.grad()) : std::vector<double>{});
  return all;
}

double norm_of(const std::vector<std::vector<double>>& gradients) {
  long double sum = 0;
  for (const auto& g : gradients)
    for (const double v : g) sum += static_cast<long double>(v) * v;
  return static_cast<double>(std::sqrt(sum));
}

double rounding_of(const Tensor& x) { return x.dtype() == float32 ? 0x1p-23 : 0x1p-51; }

}  // namespace

TEST_CASE("gradients are clipped by one factor, each as if it were alone") {
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    for (const double part : {0.01, 0.5, 1., 1.5}) {  // of the norm that there is
      CAPTURE(seed);
      CAPTURE(part);
      const auto all = parameters_with_gradients(seed, 3);
      const auto before = gradients_of(all);
      const double norm = optim::grad_norm(all);
      CHECK(norm == doctest::Approx(norm_of(before)).epsilon(1e-13));
      if (norm == 0) continue;
      CHECK(optim::clip_grad_norm_(all, part * norm) == norm);
      for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK((all[i].grad().defined() || before[i].empty()));
        if (!all[i].grad().defined()) continue;
        const auto after = values(all[i].grad());
        bool good = after.size() == before[i].size();
        for (std::size_t k = 0; good && k < after.size(); ++k) {
          const double wanted = before[i][k] * std::min(part, 1.);
          good = part >= 1 ? after[k] == wanted
                           : std::abs(after[k] - wanted) <= rounding_of(all[i]) * std::abs(wanted);
        }
        CHECK(good);
      }
    }
}

TEST_CASE("each value is clipped to the limits, which are allowed") {
  const double most = 0.75;  // in both dtypes
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    const auto all = parameters_with_gradients(seed, 1);
    const auto before = gradients_of(all);
    optim::clip_grad_value_(all, most);
    const auto after = gradients_of(all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool good = after[i].size() == before[i].size();
      for (std::size_t k = 0; good && k < after[i].size(); ++k)
        good = after[i][k] == std::max(-most, std::min(most, before[i][k]));
      CHECK(good);
    }
  }
  Tensor x = zeros({4}, {.requires_grad = true});
  x.set_grad(tensor({most, -most, std::nextafter(most, 0.), -0.}, {.dtype = float32}));
  const Tensor kept = x.grad().clone();
  optim::clip_grad_value_({x}, most);
  CHECK(equal(x.grad(), kept));
  CHECK(std::signbit(values(x.grad())[3]));
}

TEST_CASE("averages of tensors of every dtype and size, for decays from 0 to 1") {
  for (const double decay : {0., 0.3, 0.999, 1.}) {
    CAPTURE(decay);
    const std::vector<Tensor> tensors{
        normal({3, 2}, 1), normal({}, 2).to(float32), normal({40'000}, 3).to(float32), zeros({0}),
        arange(4),         tensor({true, false})};
    NamedTensors named;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      named.emplace_back(std::to_string(i), tensors[i]);
    std::vector<std::vector<double>> plain;
    for (const Tensor& x : tensors) plain.push_back(values(x));
    optim::MovingAverage average(named);
    for (std::uint64_t step = 0; step < 5; ++step) {
      for (std::size_t i = 0; i < 4; ++i) {
        Tensor(tensors[i]).copy_(normal(tensors[i].shape(), 10 + step).to(tensors[i].dtype()));
        const auto now = values(tensors[i]);
        for (std::size_t k = 0; k < now.size(); ++k)
          plain[i][k] = decay * plain[i][k] + (1 - decay) * now[k];
      }
      average.update(decay);
    }
    const auto state = average.state_dict();
    REQUIRE(state.size() == 4);  // those that float
    const auto check = [&](const Tensor& x, std::size_t i) {
      const auto found = values(x);
      bool good = found.size() == plain[i].size();
      for (std::size_t k = 0; good && k < found.size(); ++k)
        good = std::abs(found[k] - plain[i][k]) <= 20 * rounding_of(x);
      CHECK(good);
    };
    std::vector<Tensor> last;
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(state[i].first == std::to_string(i));
      CHECK(state[i].second.dtype() == tensors[i].dtype());
      check(state[i].second, i);
      last.push_back(tensors[i].clone());
    }
    average.swap();
    for (std::size_t i = 0; i < 4; ++i) {
      check(tensors[i], i);
      CHECK(equal(average.state_dict()[i].second, last[i]));
    }
    average.swap();
    for (std::size_t i = 0; i < 4; ++i) CHECK(equal(tensors[i], last[i]));
    average.copy_to_tensors();
    for (std::size_t i = 0; i < 4; ++i) {
      check(tensors[i], i);
      check(average.state_dict()[i].second, i);
    }
    CHECK(equal(tensors[4], arange(4)));
    CHECK(equal(tensors[5], tensor({true, false})));
  }
  for (const double decay : {-0.001, 1.001, double(NAN)}) {
    optim::MovingAverage average({{"x", ones({1})}});
    CHECK_THROWS_AS(average.update(decay), ValueError);
  }
}

TEST_CASE("an average goes with its module's values and is told where they are replaced") {
  nn::Linear net{3, 2};
  optim::MovingAverage average(net.state_dict());
  net.to(float32);  // which converts nothing
  average.update(0.5);
  net.to(float64);
  CHECK_THROWS_AS(average.update(0.5), GraphError);
  CHECK_THROWS_AS(average.copy_to_tensors(), GraphError);
}

TEST_CASE("schedules at a hundred places and beyond both ends, against their formulas") {
  struct Case {
    optim::Schedule schedule;
    std::function<double(double)> formula;  // of a place in [0, 1]
  };
  std::vector<Case> cases{{schedule::constant(), [](double) { return 1.; }}};
  for (const double first : {0., 0.2, 1., 2.})
    for (const double last : {0., 0.1, 1.})
      for (const double place : {0.01, 0.25, 0.5, 0.99, 1.}) {
        cases.push_back({schedule::linear(first, last, place), [=](double p) {
                           return p >= place ? last : first + (last - first) * p / place;
                         }});
        if (place == 1) continue;
        cases.push_back({schedule::triangle(first, place, last), [=](double p) {
                           return p <= place ? first + (1 - first) * p / place
                                             : 1 + (last - 1) * (p - place) / (1 - place);
                         }});
        const auto falling = [last](double done) {
          return last + (1 - last) * (1 + std::cos(std::numbers::pi * done)) / 2;
        };
        cases.push_back({schedule::cosine(place, last), [=](double p) {
                           return p <= place ? p / place : falling((p - place) / (1 - place));
                         }});
        cases.push_back({schedule::cosine(0, last), falling});
      }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    for (int step = -3; step <= 103; ++step) {
      const double place = step / 100.;
      CAPTURE(place);
      const double wanted = cases[i].formula(std::clamp(place, 0., 1.));
      CHECK(std::abs(cases[i].schedule(place) - wanted) <= 1e-13);
    }
  }
  CHECK(schedule::linear(0.3, 0.1)(0) == 0.3);  // exactly, at both ends
  CHECK(schedule::linear(0.3, 0.1)(1) == 0.1);
  CHECK(schedule::triangle(0.3, 0.7, 0.1)(0) == 0.3);
  CHECK(schedule::triangle(0.3, 0.7, 0.1)(0.7) == 1);
  CHECK(schedule::triangle(0.3, 0.7, 0.1)(1) == 0.1);
  CHECK(schedule::cosine()(1) == 0);
  for (const double bad : {0., -0.1, 1.1, double(NAN)}) {
    CHECK_THROWS_AS(schedule::linear(1, 0, bad), ValueError);
    CHECK_THROWS_AS(schedule::triangle(1, bad), ValueError);
  }
  CHECK_THROWS_AS(schedule::triangle(1, 1.), ValueError);
  for (const double bad : {-0.1, 1., double(NAN)})
    CHECK_THROWS_AS(schedule::cosine(bad), ValueError);
}

TEST_CASE("a scheduler multiplies the rates it found, however often it is set") {
  const auto leaf = [] { return ones({2, 2}, {.requires_grad = true}); };
  optim::SGD sgd(std::vector<optim::SGD::Group>{
      {{leaf()}, {.lr = 0.1}}, {{leaf()}, {.lr = 0}}, {{leaf()}, {.lr = 3}}});
  optim::Muon muon({leaf()}, {.lr = 0.5});
  for (optim::Optimizer* optimizer : std::vector<optim::Optimizer*>{&sgd, &muon}) {
    const auto found = optimizer->learning_rates();
    optim::Scheduler scheduler(*optimizer, schedule::triangle(0.2, 0.5, 0.1));
    for (const double place : {0., 1., 0.5, 0.25, 0.25, 0.75}) {
      scheduler.set(place);
      const double factor = schedule::triangle(0.2, 0.5, 0.1)(place);
      const auto rates = optimizer->learning_rates();
      REQUIRE(rates.size() == found.size());
      for (std::size_t i = 0; i < rates.size(); ++i) CHECK(rates[i] == found[i] * factor);
    }
    for (const double bad : {-0.01, 1.01, double(NAN)})
      CHECK_THROWS_AS(scheduler.set(bad), ValueError);
    optimizer->set_learning_rates(found);
    CHECK(optimizer->learning_rates() == found);
    optimizer->set_lr(0.25);
    CHECK(optimizer->learning_rates() == std::vector<double>(found.size(), 0.25));
  }
}
