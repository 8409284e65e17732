#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/strided.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <optional>

#include <fmt/ranges.h>

namespace xgrad {
namespace {

/// The strides by which the memory of x is seen in another shape of as many elements; none where
/// neighbours of that shape do not lie evenly apart.
std::optional<Strides> seen_in(const Tensor& x, const Shape& shape) {
  if (x.is_contiguous()) return row_major(shape);
  const Shape& from = x.shape();
  const Strides steps = x.strides();
  Strides result(row_major(shape));
  std::size_t to = shape.size();
  for (std::size_t i = from.size(); i > 0;) {
    if (from[--i] == 1) continue;
    // Axes that are one stretch of memory together are to be made up by axes of `shape`.
    std::int64_t run = from[i];
    const std::int64_t step = steps[i];
    while (i > 0 && (from[i - 1] == 1 || steps[i - 1] == step * run)) run *= from[--i];
    std::int64_t filled = 1;
    while (filled < run && to > 0) {
      result[--to] = step * filled;
      filled *= shape[to];
    }
    if (filled != run) return {};
  }
  return result;
}

/// One of the operations that only give x another shape: the same memory where that can be seen so,
/// the same rule.
Tensor reshaped(Op op, const Tensor& x, const Shape& shape) {
  const auto strides = seen_in(x, shape);
  return record(
      op, strides ? x.alias(shape, *strides) : in_rows(x).alias(shape),
      wrt(x, linear_in([shape = x.shape()](const Tensor& dy) { return reshape(dy, shape); },
                       [shape](const Tensor& v) { return reshape(v, shape); })));
}

Shape infer(const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  Size known(1, "reshape");
  std::int64_t* unknown = nullptr;
  for (auto& extent : shape) {
    require<ShapeError>(extent >= 0 || (extent == -1 && unknown == nullptr),
                        "reshape: {} is no shape: extents are not negative, but for one -1",
                        wanted);
    if (extent == -1) {
      unknown = &extent;
    } else {
      known = known * extent;
    }
  }
  const std::int64_t others = known.value();
  if (unknown != nullptr && others != 0 && x.numel() % others == 0) *unknown = x.numel() / others;
  require<ShapeError>((unknown == nullptr || *unknown >= 0) && shape.numel() == x.numel(),
                      "reshape: {} has {} elements, they do not fill {}", x.shape(), x.numel(),
                      wanted);
  return shape;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  const detail::Running running("reshape", x);
  return reshaped(Op::reshape, x, infer(x, shape));
}

Tensor view(const Tensor& x, const Shape& wanted) {
  const detail::Running running("view", x);
  const Shape shape = infer(x, wanted);
  if (!seen_in(x, shape))
    raise<ShapeError>(
        "view: the memory of {} (strides {}) cannot be seen as {}; use reshape, which copies where "
        "it must",
        x.shape(), x.strides(), wanted);
  return reshaped(Op::reshape, x, shape);
}

Tensor flatten(const Tensor& x, std::int64_t start, std::int64_t end) {
  const detail::Running running("flatten", x);
  if (x.dim() == 0) return reshaped(Op::flatten, x, {1});
  const std::size_t first = normalize_axis(start, x.shape().size(), "flatten");
  const std::size_t last = normalize_axis(end, x.shape().size(), "flatten");
  require<ShapeError>(first <= last, "flatten: axis {} comes after axis {} in shape {}", start, end,
                      x.shape());
  Shape shape = x.shape();
  for (std::size_t i = last; i > first; --i) {
    shape[first] *= shape[first + 1];
    shape.erase(first + 1);
  }
  return reshaped(Op::flatten, x, shape);
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  const detail::Running running("squeeze", x);
  const Axes chosen = normalize_axes(axes, x.shape().size(), "squeeze");
  Shape shape;
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    const bool named = std::ranges::find(chosen, static_cast<std::int64_t>(i)) != chosen.end();
    if (!named || x.shape()[i] != 1) shape.push_back(x.shape()[i]);
  }
  return reshaped(Op::squeeze, x, shape);
}

Tensor unsqueeze(const Tensor& x, std::int64_t axis) {
  const detail::Running running("unsqueeze", x);
  Shape shape = x.shape();
  shape.insert(normalize_axis(axis, shape.size() + 1, "unsqueeze"), 1);
  return reshaped(Op::unsqueeze, x, shape);
}

// y = x with axes in another order;  dL/dx = dL/dy with the order undone
Tensor permute(const Tensor& x, const Axes& axes) {
  const detail::Running running("permute", x);
  const std::size_t rank = x.shape().size();
  require<ShapeError>(axes.size() == rank, "permute: {} axes named for shape {}, which has {}",
                      axes.size(), x.shape(), rank);
  if (rank == 0) return reshape(x, {});
  normalize_axes(axes, rank, "permute");
  const Strides own = x.strides();
  Shape shape;
  Strides strides;
  Axes inverse = axes;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t from = normalize_axis(axes[i], rank, "permute");
    shape.push_back(x.shape()[from]);
    strides.push_back(own[from]);
    inverse[from] = static_cast<std::int64_t>(i);
  }
  return record(Op::permute, x.alias(shape, strides),
                wrt(x, linear_in([inverse](const Tensor& dy) { return permute(dy, inverse); },
                                 [axes](const Tensor& v) { return permute(v, axes); })));
}

Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1) {
  const detail::Running running("transpose", x);
  Axes axes;
  for (std::int64_t i = 0; i < x.dim(); ++i) axes.push_back(i);
  std::swap(axes[normalize_axis(axis0, axes.size(), "transpose")],
            axes[normalize_axis(axis1, axes.size(), "transpose")]);
  return permute(x, axes);
}

