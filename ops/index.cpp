#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace xgrad {
namespace {

void check_dtype(const char* operation, const Tensor& index) {
  require<DTypeError>(index.dtype() == int64, "{}: the index is {}, it must be int64",
                      detail::running_or(operation), index.dtype());
}

/// Where an index may point to, and how an error calls it.
struct Axis {
  const char* operation;
  std::int64_t named;
  std::int64_t extent;

  void check(const std::int64_t* values, std::int64_t n) const {
    // A sign bit for i < 0 or extent − 1 < i, of all of them: vectors, where a search would stop.
    std::uint64_t signs = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto value = static_cast<std::uint64_t>(values[i]);
      signs |= value | (static_cast<std::uint64_t>(extent) - 1 - value);
    }
    const auto is_outside = [this](std::int64_t i) { return i < 0 || i >= extent; };
    if (signs >> 63 != 0)
      raise<ValueError>("{}: index {} is outside axis {}, which has {} elements", operation,
                        *std::find_if(values, values + n, is_outside), named, extent);
  }
};

/// The values of an index, all of which are of the axis.
const std::int64_t* check_index(const char* operation, const Tensor& index, std::int64_t extent,
                                std::int64_t axis) {
  check_dtype(operation, index);
  const std::int64_t* const values = index.data<std::int64_t>();
  Axis{detail::running_or(operation), axis, extent}.check(values, index.numel());
  return values;
}

void check_source(const char* operation, const Tensor& x, const Tensor& source) {
  operation = detail::running_or(operation);
  require<DTypeError>(source.dtype() == x.dtype(), "{}: the source is {}, it must be {} as x is",
                      operation, source.dtype(), x.dtype());
}

Tensor zeros_of(const Shape& shape, const Tensor& like) {
  return zeros(shape, {.dtype = like.dtype()});
}

/// x after change(source, values of x), pointers in row-major order, which it may do in the memory
/// of x.
template <Types types, class Change>
Tensor changed(Op op, const Tensor& x, const Tensor& source, const Change& change) {
  if (is_half(x.dtype()))
    return detail::converted(
        changed<types>(op, detail::widened(x), detail::widened(source), change), x.dtype());
  Tensor y = changeable(x);
  detail::visit_in<types>(
      Layout::plain, op, [&]<class T>(const T* from) { change(from, change_own_data<T>(y)); },
      source);
  return y;
}

/// Slabs of a tensor along an axis: `outer` times `extent` times `inner` elements.
struct Slabs {
  std::int64_t outer = 1;
  std::int64_t extent;
  std::int64_t inner = 1;

  Slabs(const Shape& shape, std::size_t axis) : extent(shape[axis]) {
    for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
    for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
    if (extent * inner == 0) outer = 0;  // slabs of nothing may be too many to count
  }
};

/// How many terms each target took since it was last put aside, what it began with being one. Empty
/// where nothing need be counted: where there are few terms, and for integers.
template <class T>
std::vector<std::uint16_t> counts_for(std::int64_t targets, std::int64_t terms) {
  const bool is_counted = !std::is_integral_v<T> && terms >= kernels::run;
  return std::vector<std::uint16_t>(static_cast<std::size_t>(is_counted ? targets : 0), 1);
}

/// Whether single values are added in wide numbers, rather than counted: they are no fewer than the
/// targets are, one of which may take `most`.
template <class T>
bool is_added_wide(std::int64_t targets, std::int64_t values, std::int64_t most) {
  return !std::is_same_v<kernels::Wide<T>, T> && most > kernels::run && targets <= values;
}

/// visit(f) calls f(target, value), which adds.
template <class T, class Visit>
void add_wide(std::int64_t targets, T* out, const Visit& visit) {
  using W = kernels::Wide<T>;
  std::vector<W> sums(out, out + targets);
  visit([to = sums.data()](std::int64_t target, T value) { to[target] += static_cast<W>(value); });
  std::ranges::transform(sums, out, [](W sum) { return static_cast<T>(sum); });
}

