#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

namespace xgrad {
namespace {

Tensor zeros_of(const Shape& shape, const Tensor& like) {
  return zeros(shape, {.dtype = like.dtype()});
}

/// The product of the extents from `begin` to before `end`.
std::int64_t between(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t product = 1;
  for (std::size_t i = begin; i < end; ++i) product *= shape[i];
  return product;
}

}  // namespace

Tensor unflatten(const Tensor& x, std::int64_t which, const Shape& sizes) {
  const detail::Running running("unflatten", x);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "unflatten");
  const std::int64_t extent = x.shape()[axis];
  require<ShapeError>(!sizes.empty(), "unflatten: no sizes for axis {} of shape {}", which,
                      x.shape());
  Size known(1, "unflatten");
  std::int64_t unknown = 0;
  for (const std::int64_t size : sizes) {
    require<ShapeError>(size >= -1, "unflatten: sizes {}; they are not negative, but for one -1",
                        sizes);
    unknown += size == -1;
    if (size != -1) known = known * size;
  }
  const bool fits = unknown == 0 ? known.value() == extent
                                 : unknown == 1 && known.value() > 0 && extent % known.value() == 0;
  require<ShapeError>(fits, "unflatten: sizes {} do not make up axis {} of shape {}", sizes, which,
                      x.shape());
  Shape shape = x.shape();
  shape.erase(axis);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    shape.insert(axis + i, sizes[i] == -1 ? extent / known.value() : sizes[i]);
  return reshape(x, shape);
}

Tensor movedim(const Tensor& x, const Axes& source, const Axes& destination) {
  const detail::Running running("movedim", x);
  const std::size_t rank = x.shape().size();
  require<ShapeError>(source.size() == destination.size(),
                      "movedim: axes {} to {}; give as many places as axes", source, destination);
  if (source.empty()) return x;
  normalize_axes(source, rank, "movedim");
  normalize_axes(destination, rank, "movedim");
  std::array<std::int64_t, Axes::max_size> order{};
  std::array<bool, Axes::max_size> moved{}, taken{};
  for (std::size_t i = 0; i < source.size(); ++i) {
    const std::size_t from = normalize_axis(source[i], rank, "movedim");
    const std::size_t to = normalize_axis(destination[i], rank, "movedim");
    order[to] = static_cast<std::int64_t>(from);
    moved[from] = taken[to] = true;
  }
  std::size_t next = 0;
  for (std::size_t to = 0; to < rank; ++to) {
    if (taken[to]) continue;
    while (moved[next]) ++next;
    order[to] = static_cast<std::int64_t>(next++);
  }
  return permute(x, Axes(std::span<const std::int64_t>(order).first(rank)));
}

Tensor swapaxes(const Tensor& x, std::int64_t axis0, std::int64_t axis1) {
  const detail::Running running("swapaxes", x);
  const auto along = [&](std::int64_t axis) {
    return static_cast<std::int64_t>(normalize_axis(axis, x.shape().size(), "swapaxes"));
  };
  return transpose(x, along(axis0), along(axis1));
}

namespace {

/// x so many times along an axis, each of its elements at once (`inside`) or all of them again and
/// again.
Tensor repeat_axis(const Tensor& x, std::size_t axis, std::int64_t times, bool inside) {
  if (times == 1) return x;
  Shape whole = x.shape();
  whole[axis] = (Size(whole[axis], detail::running_or("repeat")) * times).value();
  bytes_of(whole, x.dtype());  // tells extents whose products overflow
  const std::size_t cut = inside ? axis + 1 : axis;
  const std::int64_t outer = between(x.shape(), 0, cut);
  const std::int64_t inner = between(x.shape(), cut, x.shape().size());
  return reshape(expand(reshape(x, {outer, 1, inner}), {outer, times, inner}), whole);
}

void require_repeats(const Shape& repeats) {
  for (const std::int64_t times : repeats)
    require<ValueError>(times >= 0, "{}: {} times; it must not be negative",
                        detail::running_or("repeat"), times);
}

}  // namespace

Tensor repeat(const Tensor& x, const Shape& repeats) {
  const detail::Running running("repeat", x);
  require_repeats(repeats);
  require<ShapeError>(repeats.size() >= x.shape().size(),
                      "repeat: {} numbers for shape {}; give one for each axis", repeats.size(),
                      x.shape());
  Shape shape = x.shape();
  while (shape.size() < repeats.size()) shape.insert(0, 1);
  Tensor y = reshape(x, shape);
  for (std::size_t i = shape.size(); i-- > 0;) y = repeat_axis(y, i, repeats[i], false);
  return y.storage() == x.storage() ? clone(y) : y;
}

