// Trainings that are killed and go on from their checkpoint end in the same bits as those that were
// let be: with every optimiser and with every scheduler.

#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>
#include <xgrad/train/train.hpp>

#include <array>
#include <bit>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "optim/every_optimizer.hpp"
#include "optim/every_scheduler.hpp"
#include "optim/schedulers.hpp"
#include "support.hpp"
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace {

constexpr std::int64_t iterations = 10;
constexpr int steps_of_schedule = 10;  // in each iteration, so that there are a hundred

const xgrad::report::Configuration settings{{"net", "small"}};

struct Net : nn::Module {
  nn::Linear hidden = add("hidden", nn::Linear{3, 8});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{8});
  nn::Dropout dropout = add("dropout", nn::Dropout{0.3});
  nn::Linear head = add("head", nn::Linear{8, 1});

  Tensor forward(const Tensor& x) override { return head(dropout(tanh(norm(hidden(x))))); }
};

datasets::DataLoader shuffled() {
  const Tensor x = normal({20, 3}).to(float32);
  return {datasets::TensorDataset(x, x.sum({1}, true)),
          {.batch_size = 6, .shuffle = true, .seed = 5}};
}

/// What trains a net.
struct Method {
  optimizers::Made optimizer = {};  ///< the last one takes the steps
  schedulers::Made schedule = {};
  std::unique_ptr<optim::EMA> ema = {};
  std::unique_ptr<optim::SWA> swa = {};

  void average(const Net& net) {
    ema = std::make_unique<optim::EMA>(net.state_dict(), optim::EMAOptions{.warmup = true});
    swa = std::make_unique<optim::SWA>(net.state_dict());
  }
  std::vector<train::Stateful> others() const {
    std::vector<train::Stateful> all{ema.get(), swa.get()};
    for (std::size_t i = schedule.all.size() - schedule.saved; i < schedule.all.size(); ++i)
      all.emplace_back(schedule.all[i].get());
    return all;
  }
};
using MakeMethod = std::function<Method(const Net&)>;

/// All that a training leaves behind.
struct End {
  train::Checkpoint checkpoint;
  std::vector<double> rates_and_momenta;
};

/// Trains from the checkpoint in the directory, if there is one. `inside` is called in the middle
/// of each iteration, once or more often; where there is none, nobody is to go on and nothing is
/// written.
End train(const MakeMethod& make, const std::optional<std::string>& directory,
          const std::function<void(std::int64_t)>& inside = {}) {
  manual_seed(3);
  Net net;
  const Method method = make(net);
  optim::Optimizer& optimizer = *method.optimizer.back();
  auto loader = shuffled();
  std::int64_t done = 0;
  std::optional<train::CheckpointFile> file;
  if (directory) {
    file.emplace(*directory, settings, 0);
    if (const auto from = file->read()) {
      train::restore(*from, net, {&optimizer}, method.others());
      done = from->iteration;
    }
  }
  while (done < iterations) {
    loader.set_epoch(done / loader.size(), done % loader.size());
    for (const datasets::Batch& batch : loader) {
      if (done == iterations) break;
      optimizer.step([&] {
        optimizer.zero_grad();
        // Rates of 1 are among those of the schedulers.
        const Tensor loss = 0.1 * mse_loss(net(batch.data), batch.target);
        loss.backward();
        if (inside) inside(done);
        return loss;
      });
      for (int i = 0; i < steps_of_schedule; ++i)
        method.schedule.step(static_cast<int>(done) * steps_of_schedule + i);
      method.ema->update();
      if (done % 2 == 0) method.swa->update();
      ++done;
      if (inside) file->write(train::snapshot(done, net, {&optimizer}, method.others()));
    }
  }
  End end{train::snapshot(done, net, {&optimizer}, method.others()), optimizer.learning_rates()};
  for (const double momentum : optimizer.momenta()) end.rates_and_momenta.push_back(momentum);
  return end;
}

std::vector<std::uint64_t> bits(const std::vector<double>& numbers) {
  std::vector<std::uint64_t> result;
  for (const double number : numbers) result.push_back(std::bit_cast<std::uint64_t>(number));
  return result;
}