// y = x repeated;  dL/dx = Σ of dL/dy over the repetitions
Tensor expand(const Tensor& x, const Shape& wanted) {
  const detail::Running running("expand", x);
  Shape shape = wanted;
  const std::size_t added = shape.size() - std::min(shape.size(), x.shape().size());
  require<ShapeError>(shape.size() >= x.shape().size(), "expand: {} has fewer axes than {}", wanted,
                      x.shape());
  const Strides own_strides = x.strides();
  Strides strides;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t own = i < added ? 1 : x.shape()[i - added];
    if (shape[i] == -1 && i >= added) shape[i] = own;
    require<ShapeError>(shape[i] >= 0 && (own == shape[i] || own == 1),
                        "expand: {} does not expand to {}: axis {} has {}, only 1 can be repeated",
                        x.shape(), wanted, i, own);
    strides.push_back(own == 1 && shape[i] != 1 ? 0 : i < added ? 1 : own_strides[i - added]);
  }
  if (shape == x.shape()) return reshaped(Op::expand, x, shape);
  return record(
      Op::expand, x.alias(shape, strides),
      wrt(x, linear_in([shape = x.shape()](const Tensor& dy) { return sum_to(dy, shape); },
                       [shape](const Tensor& v) { return expand(v, shape); })));
}

namespace {

struct Range {
  std::int64_t start;
  std::int64_t count;
};

Range clip(std::int64_t start, std::optional<std::int64_t> end, std::int64_t step,
           std::int64_t extent) {
  const auto bound = [extent](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + extent : i, 0, extent);
  };
  const std::int64_t first = bound(start);
  const std::int64_t last = bound(end.value_or(extent));
  return {first, last > first ? (last - first - 1) / step + 1 : 0};
}

/// Elements start, start + step, … of `axis`, in the memory of x. Not recorded.
Tensor part(const Tensor& x, std::size_t axis, const Range& range, std::int64_t step) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[axis] = range.count;
  // No element or one alone: the start, the strides or the step may be any number.
  const std::int64_t offset = shape.numel() > 0 ? range.start * strides[axis] : 0;
  if (range.count > 1) strides[axis] *= step;
  return x.alias(shape, strides, offset);
}

/// Writes x there.
void write(const Tensor& x, const Tensor& y, std::size_t axis, const Range& range,
           std::int64_t step = 1) {
  detail::copy_values(x, part(y, axis, range, step));
}