template <class T>
T plus(T a, T b) {
  return kernels::wrapping(std::plus(), a, b);
}

/// Adds rows of `width` values to targets, which lie `step` apart. A target takes as many terms as
/// accumulate.hpp allows a number; then what it holds is put aside, in wide numbers, and it starts
/// again from 0. So no more memory is needed than a count for each target, but for those that many
/// rows hit.
template <class T>
class Scattered {
 public:
  Scattered(std::int64_t width, std::int64_t step, std::vector<std::uint16_t>& counts, T* out)
      : width_(width), step_(step), out_(out), counts_(counts.empty() ? nullptr : counts.data()) {}

  void add(std::int64_t target, const T* row) {
    T* const to = out_ + target * step_;
    for (std::int64_t j = 0; j < width_; ++j) to[j] = plus(to[j], row[j]);
    if (counts_ != nullptr && ++counts_[target] == kernels::run) put_aside(target);
  }
  /// Calls visit(f), f(target, value) being add() for rows of one value.
  template <class Visit>
  void add_values(const Visit& visit) {
    // By value, so that the loop need not read them again after every write.
    if (counts_ == nullptr)
      visit([out = out_](std::int64_t target, T value) { out[target] = plus(out[target], value); });
    else
      visit([out = out_, counts = counts_, this](std::int64_t target, T value) {
        out[target] = plus(out[target], value);
        if (++counts[target] == kernels::run) put_aside(target);
      });
  }

  /// Adds what was put aside to the targets.
  void finish() {
    for (auto& [target, levels] : aside_) {
      T* const to = out_ + target * step_;
      for (std::int64_t j = 0; j < width_; ++j) {
        auto sum = static_cast<kernels::Wide<T>>(to[j]);
        for (const Level& level : levels) sum += level.sums[static_cast<std::size_t>(j)];
        to[j] = static_cast<T>(sum);
      }
    }
  }

 private:
  /// Numbers of a level take `run` terms each, then go to the next.
  struct Level {
    std::int64_t count = 0;
    std::vector<kernels::Wide<T>> sums;
  };

  /// The level, made where there is none.
  Level& level(std::vector<Level>& levels, std::size_t i) const {
    if (i == levels.size())
      levels.push_back({0, std::vector<kernels::Wide<T>>(static_cast<std::size_t>(width_))});
    return levels[i];
  }

  [[gnu::noinline]] void put_aside(std::int64_t target) {
    counts_[target] = 0;
    std::vector<Level>& levels = aside_[target];
    const auto move = [](auto* from, auto& sums) {
      for (auto& sum : sums) sum += static_cast<kernels::Wide<T>>(std::exchange(*from++, 0));
    };
    move(out_ + target * step_, level(levels, 0).sums);
    for (std::size_t i = 0; ++levels[i].count == kernels::run; ++i) {
      levels[i].count = 0;
      Level& next = level(levels, i + 1);  // may move the others
      move(levels[i].sums.data(), next.sums);
    }
  }

  std::int64_t width_;
  std::int64_t step_;
  T* out_;
  std::uint16_t* counts_;
  std::unordered_map<std::int64_t, std::vector<Level>> aside_;
};

// Nanoseconds that a value takes where rows of them are copied, and where they are added.
constexpr double copying = 0.3;
constexpr double adding = 0.4;

}  // namespace

