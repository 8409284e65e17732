#include "training.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/sgd.hpp>
#include <xgrad/report/report.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace examples {

using xgrad::Tensor;
namespace datasets = xgrad::datasets;
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
namespace report = xgrad::report;
using Kind = report::History::Kind;

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);  // a second Ctrl-C ends at once
}

double fraction_right(const Tensor& logits, const Tensor& labels) {
  const auto right = (logits.argmax(1) == labels).sum().item<std::int64_t>();
  return static_cast<double>(right) / static_cast<double>(labels.numel());
}

double accuracy_on(nn::Module& net, const datasets::AnyDataset& data) {
  const xgrad::NoGradGuard guard;
  const nn::EvalGuard eval(net);
  double right = 0;
  datasets::DataLoader loader(data, {.batch_size = 500, .seed = 0});
  for (const auto& [images, labels] : loader)
    right += fraction_right(net(images), labels) * static_cast<double>(labels.numel());
  return right / static_cast<double>(data->size());
}

double squared_norm(const Tensor& x) { return xgrad::sum(xgrad::square(x.detach())).item(); }

/// A recipe with the command line's word on top.
struct Plan {
  const Recipe& recipe;
  std::int64_t batch;
  std::int64_t iterations;
  optim::SGDOptions sgd;
  bool assignment;

  Plan(const Recipe& chosen, const Options& options, std::int64_t examples)
      : recipe(chosen),
        batch(options.batch.value_or(recipe.batch)),
        iterations(options.iterations.value_or(recipe.iterations)),
        sgd{.lr = options.lr.value_or(recipe.lr),
            .momentum = options.momentum.value_or(recipe.momentum),
            .weight_decay = options.weight_decay.value_or(recipe.weight_decay)},
        assignment(recipe.assignment) {
    if (batch > examples)
      throw xgrad::ValueError(
          fmt::format("--batch {} is more than the {} training examples", batch, examples));
    if (options.epochs && !options.iterations) iterations = *options.epochs * (examples / batch);
    if (recipe.parts && (options.lr || options.momentum || options.weight_decay))
      throw xgrad::ValueError(fmt::format(
          "--lr, --momentum and --weight-decay do not apply to --net {}: it has several optimisers",
          options.net));
    if (assignment) {
      sgd.kind = optim::Momentum::averaged;
    } else {
      sgd.nesterov = sgd.momentum > 0;
    }
  }

  std::vector<Part> parts(const nn::Module& net) const {
    if (recipe.parts) return recipe.parts();
    return {{std::make_shared<optim::SGD>(net.parameters(), sgd),
             assignment ? optim::schedule::constant() : optim::schedule::triangle(0, 0.2)}};
  }

  report::Configuration configuration(const Data& data, const Options& options) const {
    report::Configuration result{
        {"data", data.name},
        {fmt::format("training, validation, {} images", data.tested_on),
         fmt::format("{}, {}, {}", data.train->size(),
                     data.validation ? (*data.validation)->size() : 0, data.test->size())},
        {"iterations", fmt::format("{}", iterations)},
        {"batch", fmt::format("{}", batch)},
        {"seed", fmt::format("{}", options.seed)}};
    if (recipe.parts) return result;
    result.insert(result.end() - 1,
                  {{"learning rate", fmt::format("{:g}, {}", static_cast<double>(sgd.lr),
                                                 assignment ? "constant" : "rising, then falling")},
                   {"momentum", fmt::format("{:g}, {}", sgd.momentum,
                                            assignment         ? "averaged"
                                            : sgd.momentum > 0 ? "Nesterov"
                                                               : "none")},
                   {"weight decay", fmt::format("{:g}", sgd.weight_decay)}});
    return result;
  }
};

/// What a training run leaves behind: the page, live while it goes on, and the log.
class Journal {
 public:
  Journal(nn::Module& net, const xgrad::Shape& image, report::Run run, const Options& options)
      : net_(net), image_(image), run_(std::move(run)), directory_(options.report) {
    if (!directory_.empty()) page_.emplace(run_, directory_);
    if (options.log.empty()) return;
    log_.emplace(options.log);
    report::JsonLines::Fields start{{"event", "start"}, {"title", run_.title}};
    for (const auto& [name, value] : run_.configuration) start.emplace_back(name, value);
    log_->write(start);
  }

  report::Run& run() { return run_; }

  /// Measured at an iteration, for the curves and the log alike.
  void add(const std::string& name, std::int64_t iteration, double value, Kind kind = Kind::exact) {
    if (page_) run_.history.add(name, static_cast<double>(iteration), value, kind);
    if (!log_) return;
    if (fields_.empty()) fields_ = {{"event", "iteration"}, {"iteration", iteration}};
    fields_.emplace_back(name, value);
  }

