// Convolution with windows of 3x3 by Winograd's minimal filtering F(4x4, 3x3): each tile of 4x4
// results, from 6x6 inputs, takes 36 products instead of 144 (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", arXiv:1509.09308). With their matrices
//
//   Y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
//
// for one channel in and one out; summed over the channels, each of the 36 points of ⊙ is a matrix
// product. The adjoint in x is the convolution of dY with w turned round. The adjoint in w, by the
// same matrices, is Gᵀ [ Σ over the tiles of (A dY Aᵀ) ⊙ (Bᵀ x B) ] G.
//
// Images lie in blocks of channels, and a vector holds one place's block. Every sum is taken in one
// order, however the work is cut, so the bits do not depend on the number of threads.

#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/scratch.hpp>
#include <xgrad/ops/kernels/vector.hpp>
#include <xgrad/ops/kernels/winograd.hpp>

#include <algorithm>
#include <array>

namespace xgrad::kernels {
namespace {

using namespace winograd;  // NOLINT: its matrices and sizes

// ---- where things lie

/// A convolution of images [n, in, h, w] in blocks to [n, out, oh, ow], padded on each side.
struct Images {
  std::int64_t n, in, h, w;
  std::int64_t out, oh, ow;
  std::int64_t pad_h, pad_w;

  std::int64_t tiles_h() const { return (oh + out_span - 1) / out_span; }
  std::int64_t tiles_w() const { return (ow + out_span - 1) / out_span; }
  std::int64_t tiles() const { return n * tiles_h() * tiles_w(); }
};

/// The images of a convolution, or of its adjoint in the input, which is one of y to x.
Images images_of(ConvDirection direction, const ConvGeometry& g) {
  if (direction == ConvDirection::backward_input)
    return {g.n, g.k, g.oh, g.ow, g.c, g.h, g.w, window - 1 - g.pad_h, window - 1 - g.pad_w};
  return {g.n, g.c, g.h, g.w, g.k, g.oh, g.ow, g.pad_h, g.pad_w};
}

/// Where a tile's results begin.
struct Place {
  std::int64_t image, row, column;

  Place(const Images& g, std::int64_t tile)
      : image(tile / (g.tiles_h() * g.tiles_w())),
        row(tile / g.tiles_w() % g.tiles_h() * out_span),
        column(tile % g.tiles_w() * out_span) {}
};

/// Channels in a block: as many as a vector of the processor compiled for.
#if defined(__AVX512F__)
constexpr std::int64_t lanes = 16;
#else
constexpr std::int64_t lanes = 8;
#endif
using Block = Vector<float, lanes>;
using Tile = std::array<Block, points>;

/// Blocks of results that are worked on together: two, or the odd one at the end.
struct Panel {
  static constexpr std::int64_t most_blocks = 2;
  static constexpr std::int64_t most_channels = most_blocks * lanes;

  std::int64_t block, blocks;

  std::int64_t channels() const { return blocks * lanes; }
  static std::int64_t count(std::int64_t channels) {
    return (channels + most_channels - 1) / most_channels;
  }
  static Panel at(std::int64_t channels, std::int64_t number) {
    const std::int64_t block = number * most_blocks;
    return {block, std::min(most_blocks, channels / lanes - block)};
  }
};

/// Numbers for each point, block of channels and tile: [points, channels / lanes, tiles, lanes].
/// The points are an odd number of cache lines apart, or all of a tile's would fall on the same few
/// of the cache's sets.
struct Transformed {
  float* values;
  std::int64_t channels, tiles;

  static std::int64_t step(std::int64_t channels, std::int64_t tiles) {
    return (channels / lanes * tiles | 1) * lanes;
  }
  static std::int64_t size(std::int64_t channels, std::int64_t tiles) {
    return points * step(channels, tiles);
  }