Tensor tile(const Tensor& x, const Shape& repeats) {
  const detail::Running running("tile", x);
  Shape all = repeats;
  while (all.size() < x.shape().size()) all.insert(0, 1);
  return repeat(x, all);
}

Tensor narrow(const Tensor& x, std::int64_t which, std::int64_t start, std::int64_t length) {
  const detail::Running running("narrow", x);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "narrow");
  const std::int64_t extent = x.shape()[axis];
  const std::int64_t first = start < 0 ? start + extent : start;
  require<ValueError>(start >= -extent && first <= extent,
                      "narrow: start {} in axis {}, which has {} elements (shape {})", start, which,
                      extent, x.shape());
  require<ValueError>(length >= 0 && length <= extent - first,
                      "narrow: {} elements from {} on of axis {}, which has {} (shape {})", length,
                      start, which, extent, x.shape());
  return slice(x, which, first, first + length);
}

namespace {

Tensor rolled(const Tensor& x, std::int64_t shift, std::size_t axis) {
  const std::int64_t extent = x.shape()[axis];
  if (extent == 0) return x;
  const std::int64_t rest = shift % extent;
  const std::int64_t back = rest > 0 ? extent - rest : -rest;
  const auto along = static_cast<std::int64_t>(axis);
  return back == 0 ? x : cat({slice(x, along, back), slice(x, along, 0, back)}, along);
}

}  // namespace

Tensor roll(const Tensor& x, const Axes& shifts, const Axes& axes) {
  const detail::Running running("roll", x);
  require<ShapeError>(
      !shifts.empty() && (shifts.size() == axes.size() || (axes.empty() && shifts.size() == 1)),
      "roll: shifts {} along axes {}; give one for each axis", shifts, axes);
  Tensor y = axes.empty() ? reshape(rolled(flatten(x), shifts[0], 0), x.shape()) : x;
  for (std::size_t i = 0; i < axes.size(); ++i)
    y = rolled(y, shifts[i], normalize_axis(axes[i], x.shape().size(), "roll"));
  return y.storage() == x.storage() ? clone(y) : y;
}

Tensor rot90(const Tensor& x, std::int64_t k, const Axes& axes) {
  const detail::Running running("rot90", x);
  require<ShapeError>(axes.size() == 2, "rot90: axes {}; give the two that span the plane", axes);
  normalize_axes(axes, x.shape().size(), "rot90");
  switch ((k % 4 + 4) % 4) {
    case 1:
      return contiguous(transpose(flip(x, axes[1]), axes[0], axes[1]));
    case 2:
      return flip(x, axes);
    case 3:
      return contiguous(transpose(flip(x, axes[0]), axes[0], axes[1]));
    default:
      return clone(x);
  }
}

namespace {

/// The axes of a diagonal, its length, and where it begins in memory.
struct Diagonal {
  Diagonal(const char* operation, const Tensor& x, std::int64_t offset, std::int64_t axis0,
           std::int64_t axis1)
      : first(normalize_axis(axis0, x.shape().size(), operation)),
        second(normalize_axis(axis1, x.shape().size(), operation)) {
    require<ShapeError>(first != second, "{}: axes {} and {} are one; a diagonal has two",
                        operation, axis0, axis1);
    const std::int64_t rows = x.shape()[first];
    const std::int64_t columns = x.shape()[second];
    if (offset >= columns || -rows >= offset) return;  // none
    const Strides strides = x.strides();
    length = offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns);
    if (x.numel() > 0) start = offset >= 0 ? offset * strides[second] : -offset * strides[first];
  }

  /// In the memory of x. Not recorded.
  Tensor of(const Tensor& x) const {
    Shape shape = x.shape();
    Strides strides = x.strides();
    // Of what is empty, strides may be as large as numbers are.
    const std::int64_t step = length > 1 && x.numel() > 0 ? strides[first] + strides[second] : 1;
    for (const std::size_t axis : {std::max(first, second), std::min(first, second)}) {
      shape.erase(axis);
      strides.erase(axis);
    }
    shape.push_back(length);
    strides.push_back(step);
    return x.alias(shape, strides, start);
  }

  std::size_t first;
  std::size_t second;
  std::int64_t length = 0;
  std::int64_t start = 0;
};

}  // namespace

// y = a diagonal of x;  dL/dx = dL/dy on that diagonal, 0 elsewhere
Tensor diagonal(const Tensor& x, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  const detail::Running running("diagonal", x);
  const Diagonal which("diagonal", x, offset, axis0, axis1);
  return record(Op::diagonal, which.of(x),
                wrt(x, linear_in(
                           [shape = x.shape(), offset, axis0, axis1](const Tensor& dy) {
                             return diagonal_scatter(zeros_of(shape, dy), dy, offset, axis0, axis1);
                           },
                           [offset, axis0, axis1](const Tensor& v) {
                             return diagonal(v, offset, axis0, axis1);
                           })));
}

