#include <xgrad/autograd/inner.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/random.hpp>

#include <cmath>
#include <numbers>
#include <utility>

namespace xgrad {

namespace {

// Of Philox-4x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
constexpr int rounds = 10;
constexpr std::uint32_t multiplier0 = 0xD2511F53;
constexpr std::uint32_t multiplier1 = 0xCD9E8D57;
constexpr std::uint32_t step0 = 0x9E3779B9;
constexpr std::uint32_t step1 = 0xBB67AE85;

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t a = std::uint64_t{multiplier0} * counter[0];
    const std::uint64_t b = std::uint64_t{multiplier1} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += step0;
    key[1] += step1;
  }
  return counter;
}

namespace {

std::uint64_t join(std::uint32_t low, std::uint32_t high) noexcept {
  return std::uint64_t{high} << 32 | low;
}

// Uniform in [0, 1) with as many bits as T's significand holds.
template <class T>
std::array<T, 16 / sizeof(T)> to_unit(const std::array<std::uint32_t, 4>& bits) noexcept {
  if constexpr (sizeof(T) == 4) {
    std::array<float, 4> unit;
    for (std::size_t i = 0; i < 4; ++i) unit[i] = static_cast<float>(bits[i] >> 8) * 0x1p-24f;
    return unit;
  } else {
    return {static_cast<double>(join(bits[0], bits[1]) >> 11) * 0x1p-53,
            static_cast<double>(join(bits[2], bits[3]) >> 11) * 0x1p-53};
  }
}

}  // namespace

void Generator::manual_seed(std::uint64_t seed) noexcept { set_state({seed, 0}); }

void Generator::set_state(const State& state) noexcept {
  const std::lock_guard lock(detail::mutex_of(this));
  state_ = state;
}

Generator::State Generator::state() const noexcept {
  const std::lock_guard lock(detail::mutex_of(this));
  return state_;
}

std::uint64_t Generator::seed() const noexcept { return state().seed; }

/// The state before the next `blocks` were taken.
Generator::State Generator::reserve(std::uint64_t blocks) noexcept {
  const std::lock_guard lock(detail::mutex_of(this));
  const State before = state_;
  state_.position += blocks;
  return before;
}

namespace {

std::array<std::uint32_t, 4> block(const Generator::State& at, std::uint64_t number) noexcept {
  const std::uint64_t position = at.position + number;
  return philox(
      {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0, 0},
      {static_cast<std::uint32_t>(at.seed), static_cast<std::uint32_t>(at.seed >> 32)});
}

}  // namespace

std::uint64_t Generator::next() noexcept {
  const auto bits = block(reserve(1), 0);
  return join(bits[0], bits[1]);
}

std::uint64_t Generator::below(std::uint64_t bound) {
  if (bound == 0)
    raise<ValueError>("below: no whole number lies below 0; the bound must be positive");
  const std::uint64_t uneven = -bound % bound;
  std::uint64_t bits = next();
  while (bits < uneven) bits = next();
  return bits % bound;
}

namespace {

/// So many blocks at once, in the lanes of vectors: bits[lane][i] is block(at, first + i)[lane].
constexpr std::size_t together = 16;
using Blocks = std::array<std::array<std::uint32_t, together>, 4>;

Blocks blocks(const Generator::State& at, std::uint64_t first) noexcept {
  Blocks bits{};
  for (std::size_t i = 0; i < together; ++i) {
    const std::uint64_t position = at.position + first + i;
    bits[0][i] = static_cast<std::uint32_t>(position);
    bits[1][i] = static_cast<std::uint32_t>(position >> 32);
  }
  auto key0 = static_cast<std::uint32_t>(at.seed);
  auto key1 = static_cast<std::uint32_t>(at.seed >> 32);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < together; ++i) {
      const std::uint64_t a = std::uint64_t{multiplier0} * bits[0][i];
      const std::uint64_t b = std::uint64_t{multiplier1} * bits[2][i];
      bits[0][i] = static_cast<std::uint32_t>(b >> 32) ^ bits[1][i] ^ key0;
      bits[1][i] = static_cast<std::uint32_t>(b);
      bits[2][i] = static_cast<std::uint32_t>(a >> 32) ^ bits[3][i] ^ key1;
      bits[3][i] = static_cast<std::uint32_t>(a);
    }
    key0 += step0;
    key1 += step1;
  }
  return bits;
}

}  // namespace

template <class T>
void Generator::uniform(std::span<T> values) noexcept {
  constexpr std::size_t lanes = 16 / sizeof(T);
  const std::size_t count = (values.size() + lanes - 1) / lanes;
  const State start = reserve(count);
  std::size_t b = 0;
  for (; (b + together) * lanes <= values.size(); b += together) {
    const Blocks bits = blocks(start, b);
    T* const to = values.data() + b * lanes;
    for (std::size_t i = 0; i < together; ++i) {
      const auto unit = to_unit<T>({bits[0][i], bits[1][i], bits[2][i], bits[3][i]});
      for (std::size_t lane = 0; lane < lanes; ++lane) to[i * lanes + lane] = unit[lane];
    }
  }
  for (; b < count; ++b) {
    const auto unit = to_unit<T>(block(start, b));
    for (std::size_t i = 0; i < lanes && b * lanes + i < values.size(); ++i)
      values[b * lanes + i] = unit[i];
  }
}

template <class T>
void Generator::normal(std::span<T> values) noexcept {
  constexpr std::size_t lanes = 16 / sizeof(T);
  const std::size_t blocks = (values.size() + lanes - 1) / lanes;
  const State start = reserve(blocks);
  for (std::size_t b = 0; b < blocks; ++b) {
    auto unit = to_unit<T>(block(start, b));
    for (std::size_t i = 0; i < lanes; i += 2) {
      const T radius = std::sqrt(T(-2) * std::log(T(1) - unit[i]));
      const T angle = T(2) * std::numbers::pi_v<T> * unit[i + 1];
      unit[i] = radius * std::cos(angle);
      unit[i + 1] = radius * std::sin(angle);
    }
    for (std::size_t i = 0; i < lanes && b * lanes + i < values.size(); ++i)
      values[b * lanes + i] = unit[i];
  }
}

void Generator::fill_uniform(std::span<float> values) noexcept { uniform(values); }
void Generator::fill_uniform(std::span<double> values) noexcept { uniform(values); }
void Generator::fill_normal(std::span<float> values) noexcept { normal(values); }
void Generator::fill_normal(std::span<double> values) noexcept { normal(values); }

namespace {

constinit thread_local Generator* substitute = nullptr;  // a DefaultGeneratorScope's

}  // namespace

Generator& default_generator() noexcept {
  static Generator generator;
  return substitute != nullptr ? *substitute : generator;
}

detail::DefaultGeneratorScope::DefaultGeneratorScope(Generator& generator) noexcept
    : before_(std::exchange(substitute, &generator)) {}
detail::DefaultGeneratorScope::~DefaultGeneratorScope() { substitute = before_; }

void manual_seed(std::uint64_t seed) noexcept { default_generator().manual_seed(seed); }

}  // namespace xgrad
