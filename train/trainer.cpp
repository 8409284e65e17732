#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/ops/peak.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/report/report.hpp>
#include <xgrad/train/checkpoint.hpp>
#include <xgrad/train/interrupt.hpp>
#include <xgrad/train/journal.hpp>
#include <xgrad/train/length.hpp>
#include <xgrad/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace xgrad::train {

using Kind = report::History::Kind;

namespace {

/// Whether its examples have channels, rows and columns.
bool is_of_images(const datasets::AnyDataset& data) { return (*data)[0].data.dim() == 3; }

/// A recipe on its data: every number that was left open is there.
struct Plan {
  Plan(const Recipe& chosen, const Data& given)
      : recipe(chosen), data(given), length{recipe.iterations, recipe.seconds} {
    const std::int64_t examples = data.train->size();
    require<ValueError>(recipe.batch > 0, "train: batch is {}, not above 0", recipe.batch);
    require<ValueError>(recipe.batch <= examples,
                        "train: batch {} is more than the {} training examples", recipe.batch,
                        examples);
    require<ValueError>(
        (recipe.iterations > 0) + (recipe.epochs > 0) + recipe.seconds.has_value() == 1,
        "train: give one of iterations, epochs and seconds; got {}, {} and {}", recipe.iterations,
        recipe.epochs, recipe.seconds ? fmt::format("{}", *recipe.seconds) : "none");
    require<ValueError>(!recipe.seconds || *recipe.seconds > 0,
                        "train: seconds are {}, not above 0", recipe.seconds.value_or(0));
    require<ValueError>(!recipe.parts.empty(), "train: the recipe has no optimiser");
    for (std::size_t i = 0; i < recipe.parts.size(); ++i)
      require<ValueError>(recipe.parts[i].optimizer != nullptr,
                          "train: part {} of the recipe has no optimiser", i);
    const std::int64_t epoch = examples / recipe.batch;
    if (recipe.epochs > 0) length.iterations = recipe.epochs * epoch;
    validate_every = recipe.validate_every > 0 ? recipe.validate_every : epoch;
  }

  bool classifies() const { return !data.classes.empty(); }
  bool is_first() const { return !recipe.parallel || recipe.parallel->is_first(); }
  /// Whether it is so in one of the processes.
  bool any(bool here) const {
    return recipe.parallel ? recipe.parallel->sum({here ? 1 : 0})[0] > 0 : here;
  }
  Tensor loss(const Tensor& output, const Tensor& target) const {
    return recipe.loss ? recipe.loss(output, target) : cross_entropy(output, target);
  }
  report::Configuration configuration() const;

