#include "training.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/threads.hpp>
#include <xgrad/report/metrics.hpp>
#include <xgrad/report/progress.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace examples {

using xgrad::Tensor;
namespace datasets = xgrad::datasets;
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
namespace report = xgrad::report;

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);  // a second Ctrl-C ends at once
}

std::int64_t count_right(const Tensor& logits, const Tensor& labels) {
  return (logits.argmax(1) == labels).sum().item<std::int64_t>();
}

/// Calls f(logits, labels) for the whole data set, in evaluation mode, off the tape.
template <class F>
void predict(nn::Module& net, const datasets::AnyDataset& data, const F& f) {
  const xgrad::NoGradGuard guard;
  net.eval();
  datasets::DataLoader loader(data, {.batch_size = 500, .seed = 0});
  for (const auto& [images, labels] : loader) f(net(images), labels);
  net.train();
}

double accuracy_on(nn::Module& net, const datasets::AnyDataset& data) {
  std::int64_t right = 0;
  predict(net, data, [&](const Tensor& logits, const Tensor& labels) {
    right += count_right(logits, labels);
  });
  return static_cast<double>(right) / static_cast<double>(data->size());
}

double weight_decay_loss(const nn::Module& net, double decay) {
  double sum = 0;
  for (const Tensor& x : net.parameters()) sum += xgrad::sum(xgrad::square(x.detach())).item();
  return decay / 2 * sum;
}

/// A recipe with the command line's word on top.
struct Plan {
  std::int64_t batch;
  std::int64_t iterations;
  optim::SGDOptions sgd;
  bool assignment;

  Plan(const Recipe& recipe, const Options& options, std::int64_t examples)
      : batch(options.batch.value_or(recipe.batch)),
        iterations(options.iterations.value_or(recipe.iterations)),
        sgd{.lr = options.lr.value_or(recipe.lr),
            .momentum = options.momentum.value_or(recipe.momentum),
            .weight_decay = options.weight_decay.value_or(recipe.weight_decay)},
        assignment(recipe.assignment) {
    if (batch > examples)
      throw xgrad::ValueError(
          fmt::format("--batch {} is more than the {} training examples", batch, examples));
    if (options.epochs && !options.iterations) iterations = *options.epochs * (examples / batch);
    if (assignment) {
      sgd.kind = optim::Momentum::averaged;
    } else {
      sgd.nesterov = sgd.momentum > 0;
    }
  }

  double lr_at(std::int64_t iteration) const {
    if (assignment) return sgd.lr;
    constexpr double rise = 0.2;
    const double t = (static_cast<double>(iteration) + 0.5) / static_cast<double>(iterations);
    return sgd.lr * (t < rise ? t / rise : (1 - t) / (1 - rise));
  }
};

/// The training loop and what it shows of itself.
class Run {
 public:
  Run(nn::Module& net, const Data& data, const Plan& plan)
      : net_(net),
        data_(data),
        plan_(plan),
        optimizer_(net.parameters(), plan.sgd),
        loader_(data.train, {.batch_size = plan.batch,
                             .shuffle = true,
                             .drop_last = true,
                             .independent_batches = plan.assignment ? plan.iterations : 0}),
        progress_(plan.iterations) {}

  /// Iterations done: fewer than planned if interrupted.
  std::int64_t train() {
    std::int64_t iteration = 0;
    while (iteration < plan_.iterations && !interrupted)
      for (const auto& [images, labels] : loader_) {
        optimizer_.set_lr(plan_.lr_at(iteration));
        step(iteration++, images, labels);
        if (iteration == plan_.iterations || interrupted) break;
      }
    progress_.finish();
    return iteration;
  }

  double seconds() const { return seconds_; }

 private:
  void step(std::int64_t iteration, const Tensor& images, const Tensor& labels) {
    const auto start = std::chrono::steady_clock::now();
    optimizer_.zero_grad();
    const Tensor logits = net_(images);
    const Tensor loss = xgrad::cross_entropy(logits, labels);
    loss.backward();
    const double value = loss.item();
    if (!std::isfinite(value))
      throw xgrad::ValueError(fmt::format(
          "the loss is {} at iteration {}: lower the learning rate (--lr, now {:g}) or change the "
          "initialisation",
          value, iteration + 1, plan_.lr_at(iteration)));
    optimizer_.step();
    loss_.add(value);
    accuracy_.add(static_cast<double>(count_right(logits, labels)) /
                  static_cast<double>(labels.numel()));
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    show(iteration + 1);
  }

  void show(std::int64_t done) {
    const double speed = static_cast<double>(done * plan_.batch) / seconds_;
    progress_.update(done, fmt::format("loss {:.4f}  accuracy {:.4f}  {:.0f} images/s",
                                       loss_.value(), accuracy_.value(), speed));
    const std::int64_t every = std::max<std::int64_t>(100, plan_.iterations / 50 / 100 * 100);
    if (done % every != 0 && done != plan_.iterations) return;
    const double decay = weight_decay_loss(net_, plan_.sgd.weight_decay);
    progress_.line(fmt::format(
        "iteration {:>6}  loss {:.4f} + weight decay {:.4f} = {:.4f}  accuracy {:.4f}  validation "
        "{:.4f}  {:.0f} images/s",
        done, loss_.value(), decay, loss_.value() + decay, accuracy_.value(),
        accuracy_on(net_, data_.validation), speed));
  }

