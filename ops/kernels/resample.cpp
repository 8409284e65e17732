#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/resample.hpp>

#include <algorithm>
#include <array>

namespace xgrad::kernels {

Runs::Runs(std::int64_t extent, std::int64_t places, std::int64_t most, const char* operation)
    : in(extent),
      first(values_of<std::int64_t>(places, operation)),
      start(values_of<std::int64_t>((Size(places, operation) + 1).value(), operation)),
      weight(values_of<double>((Size(places, operation) * most).value(), operation)) {}

void Runs::add(std::int64_t from, std::span<const double> weights) {
  first[added_] = from;
  std::ranges::copy(weights, weight.begin() + start[added_]);
  start[added_ + 1] = start[added_] + static_cast<std::int64_t>(weights.size());
  ++added_;
}

Runs transposed(const Runs& runs, const char* operation) {
  const auto extent = static_cast<std::size_t>(runs.in);
  // The places that take from i: from begin[i] to before end[i].
  auto begin = values_of<std::int64_t>(runs.in, operation);
  auto end = values_of<std::int64_t>(runs.in, operation);
  for (std::int64_t j = runs.out(); j-- > 0;)
    for (std::int64_t k = 0; k < runs.count(j); ++k) {
      const auto i = static_cast<std::size_t>(runs.first[static_cast<std::size_t>(j)] + k);
      if (end[i] == 0) end[i] = j + 1;
      begin[i] = j;
    }
  std::int64_t most = 0;
  for (std::size_t i = 0; i < extent; ++i) most = std::max(most, end[i] - begin[i]);
  Runs result(runs.out(), runs.in, most, operation);
  std::vector<double> weights;
  for (std::size_t i = 0; i < extent; ++i) {
    weights.assign(static_cast<std::size_t>(end[i] - begin[i]), 0);
    for (std::int64_t j = begin[i]; j < end[i]; ++j) {
      const auto at = static_cast<std::size_t>(j);
      const std::int64_t k = static_cast<std::int64_t>(i) - runs.first[at];
      if (k >= 0 && k < runs.count(j))
        weights[static_cast<std::size_t>(j - begin[i])] =
            runs.weight[static_cast<std::size_t>(runs.start[at] + k)];
    }
    result.add(begin[i], weights);
  }
  result.finish();
  return result;
}

namespace {

/// Values side by side that are summed at once.
constexpr std::int64_t tile = 64;

/// One axis of a plane: x [outer, in, inner] to y [outer, out, inner].
template <class T>
struct Step {
  const Runs* runs;
  std::int64_t outer, inner;
  std::vector<T> weight;

