// Trainings in one call: what they reach, leave behind, go on from, and refuse.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>
#include <xgrad/optim/optimizer_around.hpp>
#include <xgrad/train/train.hpp>

#include <csignal>
#include <memory>
#include <vector>

#include "support.hpp"
#include <unistd.h>

using namespace support;

namespace {

/// Points and the sum of their numbers, or whether it is above 0.
datasets::TensorDataset points(std::int64_t count, bool classes, std::uint64_t seed) {
  Generator generator(seed);
  const Tensor x = randn({count, 3}, {.generator = &generator});
  const Tensor sum = x.sum({1}, true);
  return {x, classes ? (sum.squeeze(1) > 0).to(int64) : sum};
}

train::Data data(bool classes) {
  train::Data result{.name = "points",
                     .train = points(256, classes, 1),
                     .validation = points(64, classes, 2),
                     .test = points(64, classes, 3)};
  if (classes) result.classes = {"below", "above"};
  return result;
}

/// A linear layer with an optimiser, from one seed.
struct Training {
  nn::Linear net;
  train::Recipe recipe;

  explicit Training(std::int64_t outputs) {
    manual_seed(0);
    net = nn::Linear(3, outputs);
    recipe = {.name = "plain SGD",
              .parts = {{std::make_shared<optim::SGD>(
                             net.parameters(), optim::SGDOptions{.lr = 0.1, .momentum = 0.9}),
                         optim::schedule::linear()}},
              .batch = 16,
              .epochs = 4};
    if (outputs == 1)
      recipe.loss = [](const Tensor& y, const Tensor& target) { return mse_loss(y, target); };
  }
  train::Result fit(const train::Outputs& outputs = {.print = false}) {
    return train::fit(net, data(net.bias.numel() == 2), recipe, outputs);
  }
};

std::string problem(const std::function<void(train::Recipe&)>& change) {
  Training training(2);
  change(training.recipe);
  return message_of<ValueError>([&] { training.fit(); });
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a classifier is trained, tested and shown") {
  const TemporaryDirectory directory;
  Training training(2);
  const auto result = training.fit({.save = directory.file("net.safetensors"),
                                    .saving = {.metadata = {{"of", "points"}}},
                                    .report = directory.file("page"),
                                    .log = directory.file("log"),
                                    .print = false});
  CHECK(result.iterations == 64);
  REQUIRE(result.evaluation.has_value());
  CHECK(result.evaluation->matrix.accuracy().value_or(0) > 0.9);
  CHECK(result.loss == doctest::Approx(*result.evaluation->loss));
  CHECK(result.not_saved.empty());
  CHECK(result.signal == 0);
  CHECK(nn::load_metadata(directory.file("net.safetensors")).at("of") == "points");
  CHECK(text_of(directory.file("page/index.html")).find("plain SGD") != std::string::npos);
  CHECK(text_of(directory.file("log")).find("\"accuracy/validation\"") != std::string::npos);
}

TEST_CASE("without classes the loss is what counts") {
  const TemporaryDirectory directory;
  Training training(1);
  const auto result = training.fit({.log = directory.file("log"), .print = false});
  CHECK_FALSE(result.evaluation.has_value());
  CHECK(result.loss < 1e-2);
  const std::string log = text_of(directory.file("log"));
  CHECK(log.find("\"loss/validation\"") != std::string::npos);
  CHECK(log.find("\"test loss\"") != std::string::npos);
  CHECK(log.find("accuracy") == std::string::npos);
}

TEST_CASE("an interrupted training goes on to the same bits") {
  const TemporaryDirectory directory;
  Training whole(2);
  whole.fit();
  const auto train = [&](bool interrupt) {
    Training training(2);
    int steps = 0;
    training.recipe.loss = [&](const Tensor& y, const Tensor& target) {
      if (interrupt && ++steps == 23) std::raise(SIGINT);
      return cross_entropy(y, target);
    };
    const auto result = training.fit({.checkpoint = directory.path(), .print = false});
    CHECK(result.signal == (interrupt ? SIGINT : 0));
    CHECK(result.iterations == (interrupt ? 23 : 64));
    return training;
  };
  train(true);
  const Training resumed = train(false);
  CHECK(values(resumed.net.weight) == values(whole.net.weight));
  CHECK(values(resumed.net.bias) == values(whole.net.bias));
}

namespace {

/// Steps like the one inside, and learns at one step that another process has failed.
class Losing : public optim::OptimizerAround {
 public:
  Losing(optim::Optimizer& base, int last) : OptimizerAround(base), left_(last) {}

