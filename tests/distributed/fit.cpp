// train::fit with batches shared among processes: alone, and under mpirun.

#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/zero_redundancy_optimizer.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>
#include <xgrad/train/trainer.hpp>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>

#include "support.hpp"
#include <fmt/format.h>
#include <unistd.h>

using namespace support;
using distributed::DataParallel;
using distributed::Group;

namespace {

const Group world = Group::world();

/// Two classes of points, apart from each other.
datasets::TensorDataset points(std::int64_t count, double shift = 0) {
  Generator generator(9);
  const Tensor labels = arange(static_cast<double>(count), {.dtype = int64}) % 2;
  const Tensor x =
      randn({count, 4}, {.generator = &generator}) + unsqueeze(labels, 1).to(float32) + shift;
  return {x, labels};
}

struct Trained {
  nn::Sequential net;
  train::Result result;
};

struct Options {
  int interrupted = 0;     ///< in the last process, after so many iterations, if any
  bool is_shared = false;  ///< the optimiser's state
  double shift = 0;        ///< of all examples
};

Trained trained(const Group& group, std::int64_t iterations, const train::Outputs& outputs,
                const Options& options = {}) {
  manual_seed(4);
  nn::Sequential net{nn::Linear{4, 8}, nn::BatchNorm1d{8}, nn::ReLU{}, nn::Dropout{0.1},
                     nn::Linear{8, 2}};
  train::Recipe recipe{.name = "points", .batch = 24, .iterations = iterations};
  auto optimizer =
      std::make_shared<optim::SGD>(net.parameters(), optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  std::shared_ptr<optim::Optimizer> stepped = optimizer;
  if (options.is_shared)
    stepped = std::make_shared<distributed::ZeroRedundancyOptimizer>(*optimizer, group);
  recipe.parts = {{stepped, optim::schedule::constant()}};
  recipe.parallel = std::make_shared<DataParallel>(net, group);
  const nn::BatchPart part = recipe.parallel->part();
  int calls = 0;
  recipe.loss = [&](const Tensor& output, const Tensor& target) {
    const bool is_now = ++calls == options.interrupted * (part.last - part.first);
    if (is_now && group.rank() + 1 == group.size()) std::raise(SIGINT);
    return cross_entropy(output, target);
  };
  train::Data data{.name = "points",
                   .train = points(240, options.shift),
                   .test = points(48),
                   .classes = {"low", "high"}};
  train::Result result = train::fit(net, data, recipe, outputs);
  recipe.parallel.reset();
  return {net, std::move(result)};
}

void check_same(const nn::Module& a, const nn::Module& b) {
  const nn::StateDict first = a.state_dict();
  const nn::StateDict second = b.state_dict();
  REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    CAPTURE(first[i].first);
    CHECK(equal(first[i].second, second[i].second));
  }
}

/// One folder for all processes, which the last to go removes.
class SharedFolder {
 public:
  SharedFolder() {
    const auto pid = world.all_gather(tensor(std::vector<std::int64_t>{getpid()}));
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("xgrad-fit-{}", pid[0][0].item<std::int64_t>());
    if (world.rank() == 0) std::filesystem::create_directories(path_);
    world.barrier();
  }
  ~SharedFolder() {
    world.barrier();
    if (world.rank() == 0) std::filesystem::remove_all(path_);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;

  std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("fit by any number of processes gives the same bits, and the first tells") {
  const Trained one = trained(world.split(world.rank()), 25, {.print = false});
  const Trained all = trained(world, 25, {.print = false});
  check_same(one.net, all.net);
  CHECK(one.result.evaluation.has_value());
  CHECK(all.result.evaluation.has_value() == (world.rank() == 0));
  if (all.result.evaluation)
    CHECK(all.result.evaluation->matrix.right() == one.result.evaluation->matrix.right());
  CHECK(all.result.iterations == 25);
}

TEST_CASE("another number of processes goes on from a checkpoint, to the same bits") {
  const SharedFolder folder;
  const Group alone = world.split(world.rank());
  const train::Outputs outputs{
      .checkpoint = folder / "run", .checkpoint_every = 1e9, .print = false};
  const Trained whole = trained(world, 25, {.print = false});
  const Trained begun = trained(world, 25, outputs, {.interrupted = 9});
  CHECK(begun.result.iterations == 9);
  world.barrier();
  if (world.rank() == 0) check_same(trained(alone, 25, outputs).net, whole.net);
  world.barrier();
}

TEST_CASE("an optimiser's state that processes share is written whole, and read by any") {
  const SharedFolder folder;
  const Group alone = world.split(world.rank());
  const Trained whole = trained(alone, 25, {.print = false});
  for (const bool is_shared : {true, false}) {
    const train::Outputs outputs{.checkpoint = folder / (is_shared ? "shared" : "own"),
                                 .checkpoint_every = 0,
                                 .print = false};
    trained(world, 25, outputs, {.interrupted = 9, .is_shared = is_shared});
    const Trained all = trained(world, 25, outputs, {.is_shared = !is_shared});
    check_same(all.net, whole.net);
  }
}

TEST_CASE("what a process has otherwise is told to all") {
  if (world.size() == 1) return;
  CHECK(message_of<ValueError>([] {
          trained(world, world.rank() == 0 ? 25 : 30, {.print = false});
        }) == "train: iterations differs between the processes: rank 0: 25; rank 1: 30");
  // As many examples, under the same name.
  CHECK(message_of<ValueError>([] {
          trained(world, 25, {.print = false}, {.shift = world.rank() == 1 ? 1. : 0.});
        }).starts_with("train: what the examples are differs between the processes: rank 0: "));
}