/// Adds x to elements start, start + step, … of `axis` of `sum`.
void add_part(const Tensor& x, std::size_t axis, const Range& range, std::int64_t step,
              Tensor& sum) {
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < sum.shape().size(); ++i) inner *= sum.shape()[i];
  const std::int64_t extent = sum.shape()[axis];
  const Tensor values = in_rows(x);
  const profiler::Scope scope("add_part", [&] { return profiler::work_on({&x, &x}, 1); });
  dispatch_all_floating(x.dtype(), "slice", [&]<class T>() {
    const T* const from = values.data<T>();
    T* const to = sum.mutable_data<T>();
    const std::int64_t grain = kernels::grain_of(3 + 0.13 * static_cast<double>(inner));
    const std::int64_t rows = x.numel() / std::max<std::int64_t>(inner, 1);
    kernels::parallel_for(rows, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t place = range.start + row % range.count * step;
        T* const target = to + (row / range.count * extent + place) * inner;
        for (std::int64_t j = 0; j < inner; ++j)
          target[j] = static_cast<T>(target[j] + from[row * inner + j]);
      }
    });
  });
}

/// The gradients of several results, zeros where nothing depends on one.
std::vector<Tensor> with_zeros(std::span<Tensor> dys) {
  const Node& node = *detail::current_node();
  std::vector<Tensor> all;
  all.reserve(dys.size());
  for (std::size_t i = 0; i < dys.size(); ++i)
    all.push_back(dys[i].defined()
                      ? std::move(dys[i])
                      : Tensor::empty(node.result(i).shape, node.result(i).dtype).zero_());
  return all;
}

}  // namespace

// y = part of x;  dL/dx = dL/dy in its place, 0 elsewhere
Tensor slice(const Tensor& x, std::int64_t which, std::int64_t start,
             std::optional<std::int64_t> end, std::int64_t step) {
  const detail::Running running("slice", x);
  require<ValueError>(step > 0, "slice: a step of {}; it must be positive (see flip)", step);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "slice");
  const std::int64_t extent = x.shape()[axis];
  const Range range = clip(start, end, step, extent);
  const Shape& shape = x.shape();
  return record(Op::slice, part(x, axis, range, step),
                wrt(x, linear_in(part_rule(
                                     [shape, which, start, end, step](const Tensor& dy) {
                                       return slice_scatter(zeros(shape, {.dtype = dy.dtype()}), dy,
                                                            which, start, end, step);
                                     },
                                     [axis, range, step](Tensor& sum, const Tensor& dy) {
                                       add_part(dy, axis, range, step, sum);
                                     }),
                                 [which, start, end, step](const Tensor& v) {
                                   return slice(v, which, start, end, step);
                                 })));
}

// y = x but s in a part of it;  dL/dx = dL/dy but 0 there, dL/ds = that part of dL/dy
Tensor slice_scatter(Tensor x, const Tensor& source, std::int64_t which, std::int64_t start,
                     std::optional<std::int64_t> end, std::int64_t step) {
  const detail::Running running("slice_scatter", x, source);
  require<ValueError>(step > 0, "slice_scatter: a step of {}; it must be positive", step);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "slice_scatter");
  const Range range = clip(start, end, step, x.shape()[axis]);
  Shape shape = x.shape();
  shape[axis] = range.count;
  if (source.shape() != shape)
    raise<ShapeError>("slice_scatter: source {} for {}:{}:{} of axis {} of shape {}: it must be {}",
                      source.shape(), start, end ? fmt::to_string(*end) : "", step, which,
                      x.shape(), shape);
  require<DTypeError>(source.dtype() == x.dtype(), "{}: the source is {}, it must be {} as x is",
                      detail::running_or("slice_scatter"), source.dtype(), x.dtype());
  const Tensor y = changeable(x);
  write(source, y, axis, range, step);
  return record(
      Op::slice_scatter, y,
      wrt(x, linear_in(
                 [shape, which, start, end, step](Tensor dy) {
                   const Tensor none = expand(zeros({}, {.dtype = dy.dtype()}), shape);
                   return slice_scatter(std::move(dy), none, which, start, end, step);
                 },
                 [shape, which, start, end, step](const Tensor& v) {
                   const Tensor none = expand(zeros({}, {.dtype = v.dtype()}), shape);
                   return slice_scatter(v, none, which, start, end, step);
                 })),
      wrt(source, linear_in([which, start, end,
                             step](const Tensor& dy) { return slice(dy, which, start, end, step); },
                            [shape = x.shape(), which, start, end, step](const Tensor& v) {
                              return slice_scatter(zeros(shape, {.dtype = v.dtype()}), v, which,
                                                   start, end, step);
                            })));
}