  std::int64_t in() const { return runs->in; }
  std::int64_t out() const { return runs->out(); }
  std::int64_t size() const { return outer * out() * inner; }
  /// Nanoseconds that a place of y takes.
  double cost() const {
    const double terms = static_cast<double>(weight.size()) / static_cast<double>(out());
    return 2 + (inner == 1 ? 0.8 : 0.15) * static_cast<double>(inner) * (1 + terms);
  }
};

/// y[i] = Σₖ w[k] x[k · inner + i] for i < inner.
template <int Count, class T>
void combine_few(const T* w, const T* x, std::int64_t inner, T* y) {
  std::array<T, Count> own;
  std::copy_n(w, Count, own.begin());
  for (std::int64_t i = 0; i < inner; ++i) {
    T sum = own[0] * x[i];
    for (int k = 1; k < Count; ++k) sum += own[static_cast<std::size_t>(k)] * x[k * inner + i];
    y[i] = sum;
  }
}

/// The same of any number of terms, for width ≤ tile.
template <class T>
void combine_many(std::int64_t count, const T* w, const T* x, std::int64_t inner,
                  std::int64_t width, T* y) {
  using W = Wide<T>;
  const auto leaf = [&](std::int64_t block, W* to) {
    std::array<T, tile> sums{};
    for (std::int64_t k = block * run; k < std::min(count, (block + 1) * run); ++k)
      for (std::int64_t i = 0; i < width; ++i)
        sums[static_cast<std::size_t>(i)] += w[k] * x[k * inner + i];
    std::copy_n(sums.begin(), width, to);
  };
  std::array<W, tile> total;
  std::array<W, most_depth * tile> room;
  join_blocks(
      0, (count + run - 1) / run, width, leaf, [](W a, W b) { return a + b; }, total.data(),
      room.data());
  for (std::int64_t i = 0; i < width; ++i)
    y[i] = static_cast<T>(total[static_cast<std::size_t>(i)]);
}

template <class T>
void combine(std::int64_t count, const T* w, const T* x, std::int64_t inner, T* y) {
  switch (count) {
    case 0:
      std::fill_n(y, inner, T(0));
      return;
    case 1:
      return combine_few<1>(w, x, inner, y);
    case 2:
      return combine_few<2>(w, x, inner, y);
    case 3:
      return combine_few<3>(w, x, inner, y);
    case 4:
      return combine_few<4>(w, x, inner, y);
    default:
      break;
  }
  for (std::int64_t i = 0; i < inner; i += tile)
    combine_many(count, w, x + i, inner, std::min(tile, inner - i), y + i);
}

template <class T>
T dot(std::int64_t count, const T* w, const T* x) {
  if (count <= 16) {
    T sum = 0;
    for (std::int64_t k = 0; k < count; ++k) sum += w[k] * x[k];
    return sum;
  }
  Wide<T> sum;
  sum_lanes<1, T>(count, &sum, [w, x](std::int64_t k, std::size_t) { return w[k] * x[k]; });
  return static_cast<T>(sum);
}

/// Places from `begin` to `end` of a row that have so many weights each.
template <int Count, class T>
void row_of(const std::int64_t* first, const T* w, std::int64_t begin, std::int64_t end, const T* x,
            T* y) {
  for (std::int64_t j = begin; j < end; ++j) {
    const T* const from = x + first[j];
    const T* const weight = w + (j - begin) * Count;
    T sum = weight[0] * from[0];
    for (int k = 1; k < Count; ++k) sum += weight[k] * from[k];
    y[j] = sum;
  }
}

/// A row x [in] to y [out]: most of its places, but for those at the ends, take the same number.
template <class T>
class Row {
 public:
  explicit Row(const Step<T>& step) : runs_(*step.runs), w_(step.weight.data()) {
    const std::int64_t middle = runs_.out() / 2;
    count_ = runs_.count(middle);
    begin_ = end_ = middle;
    while (begin_ > 0 && runs_.count(begin_ - 1) == count_) --begin_;
    while (end_ < runs_.out() && runs_.count(end_) == count_) ++end_;
  }

  void operator()(const T* x, T* y) const {
    singly(0, begin_, x, y);
    const T* const w = w_ + runs_.start[static_cast<std::size_t>(begin_)];
    const std::int64_t* const first = runs_.first.data();
    switch (count_) {
      case 1:
        row_of<1>(first, w, begin_, end_, x, y);
        break;
      case 2:
        row_of<2>(first, w, begin_, end_, x, y);
        break;
      case 4:
        row_of<4>(first, w, begin_, end_, x, y);
        break;
      default:
        singly(begin_, end_, x, y);
    }
    singly(end_, runs_.out(), x, y);
  }

 private:
  void singly(std::int64_t begin, std::int64_t end, const T* x, T* y) const {
    for (std::int64_t j = begin; j < end; ++j) {
      const auto at = static_cast<std::size_t>(j);
      y[j] = dot(runs_.count(j), w_ + runs_.start[at], x + runs_.first[at]);
    }
  }

