// EMA, SWA, swapping them in, and the statistics of batch norms behind them.

#include <xgrad/nn/nn.hpp>

#include "training.hpp"

using namespace training;

namespace {

/// x after each of its updates.
template <class Average>
std::vector<double> trace(const Tensor& x, Average& average, const std::vector<double>& steps) {
  std::vector<double> found;
  for (const double value : steps) {
    x.detach().fill_(value);
    average.update();
    found.push_back(average.state_dict()[1].second.item());
  }
  return found;
}

struct Net : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{3, 4});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{4});
  nn::Dropout dropout = add("dropout", nn::Dropout{0.5});
  nn::BatchNorm1d last = add("last", nn::BatchNorm1d{4, {.momentum = std::nullopt}});
  Tensor forward(const Tensor& x) override { return last(dropout(norm(fc(x)))); }
};

}  // namespace

TEST_CASE("an EMA takes the first values as they are, and then follows by its decay") {
  const Tensor x = full({}, 5., {.dtype = float64});
  optim::EMA plain({{"x", x}}, {.decay = 0.75});
  check_near(trace(x, plain, {8, 4, 0}), {8, 7, 5.25});
  // 1 − (1 + n)^−1 = 0, 1/2, 2/3, and then no more than 0.7.
  optim::EMA warm({{"x", x}}, {.decay = 0.7, .warmup = true, .warmup_power = 1});
  check_near(trace(x, warm, {8, 4, 0, 1}), {8, 6, 4, 0.7 * 4 + 0.3});
  // timm's: 1 − 2^−2/3 in the second update.
  optim::EMA usual({{"x", x}}, {.warmup = true});
  check_near(trace(x, usual, {8, 4}), {8, 8 - 4 * std::pow(2, -2. / 3)});
  optim::EMA slower({{"x", x}}, {.warmup = true, .warmup_gamma = 3});
  check_near(trace(x, slower, {8, 4}), {8, 8 - 4 * std::pow(4. / 3, -2. / 3)});
  CHECK(slower.state_dict()[0].first == "n_averaged");
  CHECK(slower.state_dict()[0].second.item<std::int64_t>() == 2);
}

TEST_CASE("SWA is the plain mean of what it saw") {
  const Tensor x = full({}, 100., {.dtype = float64});
  optim::SWA average({{"x", x}});
  check_near(trace(x, average, {1, 3, 8, -2}), {1, 2, 4, 2.5});
}

TEST_CASE("averages that count go on from their state as if they had never stopped") {
  const Tensor x = normal({5}).to(float32);
  optim::EMA whole({{"x", x}}, {.decay = 0.9, .warmup = true});
  const auto step = [&](optim::EMA& average, std::uint64_t seed) {
    Tensor(x).copy_(normal({5}, seed).to(float32));
    average.update();
  };
  for (std::uint64_t i = 0; i < 5; ++i) step(whole, i);
  const TemporaryDirectory directory;
  nn::save(whole.state_dict(), directory.file("state"));
  optim::EMA rest({{"x", x}}, {.decay = 0.9, .warmup = true});
  rest.load_state_dict(nn::load(directory.file("state")));
  for (std::uint64_t i = 5; i < 9; ++i) {
    step(whole, i);
    step(rest, i);
  }
  CHECK(equal(whole.state_dict()[1].second, rest.state_dict()[1].second));
  CHECK(whole.state_dict()[0].second.item<std::int64_t>() == 9);
  CHECK(message_of<ValueError>([&] {
          rest.load_state_dict({{"x", x}});
        }) == "MovingAverage: the state has 1 averages, 2 are needed");
  CHECK(message_of<ValueError>([&] {
          optim::SWA({{"n_averaged", x}});
        }) == "MovingAverage: a tensor is named 'n_averaged', as the count of updates is");
}

TEST_CASE("a guard swaps averages in, and back bit for bit") {
  const Tensor x = normal({5}).to(float32);
  optim::SWA average({{"x", x}});
  average.update();
  Tensor(x).copy_(normal({5}, 2).to(float32));
  average.update();
  const Tensor last = x.clone();
  const Tensor mean = average.state_dict()[1].second.clone();
  {
    const optim::AverageGuard guard(average);
    CHECK(equal(x, mean));
    CHECK(equal(average.state_dict()[1].second, last));
  }
  CHECK(equal(x, last));
  CHECK(equal(average.state_dict()[1].second, mean));
  try {
    const optim::AverageGuard guard(average);
    throw ValueError("out of evaluation");
  } catch (const ValueError&) {
    CHECK(equal(x, last));
  }
  optim::AverageGuard guard(average);
  guard.restore();
  CHECK(equal(x, last));
  guard.restore();  // nothing, the second time
  CHECK(equal(x, last));
}

TEST_CASE("what a guard cannot put back is told by restore()") {
  nn::Linear net{3, 2};
  optim::SWA average(net.state_dict());
  average.update();
  optim::AverageGuard guard(average);
  net.to(float64);
  CHECK(message_of<GraphError>([&] {
          guard.restore();
        }).starts_with("MovingAverage: 'weight' is not what it was"));
}

TEST_CASE("update_bn gives the means of the batches' statistics, and each module its mode back") {
  Net net;
  net.to(float64);
  net.eval();
  net.dropout.train();
  std::vector<Tensor> batches;
  for (std::uint64_t i = 0; i < 3; ++i)
    batches.push_back(normal({5 + static_cast<std::int64_t>(i), 3}, i + 1) + double(i));
  // Whatever was there counts for nothing.
  net.norm.running_mean.fill_(100);
  net.norm.running_var.fill_(100);
  net.norm.num_batches_tracked.fill_(7);
  optim::update_bn(net, batches);
  Tensor means = zeros({4}, {.dtype = float64});
  Tensor variances = zeros({4}, {.dtype = float64});
  for (const Tensor& x : batches) {
    const Tensor y = net.fc(x).detach();
    means = means + mean(y, {0}) / 3;
    variances = variances + var(y, {0}) / 3;
  }
  CHECK(allclose(net.norm.running_mean, means, 1e-12, 1e-12));
  CHECK(allclose(net.norm.running_var, variances, 1e-12, 1e-12));
  CHECK(net.norm.num_batches_tracked.item<std::int64_t>() == 3);
  CHECK(net.last.num_batches_tracked.item<std::int64_t>() == 3);
  // Behind dropout that drops half and doubles the rest, about twice the 1 of a normalised value.
  CHECK(mean(net.last.running_var).item() > 1.2);
  CHECK_FALSE(net.is_training());
  CHECK_FALSE(net.norm.is_training());
  CHECK(net.dropout.is_training());
}

TEST_CASE("update_bn of images, and what it leaves as it was where it cannot") {
  nn::BatchNorm2d norm{3};
  const Tensor images = normal({4, 3, 2, 5}, 1).to(float32);
  optim::update_bn(norm, std::vector{images});
  CHECK(allclose(norm.running_mean, mean(images, {0, 2, 3}), 1e-5, 1e-6));
  CHECK(allclose(norm.running_var, var(images, {0, 2, 3}), 1e-5, 1e-6));
  CHECK(norm.is_training());
  const Tensor before = norm.running_mean.clone();
  CHECK(message_of<ValueError>([&] { optim::update_bn(norm, std::vector<Tensor>{}); }) ==
        "update_bn: there are no batches");
  CHECK_THROWS_AS(optim::update_bn(norm, std::vector{images * 9, zeros({4, 2, 2, 2})}), Error);
  CHECK(equal(norm.running_mean, before));
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 1);
  nn::Linear none{3, 4};
  optim::update_bn(none, std::vector{zeros({2, 3})});
}