namespace {

/// The place of element `index` of an axis, which may count from the back.
std::int64_t element_of(const char* operation, const Tensor& x, std::int64_t axis,
                        std::int64_t index) {
  const std::int64_t extent = x.shape()[normalize_axis(axis, x.shape().size(), operation)];
  require<ValueError>(index >= -extent && index < extent,
                      "{}: index {} of axis {}, which has {} elements (shape {})", operation, index,
                      axis, extent, x.shape());
  return index < 0 ? index + extent : index;
}

}  // namespace

Tensor select(const Tensor& x, std::int64_t axis, std::int64_t index) {
  const detail::Running running("select", x);
  const std::int64_t first = element_of("select", x, axis, index);
  return squeeze(slice(x, axis, first, first + 1), Axes(axis));
}

Tensor select_scatter(Tensor x, const Tensor& source, std::int64_t axis, std::int64_t index) {
  const detail::Running running("select_scatter", x, source);
  const std::int64_t first = element_of("select_scatter", x, axis, index);
  Shape shape = x.shape();
  shape.erase(normalize_axis(axis, shape.size(), "select_scatter"));
  require<ShapeError>(source.shape() == shape,
                      "select_scatter: source {} for element {} of axis {} of shape {}: it must "
                      "be {}",
                      source.shape(), index, axis, x.shape(), shape);
  return slice_scatter(std::move(x), unsqueeze(source, axis), axis, first, first + 1);
}

namespace {

/// Whether cat() lets x stand beside tensors of any shape, as PyTorch does.
bool is_nothing(const Tensor& x) { return x.shape() == Shape{0}; }

/// What cat() joins along `axis`, as it is given or in one dtype and number of axes.
std::vector<Tensor> met(const std::vector<Tensor>& tensors, const Shape& whole) {
  DType dtype = tensors.front().dtype();
  for (const Tensor& x : tensors) dtype = promote(dtype, x.dtype());
  std::vector<Tensor> result;
  result.reserve(tensors.size());
  for (const Tensor& x : tensors)
    result.push_back(to(is_nothing(x) && x.shape() != whole ? reshape(x, whole) : x, dtype));
  return result;
}

}  // namespace

// y = x₀, x₁, … side by side;  dL/dxᵢ = its part of dL/dy
Tensor cat(const std::vector<Tensor>& given, std::int64_t which) {
  const detail::Running running("cat", given);
  require<ValueError>(!given.empty(), "cat: no tensors");
  const auto something = std::find_if_not(given.begin(), given.end(), is_nothing);
  const Tensor& first = something == given.end() ? given.front() : *something;
  Shape whole = first.shape();
  const std::size_t axis = normalize_axis(which, whole.size(), "cat");
  whole[axis] = 0;
  const std::vector<Tensor> tensors = met(given, whole);
  std::vector<std::int64_t> sizes;
  for (const Tensor& x : tensors) {
    Shape expected = whole;
    if (axis < x.shape().size()) expected[axis] = x.shape()[axis];
    require<ShapeError>(
        x.shape() == expected,
        "cat: tensor {} has shape {}, the first {}; they may differ in axis {} only", sizes.size(),
        x.shape(), first.shape(), axis);
    sizes.push_back(x.shape()[axis]);
    whole[axis] = (Size(whole[axis], "cat") + x.shape()[axis]).value();
  }
  Tensor y = Tensor::empty(whole, tensors.front().dtype());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < tensors.size(); start += sizes[i++])
    write(tensors[i], y, axis, {start, sizes[i]});
  return record(Op::cat, y,
                wrt_all(tensors, reusable([sizes, axis](const Tensor& dy, const Needs&) {
                          return split(dy, sizes, static_cast<std::int64_t>(axis));
                        })));
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t axis) {
  const detail::Running running("stack", tensors);
  require<ValueError>(!tensors.empty(), "stack: no tensors");
  const Tensor& first = tensors.front();
  const auto at =
      static_cast<std::int64_t>(normalize_axis(axis, first.shape().size() + 1, "stack"));
  std::vector<Tensor> raised;
  raised.reserve(tensors.size());
  for (const Tensor& x : tensors) {
    require<ShapeError>(x.shape() == first.shape(),
                        "stack: tensor {} has shape {}, the first {}; they must be equal",
                        raised.size(), x.shape(), first.shape());
    raised.push_back(unsqueeze(x, at));
  }
  return cat(raised, at);
}

