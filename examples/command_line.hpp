#pragma once
// What the training programs share: their options, and what is done with them.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Every hyper-parameter. A recipe fills in what the command line leaves open.
struct Options {
  std::string net = {};
  std::optional<std::int64_t> iterations = {};
  std::optional<std::int64_t> epochs = {};
  std::optional<double> budget = {};  ///< seconds
  std::optional<std::int64_t> batch = {};
  std::optional<double> lr = {};
  std::optional<double> momentum = {};
  std::optional<double> weight_decay = {};
  std::optional<std::int64_t> hold_out = {};
  std::vector<std::string> without = {};  ///< pieces of the recipe to leave out
  std::uint64_t seed = 0;
  int threads = 0;
  std::string data = {};
  std::string save = {};
  bool half = false;             ///< half precision for the weights
  std::string report = {};       ///< directory; none if empty
  std::string log = {};          ///< file; none if empty
  std::string checkpoint = {};   ///< directory; none if empty
  double checkpoint_every = 60;  ///< seconds
  bool or_fashion = false;
  bool distributed = false;  ///< among the processes that mpirun started
  int shards = 8;            ///< of a batch
  bool fast = false;         ///< as many shards as processes
};

/// A training program: what its command line offers, and what it does.
struct Program {
  std::string description;
  /// The names that --net takes, and what each does where the command line says nothing.
  std::vector<std::pair<std::string, std::string>> nets;
  std::string save;                      ///< default of --save
  bool offers_fashion = false;           ///< whether there is --or-fashion
  bool holds_out = false;                ///< whether there is --hold-out
  std::vector<std::string> pieces = {};  ///< what --without can leave out
  int (*run)(const Options&);
};

/// Reads the command line, sets threads and seed, and runs the program. An xgrad::Error becomes a
/// line on standard error and exit code 1.
int start(const Program& program, int argc, char** argv);

}  // namespace examples
