#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace xgrad {
namespace {

using Places = std::vector<std::int64_t>;

/// Values and where they go, both flattened; `hits` says how many go to each place.
struct Flat {
  Tensor x;
  Tensor places;
  Tensor source;
  Tensor hits;
};

Tensor filled(const Shape& shape, Scalar value, const Tensor& like) {
  return full(shape, value, {.dtype = like.dtype()});
}

/// The places in row-major order of x that scatter() with this index writes to.
Tensor flat_places(const Tensor& x, std::size_t axis, const Tensor& index) {
  const Strides strides = row_major(x.shape());
  Tensor places = index * strides[axis];
  for (std::size_t i = 0; i < index.shape().size(); ++i) {
    if (i == axis) continue;
    Shape along;
    for (std::size_t j = 0; j < index.shape().size(); ++j)
      along.push_back(j == i ? index.shape()[i] : 1);
    places = places + reshape(arange(index.shape()[i]) * strides[i], along);
  }
  return reshape(places, {-1});
}

/// The part of a source that has the shape of the index.
Tensor leading(Tensor source, const Shape& index) {
  for (std::size_t i = 0; i < index.size(); ++i)
    if (index[i] < source.shape()[i])
      source = slice(source, static_cast<std::int64_t>(i), 0, index[i]);
  return source;
}

Tensor places_tensor(const Places& places) {
  Tensor x = Tensor::empty({static_cast<std::int64_t>(places.size())}, int64);
  std::ranges::copy(places, x.mutable_data<std::int64_t>());
  return x;
}

// Pairs of what goes to one place are multiplied, then pairs of these, until there is one for each:
// derivatives of multiplications, never a division.
Tensor products(const Flat& flat) {
  Places target = flat.places.to_vector<std::int64_t>();
  Places order(target.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, std::less(),
                           [&](std::int64_t i) { return target[static_cast<std::size_t>(i)]; });
  const auto target_of = [&](std::int64_t i) { return target[static_cast<std::size_t>(i)]; };
  Tensor values = flat.source;
  for (;;) {
    Places left, right, alone, paired, unpaired;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool is_pair = i + 1 < order.size() && target_of(order[i]) == target_of(order[i + 1]);
      (is_pair ? paired : unpaired).push_back(target_of(order[i]));
      (is_pair ? left : alone).push_back(order[i]);
      if (is_pair) right.push_back(order[++i]);
    }
    if (left.empty()) break;
    const auto at = [&](const Places& places) {
      return index_select(values, 0, places_tensor(places));
    };
    values = cat({at(left) * at(right), at(alone)});
    target = std::move(paired);
    target.insert(target.end(), unpaired.begin(), unpaired.end());
    order.resize(target.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::ranges::stable_sort(order, std::less(), target_of);
  }
  return scatter(filled(flat.x.shape(), 1, flat.x), 0, places_tensor(target), values);
}

/// The sum over how many there are; of integers rounded down.
Tensor mean_of(const Tensor& sum, const Tensor& counts) {
  if (is_floating(sum.dtype())) return sum / to(counts, sum.dtype());
  return map<Types::numeric>(
      "scatter_reduce", kernels::Formula{[](auto total, auto count) {
        if constexpr (std::is_floating_point_v<decltype(total)>) {
          return std::floor(total / count);
        } else {
          const auto quotient = total / count;
          return static_cast<decltype(total)>(quotient - (quotient * count > total ? 1 : 0));
        }
      }},
      sum, to(counts, sum.dtype()));
}

/// The largest of x and what goes there, or smallest, NaN if one is.
template <class IsBetter>
Tensor extremes(const Flat& flat, const IsBetter& is_better) {
  Tensor y = detail::converted(flat.x, flat.x.dtype());
  const std::int64_t* const places = flat.places.data<std::int64_t>();
  visit<Types::numeric>(
      Op::scatter_reduce,
      [&]<class T>(const T* from) {
        T* const to = change_own_data<T>(y);
        for (std::int64_t i = 0; i < flat.source.numel(); ++i) {
          T& best = to[places[i]];
          if (is_better(from[i], best) || from[i] != from[i]) best = from[i];
        }
      },
      flat.source);
  return y;
}

// y = max of x and the s that go there;  dL/dy is shared evenly by those that are equal to y
Tensor extreme(const Flat& given, bool largest) {
  const auto off = [](const Tensor& t) { return t.detach(); };
  const Flat flat{off(given.x), off(given.places), off(given.source), off(given.hits)};
  const Tensor y = no_grad(
      [&] { return largest ? extremes(flat, std::greater()) : extremes(flat, std::less()); });
  struct Shares {
    Tensor of_x, of_source;
  };
  const auto shares = [](const Tensor& x, const Tensor& source, const Tensor& places,
                         const Tensor& result, DType dtype) {
    const Tensor own = to(x == result, dtype);
    const Tensor theirs = to(source == index_select(result, 0, places), dtype);
    const Tensor all = index_add(own, 0, places, theirs);
    return Shares{own / all, theirs / index_select(all, 0, places)};
  };
  return record(
      Op::scatter_reduce, y,
      wrt_all(given.x, given.source,
              [shares, x = saved(given.x), s = saved(given.source), places = saved(given.places),
               y = saved_result(y)](const Tensor& dy, const Needs& needs) {
                const Shares share =
                    no_grad([&] { return shares(x(), s(), places(), y(), dy.dtype()); });
                std::array<Tensor, 2> result;
                if (needs[0]) result[0] = dy * share.of_x;
                if (needs[1]) result[1] = index_select(dy, 0, places()) * share.of_source;
                return result;
              }));
}

/// The value that does not change what is taken together with it.
Scalar neutral(DType dtype, std::string_view reduce) {
  if (reduce == "sum" || reduce == "mean") return 0;
  if (reduce == "prod") return 1;
  return dispatch(dtype, [&]<class T>() -> Scalar {
    if constexpr (std::is_integral_v<T>) {
      using Limits = std::numeric_limits<T>;
      return reduce == "amax" ? Limits::lowest() : Limits::max();
    } else {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      return reduce == "amax" ? -infinity : infinity;
    }
  });
}

Tensor reduced(const Flat& flat, std::string_view reduce, bool include_self) {
  if (reduce == "prod") return flat.x * products(flat);
  if (reduce == "amax" || reduce == "amin") return extreme(flat, reduce == "amax");
  const Tensor sum = index_add(flat.x, 0, flat.places, flat.source);
  if (reduce == "sum") return sum;
  return mean_of(sum, maximum(flat.hits + (include_self ? 1 : 0), 1));
}

}  // namespace