  const Recipe& recipe;
  const Data& data;
  Length length;
  std::int64_t validate_every;  // iterations, where the length is no time
};

/// What a reader has to know of the run.
report::Configuration Plan::configuration() const {
  report::Configuration result{
      {"data", data.name},
      {"recipe", recipe.name},
      {fmt::format("training, validation, {} {}", data.tested_on,
                   is_of_images(data.train) ? "images" : "examples"),
       fmt::format("{}, {}, {}", data.train->size(),
                   data.validation ? (*data.validation)->size() : 0, data.test->size())}};
  if (length.seconds) {
    result.emplace_back("budget", report::duration(*length.seconds));
  } else {
    result.emplace_back("iterations", fmt::format("{}", length.iterations));
  }
  result.emplace_back("batch", fmt::format("{}", recipe.batch));
  if (recipe.parallel) result.emplace_back("computed as", recipe.parallel->description());
  result.insert(result.end(), recipe.settings.begin(), recipe.settings.end());
  result.emplace_back("seed", fmt::format("{}", default_generator().state().seed));
  return result;
}

nn::BatchPart part_of(const Recipe& recipe) {
  return recipe.parallel ? recipe.parallel->part() : nn::BatchPart();
}

std::vector<optim::Optimizer*> optimizers_of(const std::vector<Part>& parts) {
  std::vector<optim::Optimizer*> result;
  for (const Part& part : parts) result.push_back(part.optimizer.get());
  return result;
}

double fraction_right(const Tensor& output, const Tensor& labels) {
  return *report::topk_accuracy(output, labels, 1);
}

/// The mean over a data set of what `measure` says of a batch.
template <class Measure>
double mean_over(nn::Module& net, const datasets::AnyDataset& data, const Measure& measure) {
  const NoGradGuard guard;
  const nn::EvalGuard eval(net);
  double sum = 0;
  datasets::DataLoader loader(data, {.batch_size = 500, .seed = 0});
  for (const auto& [inputs, targets] : loader)
    sum += measure(net(inputs), targets) * static_cast<double>(inputs.size(0));
  return sum / static_cast<double>(data->size());
}

double loss_on(nn::Module& net, const Plan& plan, const datasets::AnyDataset& data) {
  return mean_over(net, data, [&](const Tensor& output, const Tensor& targets) {
    return plan.loss(output, targets).item();
  });
}

double squared_norm(const Tensor& x) { return sum(square(x.detach())).item(); }

/// The training loop and what it shows of itself.
class Loop {
 public:
  /// `file` is where to write checkpoints, in the process that does.
  Loop(nn::Module& net, const Plan& plan, Journal& journal, CheckpointFile* file, bool print)
      : net_(net),
        plan_(plan),
        journal_(journal),
        file_(file),
        has_file_(plan.any(file != nullptr)),
        print_(print),
        loader_(plan.data.train, {.batch_size = plan.recipe.batch,
                                  .shuffle = true,
                                  .drop_last = true,
                                  .independent_batches =
                                      plan.recipe.independent_batches ? plan.length.iterations : 0,
                                  .augment = plan.recipe.augment,
                                  .part = part_of(plan.recipe)}),
        loss_(report::RunningMean::factor_for(static_cast<double>(plan.length.iterations))),
        accuracy_(loss_) {
    for (const Part& part : plan.recipe.parts)
      schedulers_.emplace_back(*part.optimizer, part.schedule);
  }

  void restore(const Checkpoint& from) {
    train::restore(from, net_, optimizers_of(plan_.recipe.parts));
    done_ = from.iteration;
    for (const auto& [name, mean] : from.means)
      (name == "accuracy" ? accuracy_ : loss_).set_state(mean);
    watch_ = report::Stopwatch(from.seconds);
    spent_ = watch_.seconds();
    if (plan_.length.seconds) twentieth_ = twentieth();
  }

  /// To the end, or until it is interrupted.
  void run(const Interrupts& interrupts) {
    if (plan_.is_first()) progress_.emplace(plan_.length.iterations, done_);
    loader_.set_epoch(done_ / loader_.size(), done_ % loader_.size());
    const auto is_over = [&] { return is_stopped_ || plan_.length.is_over(done_, spent_); };
    while (!is_over())
      for (const auto& [inputs, targets] : loader_) {
        watch_.lap("waiting for data");
        set_rates();
        step(inputs, targets, interrupts);
        if (is_due_) write_checkpoint();
        if (is_over()) break;
      }
    if (has_file_) write_checkpoint();
    progress_.reset();
  }

  std::int64_t done() const { return done_; }  // iterations
  std::int64_t total() const { return plan_.length.total(done_, spent_); }
  double speed() const {  // examples a second
    return done_ == 0 ? 0 : static_cast<double>(done_ * plan_.recipe.batch) / seconds();
  }

  /// In all processes, as an optimiser may have its state in several.
  void write_checkpoint() {
    for (const Part& part : plan_.recipe.parts) part.optimizer->consolidate_state_dict();
    write_own();
  }
  /// In one process, where the others are no more: of what all have made, if that is all here.
  void write_last() {
    const bool is_whole = std::ranges::all_of(
        plan_.recipe.parts, [](const Part& part) { return part.optimizer->has_whole_state(); });
    if (is_whole && !is_updating_) write_own();
  }

  /// Of the training steps alone.
  double seconds() const {
    return watch_.seconds("forward") + watch_.seconds("backward") + watch_.seconds("update");
  }
  report::Stopwatch& watch() { return watch_; }

 private:
  void write_own() {
    if (file_ == nullptr) return;
    Checkpoint checkpoint = snapshot(done_, net_, optimizers_of(plan_.recipe.parts));
    checkpoint.seconds = watch_.parts();
    checkpoint.means = {{"loss", loss_.state()}, {"accuracy", accuracy_.state()}};
    journal_.note(checkpoint);
    file_->write(checkpoint);
    watch_.lap("checkpoints");
  }