  const Runs& runs_;
  const T* w_;
  std::int64_t count_, begin_, end_;
};

template <class T>
void apply(const Step<T>& step, const T* x, T* y) {
  const std::int64_t in = step.in();
  const std::int64_t out = step.out();
  const std::int64_t inner = step.inner;
  if (inner == 1) {
    const Row<T> row(step);
    parallel_for(step.outer, grain_of(step.cost() * static_cast<double>(out)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t o = begin; o < end; ++o) row(x + o * in, y + o * out);
                 });
    return;
  }
  parallel_for(step.outer * out, grain_of(step.cost()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const auto j = static_cast<std::size_t>(at % out);
      const Runs& runs = *step.runs;
      combine(runs.start[j + 1] - runs.start[j], step.weight.data() + runs.start[j],
              x + (at / out * in + runs.first[j]) * inner, inner, y + at * inner);
    }
  });
}

/// What is to be done in which order: first the axes that shrink, then those that grow, the last of
/// them first, so that rows are read one by one where there are the fewest.
template <class T>
std::vector<Step<T>> steps_of(std::span<const Runs* const> axes,
                              std::span<const std::int64_t> extents, std::int64_t lanes) {
  std::vector<std::int64_t> now(extents.begin(), extents.end());
  std::vector<Step<T>> steps;
  const auto add = [&](std::size_t axis) {
    Size outer(1, "interpolate");
    Size inner(lanes, "interpolate");
    for (std::size_t i = 0; i < axis; ++i) outer = outer * now[i];
    for (std::size_t i = axis + 1; i < now.size(); ++i) inner = inner * now[i];
    const Runs& runs = *axes[axis];
    auto weight = values_of<T>(static_cast<std::int64_t>(runs.weight.size()), "interpolate");
    std::ranges::transform(runs.weight, weight.begin(),
                           [](double value) { return static_cast<T>(value); });
    now[axis] = runs.out();
    (outer * inner * runs.out()).value();  // tells what no memory holds
    steps.push_back({&runs, outer.value(), inner.value(), std::move(weight)});
  };
  const auto shrinks = [&](std::size_t axis) { return axes[axis]->out() <= axes[axis]->in; };
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != nullptr && shrinks(i)) add(i);
  for (std::size_t i = axes.size(); i-- > 0;)
    if (axes[i] != nullptr && !shrinks(i)) add(i);
  return steps;
}

}  // namespace

template <class T>
void resample(std::int64_t planes, std::span<const Runs* const> axes,
              std::span<const std::int64_t> extents, std::int64_t lanes, const T* x, T* y) {
  if (planes == 0) return;
  const std::vector<Step<T>> steps = steps_of<T>(axes, extents, lanes);
  std::int64_t in = lanes;
  for (const std::int64_t extent : extents) in *= extent;
  if (steps.empty()) {
    std::copy_n(x, planes * in, y);
    return;
  }
  const std::int64_t out = steps.back().size();
  double cost = 0;
  std::int64_t between = 0;  // values of the largest result on the way
  for (const Step<T>& step : steps) {
    cost += step.cost() * static_cast<double>(step.outer) * static_cast<double>(step.out());
    if (&step != &steps.back()) between = std::max(between, step.size());
  }
  // Where planes are few, each axis is shared out by itself.
  parallel_for(planes, grain_of(cost), [&](std::int64_t begin, std::int64_t end) {
    std::array<std::vector<T>, 2> room;
    for (std::size_t i = 0; i < std::min<std::size_t>(room.size(), steps.size() - 1); ++i)
      room[i] = values_of<T>(between, "interpolate");
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const T* from = x + plane * in;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        T* const to = i + 1 == steps.size() ? y + plane * out : room[i % 2].data();
        apply(steps[i], from, to);
        from = to;
      }
    }
  });
}

template void resample(std::int64_t, std::span<const Runs* const>, std::span<const std::int64_t>,
                       std::int64_t, const float*, float*);
template void resample(std::int64_t, std::span<const Runs* const>, std::span<const std::int64_t>,
                       std::int64_t, const double*, double*);

}  // namespace xgrad::kernels
