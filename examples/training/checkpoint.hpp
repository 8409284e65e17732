#pragma once
// Where a training that was stopped goes on, with the same bits as if it had not been.

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/report/metrics.hpp>
#include <xgrad/report/run.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// All that changes while a network is trained. The place in the data follows from the iteration.
struct Checkpoint {
  std::int64_t iteration = 0;
  xgrad::NamedTensors tensors = {};  ///< of the network and the optimisers
  xgrad::Generator::State random = {};
  std::vector<std::pair<std::string, double>> seconds = {};  ///< of each part of the loop
  xgrad::report::RunningMean::State loss = {};
  xgrad::report::RunningMean::State accuracy = {};
  xgrad::report::History history = {};
  std::uint64_t log_bytes = 0;  ///< of the log, written until then
};

/// `directory`/checkpoint.safetensors: one whole checkpoint, replaced by the next.
class CheckpointFile {
 public:
  /// Makes the directory. `settings` are what a run must agree in to go on from the file. IOError
  /// if nothing can be written there.
  CheckpointFile(const std::string& directory, xgrad::report::Configuration settings,
                 double every_seconds);

  /// The last one, if there is one. IOError if it is damaged, ValueError if it is of a run with
  /// other settings.
  std::optional<Checkpoint> read() const;
  /// Whether it is time for write().
  bool due() const { return Clock::now() - last_ >= every_; }
  /// What cannot be written does not stop a training: a warning says so, once.
  void write(const Checkpoint& checkpoint);

  const std::string& path() const { return path_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::string path_;
  xgrad::report::Configuration settings_;
  std::chrono::duration<double> every_;
  Clock::time_point last_ = Clock::now();
  bool warned_ = false;
};

}  // namespace examples