// y = x at i;  dL/dx = dL/dy added at i
Tensor index_select(const Tensor& x, std::int64_t which, const Tensor& given) {
  const detail::Running running("index_select", x, given);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "index_select");
  require<ShapeError>(given.dim() == 1,
                      "index_select: the index has shape {}, it must have one axis", given.shape());
  const std::int64_t extent = x.shape()[axis];
  const Tensor index = in_rows(given);
  const std::int64_t* const chosen = check_index("index_select", index, extent, which);
  Shape shape = x.shape();
  shape[axis] = index.numel();
  const Slabs to(shape, axis);
  const Tensor y = compute<Types::all>(
      Op::index_select, shape,
      [&](const auto* from, auto* out) {
        const double cost = 3 + copying * static_cast<double>(to.inner);
        kernels::parallel_for(
            to.outer * to.extent, kernels::grain_of(cost),
            [&](std::int64_t begin, std::int64_t end) {
              for (std::int64_t row = begin; row < end; ++row) {
                const std::int64_t place = row / to.extent * extent + chosen[row % to.extent];
                std::copy_n(from + place * to.inner, to.inner, out + row * to.inner);
              }
            });
      },
      x);
  return record(Op::index_select, y,
                wrt(x, linear_in(
                           [axis, index = saved(index), shape = x.shape()](const Tensor& dy) {
                             return index_add(zeros_of(shape, dy), static_cast<std::int64_t>(axis),
                                              index(), dy);
                           },
                           [axis, index = saved(index)](const Tensor& v) {
                             return index_select(v, static_cast<std::int64_t>(axis), index());
                           })));
}

// y = x with α s added at i;  dL/dx = dL/dy, dL/ds = α dL/dy at i
Tensor index_add(Tensor x, std::int64_t which, const Tensor& given, const Tensor& source,
                 Scalar alpha) {
  const detail::Running running("index_add", x, given, source);
  require<DTypeError>(is_floating(x.dtype()) || alpha.kind() != float64,
                      "index_add: alpha is {}, a fraction, and x {}", alpha, x.dtype());
  if (alpha.to<double>() != 1) return index_add(std::move(x), which, given, source * alpha);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "index_add");
  const std::int64_t extent = x.shape()[axis];
  check_source("index_add", x, source);
  const Tensor index = in_rows(given);
  const std::int64_t* const chosen = check_index("index_add", index, extent, which);
  Shape fitting = x.shape();
  fitting[axis] = index.numel();
  require<ShapeError>(index.dim() == 1 && source.shape() == fitting,
                      "index_add: index {} and source {} for axis {} of shape {}: the index has "
                      "one axis, and the source an element of that axis for each of its own",
                      index.shape(), source.shape(), which, x.shape());
  const Slabs from(fitting, axis);
  const auto add_slab = [&]<class T>(const T* values, T* out) {
    const auto visit = [&, chosen](const auto& add) {
      for (std::int64_t i = 0; i < from.extent; ++i) add(chosen[i], values[i]);
    };
    if (from.inner == 1 && is_added_wide<T>(extent, from.extent, from.extent))
      return add_wide(extent, out, visit);
    // By columns, each of which adds its values in order, on however many threads.
    const auto add_columns = [&](std::int64_t begin, std::int64_t end) {
      auto counts = counts_for<T>(extent, from.extent);
      Scattered<T> targets(end - begin, from.inner, counts, out + begin);
      if (from.inner == 1)
        targets.add_values(visit);
      else
        for (std::int64_t i = 0; i < from.extent; ++i)
          targets.add(chosen[i], values + i * from.inner + begin);
      targets.finish();
    };
    constexpr std::int64_t line = 64 / sizeof(T);  // values that threads do not share
    const double cost = adding * static_cast<double>(from.extent);
    kernels::parallel_for(from.inner, std::max(line, kernels::grain_of(cost)), add_columns);
  };
  const Tensor y =
      changed<Types::numeric>(Op::index_add, x, source, [&]<class T>(const T* values, T* out) {
        const double cost = adding * static_cast<double>(from.extent * from.inner);
        kernels::parallel_for(
            from.outer, kernels::grain_of(cost), [&](std::int64_t begin, std::int64_t end) {
              for (std::int64_t o = begin; o < end; ++o)
                add_slab(values + o * from.extent * from.inner, out + o * extent * from.inner);
            });
      });
  return record(Op::index_add, y, wrt(x, elementwise([](const Tensor& dy) { return dy; })),
                wrt(source, linear_in(
                                [axis, index = saved(index)](const Tensor& dy) {
                                  return index_select(dy, static_cast<std::int64_t>(axis), index());
                                },
                                [axis, index = saved(index), shape = x.shape()](const Tensor& v) {
                                  return index_add(zeros_of(shape, v),
                                                   static_cast<std::int64_t>(axis), index(), v);
                                })));
}