  /// The values of an iteration are complete.
  void end_iteration(const std::string& state) {
    if (log_ && !fields_.empty()) log_->write(std::exchange(fields_, {}));
    if (!page_ || !page_->due()) return;
    run_.state = state;
    run_.figures.clear();
    if (auto filters = report::first_filters(net_, image_)) run_.figures = {*std::move(filters)};
    const bool told = page_->failure().has_value();
    page_->update();
    if (page_->failure() && !told)
      fmt::print(stderr, "warning: {}; the training goes on\n", *page_->failure());
  }

  /// Writes the final page and the end of the log; the page's path if there is one.
  std::optional<std::string> finish(const std::string& state,
                                    const report::JsonLines::Fields& result) {
    run_.state = state;
    if (run_.evaluation) run_.figures.clear();
    std::optional<std::string> path;
    if (page_) path = std::filesystem::absolute(report::write(run_, directory_)).string();
    if (log_) {
      log_->write(result);
      log_->finish();
    }
    return path;
  }

 private:
  nn::Module& net_;
  xgrad::Shape image_;
  report::Run run_;
  std::string directory_;
  std::optional<report::LivePage> page_;
  std::optional<report::JsonLines> log_;
  report::JsonLines::Fields fields_;
};

/// The training loop and what it shows of itself.
class Training {
 public:
  Training(nn::Module& net, const Data& data, const Plan& plan, Journal& journal)
      : net_(net),
        data_(data),
        plan_(plan),
        journal_(journal),
        parts_(plan.parts(net)),
        loader_(data.train, {.batch_size = plan.batch,
                             .shuffle = true,
                             .drop_last = true,
                             .independent_batches = plan.assignment ? plan.iterations : 0,
                             .augment = plan.recipe.augment}),
        progress_(plan.iterations) {
    for (const Part& part : parts_) schedulers_.emplace_back(*part.optimizer, part.schedule);
  }

  /// Iterations done: fewer than planned if interrupted.
  std::int64_t run() {
    std::int64_t iteration = 0;
    while (iteration < plan_.iterations && !interrupted)
      for (const auto& [images, labels] : loader_) {
        watch_.lap("waiting for data");
        set_rates(iteration);
        step(++iteration, images, labels);
        if (iteration == plan_.iterations || interrupted) break;
      }
    progress_.finish();
    return iteration;
  }

  /// Of the training steps alone.
  double seconds() const {
    return watch_.seconds("forward") + watch_.seconds("backward") + watch_.seconds("update");
  }
  report::Stopwatch& watch() { return watch_; }

 private:
  void set_rates(std::int64_t iteration) {
    const double done = static_cast<double>(iteration) + 0.5;
    for (optim::Scheduler& scheduler : schedulers_)
      scheduler.set(done / static_cast<double>(plan_.iterations));
  }

  double learning_rate() const { return parts_.back().optimizer->learning_rates().front(); }

  void step(std::int64_t iteration, const Tensor& images, const Tensor& labels) {
    for (const Part& part : parts_) part.optimizer->zero_grad();
    const Tensor logits = net_(images);
    const Tensor loss =
        xgrad::cross_entropy(logits, labels, {.label_smoothing = plan_.recipe.label_smoothing});
    watch_.lap("forward");
    loss.backward();
    watch_.lap("backward");
    const double value = loss.item();
    if (!std::isfinite(value))
      throw xgrad::ValueError(fmt::format(
          "the loss is {} at iteration {}: lower the learning rate (--lr, now {:g}) or change the "
          "initialisation",
          value, iteration, learning_rate()));
    for (const Part& part : parts_) part.optimizer->step();
    watch_.lap("update");
    measure(iteration, value, fraction_right(logits, labels));
    watch_.lap("measuring and showing");
  }

  void measure(std::int64_t iteration, double loss, double accuracy) {
    loss_.add(loss);
    accuracy_.add(accuracy);
    journal_.add("loss/each batch", iteration, loss, Kind::noisy);
    journal_.add("accuracy/each batch", iteration, accuracy, Kind::noisy);
    if (iteration % 10 == 0 || iteration == 1) {
      double squares = 0;
      for (const Tensor& x : net_.parameters())
        if (x.grad().defined()) squares += squared_norm(x.grad());
      journal_.add("gradient norm/each batch", iteration, std::sqrt(squares), Kind::noisy);
      journal_.add("learning rate", iteration, learning_rate());
    }
    const double speed = static_cast<double>(iteration * plan_.batch) / seconds();
    progress_.update(iteration, fmt::format("loss {:.4f}  accuracy {:.4f}  {:.0f} images/s",
                                            loss_.value(), accuracy_.value(), speed));
    const std::int64_t epoch = data_.train->size() / plan_.batch;
    const std::int64_t every =
        std::max(std::min<std::int64_t>(100, epoch), plan_.iterations / 50 / 100 * 100);
    if (iteration % every == 0 || iteration == plan_.iterations) validate(iteration, speed);
    journal_.end_iteration(fmt::format("Training: iteration {} of {}, {} left.", iteration,
                                       plan_.iterations,
                                       report::duration(progress_.seconds_left(iteration))));
  }