namespace {

void require_few_pieces(const Tensor& x, std::int64_t extent, std::int64_t size,
                        std::int64_t axis) {
  constexpr std::int64_t most = 1 << 24;  // tensors: each takes memory, even of no elements
  require<ValueError>((extent - 1) / size < most,
                      "{}: axis {} of shape {} in pieces of {} is more than {} tensors",
                      detail::running_or("split"), axis, x.shape(), size, most);
}

}  // namespace

std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t axis) {
  const detail::Running running("split", x);
  require<ValueError>(size > 0, "split: pieces of {}; the size must be positive", size);
  const std::int64_t extent = x.shape()[normalize_axis(axis, x.shape().size(), "split")];
  require_few_pieces(x, extent, size, axis);
  std::vector<std::int64_t> sizes;
  for (std::int64_t rest = extent; rest > 0; rest -= sizes.back())
    sizes.push_back(std::min(size, rest));
  return split(x, sizes.empty() ? std::vector<std::int64_t>{0} : sizes, axis);
}

// y₀, y₁, … = x in pieces;  dL/dx = the dL/dyᵢ side by side
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes,
                          std::int64_t which) {
  const detail::Running running("split", x);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "split");
  const std::int64_t extent = x.shape()[axis];
  std::int64_t start = 0;
  std::vector<Tensor> pieces;
  for (auto size : sizes) {
    require<ShapeError>(size >= 0 && size <= extent - start,
                        "split: pieces of {} do not make up axis {} of shape {}",
                        fmt::join(sizes, ", "), which, x.shape());
    pieces.push_back(part(x, axis, {start, size}, 1));
    start += size;
  }
  require<ShapeError>(start == extent, "split: pieces of {} do not make up axis {} of shape {}",
                      fmt::join(sizes, ", "), which, x.shape());
  return record(Op::split, std::move(pieces),
                wrt_all(x, [axis](std::span<Tensor> dys, const Needs&) {
                  return std::array{cat(with_zeros(dys), static_cast<std::int64_t>(axis))};
                }));
}

// y₀, y₁, … = x at each index of an axis;  dL/dx = the dL/dyᵢ stacked
std::vector<Tensor> unbind(const Tensor& x, std::int64_t which) {
  const detail::Running running("unbind", x);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "unbind");
  require_few_pieces(x, x.shape()[axis], 1, which);
  std::vector<Tensor> pieces;
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape.erase(axis);
  strides.erase(axis);
  for (std::int64_t i = 0; i < x.shape()[axis]; ++i) {
    const Tensor piece = part(x, axis, {i, 1}, 1);
    pieces.push_back(piece.alias(shape, strides));
  }
  return record(Op::unbind, std::move(pieces),
                wrt_all(x, [axis](std::span<Tensor> dys, const Needs&) {
                  return std::array{stack(with_zeros(dys), static_cast<std::int64_t>(axis))};
                }));
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t axis) {
  const detail::Running running("chunk", x);
  require<ValueError>(chunks > 0, "chunk: {} chunks; the number must be positive", chunks);
  const std::int64_t extent = x.shape()[normalize_axis(axis, x.shape().size(), "chunk")];
  return split(x, extent > 0 ? (extent - 1) / chunks + 1 : 1, axis);
}

// y = x backwards;  dL/dx = dL/dy backwards
Tensor flip(const Tensor& x, const Axes& which) {
  const detail::Running running("flip", x);
  require<ShapeError>(!which.empty(), "flip: no axes given");
  const Axes axes = normalize_axes(which, x.shape().size(), "flip");
  detail::Pattern backwards{x.shape(), x.strides()};
  for (auto axis : axes) {
    const auto i = static_cast<std::size_t>(axis);
    backwards.offset += (x.shape()[i] - 1) * backwards.strides[i];
    backwards.strides[i] = -backwards.strides[i];
  }
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  {
    const profiler::Scope scope("flip", [&] { return profiler::work_on({&x, &y}); });
    detail::copy_from(backwards, item_size(x.dtype()), x.impl()->data(), y.storage()->own());
  }
  return record(Op::flip, y,
                wrt(x, linear_in([axes](const Tensor& dy) { return flip(dy, axes); },
                                 [axes](const Tensor& v) { return flip(v, axes); })));
}

}  // namespace xgrad