  float* at(std::int64_t point, std::int64_t block, std::int64_t tile) const {
    return values + point * step(channels, tiles) + (block * tiles + tile) * lanes;
  }
  void put(const Tile& from, std::int64_t block, std::int64_t tile) const {
    for (std::int64_t p = 0; p < points; ++p)
      store(from[static_cast<std::size_t>(p)], at(p, block, tile));
  }
  void get(std::int64_t block, std::int64_t tile, Tile& to) const {
    for (std::int64_t p = 0; p < points; ++p)
      load(at(p, block, tile), to[static_cast<std::size_t>(p)]);
  }
};

// ---- the transforms of images

/// The part of a plane that a square of Span x Span covers, its first row and column at (row,
/// column), which may lie outside: f(place in the square, place in the plane).
template <std::int64_t Span, class F>
void for_covered(std::int64_t row, std::int64_t column, std::int64_t h, std::int64_t w,
                 const F& f) {
  const std::int64_t top = std::max<std::int64_t>(-row, 0);
  const std::int64_t left = std::max<std::int64_t>(-column, 0);
  const std::int64_t bottom = std::min(Span, h - row);
  const std::int64_t right = std::min(Span, w - column);
  for (std::int64_t i = top; i < bottom; ++i)
    for (std::int64_t j = left; j < right; ++j)
      f(static_cast<std::size_t>(i * in_span + j), (row + i) * w + column + j);
}

/// Reads the square, 0 outside of the plane.
template <std::int64_t Span>
void read_square(const float* plane, std::int64_t row, std::int64_t column, std::int64_t h,
                 std::int64_t w, Tile& tile) {
  // Several rows of a page at once are no pattern for the processor's own prefetching.
  constexpr std::int64_t ahead = 2 * out_span;
  for (std::int64_t i = 0; i < Span; ++i)
    for (std::int64_t j = Span - out_span; j < Span; ++j)
      __builtin_prefetch(plane + ((row + i) * w + column + j + ahead) * lanes);

  if (row < 0 || column < 0 || row + Span > h || column + Span > w) tile = {};
  for_covered<Span>(row, column, h, w, [&](std::size_t at, std::int64_t place) {
    load(plane + place * lanes, tile[at]);
  });
}

/// Planes of h x w, read in squares of Span x Span whose first is at (−pad_h, −pad_w).
struct Planes {
  const float* values;
  std::int64_t channels, h, w, pad_h, pad_w;
};

/// M x Mᵀ of the tiles first + begin to first + end, as `result`'s begin to end.
template <class M>
void transform(const Images& g, const Planes& from, std::int64_t first, std::int64_t begin,
               std::int64_t end, const Transformed& result) {
  Tile tile;
  Tile transformed;
  for (std::int64_t block = 0; block < from.channels / lanes; ++block)
    for (std::int64_t t = begin; t < end; ++t) {
      const Place place(g, first + t);
      const float* const plane =
          from.values + (place.image * from.channels + block * lanes) * from.h * from.w;
      read_square<M::in>(plane, place.row - from.pad_h, place.column - from.pad_w, from.h, from.w,
                         tile);
      both_sides<M>(tile.data(), transformed.data());
      result.put(transformed, block, t);
    }
}

/// Y = Aᵀ M A + bias of the tiles from `first` on, for a panel of results.
void transform_products(const Images& g, const Transformed& products, const Panel& panel,
                        const float* bias, std::int64_t first, float* y) {
  Tile tile;
  Tile transformed;
  for (std::int64_t b = 0; b < panel.blocks; ++b) {
    const std::int64_t channel = (panel.block + b) * lanes;
    Block shift{};
    if (bias != nullptr) load(bias + channel, shift);
    for (std::int64_t t = 0; t < products.tiles; ++t) {
      const Place place(g, first + t);
      products.get(b, t, tile);
      both_sides<TimesAt>(tile.data(), transformed.data());
      float* const plane = y + (place.image * g.out + channel) * g.oh * g.ow;
      for_covered<out_span>(place.row, place.column, g.oh, g.ow,
                            [&](std::size_t at, std::int64_t to) {
                              store<float>(transformed[at] + shift, plane + to * lanes);
                            });
    }
  }
}

// ---- the transforms of weights

/// Windows of 3x3 for each result and input, `by_out` and `by_in` values apart, maybe turned round.
struct Filters {
  float* values;
  std::int64_t by_out, by_in;
  bool turned;

