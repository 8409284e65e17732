#pragma once
// Internal: how sums are accumulated, in one place.
//
// One number of T takes `run` terms at most; what it then holds is a block, and blocks are joined
// two by two, float32's in double. With u = 2⁻²⁴ for float32 and 2⁻⁵³ for float64, a sum of n terms
// is therefore off by no more than
//
//   float32   (run + 6) u Σ|x|            however many terms there are
//   float64   (run + 6 + log₂ n) u Σ|x|
//
// (the 6 are for several numbers that share a block). One number that took all terms would be off
// by up to n u Σ|x|, and from 1 / u equal terms on would not grow at all. Products of matrices and
// convolutions are the libraries': see gemm.hpp and conv.hpp for theirs.
//
// The order of additions follows from the extents alone: the same bits on any number of threads.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace xgrad::kernels {

/// What blocks of T are joined in.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, T>;

/// Terms that one number takes.
inline constexpr std::int64_t run = 64;

/// How many rows of room join_blocks needs for so many blocks.
inline std::int64_t join_depth(std::int64_t blocks) {
  const auto last = static_cast<std::uint64_t>(std::max<std::int64_t>(blocks, 1) - 1);
  return static_cast<std::int64_t>(std::bit_width(last));
}

/// out [width] = the blocks of [begin, end), which leaf(block, to) writes, joined two by two. A
/// part of 2ᵏ blocks, the first of which is a multiple of 2ᵏ, may be joined before: it is a branch
/// of the tree.
template <class W, class Leaf, class Join>
void join_blocks(std::int64_t begin, std::int64_t end, std::int64_t width, const Leaf& leaf,
                 const Join& join, W* out, W* room) {
  if (end - begin == 1) return leaf(begin, out);
  const auto half =
      static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(end - begin - 1)));
  join_blocks(begin, begin + half, width, leaf, join, out, room);
  join_blocks(begin + half, end, width, leaf, join, room, room + width);
  for (std::int64_t j = 0; j < width; ++j) out[j] = join(out[j], room[j]);
}

/// The most rows of room for blocks of `run` terms and more.
inline constexpr std::int64_t most_depth = 58;

namespace detail {

/// sums[lane] += f(i + lane, lane) for all lanes, in rows of them until the sums or `count` end.
template <std::int64_t Lanes, class T, std::size_t Size, class F>
void add_terms(std::array<T, Size>& sums, std::int64_t i, std::int64_t count, const F& f) {
  for (std::int64_t row = 0; row < count; row += Lanes)
    for (std::int64_t lane = 0; lane < Lanes; ++lane)
      sums[static_cast<std::size_t>(row + lane)] +=
          f(i + row + lane, static_cast<std::size_t>(lane));
}

}  // namespace detail

/// For values in `Lanes` lanes, position = place · Lanes + lane, and each f: out[lane of f] = Σ
/// over `places` of f(position), one f's lanes after another's.
template <std::int64_t Lanes, class T, class... F>
void sum_lanes(std::int64_t places, Wide<T>* out, const F&... f) {
  // Several numbers for each lane, so that additions do not wait for each other.
  constexpr std::size_t width = Lanes == 1 ? 32 : 4 * Lanes;
  constexpr std::size_t lanes = Lanes;
  constexpr auto step = static_cast<std::int64_t>(width);
  constexpr std::int64_t total = sizeof...(F) * Lanes;
  const std::int64_t n = places * Lanes;
  const auto leaf = [&](std::int64_t block, Wide<T>* to) {
    const std::int64_t end = std::min(n, (block + 1) * run * step);
    std::int64_t i = block * run * step;
    std::array<std::array<T, width>, sizeof...(F)> sums{};
    for (; i + step <= end; i += step) {
      std::size_t k = 0;
      (detail::add_terms<Lanes>(sums[k++], i, step, f), ...);
    }
    std::size_t k = 0;
    (detail::add_terms<Lanes>(sums[k++], i, end - i, f), ...);
    for (k = 0; k < sizeof...(F); ++k) {
      for (std::size_t half = width / 2; half >= lanes; half /= 2)
        for (std::size_t j = 0; j < half; ++j) sums[k][j] += sums[k][j + half];
      std::transform(sums[k].begin(), sums[k].begin() + Lanes, to + k * lanes,
                     [](T sum) { return static_cast<Wide<T>>(sum); });
    }
  };
  const std::int64_t blocks = (n + run * step - 1) / (run * step);
  if (blocks <= 1) return leaf(0, out);
  std::array<Wide<T>, most_depth * total> room;
  join_blocks(
      0, blocks, total, leaf, [](auto a, auto b) { return a + b; }, out, room.data());
}

}  // namespace xgrad::kernels
