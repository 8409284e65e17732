// Random numbers as a stream: what is drawn one after the other never overlaps, counters go beyond
// 2³², a state taken in the middle goes on there, and the numbers are distributed as they should.

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>

#include "support.hpp"

using namespace support;

namespace {

/// What is drawn at once: a name, and n numbers of a stream as float64.
struct Draw {
  const char* name;
  std::size_t each;  ///< numbers that a block of the stream makes
  std::function<std::vector<double>(Generator&, std::size_t)> f;
};

template <class T>
std::vector<double> filled(void (Generator::*fill)(std::span<T>), Generator& generator,
                           std::size_t n) {
  std::vector<T> x(n, T(-77));
  (generator.*fill)(std::span<T>(x));
  return {x.begin(), x.end()};
}

std::vector<Draw> draws() {
  const auto of = [](auto fill) {
    return [fill](Generator& generator, std::size_t n) { return filled(fill, generator, n); };
  };
  using Floats = void (Generator::*)(std::span<float>);
  using Doubles = void (Generator::*)(std::span<double>);
  return {{"uniform float32", 4, of(static_cast<Floats>(&Generator::fill_uniform))},
          {"uniform float64", 2, of(static_cast<Doubles>(&Generator::fill_uniform))},
          {"normal float32", 4, of(static_cast<Floats>(&Generator::fill_normal))},
          {"normal float64", 2, of(static_cast<Doubles>(&Generator::fill_normal))},
          {"next", 1, [](Generator& generator, std::size_t n) {
             std::vector<double> x(n);
             for (double& value : x) value = static_cast<double>(generator.next() >> 11) * 0x1p-53;
             return x;
           }}};
}

/// The numbers from the block at `position` on.
std::vector<double> from(const Draw& draw, std::uint64_t position, std::size_t n,
                         std::uint64_t seed = 9) {
  Generator generator;
  generator.set_state({seed, position});
  return draw.f(generator, n);
}

constexpr std::uint64_t four_billion = std::uint64_t{1} << 32;

}  // namespace

TEST_CASE("draws of any lengths are pieces of one stream, of whole blocks each") {
  for (const Draw& draw : draws()) {
    CAPTURE(draw.name);
    constexpr std::size_t all = 4096;
    const std::vector<double> stream = from(draw, 0, all);
    for (std::size_t length = 0; length <= 19; ++length) {
      CAPTURE(length);
      Generator generator(9);
      std::size_t at = 0;  // of the stream
      bool right = true;
      // The length again and again, and between each two of it another.
      for (std::size_t i = 0; i < 24; ++i) {
        const std::size_t n = i % 2 == 0 ? length : i;
        const std::vector<double> part = draw.f(generator, n);
        right = right && std::equal(part.begin(), part.end(),
                                    stream.begin() + static_cast<std::ptrdiff_t>(at));
        at += (n + draw.each - 1) / draw.each * draw.each;
        REQUIRE(at + 64 < all);
        CHECK(generator.state() == Generator::State{9, at / draw.each});
      }
      CHECK(right);
    }
  }
}

TEST_CASE("a stream has no number twice: draws that follow one another share nothing") {
  // Of 53 bits, among 20,000 by chance with a probability of 2e-8.
  Generator generator(11);
  std::set<double> seen;
  std::size_t count = 0;
  const Draw draw = draws()[1];
  for (const std::size_t length :
       {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 1000U, 1001U})
    for (int i = 0; i < 8; ++i) {
      for (const double value : draw.f(generator, length)) seen.insert(value);
      count += length;
    }
  CHECK(seen.size() == count);
}

TEST_CASE("counters go on beyond 2^32, where a stream is not that of its beginning") {
  for (const Draw& draw : draws()) {
    CAPTURE(draw.name);
    const auto beginning = from(draw, 0, 64);
    std::set<double> distinct(beginning.begin(), beginning.end());
    for (const std::uint64_t position :
         {four_billion, 2 * four_billion, four_billion << 16, four_billion << 31}) {
      CAPTURE(position);
      const auto there = from(draw, position, 64);
      CHECK(there != beginning);
      distinct.insert(there.begin(), there.end());
    }
    // Of 24 bits at least: five times 64 are alike somewhere with a probability of 3e-3, and more
    // than twice with one of 1e-8.
    CHECK(distinct.size() >= 5 * 64 - 2);
    // Across the boundary, in one draw and in pieces.
    const auto across = from(draw, four_billion - 3, 6 * draw.each);
    const auto after = from(draw, four_billion, 3 * draw.each);
    CHECK(std::equal(after.begin(), after.end(),
                     across.begin() + static_cast<std::ptrdiff_t>(3 * draw.each)));
    Generator generator;
    generator.set_state({9, four_billion - 3});
    draw.f(generator, 6 * draw.each);
    CHECK(generator.state() == Generator::State{9, four_billion + 3});
  }
}

