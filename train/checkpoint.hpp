#pragma once
// Where a training that was stopped goes on, with the same bits as if it had not been:
//
//     train::CheckpointFile file("run", {{"learning rate", "0.1"}});
//     std::int64_t done = 0;
//     if (const auto from = file.read()) {
//       train::restore(*from, net, {&optimizer}, {&scheduler, &average});
//       done = from->iteration;
//     }
//     loader.set_epoch(done / loader.size(), done % loader.size());
//     for (…) {
//       …
//       ++done;
//       if (file.due())
//         file.write(train::snapshot(done, net, {&optimizer}, {&scheduler, &average}));
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
  NamedTensors tensors = {};  ///< of the network, the optimisers and whatever else has a state
  Generator::State random = {};
  std::vector<std::pair<std::string, double>> seconds = {};  ///< of each part of the loop
  /// Running means by name, such as of the loss.
  std::vector<std::pair<std::string, report::RunningMean::State>> means = {};
  report::History history = {};
  std::uint64_t log_bytes = 0;  ///< of the log, written until then
};

/// Whatever else has a state_dict() and a load_state_dict(), such as a scheduler or an average of
/// weights. It must live as long as this.
class Stateful {
 public:
  template <class T>
  requires requires(T& object) { object.load_state_dict(object.state_dict()); }
  Stateful(T* object)  // NOLINT: {&scheduler, &average} is meant to work
      : object_(object),
        save_([](void* own) -> NamedTensors { return static_cast<T*>(own)->state_dict(); }),
        load_([](void* own, const NamedTensors& values) {
          static_cast<T*>(own)->load_state_dict(values);
        }) {}

  NamedTensors state_dict() const { return save_(object_); }
  void load_state_dict(const NamedTensors& values) const { load_(object_, values); }

 private:
  void* object_;
  NamedTensors (*save_)(void*);
  void (*load_)(void*, const NamedTensors&);
};

/// The state of a network, of its optimisers, of what else there is and of default_generator(). The
/// tensors of networks and optimisers are shared, not copied.
Checkpoint snapshot(std::int64_t iteration, const nn::Module& net,
                    const std::vector<optim::Optimizer*>& optimizers,
                    const std::vector<Stateful>& others = {});
/// Puts it back. The errors of load_state_dict() where the network, the optimisers or the others
/// are not those.
void restore(const Checkpoint& from, nn::Module& net,
             const std::vector<optim::Optimizer*>& optimizers,
             const std::vector<Stateful>& others = {});

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
