#include "command_line.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/distributed/group.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <new>
#include <string>

#include "errors.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace examples {
namespace {

/// A number for which `holds`; otherwise the message says what it is not.
CLI::Validator number(const std::string& what, bool (*holds)(double)) {
  return {[=](std::string& text) {
            double value = 0;
            const bool good = CLI::detail::lexical_cast(text, value) && holds(value);
            return good ? std::string() : fmt::format("'{}' is not {}", text, what);
          },
          ""};
}

/// A time above 0 with its unit, turned into seconds.
CLI::Validator seconds_of_time() {
  return {[](std::string& text) -> std::string {
            static const std::map<std::string, double> units{{"s", 1}, {"min", 60}, {"h", 3600}};
            const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
            double value = 0;
            if (!CLI::detail::lexical_cast(text.substr(0, length), value) || !(value > 0))
              return fmt::format("'{}' is not a time above 0, such as 90s, 20min or 1h", text);
            if (length == text.size())
              return fmt::format("'{0}' has no unit; write {0}s, {0}min or {0}h", text);
            const auto unit = units.find(text.substr(length));
            if (unit == units.end())
              return fmt::format("'{}' is not in s, min or h, as 90s, 20min and 1h are", text);
            text = fmt::format("{}", value * unit->second);
            return {};
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
  std::vector<std::string> nets;
  std::string defaults = "What is not given comes from the recipe:\n";
  for (const auto& [net, says] : program.nets) {
    nets.push_back(net);
    defaults += fmt::format("  {:<10} {}\n", net, says);
  }
  app.footer(defaults);
  app.add_option("--net", options.net, fmt::format("Network and its recipe (default: {})", nets[0]))
      ->check(CLI::IsMember(nets));
  auto* iterations =
      app.add_option("--iterations", options.iterations, "Steps to train")->check(positive);
  auto* epochs = app.add_option("--epochs", options.epochs,
                                "Passes over the training images, instead of steps")
                     ->check(positive)
                     ->excludes(iterations);
  app.add_option("--budget", options.budget,
                 "Time to train instead: 90s, 20min, 1h. The schedule fits itself to it")
      ->transform(seconds_of_time())
      ->excludes(iterations)
      ->excludes(epochs);
  app.add_option("--batch", options.batch, "Images in a step")->check(positive);
  app.add_option("--lr", options.lr, "Learning rate (the highest, where it changes)")
      ->check(not_negative);
  app.add_option("--momentum", options.momentum, "Momentum, below 1")->check(below_one);
  app.add_option("--weight-decay", options.weight_decay, "Weight decay")->check(not_negative);
  if (program.holds_out)
    app.add_option("--hold-out", options.hold_out,
                   "Training images kept apart and used instead of the test images (default: 0; "
                   "baseline validates on 2,000 of its own)")
        ->check(number("a whole number", [](double v) { return v >= 0 && v == std::floor(v); }));
  if (!program.pieces.empty())
    app.add_option("--without", options.without,
                   "Pieces of the recipe to leave out, of --net fast and best")
        ->check(CLI::IsMember(program.pieces));
  app.add_option("--seed", options.seed, "Seed: the same one gives the same bits")
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads (default: $XGRAD_NUM_THREADS, else all cores)")
      ->check(positive);
  app.add_option("--data", options.data,
                 "Directory with the data (default: $XGRAD_DATA, else the cache, else a download)");
  app.add_option("--save", options.save, "File for the trained weights")->capture_default_str();
  app.add_flag("--half", options.half, "Save them in half precision: half the size");
  app.add_option("--report", options.report,
                 "Directory for a page that shows the run, live while it goes on (default: none)");
  app.add_option("--log", options.log, "File for a log in JSON lines (default: none)");
  app.add_option("--checkpoint", options.checkpoint,
                 "Directory for a checkpoint; with one in it the training goes on from there "
                 "(default: none)");
  app.add_option("--checkpoint-every", options.checkpoint_every, "Seconds between checkpoints")
      ->check(not_negative)
      ->capture_default_str();
  app.add_flag("--distributed", options.distributed,
               "Share each batch among the processes that mpirun started: the same bits for any "
               "number of them");
  app.add_option("--shards", options.shards, "With it: parts of a batch, no fewer than processes")
      ->check(positive)
      ->capture_default_str();
  app.add_flag("--fast", options.fast,
               "With it: one part of a batch for each process, in place of --shards; other bits "
               "for another number");
  if (program.offers_fashion)
    app.add_flag("--or-fashion", options.or_fashion,
                 "Use Debian's Fashion-MNIST if MNIST is not to be had");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tell(app, error);
  }
  return {};
}

}  // namespace

int start(const Program& program, int argc, char** argv) {
  Options options{.save = program.save};
  if (const auto code = parse(program, argc, argv, options)) return *code;
  return guarded([&] {
    if (options.threads > 0) xgrad::set_num_threads(options.threads);
    // Before anything can fail, so that the others learn of it.
    if (options.distributed) xgrad::distributed::Group::world();
    xgrad::manual_seed(options.seed);
    return program.run(options);
  });
}

}  // namespace examples