namespace {

/// The elements of an index, as gather() and scatter() go by it, in slabs: those of one leading
/// index (before `axis`). No two slabs name the same elements of the tensor of shape `whole`.
class Gathered {
 public:
  /// `which` is the axis as the user called it.
  Gathered(const char* operation, std::int64_t which, const Tensor& index, const Shape& whole,
           std::size_t axis)
      : allowed_{detail::running_or(operation), which, whole[axis]},
        chosen_(index.data<std::int64_t>()),
        shape_(index.shape()),
        strides_(row_major(whole)),
        axis_(axis) {
    if (index.numel() == 0) return;  // the whole may have more elements than can be counted
    slabs_ = 1;
    for (std::size_t d = 0; d < axis; ++d) slabs_ *= shape_[d];
    for (std::size_t d = axis; d < shape_.size(); ++d) {
      each_ *= shape_[d];
      named_ *= whole[d];
    }
  }

  /// Of the index in a slab, and of the whole that it may name.
  std::int64_t each() const { return each_; }
  std::int64_t named() const { return named_; }
  /// Where what a slab may name begins in the whole.
  std::int64_t place(std::int64_t slab) const { return at(slab).second; }

  /// part(begin, end) for all slabs, several at once.
  template <class Part>
  void in_parts(const Part& part) const {
    kernels::parallel_for(slabs_, kernels::grain_of(0.6 * static_cast<double>(each_)), part);
  }

  /// f(i, j) for every element i of the index in these slabs and the element j it names; ValueError
  /// where there is none.
  template <class F>
  void visit(std::int64_t begin, std::int64_t end, const F& f) const {
    const std::size_t last = shape_.size() - 1;
    const std::int64_t width = shape_[last];
    const std::int64_t stride = strides_[axis_];
    auto [position, base] = at(begin);
    for (std::int64_t row = begin * each_; row < end * each_; row += width) {
      if (axis_ == last)
        visit_row(row, width, f, [=, at = base](auto, auto to) { return at + to; });
      else
        visit_row(row, width, f, [=, at = base](auto k, auto to) { return at + to * stride + k; });
      for (std::size_t d = last; d-- > 0;) {
        if (d != axis_) base += strides_[d];
        if (++position[d] < shape_[d]) break;
        if (d != axis_) base -= shape_[d] * strides_[d];
        position[d] = 0;
      }
    }
  }

 private:
  /// A slab's first position, and where it lies in the whole, the axis left out.
  std::pair<std::array<std::int64_t, Shape::max_size>, std::int64_t> at(std::int64_t slab) const {
    std::array<std::int64_t, Shape::max_size> position{};
    std::int64_t base = 0;
    for (std::size_t d = axis_; d-- > 0; slab /= shape_[d]) {
      position[d] = slab % shape_[d];
      base += position[d] * strides_[d];
    }
    return {position, base};
  }

  /// f(i, place(k, index[i])) for the k-th element of a row. A function of its own, in which the
  /// loop has all registers.
  template <class F, class Place>
  [[gnu::noinline]] void visit_row(std::int64_t row, std::int64_t width, const F& f,
                                   const Place& place) const {
    constexpr std::int64_t piece = 1024;  // what was checked is still near when it is used
    // Not behind pointers that the writes might reach.
    const F own = f;
    const Place own_place = place;
    const std::int64_t* const chosen = chosen_;
    for (std::int64_t first = 0; first < width; first += piece) {
      const std::int64_t end = std::min(first + piece, width);
      allowed_.check(chosen + row + first, end - first);
      for (std::int64_t k = first; k < end; ++k) own(row + k, own_place(k, chosen[row + k]));
    }
  }