  void set_rates() {
    const double progress = plan_.length.progress(done_, spent_);
    for (optim::Scheduler& scheduler : schedulers_) scheduler.set(progress);
  }

  double learning_rate() const {
    return plan_.recipe.parts.back().optimizer->learning_rates().front();
  }

  void step(const Tensor& inputs, const Tensor& targets, const Interrupts& interrupts) {
    for (const Part& part : plan_.recipe.parts) part.optimizer->zero_grad();
    const auto [loss, output] = differentiate(inputs, targets);
    require<ValueError>(std::isfinite(loss),
                        "train: the loss is {} at iteration {}: lower the learning rate (now {:g}) "
                        "or change the initialisation",
                        loss, done_ + 1, learning_rate());
    is_updating_ = true;
    for (const Part& part : plan_.recipe.parts) part.optimizer->step();
    is_updating_ = false;
    ++done_;
    watch_.lap("update");
    measure(loss, all_go_by(output, targets, interrupts));
    watch_.lap("measuring and showing");
  }

  struct Differentiated {
    double loss;
    Tensor output;
  };
  Differentiated differentiate(const Tensor& inputs, const Tensor& targets) {
    if (plan_.recipe.parallel) return differentiate_together(inputs, targets);
    const Tensor output = net_(inputs);
    const Tensor loss = plan_.loss(output, targets);
    watch_.lap("forward");
    loss.backward();
    watch_.lap("backward");
    return {loss.item(), output.detach()};
  }
  Differentiated differentiate_together(const Tensor& inputs, const Tensor& targets) {
    std::vector<Tensor> outputs;
    const Tensor loss =
        plan_.recipe.parallel->backward(inputs.size(0), [&](std::int64_t begin, std::int64_t end) {
          const Tensor output = net_(inputs.slice(0, begin, end));
          outputs.push_back(output.detach());
          return plan_.loss(output, targets.slice(0, begin, end));
        });
    watch_.lap("backward");
    return {loss.item(), cat(outputs, 0)};
  }

  /// Sees to what decides how the training goes on, the same in all processes: whether it was
  /// interrupted, how long it has taken, and whether a checkpoint is due. The accuracy.
  double all_go_by(const Tensor& output, const Tensor& targets, const Interrupts& interrupts) {
    const double accuracy = plan_.classifies() ? fraction_right(output, targets) : 0;
    is_stopped_ = interrupts.signal() != 0;
    spent_ = watch_.seconds();
    is_due_ = file_ != nullptr && file_->due();
    if (!plan_.recipe.parallel) return accuracy;
    const double rows = static_cast<double>(targets.size(0));
    const auto sums = plan_.recipe.parallel->sum(
        {std::llround(accuracy * rows), is_stopped_ ? 1 : 0,
         plan_.is_first() ? std::llround(spent_ * 1e6) : 0, is_due_ ? 1 : 0});
    is_stopped_ = sums[1] > 0;
    spent_ = static_cast<double>(sums[2]) / 1e6;
    is_due_ = sums[3] > 0;
    return static_cast<double>(sums[0]) / static_cast<double>(plan_.recipe.batch);
  }

  void measure(double loss, double accuracy) {
    if (!plan_.is_first()) return;
    loss_.add(loss);
    journal_.add("loss/each batch", done_, loss, Kind::noisy);
    if (plan_.classifies()) {
      accuracy_.add(accuracy);
      journal_.add("accuracy/each batch", done_, accuracy, Kind::noisy);
    }
    const bool last = plan_.length.is_over(done_, spent_);
    if (done_ % 10 == 0 || done_ == 1 || last) {
      const double norm = optim::grad_norm(net_.parameters());
      journal_.add("gradient norm/each batch", done_, norm, Kind::noisy);
      journal_.add("learning rate", done_, learning_rate());
    }
    const std::int64_t total = plan_.length.total(done_, spent_);
    progress_->set_total(total);
    if (print_) progress_->update(done_, fmt::format("{}  {}", measured(""), shown_speed()));
    if (validation_due() || last) validate();
    journal_.end_iteration(fmt::format("Training: iteration {} of {}{}, {} left.", done_,
                                       plan_.length.seconds ? "about " : "", total,
                                       report::duration(progress_->seconds_left(done_))));
  }

