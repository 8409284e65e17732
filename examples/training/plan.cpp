#include "plan.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/report/progress.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace examples {

namespace optim = xgrad::optim;

Plan::Plan(const Recipe& chosen, const Options& options, const Data& given)
    : recipe(chosen),
      data(given),
      seed(options.seed),
      batch(options.batch.value_or(recipe.batch)),
      iterations(options.iterations.value_or(recipe.iterations)),
      budget(options.budget),
      sgd{.lr = options.lr.value_or(recipe.lr),
          .momentum = options.momentum.value_or(recipe.momentum),
          .weight_decay = options.weight_decay.value_or(recipe.weight_decay)} {
  const std::int64_t examples = data.train->size();
  if (batch > examples)
    throw xgrad::ValueError(
        fmt::format("--batch {} is more than the {} training examples", batch, examples));
  if (!options.iterations) {
    if (options.epochs) iterations = *options.epochs * (examples / batch);
    if (!options.epochs && recipe.epochs > 0) iterations = recipe.epochs * (examples / batch);
  }
  if (recipe.parts && (options.lr || options.momentum || options.weight_decay))
    throw xgrad::ValueError(fmt::format(
        "--lr, --momentum and --weight-decay do not apply to --net {}: it has several optimisers",
        options.net));
  validate_every = examples / batch;
  if (recipe.assignment) {
    validate_every = std::max<std::int64_t>(std::min<std::int64_t>(100, validate_every),
                                            iterations / 50 / 100 * 100);
    sgd.kind = optim::Momentum::averaged;
  } else {
    sgd.nesterov = sgd.momentum > 0;
  }
}

std::vector<Part> Plan::parts(const xgrad::nn::Module& net) const {
  if (recipe.parts) return recipe.parts(batch);
  return {{std::make_shared<optim::SGD>(net.parameters(), sgd),
           recipe.assignment ? optim::schedule::constant() : optim::schedule::triangle(0, 0.2)}};
}

xgrad::report::Configuration Plan::configuration() const {
  xgrad::report::Configuration result{
      {"data", data.name},
      {"recipe", recipe.name},
      {fmt::format("training, validation, {} images", data.tested_on),
       fmt::format("{}, {}, {}", data.train->size(),
                   data.validation ? (*data.validation)->size() : 0, data.test->size())}};
  if (budget) {
    result.emplace_back("budget", xgrad::report::duration(*budget));
  } else {
    result.emplace_back("iterations", fmt::format("{}", iterations));
  }
  result.emplace_back("batch", fmt::format("{}", batch));
  if (!recipe.parts) {
    const char* kind = recipe.assignment ? "averaged" : sgd.momentum > 0 ? "Nesterov" : "none";
    result.emplace_back("learning rate",
                        fmt::format("{:g}, {}", static_cast<double>(sgd.lr),
                                    recipe.assignment ? "constant" : "rising, then falling"));
    result.emplace_back("momentum", fmt::format("{:g}, {}", sgd.momentum, kind));
    result.emplace_back("weight decay", fmt::format("{:g}", sgd.weight_decay));
  }
  result.emplace_back("seed", fmt::format("{}", seed));
  return result;
}

double Plan::progress(std::int64_t done, double seconds) const {
  const auto steps = static_cast<double>(done);
  if (!budget) return std::min(1.0, (steps + 0.5) / static_cast<double>(iterations));
  const double half_a_step = done == 0 ? 0 : seconds / steps / 2;
  return std::min(1.0, (seconds + half_a_step) / *budget);
}

bool Plan::is_over(std::int64_t done, double seconds) const {
  return budget ? progress(done, seconds) >= 1 : done >= iterations;
}

std::int64_t Plan::total(std::int64_t done, double seconds) const {
  if (!budget) return iterations;
  const double part = std::max(seconds, 1e-3) / *budget;
  return std::max(done, static_cast<std::int64_t>(static_cast<double>(done) / part));
}

}  // namespace examples