  Axis allowed_;
  const std::int64_t* chosen_;
  const Shape& shape_;
  Strides strides_;
  std::size_t axis_;
  std::int64_t slabs_ = 0;
  std::int64_t each_ = 1;
  std::int64_t named_ = 1;
};

void check_gather_shapes(const char* operation, const Shape& whole, const Shape& index,
                         std::size_t axis) {
  operation = detail::running_or(operation);
  bool fits = index.size() == whole.size();
  for (std::size_t i = 0; fits && i < whole.size(); ++i) fits = i == axis || index[i] <= whole[i];
  require<ShapeError>(fits,
                      "{}: index {} for shape {} along axis {}: it needs as many axes and, but for "
                      "that axis, no larger extents",
                      operation, index, whole, axis);
}

/// The part of a source that has the shape of the index.
Tensor leading(const char* operation, const Tensor& source, const Shape& index) {
  operation = detail::running_or(operation);
  bool fits = source.shape().size() == index.size();
  for (std::size_t i = 0; fits && i < index.size(); ++i) fits = index[i] <= source.shape()[i];
  require<ShapeError>(fits, "{}: source {} for index {}: it needs as many axes, none shorter",
                      operation, source.shape(), index);
  Tensor part = source;
  for (std::size_t i = 0; i < index.size(); ++i)
    if (index[i] < source.shape()[i]) part = slice(part, static_cast<std::int64_t>(i), 0, index[i]);
  return part;
}

/// Which values of an index are the last of theirs along the axis.
Tensor is_last(const Tensor& index, std::int64_t axis, const Shape& whole) {
  const Tensor places = reshape(arange(index.numel()), index.shape());
  const Tensor last = scatter(zeros_of(whole, places), axis, index, places);
  return gather(last, axis, index) == places;
}

}  // namespace

// y = x at i;  dL/dx = dL/dy added at i
Tensor gather(const Tensor& x, std::int64_t which, const Tensor& given) {
  const detail::Running running("gather", x, given);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "gather");
  check_gather_shapes("gather", x.shape(), given.shape(), axis);
  const Tensor index = in_rows(given);
  check_dtype("gather", index);
  const Tensor y = compute<Types::all>(
      Op::gather, index.shape(),
      [&](const auto* from, auto* out) {
        const Gathered gathered("gather", which, index, x.shape(), axis);
        gathered.in_parts([&, from, out](std::int64_t begin, std::int64_t end) {
          gathered.visit(begin, end, [=](std::int64_t i, std::int64_t j) { out[i] = from[j]; });
        });
      },
      x);
  return record(Op::gather, y,
                wrt(x, linear_in(
                           [axis, index = saved(index), shape = x.shape()](const Tensor& dy) {
                             return scatter_add(zeros_of(shape, dy),
                                                static_cast<std::int64_t>(axis), index(), dy);
                           },
                           [axis, index = saved(index)](const Tensor& v) {
                             return gather(v, static_cast<std::int64_t>(axis), index());
                           })));
}

namespace {

/// Where a source goes, as scatter() and scatter_add() are told.
struct Targets {
  std::size_t axis;
  Tensor index;  // in rows
  Tensor part;   // of the source, in the shape of the index
};

Targets targets_of(const char* operation, const Tensor& x, std::int64_t which, const Tensor& given,
                   const Tensor& source) {
  const std::size_t axis = normalize_axis(which, x.shape().size(), operation);
  check_gather_shapes(operation, x.shape(), given.shape(), axis);
  check_source(operation, x, source);
  const Tensor index = in_rows(given);
  check_dtype(operation, index);
  return {axis, index, leading(operation, source, index.shape())};
}

}  // namespace

