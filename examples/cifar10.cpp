// Trains a network on CIFAR-10 (docs/cifar10.md).
//
//   cifar10                 the course assignment's network and settings: about 49 %
//   cifar10 --net improved  a deeper one with batch norm, augmentation and a schedule: about 90 %
//   cifar10 --net fast      a network and a recipe made for speed: about 94 %
//   cifar10 --net best      the same, wider and for longer: about 95 %

#include <xgrad/autograd/error.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>

#include "networks.hpp"
#include "recipe.hpp"

namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
namespace augment = xgrad::datasets::augment;
namespace schedule = xgrad::optim::schedule;

namespace {

const examples::Recipe baseline{.net = "baseline",
                                .name = "the assignment's network and settings",
                                .batch = 16,
                                .iterations = 5000,
                                .lr = 1e-3,
                                .momentum = 0.95,
                                .weight_decay = 0.001,
                                .assignment = true};
const examples::Recipe improved{
    .net = "improved",
    .name = "a deeper network with batch norm, augmentation and a schedule",
    .batch = 128,
    .epochs = 12,
    .lr = 0.2,
    .momentum = 0.9,
    .weight_decay = 0.0005,
    .augment = augment::compose({augment::random_flip(), augment::random_translate(3)})};
const examples::Recipe fast{
    .net = "fast", .name = "a network and a recipe made for speed", .batch = 1000, .epochs = 12};
const examples::Recipe best{
    .net = "best", .name = "a wider network, for longer", .batch = 1000, .epochs = 32};

/// The pieces of Jordan's record that --without leaves out.
const std::vector<std::string> pieces{"whitening", "identity",    "muon",     "flip",
                                      "alternate", "translation", "smoothing"};

/// Muon turns the filters, SGD moves the rest; its rates are for the loss summed over a batch.
std::vector<xgrad::train::Part> airbench_optimizers(const examples::Airbench& net,
                                                    std::int64_t batch, bool muon) {
  const auto examples = static_cast<double>(batch);
  const auto sgd = [examples](std::vector<xgrad::Tensor> parameters, double lr) {
    constexpr double decay = 2e-6;  // of a step for each example, whatever the rate
    return std::make_shared<optim::SGD>(
        std::move(parameters),
        optim::SGDOptions{
            .lr = lr * examples, .momentum = 0.85, .weight_decay = decay / lr, .nesterov = true});
  };
  std::vector<xgrad::train::Part> parts{
      {sgd({net.whiten.bias}, 0.053), schedule::linear(1, 0, 3. / 8)},
      {sgd(net.biases(), 0.053), schedule::linear()},
      {sgd({net.head.weight}, 0.67), schedule::linear()}};
  std::vector<xgrad::Tensor> filters = net.filters();
  if (net.whiten.weight.requires_grad()) filters.push_back(net.whiten.weight);
  if (muon) {
    const optim::MuonOptions options{.lr = 0.24, .momentum = 0.6, .steps = 3, .normalize = true};
    parts.push_back({std::make_shared<optim::Muon>(filters, options), schedule::linear()});
  } else {
    parts.push_back({sgd(filters, 0.0015), schedule::triangle(0.2, 0.23)});
  }
  return parts;
}

/// Jordan's record with Muon.
int train_airbench(const examples::Options& options, const std::vector<std::int64_t>& widths,
                   examples::Recipe recipe) {
  const auto with = [&options](const char* piece) {
    return std::ranges::find(options.without, piece) == options.without.end();
  };
  const auto data = examples::cifar10(options);
  examples::Airbench net(widths, with("identity"));
  if (with("whitening")) {
    const auto first = xgrad::arange(std::min<std::int64_t>(5000, data.splits.train->size()));
    nn::init::whitening_(net.whiten.weight,
                         data.splits.train->batch(first.to_vector<std::int64_t>()).data);
  } else {
    xgrad::Tensor(net.whiten.weight).requires_grad_();
  }
  std::vector<xgrad::datasets::Augmentation> changes;
  if (with("flip"))
    changes.push_back(with("alternate") ? augment::alternating_flip() : augment::random_flip());
  if (with("translation")) changes.push_back(augment::random_translate(2));
  for (const std::string& piece : options.without) recipe.name += ", without " + piece;
  recipe.label_smoothing = with("smoothing") ? 0.2 : 0;
  recipe.augment = augment::compose(changes);
  recipe.views = xgrad::datasets::mirrored_and_shifted();
  recipe.parts = [&](std::int64_t batch) { return airbench_optimizers(net, batch, with("muon")); };
  return examples::train(net, data, recipe, options);
}

int run(const examples::Options& options) {
  if (!options.without.empty() && options.net != "fast" && options.net != "best")
    throw xgrad::ValueError("--without applies to --net fast and best alone");
  if (options.net == "fast") return train_airbench(options, {64, 256, 256}, fast);
  if (options.net == "best") return train_airbench(options, {128, 384, 384}, best);
  if (options.net == "improved")
    return examples::train(examples::VGG(3, {32, 64, 128}), examples::cifar10(options, 5000),
                           improved, options);
  const auto data = examples::assignment_cifar10(options);
  return examples::train(examples::AssignmentCIFAR(), data, baseline, options);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description =
           "Trains a network on CIFAR-10 and shows how good it is.\nWithout --net: baseline, "
           "the assignment's network and settings.",
       .nets = examples::defaults_of({baseline, improved, fast, best}),
       .save = "cifar10.safetensors",
       .holds_out = true,
       .pieces = pieces,
       .run = run},
      argc, argv);
}