  /// The value at `number` of a window, for the first result of a block; the next are by_out apart.
  float* at(std::int64_t block, std::int64_t in, std::int64_t number) const {
    return values + block * lanes * by_out + in * by_in +
           (turned ? window * window - 1 - number : number);
  }
};

/// Where a window's values lie in a tile.
std::size_t place_of(std::int64_t number) {
  return static_cast<std::size_t>(number / window * in_span + number % window);
}

/// G w Gᵀ for a panel of results: [points, inputs, panel].
void transform_weights(const Filters& filters, std::int64_t inputs, const Panel& panel,
                       float* result) {
  Tile tile{};
  Tile transformed;
  for (std::int64_t i = 0; i < inputs; ++i)
    for (std::int64_t b = 0; b < panel.blocks; ++b, result += lanes) {
      for (std::int64_t number = 0; number < window * window; ++number) {
        const float* const from = filters.at(panel.block + b, i, number);
        for (std::int64_t lane = 0; lane < lanes; ++lane)
          tile[place_of(number)][lane] = from[lane * filters.by_out];
      }
      both_sides<TimesG>(tile.data(), transformed.data());
      for (std::int64_t p = 0; p < points; ++p)
        store(transformed[static_cast<std::size_t>(p)], result + p * inputs * panel.channels());
    }
}

/// Gᵀ dU G for a block of inputs and a panel of results, whose sums are [points, lanes, panel].
void transform_sums(const float* sums, const Filters& filters, std::int64_t from,
                    const Panel& panel) {
  Tile tile;
  Tile transformed;
  for (std::int64_t i = 0; i < lanes; ++i)
    for (std::int64_t b = 0; b < panel.blocks; ++b, sums += lanes) {
      for (std::int64_t p = 0; p < points; ++p)
        load(sums + p * lanes * panel.channels(), tile[static_cast<std::size_t>(p)]);
      both_sides<TimesGt>(tile.data(), transformed.data());
      for (std::int64_t number = 0; number < window * window; ++number) {
        float* const to = filters.at(panel.block + b, from * lanes + i, number);
        for (std::int64_t lane = 0; lane < lanes; ++lane)
          to[lane * filters.by_out] = transformed[place_of(number)][lane];
      }
    }
}

// ---- the matrix products, in registers

/// How many accumulators stay in registers beside what they are computed from: 32 of 16 floats
/// (AVX-512) or 16 of 8.
constexpr std::int64_t tiles_together = lanes == 16 ? 12 : 6;
constexpr std::int64_t channels_together = lanes == 16 ? 8 : 4;

/// For `Tiles` tiles from `tile` on: the sums over the channels of inputs times a panel's weights,
/// [channels, Blocks · lanes].
template <std::int64_t Tiles, std::int64_t Blocks>
void multiply_tiles(const Transformed& inputs, std::int64_t point, std::int64_t tile,
                    const float* weights, const Transformed& products) {
  std::array<std::array<Block, Blocks>, Tiles> sums{};
  for (std::int64_t from = 0; from < inputs.channels / lanes; ++from) {
    const float* const x = inputs.at(point, from, tile);
    for (std::int64_t lane = 0; lane < lanes; ++lane, weights += Blocks * lanes) {
      std::array<Block, Blocks> w;
#pragma GCC unroll 16
      for (std::size_t b = 0; b < Blocks; ++b)
        load(weights + static_cast<std::int64_t>(b) * lanes, w[b]);
#pragma GCC unroll 16
      for (std::size_t t = 0; t < Tiles; ++t) {
        const float value = x[static_cast<std::int64_t>(t) * lanes + lane];
#pragma GCC unroll 16
        for (std::size_t b = 0; b < Blocks; ++b) sums[t][b] += value * w[b];
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t t = 0; t < Tiles; ++t)
#pragma GCC unroll 16
    for (std::size_t b = 0; b < Blocks; ++b)
      store(sums[t][b],
            products.at(point, static_cast<std::int64_t>(b), tile + static_cast<std::int64_t>(t)));
}

/// The products at each point for a panel, whose weights are [points, channels, Blocks · lanes].
template <std::int64_t Blocks>
void multiply(const Transformed& inputs, const float* weights, const Transformed& products) {
  constexpr std::int64_t many = tiles_together;
  constexpr std::int64_t few = 2;
  for (std::int64_t p = 0; p < points; ++p, weights += inputs.channels * Blocks * lanes) {
    std::int64_t t = 0;
    for (; t + many <= inputs.tiles; t += many)
      multiply_tiles<many, Blocks>(inputs, p, t, weights, products);
    for (; t + few <= inputs.tiles; t += few)
      multiply_tiles<few, Blocks>(inputs, p, t, weights, products);
    for (; t < inputs.tiles; ++t) multiply_tiles<1, Blocks>(inputs, p, t, weights, products);
  }
}

/// The sums over the tiles of inputs times gradients, for some channels of a block and `Blocks`
/// blocks of results: added to `to` [channels, Blocks · lanes], or written.
template <std::int64_t Blocks>
void accumulate_channels(const float* inputs, const std::array<const float*, Blocks>& gradients,
                         std::int64_t tiles, bool add, float* to) {
  std::array<std::array<Block, Blocks>, channels_together> sums{};
  const auto at = [&](std::size_t c, std::size_t b) {
    return to + static_cast<std::int64_t>(c * Blocks + b) * lanes;
  };
  for (std::int64_t t = 0; t < tiles; ++t) {
    std::array<Block, Blocks> d;
#pragma GCC unroll 16
    for (std::size_t b = 0; b < Blocks; ++b) load(gradients[b] + t * lanes, d[b]);
#pragma GCC unroll 16
    for (std::size_t c = 0; c < channels_together; ++c) {
      const float value = inputs[t * lanes + static_cast<std::int64_t>(c)];
#pragma GCC unroll 16
      for (std::size_t b = 0; b < Blocks; ++b) sums[c][b] += value * d[b];
    }
  }
  // Here, not as what the sums begin with: a sum of sums of pieces loses fewer digits.
#pragma GCC unroll 16
  for (std::size_t c = 0; c < channels_together; ++c)
#pragma GCC unroll 16
    for (std::size_t b = 0; b < Blocks; ++b) {
      Block before{};
      if (add) load(at(c, b), before);
      store<float>(sums[c][b] + before, at(c, b));
    }
}

/// The same for a whole block of inputs and a panel from `block` on, at one point.
template <std::int64_t Blocks>
void accumulate(const Transformed& inputs, std::int64_t from, const Transformed& gradients,
                std::int64_t block, std::int64_t point, bool add, float* sums) {
  std::array<const float*, Blocks> d;
  for (std::size_t b = 0; b < Blocks; ++b)
    d[b] = gradients.at(point, block + static_cast<std::int64_t>(b), 0);
  for (std::int64_t row = 0; row < lanes; row += channels_together)
    accumulate_channels<Blocks>(inputs.at(point, from, 0) + row, d, inputs.tiles, add,
                                sums + row * Blocks * lanes);
}

// ---- the convolutions

constexpr auto numbers_apart = static_cast<std::int64_t>(apart / sizeof(float));

/// Scratch of so many numbers, dealt out in turn.
class Numbers {
 public:
  explicit Numbers(std::int64_t count)
      : scratch_(static_cast<std::size_t>(count) * sizeof(float)) {}

  float* take(std::int64_t count) {
    float* const begin = reinterpret_cast<float*>(scratch_.data()) + taken_;
    taken_ += count;
    return begin;
  }

 private:
  Scratch scratch_;
  std::int64_t taken_ = 0;
};

/// Tiles worked on at once: as many as have transforms of `values` numbers, which are to stay in
/// near caches, but at least `least`, as all weights are gone through once for each such piece.
std::int64_t piece_of(const Images& g, std::int64_t channels, std::int64_t values,
                      std::int64_t least) {
  const std::int64_t fit = values / (points * channels) / tiles_together * tiles_together;
  return std::min(g.tiles(), std::max(least, fit));
}

/// About the nanoseconds of a tile's products, and of transforming so many of its channels.
double product(std::int64_t in, std::int64_t out) {
  return 0.015 * points * static_cast<double>(in * out);
}
double transform_of(std::int64_t channels) { return 4 * static_cast<double>(channels); }

/// One convolution from images to images.
struct Convolution {
  Images g;
  const float* x;
  Filters filters;
  const float* bias;
  float* y;

  void run() const {
    // Beside few tiles the transformed weights, 4 times the weights, are the most that is written
    // and read; by results no more than a panel of them is there at a time.
    if (g.tiles() <= 2 * g.out)
      by_results();
    else
      by_tiles();
  }

  /// Each thread takes pieces of the tiles through all three steps.
  void by_tiles() const {
    const std::int64_t panels = Panel::count(g.out);
    const std::int64_t piece =
        piece_of(g, g.in + Panel::most_channels, std::int64_t{256} * 1024, 48);
    const std::int64_t input_size = Transformed::size(g.in, piece);
    const std::int64_t size =
        input_size + Transformed::size(Panel::most_channels, piece) + numbers_apart;
    const int parts =
        part_count(g.tiles(), std::max(tiles_together, grain_of(product(g.in, g.out))));
    Numbers numbers(panels * panel_size() + parts * size);
    float* const weights = numbers.take(panels * panel_size());
    float* const rooms = numbers.take(parts * size);
    parallel_for(panels, grain_of(transform_of(g.in * Panel::most_channels)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     transform_weights(filters, g.in, Panel::at(g.out, i),
                                       weights + i * panel_size());
                 });
    parallel_parts(g.tiles(), parts, [&](int part, std::int64_t begin, std::int64_t end) {
      float* const room = rooms + part * size;
      for (std::int64_t first = begin; first < end; first += piece) {
        const Transformed inputs{room, g.in, std::min(piece, end - first)};
        transform<TimesBt>(g, planes(), first, 0, inputs.tiles, inputs);
        for (std::int64_t i = 0; i < panels; ++i)
          finish(inputs, weights + i * panel_size(), Panel::at(g.out, i), first, room + input_size);
      }
    });
  }

  /// Each thread takes panels of the results through all three steps.
  void by_results() const {
    const std::int64_t panels = Panel::count(g.out);
    const std::int64_t input_size = Transformed::size(g.in, g.tiles());
    const std::int64_t size =
        panel_size() + Transformed::size(Panel::most_channels, g.tiles()) + numbers_apart;
    const double each = product(g.in, Panel::most_channels) * static_cast<double>(g.tiles());
    const int parts = part_count(panels, grain_of(each));
    Numbers numbers(input_size + parts * size);
    const Transformed inputs{numbers.take(input_size), g.in, g.tiles()};
    float* const rooms = numbers.take(parts * size);
    parallel_for(g.tiles(), grain_of(transform_of(g.in)),
                 [&](std::int64_t begin, std::int64_t end) {
                   transform<TimesBt>(g, planes(), 0, begin, end, inputs);
                 });
    parallel_parts(panels, parts, [&](int part, std::int64_t begin, std::int64_t end) {
      float* const weights = rooms + part * size;
      for (std::int64_t i = begin; i < end; ++i) {
        const Panel panel = Panel::at(g.out, i);
        transform_weights(filters, g.in, panel, weights);
        finish(inputs, weights, panel, 0, weights + panel_size());
      }
    });
  }

 private:
  /// Numbers in a panel's weights.
  std::int64_t panel_size() const { return points * g.in * Panel::most_channels; }

  Planes planes() const { return {x, g.in, g.h, g.w, g.pad_h, g.pad_w}; }

  /// The second and the third step for one panel.
  void finish(const Transformed& inputs, const float* weights, const Panel& panel,
              std::int64_t first, float* room) const {
    const Transformed products{room, panel.channels(), inputs.tiles};
    if (panel.blocks == Panel::most_blocks)
      multiply<Panel::most_blocks>(inputs, weights, products);
    else
      multiply<1>(inputs, weights, products);
    transform_products(g, products, panel, bias, first, y);
  }
};

/// The adjoint in the weights. A unit of work is a block of inputs with a panel of results.
void differentiate_weights(const Images& g, const float* x, const float* dy,
                           const Filters& filters) {
  const std::int64_t panels = Panel::count(g.out);
  const std::int64_t units = g.in / lanes * panels;
  constexpr std::int64_t unit_size = points * lanes * Panel::most_channels;
  const std::int64_t piece = piece_of(g, g.in + g.out, std::int64_t{2} * 1024 * 1024, 192);
  const std::int64_t input_size = Transformed::size(g.in, piece);
  const std::int64_t gradient_size = Transformed::size(g.out, piece);
  Numbers numbers(input_size + gradient_size + units * unit_size);
  float* const input_room = numbers.take(input_size);
  float* const gradient_room = numbers.take(gradient_size);
  float* const sums = numbers.take(units * unit_size);
  for (std::int64_t first = 0; first < g.tiles(); first += piece) {
    const std::int64_t count = std::min(piece, g.tiles() - first);
    const Transformed inputs{input_room, g.in, count};
    const Transformed gradients{gradient_room, g.out, count};
    parallel_for(
        count, std::max<std::int64_t>(4, grain_of(transform_of(g.in + g.out))),
        [&](std::int64_t begin, std::int64_t end) {
          transform<TimesBt>(g, {x, g.in, g.h, g.w, g.pad_h, g.pad_w}, first, begin, end, inputs);
          transform<TimesA>(g, {dy, g.out, g.oh, g.ow, 0, 0}, first, begin, end, gradients);
        });
    // Point by point, so that what the units share stays in cache.
    const double each = product(lanes, Panel::most_channels) * static_cast<double>(count) / points;
    parallel_for(points * units, grain_of(each), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t unit = i % units;
        const std::int64_t point = i / units;
        const Panel panel = Panel::at(g.out, unit % panels);
        float* const to = sums + unit * unit_size + point * lanes * panel.channels();
        const auto run =
            panel.blocks == Panel::most_blocks ? accumulate<Panel::most_blocks> : accumulate<1>;
        run(inputs, unit / panels, gradients, panel.block, point, first > 0, to);
      }
    });
  }
  parallel_for(units, grain_of(transform_of(lanes * Panel::most_channels)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit)
                   transform_sums(sums + unit * unit_size, filters, unit / panels,
                                  Panel::at(g.out, unit % panels));
               });
}

/// Whether the compiler was told of the vectors that this is written for.
constexpr bool is_compiled_for_vectors =
#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__)) || defined(__aarch64__)
    true;
#else
    false;
#endif

}  // namespace