void check_same(const End& end, const End& expected) {
  CHECK(bits(end.rates_and_momenta) == bits(expected.rates_and_momenta));
  CHECK(end.checkpoint.iteration == expected.checkpoint.iteration);
  CHECK(end.checkpoint.random.seed == expected.checkpoint.random.seed);
  CHECK(end.checkpoint.random.position == expected.checkpoint.random.position);
  const NamedTensors& found = end.checkpoint.tensors;
  const NamedTensors& right = expected.checkpoint.tensors;
  REQUIRE(found.size() == right.size());
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(right[i].first);
    CHECK(found[i].first == right[i].first);
    CHECK(found[i].second.dtype() == right[i].second.dtype());
    CHECK(bits(values(found[i].second)) == bits(values(right[i].second)));
  }
}

/// A process that trains until it is killed, which is when this ends.
class Training {
 public:
  /// It goes no further than into the middle of iteration `stop`.
  Training(const MakeMethod& make, const std::string& directory, std::int64_t stop) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) run(make, directory, stop, ends[1]);
    close(ends[1]);
    told_ = ends[0];
  }
  ~Training() {
    CHECK(kill(child_, SIGKILL) == 0);
    int status = 0;
    CHECK(waitpid(child_, &status, 0) == child_);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    close(told_);
  }
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /// Until it is inside the next iteration, or at its end.
  void wait() const {
    char byte = 0;
    CHECK(read(told_, &byte, 1) >= 0);
  }

 private:
  [[noreturn]] static void run(const MakeMethod& make, const std::string& directory,
                               std::int64_t stop, int tell) {
    alarm(60);
    std::int64_t last = -1;
    try {
      train(make, directory, [&](std::int64_t iteration) {
        if (iteration == stop) close(tell);
        while (iteration == stop) pause();
        if (std::exchange(last, iteration) != iteration && write(tell, "x", 1) != 1) _exit(1);
      });
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
    close(tell);
    while (true) pause();
  }

  int told_ = -1;
  pid_t child_ = 0;
};

void check_killed(const MakeMethod& make) {
  const End expected = train(make, {});
  REQUIRE(expected.checkpoint.iteration == iterations);
  for (const auto& [name, x] : expected.checkpoint.tensors)
    if (name.starts_with("net/")) REQUIRE(isfinite(x).all().item<bool>());
  {
    const TemporaryDirectory directory;
    {
      const Training training(make, directory.path(), 5);
      for (int i = 0; i < 6; ++i) training.wait();
    }
    CHECK(train::CheckpointFile(directory.path(), settings, 0).read()->iteration == 5);
    check_same(train(make, directory.path()), expected);
  }
  // At no particular moment, in the middle of writing among others, and the next one likewise.
  static Generator generator(1);
  const TemporaryDirectory directory;
  for (int round = 0; round < 2; ++round) {
    const Training training(make, directory.path(), iterations);
    for (auto i = generator.below(4); i > 0; --i) training.wait();
    usleep(static_cast<useconds_t>(generator.below(3000)));
  }
  check_same(train(make, directory.path()), expected);
}

}  // namespace

TEST_CASE("with every optimiser a training that is killed goes on to the same bits") {
  for (const auto& [entry, optimizer] : optimizers::table()) {
    const std::string& name = entry;
    const auto& make = optimizer;
    CAPTURE(name);
    check_killed([&](const Net& net) {
      std::vector<Tensor> parameters = net.parameters();
      if (name == "Muon") std::erase_if(parameters, [](const Tensor& x) { return x.dim() < 2; });
      Method method{.optimizer = make(parameters)};
      method.schedule = schedulers::one<optim::ExponentialLR>(
          optim::ExponentialLROptions{.gamma = 0.99})(*method.optimizer.back());
      method.average(net);
      return method;
    });
  }
}

TEST_CASE("with every scheduler a training that is killed goes on to the same bits") {
  const auto all = schedulers::all_schedulers();
  REQUIRE(all.size() == wanted.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(wanted[i].name);
    check_killed([&](const Net& net) {
      Method method;
      method.optimizer.push_back(std::make_unique<optim::SGD>(std::vector<optim::SGD::Group>{
          {{net.hidden.weight, net.hidden.bias}, {.lr = 0.05, .momentum = 0.3}},
          {{net.head.weight, net.head.bias}, {.lr = 1, .momentum = 0.3}}}));
      method.schedule = all[i](*method.optimizer.back());
      method.average(net);
      return method;
    });
  }
}