  nn::Module& net_;
  const Data& data_;
  const Plan& plan_;
  optim::SGD optimizer_;
  datasets::DataLoader loader_;
  report::Progress progress_;
  report::RunningMean loss_;
  report::RunningMean accuracy_;
  double seconds_ = 0;
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

report::ConfusionMatrix evaluate(nn::Module& net, const Data& data) {
  report::ConfusionMatrix matrix(data.classes);
  predict(net, data.test, [&](const Tensor& logits, const Tensor& labels) {
    matrix.add(labels, logits.argmax(1));
  });
  return matrix;
}

}  // namespace

int train(nn::Module& net, const Data& data, const Recipe& recipe, const Options& options) {
  const Plan plan(recipe, options, data.train->size());
  require_writable(options.save);
  const auto [images, labels] = (*data.train)[0];
  xgrad::Shape input = images.shape();
  input.insert(0, plan.batch);
  fmt::print("{}\n", nn::to_string(nn::summary(net, input)));
  fmt::print(
      "{} training, {} validation, {} test images; {} iterations of batch {}, learning rate "
      "{:g}, momentum {:g}, weight decay {:g}, seed {}, {} threads\n\n",
      data.train->size(), data.validation->size(), data.test->size(), plan.iterations, plan.batch,
      static_cast<double>(plan.sgd.lr), plan.sgd.momentum, plan.sgd.weight_decay, options.seed,
      xgrad::num_threads());
  std::fflush(stdout);
  std::signal(SIGINT, on_interrupt);
  Run run(net, data, plan);
  const std::int64_t done = run.train();
  if (interrupted) fmt::print("interrupted after {} iterations\n", done);

  const auto matrix = evaluate(net, data);
  fmt::print("\nTest images by class:\n{}\ntest accuracy {:.4f} (trace {} of {})\n",
             report::to_string(matrix), matrix.accuracy().value_or(0),
             std::llround(matrix.accuracy().value_or(0) * static_cast<double>(matrix.total())),
             matrix.total());
  int code = interrupted ? 130 : 0;
  try {
    nn::save(net, options.save);
    fmt::print("weights saved to {}\n", std::filesystem::absolute(options.save).string());
  } catch (const xgrad::IOError& error) {
    std::fflush(stdout);
    fmt::print(stderr, "error: the weights are not saved: {}\n", error.what());
    code = 1;
  }
  fmt::print("result: test_accuracy {:.4f} seconds {:.1f} images_per_second {:.0f}\n",
             matrix.accuracy().value_or(0), run.seconds(),
             static_cast<double>(done * plan.batch) / run.seconds());
  return code;
}

namespace {

/// Starts the program again with a shorter wait between parallel parts, unless the environment says
/// how to wait. libgomp reads that before main, and by default its threads spin for milliseconds at
/// every barrier: beside one other busy program on two cores, training came to a standstill.
void wait_briefly(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "20000", 1);
  execv("/proc/self/exe", argv);  // comes back only if it fails, and then all is as it was
}

/// A number for which `holds`; otherwise the message says what it is not.
CLI::Validator number(const std::string& what, bool (*holds)(double)) {
  return {[=](std::string& text) {
            double value = 0;
            const bool good = CLI::detail::lexical_cast(text, value) && holds(value);
            return good ? std::string() : fmt::format("'{}' is not {}", text, what);
          },
          ""};
}

/// Reads the command line into `options`. The exit code if the program is to end: help, or an
/// error.
std::optional<int> parse(const Program& program, int argc, char** argv, Options& options) {
  CLI::App app(program.description);
  const auto positive =
      number("a whole number above 0", [](double v) { return v > 0 && v == std::floor(v); });
  const auto not_negative = number("a number of at least 0", [](double v) { return v >= 0; });
  const auto below_one =
      number("a number from 0 to below 1", [](double v) { return v >= 0 && v < 1; });
  app.get_formatter()->column_width(34);
  app.add_option("--net", options.net, "Network and its recipe")
      ->check(CLI::IsMember(program.nets));
  app.add_option("--iterations", options.iterations, "Steps to train")->check(positive);
  app.add_option("--epochs", options.epochs, "Passes over the training images, instead of steps")
      ->check(positive);
  app.add_option("--batch", options.batch, "Images in a step")->check(positive);
  app.add_option("--lr", options.lr, "Learning rate (the highest, where it changes)")
      ->check(not_negative);
  app.add_option("--momentum", options.momentum, "Momentum, below 1")->check(below_one);
  app.add_option("--weight-decay", options.weight_decay, "Weight decay")->check(not_negative);
  app.add_option("--seed", options.seed, "Seed: the same one gives the same bits")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads (default: all cores)")->check(positive);
  app.add_option("--data", options.data,
                 "Directory with the data (default: $XGRAD_DATA, else the cache, else a download)");
  app.add_option("--save", options.save, "File for the trained weights")->capture_default_str();
  if (program.offers_fashion)
    app.add_flag("--or-fashion", options.or_fashion,
                 "Use Debian's Fashion-MNIST if MNIST is not to be had");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return {};
}

}  // namespace

int start(const Program& program, int argc, char** argv) {
  wait_briefly(argv);
  Options options{.save = program.save};
  if (const auto code = parse(program, argc, argv, options)) return *code;
  try {
    if (options.threads > 0) xgrad::set_num_threads(options.threads);
    xgrad::manual_seed(options.seed);
    return program.run(options);
  } catch (const xgrad::Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}

}  // namespace examples