  void validate(std::int64_t iteration, double speed) {
    double squares = 0;
    for (const auto& [name, x] : net_.named_parameters()) {
      const double square = squared_norm(x);
      if (x.dim() > 1) journal_.add("norm of weights/" + name, iteration, std::sqrt(square));
      squares += square;
    }
    const double decay = plan_.sgd.weight_decay / 2 * squares;
    watch_.lap("measuring and showing");
    std::string validated;
    if (data_.validation) {
      const double validation = accuracy_on(net_, *data_.validation);
      journal_.add("accuracy/validation", iteration, validation);
      validated = fmt::format("  validation {:.4f}", validation);
    }
    watch_.lap("validation");
    journal_.add("loss/with weight decay", iteration, loss_.value() + decay);
    progress_.line(fmt::format(
        "iteration {:>6}  loss {:.4f} + weight decay {:.4f} = {:.4f}  accuracy {:.4f}{}  {:.0f} "
        "images/s",
        iteration, loss_.value(), decay, loss_.value() + decay, accuracy_.value(), validated,
        speed));
  }

  nn::Module& net_;
  const Data& data_;
  const Plan& plan_;
  Journal& journal_;
  std::vector<Part> parts_;
  std::vector<optim::Scheduler> schedulers_;
  datasets::DataLoader loader_;
  report::Progress progress_;
  report::Stopwatch watch_;
  report::RunningMean loss_;
  report::RunningMean accuracy_;
};

/// Fails before the training, not after it, where the weights cannot be saved.
void require_writable(const std::string& path) {
  const bool existed = std::filesystem::exists(path + ".partial");
  std::FILE* file = std::fopen((path + ".partial").c_str(), "ab");
  if (file == nullptr)
    throw xgrad::IOError(fmt::format("{} cannot be written ({}); name another file with --save",
                                     path, std::strerror(errno)));
  std::fclose(file);
  if (!existed) std::filesystem::remove(path + ".partial");
}

/// Does `f`; if a file cannot be written then, says so and gives 1, so that the rest is still done.
template <class F>
int attempt(const char* what, const F& f) {
  try {
    f();
    return 0;
  } catch (const xgrad::IOError& error) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {} not saved: {}\n", what, error.what());
    return 1;
  }
}

}  // namespace

int train(nn::Module& net, const Data& data, const Recipe& recipe, const Options& options) {
  const Plan plan(recipe, options, data.train->size());
  require_writable(options.save);
  const xgrad::Shape image = (*data.train)[0].data.shape();
  xgrad::Shape input = image;
  input.insert(0, 1);
  Journal journal(net, image,
                  {.title = fmt::format("{}: {}", data.name, recipe.name),
                   .configuration = plan.configuration(data, options),
                   .network = report::describe(net, input)},
                  options);
  fmt::print("{}\n", nn::to_string(journal.run().network->summary));
  for (const auto& [name, value] : journal.run().configuration) fmt::print("{}: {}\n", name, value);
  fmt::print("threads: {}\n\n", xgrad::num_threads());
  std::fflush(stdout);
  std::signal(SIGINT, on_interrupt);

  Training training(net, data, plan, journal);
  std::int64_t done = 0;
  try {
    done = training.run();
  } catch (const xgrad::Error& error) {
    attempt("the report or log is", [&] {
      journal.finish(fmt::format("Stopped: {}", error.what()),
                     {{"event", "error"}, {"message", error.what()}});
    });
    throw;
  }
  const std::string state =
      interrupted ? fmt::format("Interrupted after {} of {} iterations.", done, plan.iterations)
                  : "";
  if (interrupted) fmt::print("{}\n", state);

  auto evaluation = report::evaluate(net, data.test, data.classes,
                                     {.to_picture = data.to_picture, .views = recipe.views});
  training.watch().lap(data.tested_on);
  const auto& matrix = evaluation.matrix;
  const double accuracy = matrix.accuracy().value_or(0);
  fmt::print("\nThe {0} images by class:\n{1}\n{0} accuracy {2:.4f} (trace {3} of {4})\n",
             data.tested_on, report::to_string(matrix), accuracy, matrix.right(), matrix.total());
  const double seconds = training.seconds();
  journal.run().evaluation = std::move(evaluation);
  journal.run().timing = training.watch().parts();

  int code = attempt("the weights are", [&] {
    nn::save(net, options.save);
    fmt::print("weights saved to {}\n", std::filesystem::absolute(options.save).string());
  });
  const double speed = static_cast<double>(done * plan.batch) / seconds;
  code |= attempt("the report or log is", [&] {
    const auto page = journal.finish(state, {{"event", "result"},
                                             {"iterations", done},
                                             {data.tested_on + " accuracy", accuracy},
                                             {"seconds", seconds},
                                             {"images per second", speed}});
    if (page) fmt::print("report written to {}\n", *page);
  });
  fmt::print("result: {}_accuracy {:.4f} seconds {:.1f} images_per_second {:.0f}\n", data.tested_on,
             accuracy, seconds, speed);
  return code != 0 ? code : interrupted ? 130 : 0;
}

}  // namespace examples
