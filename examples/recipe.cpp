#include "recipe.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/optim/sgd.hpp>

#include <algorithm>

#include "model.hpp"
#include <fmt/format.h>

namespace examples {

namespace distributed = xgrad::distributed;
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;

namespace {

/// SGD as the numbers say, in the recipe `result`.
void add_sgd(xgrad::train::Recipe& result, const nn::Module& net, const Recipe& recipe,
             const Options& options) {
  optim::SGDOptions sgd{.lr = options.lr.value_or(recipe.lr),
                        .momentum = options.momentum.value_or(recipe.momentum),
                        .weight_decay = options.weight_decay.value_or(recipe.weight_decay)};
  if (recipe.assignment) {
    sgd.kind = optim::Momentum::averaged;
  } else {
    sgd.nesterov = sgd.momentum > 0;
  }
  result.parts = {
      {std::make_shared<optim::SGD>(net.parameters(), sgd),
       recipe.assignment ? optim::schedule::constant() : optim::schedule::triangle(0, 0.2)}};
  result.weight_decay = sgd.weight_decay;
  const char* kind = recipe.assignment ? "averaged" : sgd.momentum > 0 ? "Nesterov" : "none";
  const char* rate = recipe.assignment ? "constant" : "rising, then falling";
  result.settings = {{"learning rate", fmt::format("{:g}, {}", static_cast<double>(sgd.lr), rate)},
                     {"momentum", fmt::format("{:g}, {}", sgd.momentum, kind)},
                     {"weight decay", fmt::format("{:g}", sgd.weight_decay)}};
}

xgrad::train::Recipe resolved(nn::Module& net, const Data& data, const Recipe& recipe,
                              const Options& options) {
  xgrad::train::Recipe result{.name = recipe.name,
                              .batch = options.batch.value_or(recipe.batch),
                              .seconds = options.budget,
                              .independent_batches = recipe.assignment,
                              .augment = recipe.augment,
                              .views = recipe.views};
  result.loss = [smoothing = recipe.label_smoothing](const auto& scores, const auto& labels) {
    return xgrad::cross_entropy(scores, labels, {.label_smoothing = smoothing});
  };
  if (!options.budget) {
    result.epochs = options.epochs.value_or(options.iterations ? 0 : recipe.epochs);
    if (result.epochs == 0) result.iterations = options.iterations.value_or(recipe.iterations);
  }
  if (!recipe.parts) {
    add_sgd(result, net, recipe, options);
  } else if (options.lr || options.momentum || options.weight_decay) {
    throw xgrad::ValueError(fmt::format(
        "--lr, --momentum and --weight-decay do not apply to --net {}: it has several optimisers",
        options.net));
  } else {
    result.parts = recipe.parts(result.batch);
  }
  if (options.distributed)
    result.parallel = std::make_shared<distributed::DataParallel>(
        net, distributed::Group::world(),
        distributed::DataParallelOptions{.shards = options.shards, .fast = options.fast});
  if (recipe.assignment) {
    const std::int64_t epoch = data.splits.train->size() / result.batch;
    result.validate_every = std::max<std::int64_t>(std::min<std::int64_t>(100, epoch),
                                                   result.iterations / 50 / 100 * 100);
  }
  return result;
}

/// Fails before the training, not after it, where the weights cannot be written.
void require_writable(const std::string& path) try {
  nn::require_writable(path);
} catch (const xgrad::IOError& error) {
  throw xgrad::IOError(fmt::format("{}; name another place with --save", error.what()));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> defaults_of(const std::vector<Recipe>& recipes) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const Recipe& recipe : recipes) {
    std::string text = recipe.epochs > 0 ? fmt::format("--epochs {}", recipe.epochs)
                                         : fmt::format("--iterations {}", recipe.iterations);
    text += fmt::format(" --batch {}", recipe.batch);
    if (recipe.lr > 0)
      text += fmt::format(" --lr {} --momentum {} --weight-decay {}", recipe.lr, recipe.momentum,
                          recipe.weight_decay);
    result.emplace_back(recipe.net, text);
  }
  return result;
}

int train(nn::Module& net, const std::string& network, const Data& data, const Recipe& recipe,
          const Options& options) {
  require_writable(options.save);
  const auto result = xgrad::train::fit(
      net, data.splits, resolved(net, data, recipe, options),
      {.save = options.save,
       .saving = {.half = options.half, .metadata = describe_model(network, data)},
       .report = options.report,
       .log = options.log,
       .checkpoint = options.checkpoint,
       .checkpoint_every = options.checkpoint_every});
  if (result.evaluation)  // the first process's
    fmt::print("result: {}_accuracy {:.4f} seconds {:.1f} images_per_second {:.0f}\n",
               data.splits.tested_on, result.evaluation->matrix.accuracy().value_or(0),
               result.seconds, result.examples_per_second);
  if (!result.not_saved.empty()) return 1;
  return result.signal != 0 ? 128 + result.signal : 0;
}

}  // namespace examples
