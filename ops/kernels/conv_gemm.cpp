// Convolution as matrix products: patches of a few output rows at a time are laid out as columns
// (im2col) in a buffer that stays in cache. Laying out the whole batch is 2 to 6 times slower.

#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>

namespace xgrad::kernels {
namespace {

constexpr std::int64_t tile_values = std::int64_t{48} * 1024;
constexpr std::int64_t least_columns = 256;  // of a tile that is a part of a row

/// Some rows of the output of one image, counted through all depths, or a part of one row.
struct Tile {
  std::int64_t row, rows;
  std::int64_t column, columns;

  std::int64_t width() const { return rows * columns; }
  std::int64_t offset(const ConvGeometry& g) const { return row * g.ow + column; }
};

struct Tiling {
  std::int64_t rows, columns;  // of a tile
  std::int64_t across, count;  // tiles in a row, and in all

  explicit Tiling(const ConvGeometry& g) {
    const std::int64_t patch = std::max<std::int64_t>(g.patch(), 1);
    const std::int64_t all = std::max<std::int64_t>(g.od * g.oh, 1);
    const std::int64_t width = std::max<std::int64_t>(g.ow, 1);
    rows = std::clamp<std::int64_t>(tile_values / std::max<std::int64_t>(patch * g.ow, 1), 1, all);
    columns = rows > 1 ? width : std::min(std::max(tile_values / patch, least_columns), width);
    across = (width + columns - 1) / columns;
    count = (all + rows - 1) / rows * across;
  }

  Tile tile(const ConvGeometry& g, std::int64_t i) const {
    const std::int64_t row = i / across * rows;
    const std::int64_t column = i % across * columns;
    return {row, std::min(rows, g.od * g.oh - row), column, std::min(columns, g.ow - column)};
  }
};

/// Memory for one tile's columns, from the pool.
template <class T>
class Columns {
 public:
  Columns(const ConvGeometry& g, const Tiling& tiling)
      : storage_(Storage::allocate(
            static_cast<std::size_t>(g.patch() * tiling.rows * tiling.columns) * sizeof(T))) {}
  T* data() { return reinterpret_cast<T*>(storage_->data()); }

 private:
  Ref<Storage> storage_;
};

/// The output columns whose input column, ow·stride + shift, lies inside [0, w).
struct Span {
  std::int64_t begin;
  std::int64_t end;
};

Span inside(std::int64_t w, std::int64_t ow, std::int64_t stride, std::int64_t shift) {
  const std::int64_t begin = shift >= 0 ? 0 : (-shift - 1) / stride + 1;
  const std::int64_t end = shift >= w ? 0 : (w - 1 - shift) / stride + 1;
  return {std::min(begin, ow), std::clamp(end, std::min(begin, ow), ow)};
}

/// Visits every row of the column matrix of a tile: f(column row, its image row or nullptr, span,
/// shift), where the row's values are image_row[ow · stride + shift] inside the span, 0 outside.
template <class T, class F>
void visit_patches(const ConvGeometry& g, const Tile& tile, T* image, T* columns, const F& f) {
  const auto visit_rows = [&](T* channel, std::int64_t t, std::int64_t r, std::int64_t shift) {
    const Span span = inside(g.w, tile.columns, g.stride_w, shift);
    std::int64_t depth = tile.row / g.oh;
    std::int64_t height = tile.row % g.oh;
    for (std::int64_t i = 0; i < tile.rows; ++i, columns += tile.columns) {
      const std::int64_t z = depth * g.stride_d + t * g.dilation_d - g.pad_d;
      const std::int64_t y = height * g.stride_h + r * g.dilation_h - g.pad_h;
      const bool is_inside = z >= 0 && z < g.d && y >= 0 && y < g.h;
      f(columns, is_inside ? channel + (z * g.h + y) * g.w : nullptr, span, shift);
      if (++height < g.oh) continue;
      height = 0;
      ++depth;
    }
  };
  const std::int64_t before = tile.column * g.stride_w - g.pad_w;
  for (std::int64_t c = 0; c < g.group_channels(); ++c)
    for (std::int64_t t = 0; t < g.t; ++t)
      for (std::int64_t r = 0; r < g.r; ++r)
        for (std::int64_t s = 0; s < g.s; ++s)
          visit_rows(image + c * g.inputs(), t, r, s * g.dilation_w + before);
}

template <class T>
void im2col(const ConvGeometry& g, const Tile& tile, const T* image, T* columns) {
  visit_patches(g, tile, const_cast<T*>(image), columns,
                [&](T* out, const T* row, const Span& span, std::int64_t shift) {
                  if (row == nullptr) {
                    std::fill_n(out, tile.columns, T(0));
                    return;
                  }
                  std::fill(out, out + span.begin, T(0));
                  if (g.stride_w == 1) {
                    std::copy(row + span.begin + shift, row + span.end + shift, out + span.begin);
                  } else {
                    for (std::int64_t x = span.begin; x < span.end; ++x)
                      out[x] = row[x * g.stride_w + shift];
                  }
                  std::fill(out + span.end, out + tile.columns, T(0));
                });
}

/// Adds the columns back to where im2col took them from.
template <class T>
void col2im(const ConvGeometry& g, const Tile& tile, T* columns, T* image) {
  visit_patches(g, tile, image, columns,
                [&](const T* in, T* row, const Span& span, std::int64_t shift) {
                  if (row == nullptr) return;
                  for (std::int64_t x = span.begin; x < span.end; ++x)
                    row[x * g.stride_w + shift] += in[x];
                });
}

/// Offsets of image `i` = (batch entry, group).
struct Place {
  std::int64_t x, y, weight;
  Place(const ConvGeometry& g, std::int64_t i)
      : x(i * g.group_channels() * g.inputs()),
        y(i * g.group_filters() * g.outputs()),
        weight(i % g.groups * g.group_filters() * g.patch()) {}
};

/// About what an image takes on one thread.
double image_nanoseconds(const ConvGeometry& g) {
  return 0.1 * static_cast<double>(g.k * g.patch()) * static_cast<double>(g.outputs());
}

template <class T>
void forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y) {
  const Tiling tiling(g);
  const std::int64_t plane = g.outputs();
  const double image = image_nanoseconds(g) / static_cast<double>(g.groups);
  const std::int64_t grain = grain_of(image / static_cast<double>(tiling.count));
  parallel_for(g.n * g.groups * tiling.count, grain, [&](std::int64_t begin, std::int64_t end) {
    Columns<T> columns(g, tiling);
    for (std::int64_t item = begin; item < end; ++item) {
      const Place at(g, item / tiling.count);
      const Tile tile = tiling.tile(g, item % tiling.count);
      const std::int64_t width = tile.width();
      T* const out = y + at.y + tile.offset(g);
      im2col(g, tile, x + at.x, columns.data());
      if (bias != nullptr) {
        const T* const own = bias + item / tiling.count % g.groups * g.group_filters();
        for (std::int64_t k = 0; k < g.group_filters(); ++k)
          std::fill_n(out + k * plane, width, own[k]);
      }
      gemm<T>(g.group_filters(), width, g.patch(), {weight + at.weight, g.patch()},
              {columns.data(), width}, out, plane, bias != nullptr);
    }
  });
}

template <class T>
void backward_input(const ConvGeometry& g, const T* dy, const T* weight, T* dx) {
  const Tiling tiling(g);
  const std::int64_t image = g.group_channels() * g.inputs();
  const std::int64_t grain = grain_of(image_nanoseconds(g) / static_cast<double>(g.groups));
  parallel_for(g.n * g.groups, grain, [&](std::int64_t begin, std::int64_t end) {
    Columns<T> columns(g, tiling);
    for (std::int64_t i = begin; i < end; ++i) {
      const Place at(g, i);
      std::fill_n(dx + at.x, image, T(0));
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const Tile tile = tiling.tile(g, t);
        const std::int64_t width = tile.width();
        gemm<T>(g.patch(), width, g.group_filters(), {weight + at.weight, g.patch(), true},
                {dy + at.y + tile.offset(g), g.outputs()}, columns.data(), width);
        col2im(g, tile, columns.data(), dx + at.x);
      }
    }
  });
}