  /// "loss 0.1234  accuracy 0.9876", with `decayed` behind the loss.
  std::string measured(const std::string& decayed) const {
    const std::string loss = fmt::format("loss {:.4f}{}", loss_.value(), decayed);
    return plan_.classifies() ? fmt::format("{}  accuracy {:.4f}", loss, accuracy_.value()) : loss;
  }
  std::string shown_speed() const { return fmt::format("{:.0f} examples/s", speed()); }

  bool validation_due() {
    if (!plan_.length.seconds) return done_ % plan_.validate_every == 0;
    const int now = twentieth();
    return std::exchange(twentieth_, now) != now;
  }

  /// Of the time to train, how many are spent.
  int twentieth() const { return static_cast<int>(20 * spent_ / *plan_.length.seconds); }

  void validate() {
    double squares = 0;
    for (const auto& [name, x] : net_.named_parameters()) {
      const double square = squared_norm(x);
      if (x.dim() > 1) journal_.add("norm of weights/" + name, done_, std::sqrt(square));
      squares += square;
    }
    const double decay = plan_.recipe.weight_decay / 2 * squares;
    watch_.lap("measuring and showing");
    const double spent = watch_.seconds();
    const std::string validated = plan_.data.validation ? validation() : "";
    watch_.lap("validation");
    journal_.add("loss/with weight decay", done_, loss_.value() + decay);
    const std::string decayed =
        decay > 0 ? fmt::format(" + weight decay {:.4f} = {:.4f}", decay, loss_.value() + decay)
                  : "";
    if (print_)
      progress_->line(fmt::format("iteration {:>6}  {}  {}{}  {}  {} left", done_,
                                  report::duration(spent), measured(decayed), validated,
                                  shown_speed(), report::duration(progress_->seconds_left(done_))));
  }

  std::string validation() {
    const datasets::AnyDataset& data = *plan_.data.validation;
    const double value =
        plan_.classifies() ? mean_over(net_, data, fraction_right) : loss_on(net_, plan_, data);
    journal_.add(plan_.classifies() ? "accuracy/validation" : "loss/validation", done_, value);
    return fmt::format("  validation {:.4f}", value);
  }