// y = x but s on a diagonal;  dL/dx = dL/dy but 0 there, dL/ds = that diagonal of dL/dy
Tensor diagonal_scatter(Tensor x, const Tensor& source, std::int64_t offset, std::int64_t axis0,
                        std::int64_t axis1) {
  const detail::Running running("diagonal_scatter", x, source);
  const Shape whole = x.shape();
  const Shape part = Diagonal("diagonal_scatter", x, offset, axis0, axis1).of(x).shape();
  require<ShapeError>(source.shape() == part,
                      "diagonal_scatter: source {} for diagonal {} of axes {} and {} of shape {}: "
                      "it must be {}",
                      source.shape(), offset, axis0, axis1, whole, part);
  require<DTypeError>(source.dtype() == x.dtype(),
                      "diagonal_scatter: the source is {}, it must be {} as x is", source.dtype(),
                      x.dtype());
  const Tensor y = changeable(x);
  detail::copy_values(source, Diagonal("diagonal_scatter", y, offset, axis0, axis1).of(y));
  const auto cleared = [part, offset, axis0, axis1](Tensor dy) {
    const Tensor none = zeros_of(part, dy);
    return diagonal_scatter(std::move(dy), none, offset, axis0, axis1);
  };
  return record(
      Op::diagonal_scatter, y, wrt(x, linear_in(cleared, cleared)),
      wrt(source, linear_in([offset, axis0, axis1](
                                const Tensor& dy) { return diagonal(dy, offset, axis0, axis1); },
                            [whole, offset, axis0, axis1](const Tensor& v) {
                              return diagonal_scatter(zeros_of(whole, v), v, offset, axis0, axis1);
                            })));
}

Tensor diag_embed(const Tensor& x, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  const detail::Running running("diag_embed", x);
  require<ShapeError>(x.dim() > 0, "diag_embed: a scalar has no axis to put on a diagonal");
  const std::size_t rank = x.shape().size() + 1;
  const std::size_t first = normalize_axis(axis0, rank, "diag_embed");
  const std::size_t second = normalize_axis(axis1, rank, "diag_embed");
  require<ShapeError>(first != second, "diag_embed: axes {} and {} are one; a diagonal has two",
                      axis0, axis1);
  const Size length(x.size(-1), detail::running_or("diag_embed"));
  const Size side = offset < 0 ? length - offset : length + offset;
  Shape shape = x.shape();
  shape.erase(rank - 2);
  for (const std::size_t axis : {std::min(first, second), std::max(first, second)})
    shape.insert(axis, side.value());
  return diagonal_scatter(zeros_of(shape, x), x, offset, axis0, axis1);
}

Tensor diag(const Tensor& x, std::int64_t diagonal) {
  const detail::Running running("diag", x);
  require<ShapeError>(x.dim() == 1 || x.dim() == 2,
                      "diag: shape {}; it takes a vector or a matrix (see diagonal, diag_embed)",
                      x.shape());
  return x.dim() == 1 ? diag_embed(x, diagonal) : clone(xgrad::diagonal(x, diagonal));
}

namespace {

/// x where keep(column, row + diagonal) holds in its last two axes, 0 elsewhere.
template <class Keep>
Tensor triangle(const char* operation, const Tensor& x, std::int64_t diagonal, const Keep& keep) {
  require<ShapeError>(x.dim() >= 2, "{}: shape {}; it takes a matrix or a batch of them", operation,
                      x.shape());
  if (x.numel() == 0) return clone(x);
  // Beyond the corners there is nothing to tell apart.
  const std::int64_t offset = std::clamp(diagonal, -x.size(-2), x.size(-1));
  const Tensor rows = unsqueeze(arange(offset, x.size(-2) + offset), 1);
  return where(keep(arange(x.size(-1)), rows), x, zeros_of({}, x));
}

}  // namespace

Tensor tril(const Tensor& x, std::int64_t diagonal) {
  const detail::Running running("tril", x);
  return triangle("tril", x, diagonal,
                  [](const Tensor& column, const Tensor& row) { return column <= row; });
}

Tensor triu(const Tensor& x, std::int64_t diagonal) {
  const detail::Running running("triu", x);
  return triangle("triu", x, diagonal,
                  [](const Tensor& column, const Tensor& row) { return column >= row; });
}