bool winograd_can(ConvDirection direction, const ConvGeometry& g) {
  const bool plain3x3 = g.r == window && g.s == window && g.stride_h == 1 && g.stride_w == 1 &&
                        g.dilation_h == 1 && g.dilation_w == 1 && g.groups == 1;
  const bool reaches_back =
      direction != ConvDirection::backward_input || (g.pad_h < window && g.pad_w < window);
  return is_compiled_for_vectors && channel_block() == lanes && plain3x3 && reaches_back &&
         g.c % lanes == 0 && g.k % lanes == 0;
}

bool winograd_pays(ConvDirection direction, const ConvGeometry& g) {
  const Images images = images_of(direction, g);
  const std::int64_t tiles = images.tiles();
  const std::int64_t results = g.n * images.oh * images.ow;
  const std::int64_t room = tiles * out_span * out_span;
  const bool fills_tiles =
      direction == ConvDirection::backward_weight ? 4 * results >= room : 2 * results > room;
  return g.c >= 32 && g.k >= 32 && tiles >= 16 && fills_tiles;
}

void conv_winograd(ConvDirection direction, const ConvGeometry& g,
                   const ConvOperands<float>& operands) {
  const Images images = images_of(direction, g);
  const std::int64_t by_channel = window * window;
  const std::int64_t by_filter = g.c * by_channel;
  const Filters filters{operands.weight, by_filter, by_channel, false};
  const Filters turned{operands.weight, by_channel, by_filter, true};
  switch (direction) {
    case ConvDirection::forward:
      return Convolution{images, operands.x, filters, operands.bias, operands.y}.run();
    case ConvDirection::backward_input:
      return Convolution{images, operands.y, turned, nullptr, operands.x}.run();
    case ConvDirection::backward_weight:
      return differentiate_weights(images, operands.x, operands.y, filters);
  }
}

}  // namespace xgrad::kernels