  nn::Module& net_;
  const Plan& plan_;
  Journal& journal_;
  CheckpointFile* file_;
  bool has_file_;  // some process has
  bool print_;
  std::vector<optim::Scheduler> schedulers_;
  datasets::DataLoader loader_;
  std::int64_t done_ = 0;  // iterations
  double spent_ = 0;       // seconds, after the last of them
  bool is_stopped_ = false;
  bool is_due_ = false;       // a checkpoint
  bool is_updating_ = false;  // some optimisers may have made their step
  int twentieth_ = 0;
  std::optional<report::Progress> progress_;
  report::Stopwatch watch_;
  report::RunningMean loss_;
  report::RunningMean accuracy_;
};

/// Floating-point operations of a training step, for each example: what the plain algorithms take.
double flops_per_example(nn::Module& net, const datasets::AnyDataset& data) {
  constexpr std::int64_t count = 4;
  const nn::EvalGuard eval(net);
  const auto batch = data->batch(std::vector<std::int64_t>(count, 0));
  profiler::start();
  // No backward(), which would be told to whoever waits for gradients.
  std::vector<Tensor> trained = net.parameters();
  std::erase_if(trained, [](const Tensor& x) { return !x.requires_grad(); });
  grad({net(batch.data).sum()}, trained, {.allow_unused = true});
  double flops = 0;
  for (const auto& event : profiler::stop().events) flops += event.work.flops;
  return flops / count;
}

void print_speed(nn::Module& net, const Data& data, double speed) {
  const double flops = flops_per_example(net, data.train) * speed;
  const double peak = profiler::measure_peak().flops;
  fmt::print(
      "{:.0f} examples/s, {:.0f} GFLOP/s: {:.0f} % of the {:.0f} of a large matrix product\n",
      speed, flops / 1e9, 100 * flops / peak, peak / 1e9);
}

/// The confusion matrix and all that follows from it.
void print_evaluation(const Data& data, const report::ConfusionMatrix& matrix) {
  fmt::print("\nThe {0} images by class:\n{1}\n{0} accuracy {2:.4f} (trace {3} of {4})\n",
             data.tested_on, report::to_string(matrix), matrix.accuracy().value_or(0),
             matrix.right(), matrix.total());
}

/// The checkpoint that the first process has, in all of them: what a training goes on from.
std::optional<Checkpoint> of_first(nn::BatchParallel& parallel,
                                   const std::optional<Checkpoint>& own) {
  NamedTensors given;
  if (own) {
    given = own->tensors;
    const auto bits = [](std::uint64_t x) { return static_cast<std::int64_t>(x); };
    given.emplace_back("", tensor(std::vector{own->iteration, bits(own->random.seed),
                                              bits(own->random.position)}));
    given.emplace_back(
        "", tensor(std::vector{report::Stopwatch(own->seconds).seconds()}, {.dtype = float64}));
  }
  NamedTensors all = parallel.from_first(given);
  if (parallel.is_first() || all.empty()) return own;
  Checkpoint result;
  result.seconds = {{"before", all.back().second.item()}};
  all.pop_back();
  const auto numbers = all.back().second.to_vector<std::int64_t>();
  all.pop_back();
  result.iteration = numbers[0];
  result.random = {static_cast<std::uint64_t>(numbers[1]), static_cast<std::uint64_t>(numbers[2])};
  result.tensors = std::move(all);
  return result;
}

/// Of a few examples from all over a data set: the same where the data are, as far as that shows.
std::string fingerprint(const datasets::AnyDataset& data) {
  constexpr std::int64_t most = 16;
  const std::int64_t size = data->size();
  const std::int64_t count = std::min(size, most);
  std::vector<std::int64_t> few;
  for (std::int64_t i = 0; i < count; ++i) few.push_back(i * size / count);
  std::string bytes;
  const auto add = [&](const Tensor& x) {
    const Tensor rows = x.detach().contiguous();
    dispatch(rows.dtype(), [&]<class T>() {
      bytes.append(reinterpret_cast<const char*>(rows.data<T>()),
                   static_cast<std::size_t>(rows.numel()) * sizeof(T));
    });
  };
  const datasets::Batch batch = data->batch(few);
  add(batch.data);
  add(batch.target);
  return fmt::format("{:016x}", std::hash<std::string>()(bytes));
}

/// One training, from what it announces to what it leaves.
class Fit {
 public:
  Fit(nn::Module& net, const Data& data, const Recipe& recipe, const Outputs& outputs)
      : net_(net),
        plan_(recipe, data),
        outputs_(plan_.is_first() ? outputs : Outputs{.print = false}) {
    if (recipe.parallel)
      for (const auto& [name, value] : plan_.configuration())
        recipe.parallel->require_same("train: " + name, value);
    if (recipe.parallel)
      recipe.parallel->require_same("train: what the examples are", fingerprint(data.train));
    if (!outputs_.save.empty()) nn::require_writable(outputs_.save);
    if (!outputs_.checkpoint.empty()) {
      file_.emplace(outputs_.checkpoint, plan_.configuration(), outputs_.checkpoint_every);
      from_ = file_->read();
    }
    if (recipe.parallel) from_ = of_first(*recipe.parallel, from_);
    image_ = (*data.train)[0].data.shape();
    Shape input = image_;
    input.insert(0, 1);
    journal_.emplace(report::Run{.title = fmt::format("{}: {}", data.name, recipe.name),
                                 .configuration = plan_.configuration(),
                                 .network = report::describe(net, input)},
                     JournalOptions{.report = outputs_.report,
                                    .log = outputs_.log,
                                    .figures = [this] { return filters(); }},
                     from_ ? &*from_ : nullptr);
  }