TEST_CASE("seeds differ in every bit of 64") {
  const Draw draw = draws()[1];
  std::set<std::vector<double>> streams{from(draw, 0, 8, 0)};
  for (int bit = 0; bit < 64; ++bit) streams.insert(from(draw, 0, 8, std::uint64_t{1} << bit));
  CHECK(streams.size() == 65);
  for (int bit = 0; bit < 64; ++bit) {
    Generator generator(std::uint64_t{1} << bit);
    CHECK(generator.seed() == std::uint64_t{1} << bit);
  }
}

TEST_CASE("a state that was kept in the middle goes on there, for every kind of draw") {
  for (const Draw& first : draws())
    for (const Draw& then : draws()) {
      CAPTURE(first.name);
      CAPTURE(then.name);
      Generator generator(12);
      first.f(generator, 7);
      const auto state = generator.state();
      const auto right = then.f(generator, 13);
      first.f(generator, 5);
      generator.set_state(state);
      CHECK(then.f(generator, 13) == right);
      Generator other(99);
      other.set_state(state);
      CHECK(then.f(other, 13) == right);
      CHECK(other.state() ==
            Generator::State{12, state.position + (13 + then.each - 1) / then.each});
    }
}

TEST_CASE("what draws on a generator takes from its stream what it used") {
  Generator generator(13);
  const TensorOptions options{.generator = &generator};
  const auto used = [&](const std::function<void()>& f) {
    const auto before = generator.state().position;
    f();
    return generator.state().position - before;
  };
  CHECK(used([&] { rand({5}, options); }) == 2);
  CHECK(used([&] { randn({8}, {.dtype = float64, .generator = &generator}); }) == 4);
  CHECK(used([&] { randn({0}, options); }) == 0);
  CHECK(used([&] { randint(0, 8, {6}, options); }) == 6);
  CHECK(used([&] { randperm(9, options); }) >= 8);
  CHECK(used([&] { dropout(ones({10}), {.p = 0.5, .generator = &generator}); }) >= 3);
  // Two of anything are not alike.
  CHECK_FALSE(equal(rand({64}, options), rand({64}, options)));
  CHECK_FALSE(equal(randn({64}, options), randn({64}, options)));
  CHECK_FALSE(equal(randperm(64, options), randperm(64, options)));
  const auto mask = [&] { return dropout(ones({64}), {.p = 0.5, .generator = &generator}); };
  CHECK_FALSE(equal(mask(), mask()));
}

namespace {

constexpr std::size_t many = 1 << 18;

/// The k-th moment, and its deviation from `expected` in those of a mean of `many` draws, given
/// the variance of what is averaged.
double deviations(const std::vector<double>& x, const std::function<double(double)>& f,
                  double expected, double variance) {
  double sum = 0;
  for (const double value : x) sum += f(value) - expected;
  const auto n = static_cast<double>(x.size());
  return std::abs(sum / n) / std::sqrt(variance / n);
}

}  // namespace

TEST_CASE("means, moments and neighbours of uniform numbers") {
  for (const std::size_t kind : {0U, 1U, 4U}) {
    const Draw draw = draws()[kind];
    CAPTURE(draw.name);
    const std::vector<double> x = from(draw, 0, many, 21);
    for (const int k : {1, 2, 3, 4}) {
      CAPTURE(k);
      const double mean = 1.0 / (k + 1);
      CHECK(deviations(
                x, [k](double v) { return std::pow(v, k); }, mean,
                1.0 / (2 * k + 1) - mean * mean) < 5);
    }
    for (const std::size_t apart : {1U, 2U, 3U, 4U}) {
      CAPTURE(apart);
      std::vector<double> products;
      for (std::size_t i = apart; i < x.size(); ++i)
        products.push_back((x[i] - 0.5) * (x[i - apart] - 0.5));
      CHECK(deviations(
                products, [](double v) { return v; }, 0, 1.0 / 144) < 5);
    }
    // Sixteenths are hit alike: χ² of 15 degrees of freedom is above 56 with a chance of 1e-6.
    std::array<double, 16> counts{};
    for (const double value : x) ++counts[static_cast<std::size_t>(value * 16)];
    double squares = 0;
    for (const double count : counts)
      squares += (count - many / 16.0) * (count - many / 16.0) / (many / 16.0);
    CHECK(squares < 56);
    CHECK(*std::min_element(x.begin(), x.end()) >= 0);
    CHECK(*std::max_element(x.begin(), x.end()) < 1);
  }
}