// y = windows of x;  dL/dx = dL/dy added where the windows lie
Tensor unfold(const Tensor& x, std::int64_t which, std::int64_t size, std::int64_t step) {
  const detail::Running running("unfold", x);
  // Of a scalar PyTorch makes one window, of at most one element.
  if (x.dim() == 0) return unfold(reshape(x, {1}), which, size, step)[0];
  const std::size_t axis = normalize_axis(which, x.shape().size(), "unfold");
  const std::int64_t extent = x.shape()[axis];
  require<ValueError>(step > 0, "unfold: a step of {}; it must be positive", step);
  require<ValueError>(size >= 0 && size <= extent,
                      "unfold: windows of {} in axis {}, which has {} elements (shape {})", size,
                      which, extent, x.shape());
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[axis] = (extent - size) / step + 1;
  shape.push_back(size);
  strides.push_back(strides[axis]);
  if (shape[axis] > 1) strides[axis] *= step;
  const std::int64_t count = shape[axis];
  const auto along = static_cast<std::int64_t>(axis);
  return record(
      Op::unfold, x.alias(shape, strides),
      wrt(x, linear_in(
                 [shape = x.shape(), along, count, size, step](const Tensor& dy) {
                   const Tensor places = flatten(unsqueeze(arange(count) * step, 1) + arange(size));
                   const Tensor windows = movedim(dy, -1, along + 1);
                   return index_add(zeros_of(shape, dy), along, places,
                                    flatten(windows, along, along + 1));
                 },
                 [along, size, step](const Tensor& v) { return unfold(v, along, size, step); })));
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, std::string_view indexing) {
  const detail::Running running("meshgrid", tensors);
  require<ValueError>(!tensors.empty(), "meshgrid: no tensors");
  require<ValueError>(indexing == "ij" || indexing == "xy",
                      "meshgrid: indexing '{}'; it is 'ij' or 'xy'", indexing);
  const std::size_t rank = tensors.size();
  // The axis of the grid along which tensor i runs.
  const auto axis_of = [&](std::size_t i) {
    return indexing == "xy" && rank >= 2 && i < 2 ? 1 - i : i;
  };
  Shape whole;
  for (std::size_t i = 0; i < rank; ++i) whole.push_back(1);
  for (std::size_t i = 0; i < rank; ++i) {
    const Tensor& x = tensors[i];
    require<ShapeError>(x.dim() <= 1, "meshgrid: tensor {} has shape {}; it must be a vector", i,
                        x.shape());
    require<DTypeError>(x.dtype() == tensors.front().dtype(),
                        "meshgrid: tensor {} is {}, the first {}", i, x.dtype(),
                        tensors.front().dtype());
    whole[axis_of(i)] = x.numel();
  }
  std::vector<Tensor> grids;
  for (std::size_t i = 0; i < rank; ++i) {
    Shape own;
    for (std::size_t axis = 0; axis < rank; ++axis)
      own.push_back(axis == axis_of(i) ? whole[axis] : 1);
    grids.push_back(expand(reshape(tensors[i], own), whole));
  }
  return grids;
}

std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors) {
  const detail::Running running("broadcast_tensors", tensors);
  Shape shape;
  for (const Tensor& x : tensors) shape = broadcast(shape, x.shape(), "broadcast_tensors");
  std::vector<Tensor> result;
  result.reserve(tensors.size());
  for (const Tensor& x : tensors) result.push_back(expand(x, shape));
  return result;
}

Tensor atleast_1d(const Tensor& x) {
  const detail::Running running("atleast_1d", x);
  return x.dim() == 0 ? reshape(x, {1}) : x;
}

Tensor atleast_2d(const Tensor& x) {
  const detail::Running running("atleast_2d", x);
  return x.dim() < 2 ? unsqueeze(atleast_1d(x), 0) : x;
}

Tensor atleast_3d(const Tensor& x) {
  const detail::Running running("atleast_3d", x);
  return x.dim() < 3 ? unsqueeze(atleast_2d(x), -1) : x;
}

namespace {

std::vector<Tensor> each(const std::vector<Tensor>& tensors, Tensor (*f)(const Tensor&)) {
  require<ValueError>(!tensors.empty(), "{}: no tensors", detail::running_or("stack"));
  std::vector<Tensor> result;
  result.reserve(tensors.size());
  for (const Tensor& x : tensors) result.push_back(f(x));
  return result;
}

}  // namespace

Tensor vstack(const std::vector<Tensor>& tensors) {
  const detail::Running running("vstack", tensors);
  return cat(each(tensors, atleast_2d), 0);
}

Tensor hstack(const std::vector<Tensor>& tensors) {
  const detail::Running running("hstack", tensors);
  const std::vector<Tensor> parts = each(tensors, atleast_1d);
  return cat(parts, parts.front().dim() == 1 ? 0 : 1);
}

}  // namespace xgrad