template <class T>
void backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight) {
  const Tiling tiling(g);
  const std::int64_t size = g.k * g.patch();
  // Each part sums its own images; the parts are then added in their order.
  const auto parts =
      static_cast<int>(batch_parts(g, fixed_parts(g.n, grain_of(image_nanoseconds(g)))));
  const auto step = size + static_cast<std::int64_t>(apart / sizeof(T));
  const auto room = Storage::allocate(static_cast<std::size_t>(parts * step) * sizeof(T));
  T* const sums = reinterpret_cast<T*>(room->own());
  parallel_parts(g.n, parts, [&](int part, std::int64_t begin, std::int64_t end) {
    Columns<T> columns(g, tiling);
    T* const sum = sums + part * step;
    std::fill_n(sum, size, T(0));
    for (std::int64_t i = begin * g.groups; i < end * g.groups; ++i) {
      const Place at(g, i);
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const Tile tile = tiling.tile(g, t);
        const std::int64_t width = tile.width();
        im2col(g, tile, x + at.x, columns.data());
        gemm<T>(g.group_filters(), g.patch(), width, {dy + at.y + tile.offset(g), g.outputs()},
                {columns.data(), width, true}, sum + at.weight, g.patch(), true);
      }
    }
  });
  parallel_for(size, grain_of(0.15 * parts), [=](std::int64_t begin, std::int64_t end) {
    std::copy(sums + begin, sums + end, dweight + begin);
    for (int part = 1; part < parts; ++part)
      for (std::int64_t i = begin; i < end; ++i) dweight[i] += sums[part * step + i];
  });
}

}  // namespace

template <class T>
void conv_gemm(ConvDirection direction, const ConvGeometry& g, const ConvOperands<T>& o) {
  switch (direction) {
    case ConvDirection::forward:
      return forward<T>(g, o.x, o.weight, o.bias, o.y);
    case ConvDirection::backward_input:
      return backward_input<T>(g, o.y, o.weight, o.x);
    case ConvDirection::backward_weight:
      return backward_weight<T>(g, o.x, o.y, o.weight);
  }
}

template void conv_gemm(ConvDirection, const ConvGeometry&, const ConvOperands<float>&);
template void conv_gemm(ConvDirection, const ConvGeometry&, const ConvOperands<double>&);

}  // namespace xgrad::kernels