  Result run() {
    if (outputs_.print) announce();
    const Interrupts interrupts;
    Loop loop(net_, plan_, *journal_, file_ ? &*file_ : nullptr, outputs_.print);
    if (from_) loop.restore(*from_);
    try {
      loop.run(interrupts);
    } catch (const Error& error) {
      // The state is that after the last iteration that all have made.
      if (dynamic_cast<const PeerError*>(&error) != nullptr) loop.write_last();
      attempt("the report or log is", [&] {
        journal_->finish(fmt::format("Stopped: {}", error.what()),
                         {{"event", "error"}, {"message", error.what()}});
      });
      throw;
    }
    std::string state;
    if (interrupts.signal() != 0) {
      state = fmt::format("Interrupted after {} of {}{} iterations.", loop.done(),
                          plan_.length.seconds ? "about " : "", loop.total());
      if (outputs_.print)
        fmt::print("{}{}\n", state, file_ ? " The same command goes on from there." : "");
    }
    finish(loop, state);
    result_.signal = interrupts.signal();
    return std::move(result_);
  }

 private:
  std::vector<report::Grid> filters() const {
    if (image_.size() != 3) return {};
    auto found = report::first_filters(net_, image_);
    return found ? std::vector<report::Grid>{*std::move(found)} : std::vector<report::Grid>();
  }

  void announce() {
    fmt::print("{}\n", nn::to_string(journal_->run().network->summary));
    for (const auto& [name, value] : plan_.configuration()) fmt::print("{}: {}\n", name, value);
    fmt::print("threads: {}\n\n", num_threads());
    if (from_)
      fmt::print("going on after iteration {}, from {}\n", from_->iteration, file_->source());
    std::fflush(stdout);
  }

  /// Does `f`; if a file cannot be written then, says so, so that the rest is still done.
  template <class F>
  void attempt(const char* what, const F& f) {
    try {
      f();
    } catch (const IOError& error) {
      std::fflush(stdout);
      result_.not_saved.push_back(fmt::format("{} not saved: {}", what, error.what()));
      fmt::print(stderr, "error: {}\n", result_.not_saved.back());
    }
  }

  /// Tests the network and leaves everything behind.
  void finish(Loop& loop, const std::string& state) {
    if (plan_.is_first()) test();
    loop.watch().lap(plan_.data.tested_on);
    journal_->run().timing = loop.watch().parts();
    result_.iterations = loop.done();
    result_.seconds = loop.seconds();
    result_.examples_per_second = loop.speed();
    if (!outputs_.save.empty())
      attempt("the weights are", [&] {
        nn::save(net_, outputs_.save, outputs_.saving);
        if (outputs_.print) fmt::print("weights saved to {}\n", shown_path(outputs_.save));
      });
    if (!plan_.is_first()) return;
    attempt("the report or log is", [&] {
      const auto page = journal_->finish(state, {{"event", "result"},
                                                 {"iterations", result_.iterations},
                                                 tested(),
                                                 {"seconds", result_.seconds},
                                                 {"examples per second", loop.speed()}});
      if (page && outputs_.print) fmt::print("report written to {}\n", shown_path(*page));
    });
    if (outputs_.print) print_speed(net_, plan_.data, loop.speed());
  }

  void test() {
    const Data& data = plan_.data;
    if (!plan_.classifies()) {
      result_.loss = loss_on(net_, plan_, data.test);
      if (outputs_.print) fmt::print("\n{} loss {:.6g}\n", data.tested_on, result_.loss);
      return;
    }
    result_.evaluation =
        report::evaluate(net_, data.test, data.classes,
                         {.to_picture = data.to_picture, .views = plan_.recipe.views});
    result_.loss = result_.evaluation->loss.value_or(0);
    if (outputs_.print) print_evaluation(data, result_.evaluation->matrix);
    journal_->run().evaluation = result_.evaluation;
  }

  report::JsonLines::Fields::value_type tested() const {
    if (!result_.evaluation) return {plan_.data.tested_on + " loss", result_.loss};
    return {plan_.data.tested_on + " accuracy", result_.evaluation->matrix.accuracy().value_or(0)};
  }

  nn::Module& net_;
  const Plan plan_;
  const Outputs outputs_;
  std::optional<CheckpointFile> file_;
  std::optional<Checkpoint> from_;
  Shape image_;
  std::optional<Journal> journal_;
  Result result_;
};

}  // namespace

Result fit(nn::Module& net, const Data& data, const Recipe& recipe, const Outputs& outputs) {
  return Fit(net, data, recipe, outputs).run();
}

}  // namespace xgrad::train