Tensor scatter_reduce(Tensor x, std::int64_t which, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self) {
  const detail::Running running("scatter_reduce", x, index, source);
  require<ValueError>(reduce == "sum" || reduce == "prod" || reduce == "mean" || reduce == "amax" ||
                          reduce == "amin",
                      "scatter_reduce: '{}'; it is 'sum', 'prod', 'mean', 'amax' or 'amin'",
                      reduce);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "scatter_reduce");
  no_grad([&] { return scatter(x.detach(), which, index, source.detach()); });  // checks them all
  if (is_half(x.dtype()))
    return in_float32(
        [&](const Tensor& wide, const Tensor& from) {
          return scatter_reduce(wide, which, index, from, reduce, include_self);
        },
        x, source);
  const Tensor part = leading(source, index.shape());
  Flat flat{reshape(x, {-1}), flat_places(x, axis, index), reshape(part, {-1}), {}};
  const Tensor none = zeros(flat.x.shape(), {.dtype = int64});
  flat.hits = index_add(none, 0, flat.places, ones(flat.places.shape(), {.dtype = int64}));
  if (!include_self)
    flat.x = where(flat.hits > 0, filled({}, neutral(x.dtype(), reduce), x), flat.x);
  return reshape(reduced(flat, reduce, include_self), x.shape());
}

}  // namespace xgrad
