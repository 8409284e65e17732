#pragma once
#include <xgrad/autograd/locks.hpp>

#include <array>
#include <cstdint>
#include <span>

#pragma GCC visibility push(default)

namespace xgrad {

/// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four
/// 32-bit random numbers as a pure function of a counter and a key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) noexcept;

/// A stream of random numbers given by a seed and a position in it. Number i of a stream is the
/// same however many threads or calls fetch it. Safe to use from several threads; which of them
/// gets which part of the stream is then up to their timing.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) noexcept : state_{seed, 0} {}
  Generator(const Generator&) = delete;  // two streams of the same numbers are asked for by state()
  Generator& operator=(const Generator&) = delete;

  /// Starts the stream of `seed` from its beginning.
  void manual_seed(std::uint64_t seed) noexcept;
  std::uint64_t seed() const noexcept;

  /// All that a generator is: with it a stream goes on where it was.
  struct State {
    std::uint64_t seed;
    std::uint64_t position;
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const noexcept;
  void set_state(const State& state) noexcept;

  /// The next 64 random bits.
  std::uint64_t next() noexcept;
  /// Uniform in [0, bound), without bias. ValueError where `bound` is 0.
  std::uint64_t below(std::uint64_t bound);

  /// Uniform in [0, 1), in steps of 2⁻²⁴ and 2⁻⁵³. 1 does not occur.
  void fill_uniform(std::span<float> values) noexcept;
  void fill_uniform(std::span<double> values) noexcept;
  /// Mean 0, deviation 1 (Box-Muller). Always finite: at most 5.77 and 8.58 from 0, which is where
  /// the steps of the uniform numbers end.
  void fill_normal(std::span<float> values) noexcept;
  void fill_normal(std::span<double> values) noexcept;

 private:
  State reserve(std::uint64_t blocks) noexcept;
  template <class T>
  void uniform(std::span<T> values) noexcept;
  template <class T>
  void normal(std::span<T> values) noexcept;

  State state_;  // guarded by detail::mutex_of(this)
};

/// The generator that is used where none is given.
Generator& default_generator() noexcept;

/// Seeds the default generator: with the same seed, a program that draws all its random numbers
/// from it gives the same bits again, on any number of threads.
void manual_seed(std::uint64_t seed) noexcept;

}  // namespace xgrad

#pragma GCC visibility pop