// y = x with s added at i;  dL/dx = dL/dy, dL/ds = dL/dy at i
Tensor scatter_add(Tensor x, std::int64_t which, const Tensor& given, const Tensor& source) {
  const detail::Running running("scatter_add", x, given, source);
  const Shape& shape = x.shape();
  const Targets targets = targets_of("scatter_add", x, which, given, source);
  const std::size_t axis = targets.axis;
  const Tensor &index = targets.index, &part = targets.part;
  const auto add_all = [&]<class T>(const T* from, T* out) {
    const Gathered gathered("scatter_add", which, index, shape, axis);
    const std::int64_t most = index.shape()[axis];  // values that one target may take
    const std::int64_t named = gathered.named();
    const bool is_wide = is_added_wide<T>(named, gathered.each(), most);
    auto counts = counts_for<T>(is_wide ? 0 : shape.numel(), most);
    gathered.in_parts([&, from, out](std::int64_t begin, std::int64_t end) {
      for (std::int64_t slab = begin; is_wide && slab < end; ++slab)
        add_wide(named, out + gathered.place(slab), [&](const auto& add) {
          gathered.visit(slab, slab + 1, [from, add, place = gathered.place(slab)](auto i, auto j) {
            add(j - place, from[i]);
          });
        });
      if (is_wide) return;
      Scattered<T> sums(1, 1, counts, out);
      sums.add_values([&](const auto& add) {
        gathered.visit(begin, end, [from, add](auto i, auto j) { add(j, from[i]); });
      });
      sums.finish();
    });
  };
  const Tensor y = changed<Types::numeric>(Op::scatter_add, x, part, add_all);
  return record(Op::scatter_add, y, wrt(x, elementwise([](const Tensor& dy) { return dy; })),
                wrt(part, linear_in(
                              [axis, index = saved(index)](const Tensor& dy) {
                                return gather(dy, static_cast<std::int64_t>(axis), index());
                              },
                              [axis, index = saved(index), shape](const Tensor& v) {
                                return scatter_add(zeros_of(shape, v),
                                                   static_cast<std::int64_t>(axis), index(), v);
                              })));
}

// y = x but s at i;  dL/dx = dL/dy but 0 at i, dL/ds = dL/dy at i where no later s took its place
Tensor scatter(Tensor x, std::int64_t which, const Tensor& given, const Tensor& source) {
  const detail::Running running("scatter", x, given, source);
  const Shape& shape = x.shape();
  const Targets targets = targets_of("scatter", x, which, given, source);
  const Tensor &index = targets.index, &part = targets.part;
  const Tensor y = changed<Types::all>(Op::scatter, x, part, [&](const auto* from, auto* out) {
    const Gathered gathered("scatter", which, index, shape, targets.axis);
    gathered.in_parts([&, from, out](std::int64_t begin, std::int64_t end) {
      gathered.visit(begin, end, [=](std::int64_t i, std::int64_t j) { out[j] = from[i]; });
    });
  });
  const auto axis = static_cast<std::int64_t>(targets.axis);
  return record(
      Op::scatter, y,
      wrt(x, linear_in([axis, index = saved(index)](
                           Tensor dy) { return scatter(std::move(dy), axis, index(), 0); },
                       [axis, index = saved(index)](const Tensor& v) {
                         return scatter(v, axis, index(), 0);
                       })),
      wrt(part, linear_in(
                    [axis, index = saved(index)](const Tensor& dy) {
                      return where(is_last(index(), axis, dy.shape()), gather(dy, axis, index()),
                                   0);
                    },
                    [axis, index = saved(index), shape](const Tensor& v) {
                      return scatter(zeros_of(shape, v), axis, index(), v);
                    })));
}

Tensor scatter(Tensor x, std::int64_t axis, const Tensor& index, Scalar value) {
  const detail::Running running("scatter", x, index);
  const Tensor number = full({}, value.as(x.dtype(), "scatter"), {.dtype = x.dtype()});
  return scatter(std::move(x), axis, index, expand(number, index.shape()));
}

}  // namespace xgrad
