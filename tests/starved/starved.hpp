#pragma once
// Memory that runs out: malloc is replaced in this program, and the k-th request of a scenario is
// refused. Each trial is a process of its own, so that nothing it needs is there already, and that
// a crash or a hang is told as one.

#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace starved {

enum class Refused {
  one,       ///< the k-th request alone
  all_after  ///< and every later one
};

/// Counts the requests of all threads, from now on, and refuses the k-th; 0 refuses none. Those of
/// libgomp, libomp, oneDNN, libarchive and the loader of libraries are neither counted nor refused:
/// they end the program.
void start(long k, Refused refused);
/// Requests since start().
long stop();

/// Of a result's bits.
class Digest {
 public:
  void add(const void* data, std::size_t bytes);
  void add(const std::string& text) { add(text.data(), text.size()); }
  void add(const xgrad::Tensor& x);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037u;
};

struct Scenario {
  /// What is not under attack; what it makes lives until the trial ends.
  std::function<void()> prepare = [] {};
  std::function<void(Digest&)> run;
  /// What must hold after an error; says what does not.
  std::function<std::string()> check = [] { return std::string(); };
};

/// Refuses the requests of the scenario, one trial each: all of them with XGRAD_TEST_LONG=1, else a
/// few, spread evenly. A trial must give the right result or throw xgrad::Error or std::bad_alloc,
/// and the scenario must then work, with the bits and the memory in use of one that nothing
/// happened to.
void attack(const std::string& name, const Scenario& scenario);

/// How f ended in a process of its own.
struct Outcome {
  std::string error;    ///< the message of its xgrad::Error or std::bad_alloc; empty without
  std::string failure;  ///< any other exception, a signal, another end, more than a minute
};
Outcome in_child(const std::function<void()>& f);

/// Address space beyond what this process has now.
void limit_memory(std::int64_t bytes);

}  // namespace starved