TEST_CASE("means, moments and neighbours of normal numbers") {
  for (const std::size_t kind : {2U, 3U}) {
    const Draw draw = draws()[kind];
    CAPTURE(draw.name);
    const std::vector<double> x = from(draw, 0, many, 22);
    // E xᵏ and Var xᵏ of N(0, 1).
    constexpr std::array<double, 4> moments{0, 1, 0, 3};
    constexpr std::array<double, 4> variances{1, 2, 15, 96};
    for (std::size_t k = 1; k <= 4; ++k) {
      CAPTURE(k);
      CHECK(deviations(
                x, [k](double v) { return std::pow(v, static_cast<double>(k)); }, moments[k - 1],
                variances[k - 1]) < 5);
    }
    for (const std::size_t apart : {1U, 2U, 3U, 4U}) {
      CAPTURE(apart);
      std::vector<double> products;
      std::vector<double> of_squares;  // a pair of Box and Muller's has one radius
      for (std::size_t i = apart; i < x.size(); ++i) {
        products.push_back(x[i] * x[i - apart]);
        of_squares.push_back((x[i] * x[i] - 1) * (x[i - apart] * x[i - apart] - 1));
      }
      CHECK(deviations(
                products, [](double v) { return v; }, 0, 1) < 5);
      CHECK(deviations(
                of_squares, [](double v) { return v; }, 0, 4) < 5);
    }
    // P(x < t) for t from −3 to 3.
    for (double t = -3; t <= 3; t += 0.5) {
      CAPTURE(t);
      const double p = std::erfc(-t / std::sqrt(2.0)) / 2;
      CHECK(deviations(
                x, [t](double v) { return v < t ? 1 : 0; }, p, p * (1 - p)) < 5);
    }
  }
}

TEST_CASE("means and moments of whole numbers, permutations and masks") {
  Generator generator(23);
  const TensorOptions options{.generator = &generator};
  const auto n = static_cast<std::int64_t>(many);
  for (const std::int64_t range : {2, 3, 10, 1000}) {
    CAPTURE(range);
    const auto x = values(randint(-1, range - 1, {n}, options));
    const double mean = static_cast<double>(range - 1) / 2 - 1;
    const double variance = static_cast<double>(range * range - 1) / 12;
    CHECK(deviations(
              x, [](double v) { return v; }, mean, variance) < 5);
    CHECK(*std::min_element(x.begin(), x.end()) == -1);
    CHECK(*std::max_element(x.begin(), x.end()) == static_cast<double>(range - 2));
  }
  // Every one of 24 orders of four, alike: χ² of 23 degrees of freedom.
  std::array<double, 256> counts{};
  constexpr double draws_of_four = 24000;
  for (int i = 0; i < static_cast<int>(draws_of_four); ++i) {
    std::size_t code = 0;
    for (const double value : values(randperm(4, options)))
      code = code * 4 + static_cast<std::size_t>(value);
    ++counts[code];
  }
  double squares = 0;
  for (const double count : counts)
    if (count > 0) squares += (count - 1000) * (count - 1000) / 1000;
  CHECK(std::count_if(counts.begin(), counts.end(), [](double c) { return c > 0; }) == 24);
  CHECK(squares < 70);
  for (const double p : {0.1, 0.5, 0.8}) {
    CAPTURE(p);
    const auto kept =
        values(dropout(ones({n}, {.dtype = float64}), {.p = p, .generator = &generator}));
    CHECK(deviations(
              kept, [](double v) { return v > 0 ? 1 : 0; }, 1 - p, p * (1 - p)) < 5);
    for (const double value : kept)
      if (value != 0 && std::abs(value - 1 / (1 - p)) > 1e-12) FAIL("kept as ", value);
  }
}
