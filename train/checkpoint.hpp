#pragma once
// Where a training that was stopped goes on, with the same bits as if it had not been:
//
//     train::CheckpointFile file("run", {{"learning rate", "0.1"}});
//     std::int64_t done = 0;
//     if (const auto from = file.read()) {
//       train::restore(*from, net, {&optimizer});
//       done = from->iteration;
//     }
//     loader.set_epoch(done / loader.size(), done % loader.size());
//     for (…) {
//       …
//       if (file.due()) file.write(train::snapshot(++done, net, {&optimizer}));
//     }

#include <xgrad/autograd/random.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/optim/optimizer.hpp>
#include <xgrad/report/metrics.hpp>
#include <xgrad/report/run.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::train {

/// All that changes while a network is trained. The place in the data follows from the iteration.
struct Checkpoint {
  std::int64_t iteration = 0;
  NamedTensors tensors = {};  ///< of the network and the optimisers
  Generator::State random = {};
  std::vector<std::pair<std::string, double>> seconds = {};  ///< of each part of the loop
  /// Running means by name, such as of the loss.
  std::vector<std::pair<std::string, report::RunningMean::State>> means = {};
  report::History history = {};
  std::uint64_t log_bytes = 0;  ///< of the log, written until then
};

/// The state of a network, of its optimisers and of default_generator(); the tensors are shared,
/// not copied.
Checkpoint snapshot(std::int64_t iteration, const nn::Module& net,
                    const std::vector<optim::Optimizer*>& optimizers);
/// Puts it back. The errors of Module::load_state_dict and of Optimizer::load_state_dict where the
/// network or the optimisers are others.
void restore(const Checkpoint& from, nn::Module& net,
             const std::vector<optim::Optimizer*>& optimizers);

/// Of one process at a time; IOError for the second.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int file_;
};

/// `directory`/checkpoint.safetensors and, as checkpoint.previous.safetensors, the one before it.
/// Whatever happens, one of them is whole: a new one is complete before the last one makes room.
class CheckpointFile {
 public:
  /// Makes the directory. `settings` are what a run must agree in to go on from the file. IOError
  /// if nothing can be written there, or another training does.
  CheckpointFile(const std::string& directory, report::Configuration settings,
                 double every_seconds = 60);

  /// The last one, if there is one; where it is damaged the one before it, which a warning on
  /// standard error says. IOError if neither can be read, ValueError if it is of a run with other
  /// settings.
  std::optional<Checkpoint> read();
  /// Whether it is time for write().
  bool due() const { return Clock::now() - last_ >= every_; }
  /// What cannot be written does not stop a training: a warning on standard error says so, once.
  void write(const Checkpoint& checkpoint);

  /// The file that read() took.
  const std::string& source() const { return source_; }

 private:
  using Clock = std::chrono::steady_clock;

  void warn(const char* what);

  std::optional<DirectoryLock> lock_ = {};
  std::string path_;
  std::string previous_;
  std::string next_;  ///< being written
  std::string source_ = {};
  report::Configuration settings_;
  std::chrono::duration<double> every_;
  Clock::time_point last_ = Clock::now();
  bool is_whole_ = false;  ///< what stands at path_
  bool warned_ = false;
};

}  // namespace xgrad::train

#pragma GCC visibility pop
