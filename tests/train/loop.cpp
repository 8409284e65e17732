// A loop written by hand from the pieces: stopped and begun again, it ends with the same bits.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>
#include <xgrad/train/train.hpp>

#include <fstream>

#include "support.hpp"

using namespace support;

namespace {

struct Net : nn::Module {
  nn::Linear hidden = add("hidden", nn::Linear{3, 8});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{8});
  nn::Dropout dropout = add("dropout", nn::Dropout{0.5});
  nn::Linear head = add("head", nn::Linear{8, 1});

  Tensor forward(const Tensor& x) override { return head(dropout(relu(norm(hidden(x))))); }
};

std::vector<double> weights_of(const nn::Module& net) {
  std::vector<double> result;
  for (const auto& [name, x] : net.state_dict())
    for (const double value : values(x)) result.push_back(value);
  return result;
}

/// Trains to iteration `end`, from where the directory's checkpoint was, with two optimisers.
std::vector<double> train_to(std::int64_t end, const std::string& directory) {
  manual_seed(3);
  Net net;
  optim::AdamW adam(net.hidden.parameters(), {.lr = 1e-2});
  optim::SGD sgd(net.head.parameters(), {.lr = 1e-2, .momentum = 0.9});
  const std::vector<optim::Optimizer*> optimizers{&adam, &sgd};
  train::CheckpointFile file(directory, {{"net", "small"}}, 0);
  std::int64_t done = 0;
  const auto from = file.read();
  if (from) {
    train::restore(*from, net, optimizers);
    done = from->iteration;
  }
  const std::string log = directory + "/log.jsonl";
  train::Journal journal({.title = "By hand"}, {.log = log}, from ? &*from : nullptr);
  for (; done < end;) {
    adam.zero_grad();
    sgd.zero_grad();
    const Tensor x = randn({16, 3});
    const Tensor loss = mse_loss(net(x), x.sum({1}, true));
    loss.backward();
    adam.step();
    sgd.step();
    journal.add("loss", ++done, loss.item());
    journal.end_iteration("");
    if (file.due()) {
      auto checkpoint = train::snapshot(done, net, optimizers);
      journal.note(checkpoint);
      file.write(checkpoint);
    }
  }
  journal.finish("", {{"event", "result"}});
  return weights_of(net);
}

}  // namespace

TEST_CASE("a loop of one's own goes on from a checkpoint to the same bits") {
  const TemporaryDirectory whole, parts;
  const auto expected = train_to(12, whole.path());
  train_to(5, parts.path());
  CHECK(train_to(12, parts.path()) == expected);
  std::ifstream log(parts.file("log.jsonl"));
  int losses = 0;
  for (std::string line; std::getline(log, line);) losses += line.find("\"loss\"") != line.npos;
  CHECK(losses == 12);
}

TEST_CASE("a checkpoint of another network says what does not fit") {
  const TemporaryDirectory directory;
  train_to(1, directory.path());
  train::CheckpointFile file(directory.path(), {{"net", "small"}}, 0);
  const auto from = file.read();
  REQUIRE(from.has_value());
  nn::Linear other(2, 2);
  CHECK(message_of<Error>([&] { train::restore(*from, other, {}); }).find("hidden.weight") !=
        std::string::npos);
}
