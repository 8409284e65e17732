#include "training.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/ops/peak.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/report/report.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "../model.hpp"
#include "checkpoint.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "journal.hpp"
#include "plan.hpp"
#include <fmt/format.h>

namespace examples {

using xgrad::NamedTensors;
using xgrad::Tensor;
namespace datasets = xgrad::datasets;
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
namespace report = xgrad::report;
using Kind = report::History::Kind;

namespace {

double fraction_right(const Tensor& logits, const Tensor& labels) {
  return *report::topk_accuracy(logits, labels, 1);
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

/// The training loop and what it shows of itself.
class Training {
 public:
  /// Goes on from a checkpoint if there is one; `file` is where to write others, if anywhere.
  Training(nn::Module& net, const Plan& plan, Journal& journal, CheckpointFile* file,
           const Checkpoint* from)
      : net_(net),
        plan_(plan),
        journal_(journal),
        file_(file),
        parts_(plan.parts(net)),
        loader_(plan.data.train,
                {.batch_size = plan.batch,
                 .shuffle = true,
                 .drop_last = true,
                 .independent_batches = plan.recipe.assignment ? plan.iterations : 0,
                 .augment = plan.recipe.augment}),
        loss_(report::RunningMean::factor_for(static_cast<double>(plan.iterations))),
        accuracy_(loss_) {
    for (const Part& part : parts_) schedulers_.emplace_back(*part.optimizer, part.schedule);
    if (from != nullptr) restore(*from);
  }

  /// To the end, or until it is interrupted.
  void run() {
    progress_.emplace(plan_.iterations, done_);
    loader_.set_epoch(done_ / loader_.size(), done_ % loader_.size());
    while (!is_over())
      for (const auto& [images, labels] : loader_) {
        watch_.lap("waiting for data");
        set_rates();
        step(images, labels);
        if (file_ != nullptr && file_->due()) write_checkpoint();
        if (is_over()) break;
      }
    if (file_ != nullptr) write_checkpoint();
    progress_.reset();
  }

  std::int64_t done() const { return done_; }  ///< iterations
  std::int64_t total() const { return plan_.total(done_, watch_.seconds()); }
  double speed() const {  ///< images a second
    return done_ == 0 ? 0 : static_cast<double>(done_ * plan_.batch) / seconds();
  }

  /// Of the training steps alone.
  double seconds() const {
    return watch_.seconds("forward") + watch_.seconds("backward") + watch_.seconds("update");
  }
  report::Stopwatch& watch() { return watch_; }

 private:
  bool is_over() const { return interrupted() != 0 || plan_.is_over(done_, watch_.seconds()); }

  void set_rates() {
    const double progress = plan_.progress(done_, watch_.seconds());
    for (optim::Scheduler& scheduler : schedulers_) scheduler.set(progress);
  }

  double learning_rate() const { return parts_.back().optimizer->learning_rates().front(); }

  void step(const Tensor& images, const Tensor& labels) {
    for (const Part& part : parts_) part.optimizer->zero_grad();
    const Tensor logits = net_(images);
    const Tensor loss =
        xgrad::cross_entropy(logits, labels, {.label_smoothing = plan_.recipe.label_smoothing});
    watch_.lap("forward");
    loss.backward();
    watch_.lap("backward");
    ++done_;
    const double value = loss.item();
    if (!std::isfinite(value))
      throw xgrad::ValueError(fmt::format(
          "the loss is {} at iteration {}: lower the learning rate (--lr, now {:g}) or change the "
          "initialisation",
          std::isnan(value) ? NAN : value, done_, learning_rate()));
    for (const Part& part : parts_) part.optimizer->step();
    watch_.lap("update");
    measure(value, fraction_right(logits, labels));
    watch_.lap("measuring and showing");
  }

  void measure(double loss, double accuracy) {
    loss_.add(loss);
    accuracy_.add(accuracy);
    journal_.add("loss/each batch", done_, loss, Kind::noisy);
    journal_.add("accuracy/each batch", done_, accuracy, Kind::noisy);
    if (done_ % 10 == 0 || done_ == 1) {
      const double norm = xgrad::optim::grad_norm(net_.parameters());
      journal_.add("gradient norm/each batch", done_, norm, Kind::noisy);
      journal_.add("learning rate", done_, learning_rate());
    }
    const double spent = watch_.seconds();
    const std::int64_t total = plan_.total(done_, spent);
    progress_->set_total(total);
    progress_->update(done_, fmt::format("loss {:.4f}  accuracy {:.4f}  {:.0f} images/s",
                                         loss_.value(), accuracy_.value(), speed()));
    if (validation_due() || plan_.is_over(done_, spent)) validate();
    journal_.end_iteration(fmt::format("Training: iteration {} of {}{}, {} left.", done_,
                                       plan_.budget ? "about " : "", total,
                                       report::duration(progress_->seconds_left(done_))));
  }

  bool validation_due() {
    if (!plan_.budget) return done_ % plan_.validate_every == 0;
    const int now = twentieth();
    return std::exchange(twentieth_, now) != now;
  }

  /// Of the budget, how many are spent.
  int twentieth() const { return static_cast<int>(20 * watch_.seconds() / *plan_.budget); }

  void validate() {
    double squares = 0;
    for (const auto& [name, x] : net_.named_parameters()) {
      const double square = squared_norm(x);
      if (x.dim() > 1) journal_.add("norm of weights/" + name, done_, std::sqrt(square));
      squares += square;
    }
    const double decay = plan_.sgd.weight_decay / 2 * squares;
    watch_.lap("measuring and showing");
    const double spent = watch_.seconds();
    std::string validated;
    if (plan_.data.validation) {
      const double validation = accuracy_on(net_, *plan_.data.validation);
      journal_.add("accuracy/validation", done_, validation);
      validated = fmt::format("  validation {:.4f}", validation);
    }
    watch_.lap("validation");
    journal_.add("loss/with weight decay", done_, loss_.value() + decay);
    const std::string decayed =
        decay > 0 ? fmt::format(" + weight decay {:.4f} = {:.4f}", decay, loss_.value() + decay)
                  : "";
    progress_->line(fmt::format(
        "iteration {:>6}  {}  loss {:.4f}{}  accuracy {:.4f}{}  {:.0f} images/s  {} left", done_,
        report::duration(spent), loss_.value(), decayed, accuracy_.value(), validated, speed(),
        report::duration(progress_->seconds_left(done_))));
  }

  void write_checkpoint() {
    Checkpoint checkpoint{.iteration = done_,
                          .tensors = state(),
                          .random = xgrad::default_generator().state(),
                          .seconds = watch_.parts(),
                          .loss = loss_.state(),
                          .accuracy = accuracy_.state()};
    journal_.note(checkpoint);
    file_->write(checkpoint);
    watch_.lap("checkpoints");
  }

  static std::string prefix(std::size_t part) { return fmt::format("optimizer/{}/", part); }

  NamedTensors state() {
    NamedTensors result;
    const auto add = [&result](const std::string& prefix, const NamedTensors& values) {
      for (const auto& [name, x] : values) result.emplace_back(prefix + name, x);
    };
    add("net/", net_.state_dict());
    for (std::size_t i = 0; i < parts_.size(); ++i)
      add(prefix(i), parts_[i].optimizer->state_dict());
    return result;
  }

  void restore(const Checkpoint& from) {
    const auto part_of = [&from](const std::string& prefix) {
      NamedTensors result;
      for (const auto& [name, x] : from.tensors)
        if (name.starts_with(prefix)) result.emplace_back(name.substr(prefix.size()), x);
      return result;
    };
    net_.load_state_dict(part_of("net/"));
    for (std::size_t i = 0; i < parts_.size(); ++i)
      parts_[i].optimizer->load_state_dict(part_of(prefix(i)));
    xgrad::default_generator().set_state(from.random);
    done_ = from.iteration;
    loss_.set_state(from.loss);
    accuracy_.set_state(from.accuracy);
    watch_ = report::Stopwatch(from.seconds);
    if (plan_.budget) twentieth_ = twentieth();
  }

  nn::Module& net_;
  const Plan& plan_;
  Journal& journal_;
  CheckpointFile* file_;
  std::vector<Part> parts_;
  std::vector<optim::Scheduler> schedulers_;
  datasets::DataLoader loader_;
  std::int64_t done_ = 0;  // iterations
  int twentieth_ = 0;
  std::optional<report::Progress> progress_;
  report::Stopwatch watch_;
  report::RunningMean loss_;
  report::RunningMean accuracy_;
};

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

/// Floating-point operations of a training step, for each image: what the plain algorithms take.
double flops_per_image(nn::Module& net, const datasets::AnyDataset& data) {
  constexpr std::int64_t count = 4;
  const nn::EvalGuard eval(net);
  const auto batch = data->batch(std::vector<std::int64_t>(count, 0));
  xgrad::profiler::start();
  net(batch.data).sum().backward();
  double flops = 0;
  for (const auto& event : xgrad::profiler::stop().events) flops += event.work.flops;
  net.zero_grad();
  return flops / count;
}

void print_speed(nn::Module& net, const Data& data, double images_per_second) {
  const double flops = flops_per_image(net, data.train) * images_per_second;
  const double peak = xgrad::profiler::measure_peak().flops;
  fmt::print("{:.0f} images/s, {:.0f} GFLOP/s: {:.0f} % of the {:.0f} of a large matrix product\n",
             images_per_second, flops / 1e9, 100 * flops / peak, peak / 1e9);
}

/// The confusion matrix and all that follows from it.
void print_evaluation(const Data& data, const report::ConfusionMatrix& matrix) {
  fmt::print("\nThe {0} images by class:\n{1}\n{0} accuracy {2:.4f} (trace {3} of {4})\n",
             data.tested_on, report::to_string(matrix), matrix.accuracy().value_or(0),
             matrix.right(), matrix.total());
}

/// Tests the network and leaves everything behind; the exit code.
int finish(nn::Module& net, const Plan& plan, const Options& options, Training& training,
           Journal& journal, const std::string& state) {
  const Data& data = plan.data;
  auto evaluation = report::evaluate(
      net, data.test, data.classes,
      {.to_picture = datasets::transforms::denormalize(data.scale.mean, data.scale.deviation),
       .views = plan.recipe.views});
  training.watch().lap(data.tested_on);
  print_evaluation(data, evaluation.matrix);
  const double accuracy = evaluation.matrix.accuracy().value_or(0);
  journal.run().evaluation = std::move(evaluation);
  journal.run().timing = training.watch().parts();

  int code = attempt("the weights are", [&] {
    nn::save(net, options.save,
             {.half = options.half, .metadata = describe_model(plan.recipe.network, data)});
    fmt::print("weights saved to {}\n", shown(options.save));
  });
  code |= attempt("the report or log is", [&] {
    const auto page = journal.finish(state, {{"event", "result"},
                                             {"iterations", training.done()},
                                             {data.tested_on + " accuracy", accuracy},
                                             {"seconds", training.seconds()},
                                             {"images per second", training.speed()}});
    if (page) fmt::print("report written to {}\n", *page);
  });
  print_speed(net, data, training.speed());
  fmt::print("result: {}_accuracy {:.4f} seconds {:.1f} images_per_second {:.0f}\n", data.tested_on,
             accuracy, training.seconds(), training.speed());
  return code != 0 ? code : interrupted() != 0 ? 128 + interrupted() : 0;
}

}  // namespace

int train(nn::Module& net, const Data& data, const Recipe& recipe, const Options& options) {
  const Plan plan(recipe, options, data);
  require_writable(options.save, "--save");
  std::optional<CheckpointFile> file;
  std::optional<Checkpoint> from;
  if (!options.checkpoint.empty()) {
    file.emplace(options.checkpoint, plan.configuration(), options.checkpoint_every);
    from = file->read();
  }
  const xgrad::Shape image = (*data.train)[0].data.shape();
  xgrad::Shape input = image;
  input.insert(0, 1);
  Journal journal(net, image,
                  {.title = fmt::format("{}: {}", data.name, recipe.name),
                   .configuration = plan.configuration(),
                   .network = report::describe(net, input)},
                  options, from ? &*from : nullptr);
  fmt::print("{}\n", nn::to_string(journal.run().network->summary));
  for (const auto& [name, value] : plan.configuration()) fmt::print("{}: {}\n", name, value);
  fmt::print("threads: {}\n\n", xgrad::num_threads());
  if (from) fmt::print("going on after iteration {}, from {}\n", from->iteration, file->source());
  std::fflush(stdout);
  catch_interrupts();

  Training training(net, plan, journal, file ? &*file : nullptr, from ? &*from : nullptr);
  try {
    training.run();
  } catch (const xgrad::Error& error) {
    attempt("the report or log is", [&] {
      journal.finish(fmt::format("Stopped: {}", error.what()),
                     {{"event", "error"}, {"message", error.what()}});
    });
    throw;
  }
  std::string state;
  if (interrupted() != 0) {
    state = fmt::format("Interrupted after {} of {}{} iterations.", training.done(),
                        plan.budget ? "about " : "", training.total());
    fmt::print("{}{}\n", state, file ? " The same command goes on from there." : "");
  }
  return finish(net, plan, options, training, journal, state);
}

}  // namespace examples