  void step() override {
    if (--left_ == 0) throw PeerError("rank 1 (host a): gone");
    base().step();
  }

 private:
  int left_;
};

}  // namespace

TEST_CASE("a process lost in the middle of a step leaves no checkpoint of half of it") {
  const TemporaryDirectory directory;
  const train::Outputs outputs{
      .checkpoint = directory.file("run"), .checkpoint_every = 0, .print = false};
  const auto of = [](const Tensor& x) {
    return std::make_shared<optim::SGD>(std::vector<Tensor>{x},
                                        optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  };
  Training begun(1);
  const auto inner = of(begun.net.bias);
  begun.recipe.parts = {{of(begun.net.weight), optim::schedule::linear()},
                        {std::make_shared<Losing>(*inner, 20), optim::schedule::linear()}};
  CHECK_THROWS_AS(begun.fit(outputs), PeerError);
  Training resumed(1);
  resumed.recipe.parts = {{of(resumed.net.weight), optim::schedule::linear()},
                          {of(resumed.net.bias), optim::schedule::linear()}};
  CHECK(resumed.fit(outputs).iterations == 64);
  Training whole(1);
  whole.fit();
  CHECK(equal(resumed.net.weight, whole.net.weight));
  CHECK(equal(resumed.net.bias, whole.net.bias));
}

TEST_CASE("a recipe that does not fit is refused before the first step") {
  CHECK(problem([](auto& r) { r.batch = 0; }) == "train: batch is 0, not above 0");
  CHECK(problem([](auto& r) { r.batch = 257; }) ==
        "train: batch 257 is more than the 256 training examples");
  CHECK(problem([](auto& r) { r.iterations = 3; }) ==
        "train: give one of iterations, epochs and seconds; got 3, 4 and none");
  CHECK(problem([](auto& r) { r.epochs = 0; }) ==
        "train: give one of iterations, epochs and seconds; got 0, 0 and none");
  CHECK(problem([](auto& r) {
          r.epochs = 0;
          r.seconds = -1.0;
        }) == "train: seconds are -1, not above 0");
  CHECK(problem([](auto& r) { r.parts.clear(); }) == "train: the recipe has no optimiser");
  CHECK(problem([](auto& r) { r.parts[0].optimizer = nullptr; }) ==
        "train: part 0 of the recipe has no optimiser");
}

TEST_CASE("a loss that is no number stops the training with advice") {
  CHECK(problem([](auto& r) {
          r.loss = [](const Tensor& y, const Tensor&) { return y.sum() / 0.0; };
        }).find("at iteration 1: lower the learning rate (now ") != std::string::npos);
}

TEST_CASE("what cannot be written is told before the training, or in its result") {
  const TemporaryDirectory directory;
  Training training(2);
  CHECK(message_of<IOError>([&] {
          training.fit({.save = directory.file("none/net"), .print = false});
        }).find("none/net") != std::string::npos);
  if (access("/dev/full", W_OK) != 0) return;
  const auto result = training.fit({.log = "/dev/full", .print = false});
  REQUIRE(result.not_saved.size() == 1);
  CHECK(result.not_saved[0].find("the report or log is not saved: log: cannot write: /dev/full") ==
        0);
}
