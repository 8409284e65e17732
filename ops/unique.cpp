#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/sorting.hpp>
#include <xgrad/ops/unique.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

namespace xgrad {
namespace {

using Places = std::vector<std::int64_t>;

/// Elements of so many values each, side by side.
struct Elements {
  Tensor rows;
  std::int64_t count;
  std::int64_t width;
};

template <class T>
bool are_equal(const T* a, const T* b, std::int64_t width) {
  return std::equal(a, a + width, b, [](T u, T v) { return u == v; });
}

/// By the first value that differs; NaN after all others.
template <class T>
bool comes_before(const T* a, const T* b, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    if (a[i] < b[i] || (b[i] != b[i] && a[i] == a[i])) return true;
    if (a[i] > b[i] || (a[i] != a[i] && b[i] == b[i])) return false;
  }
  return false;
}

/// The places of the elements in rising order, equal ones as they come.
Places in_order(const Elements& elements) {
  if (elements.width == 1)
    return argsort(reshape(elements.rows, {-1}), 0).to_vector<std::int64_t>();
  Places order(static_cast<std::size_t>(elements.count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  dispatch(elements.rows.dtype(), [&]<class T>() {
    const T* const values = elements.rows.data<T>();
    const std::int64_t width = elements.width;
    std::ranges::stable_sort(order, [=](std::int64_t a, std::int64_t b) {
      return comes_before(values + a * width, values + b * width, width);
    });
  });
  return order;
}

Places as_they_come(const Elements& elements) {
  Places order(static_cast<std::size_t>(elements.count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

Tensor tensor_of_places(const Places& places) {
  Tensor x = Tensor::empty({static_cast<std::int64_t>(places.size())}, int64);
  std::ranges::copy(places, x.mutable_data<std::int64_t>());
  return x;
}

/// Runs of equal elements in an order.
struct Runs {
  Places first;  ///< element of each run
  Places counts;
  Places inverse;  ///< the run of each element

  Runs(const Elements& elements, const Places& order)
      : inverse(static_cast<std::size_t>(elements.count)) {
    dispatch(elements.rows.dtype(), [&]<class T>() {
      const T* const values = elements.rows.data<T>();
      const auto element = [&](std::int64_t i) { return values + i * elements.width; };
      for (std::size_t i = 0; i < order.size(); ++i) {
        const bool is_new =
            i == 0 || !are_equal(element(order[i]), element(order[i - 1]), elements.width);
        if (is_new) {
          first.push_back(order[i]);
          counts.push_back(0);
        }
        ++counts.back();
        inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(first.size()) - 1;
      }
    });
  }
};

Unique runs_of(const char* operation, const Tensor& given, const UniqueOptions& options,
               Places (*order)(const Elements&)) {
  const detail::Running running(operation, given);
  const NoGradGuard guard;
  const Tensor x = given.detach();
  const auto axis = options.axis.value_or(0);
  if (options.axis) normalize_axis(axis, x.shape().size(), operation);
  const Tensor rows = in_rows(options.axis ? movedim(x, axis, 0) : reshape(x, {-1}));
  const std::int64_t count = rows.size(0);
  require<ShapeError>(count == 0 || rows.numel() > 0,
                      "{}: the elements of axis {} of shape {} have no values", operation, axis,
                      x.shape());
  const Elements elements{rows, count, count > 0 ? rows.numel() / count : 0};
  const Runs runs(elements, order(elements));
  Unique result;
  result.values = index_select(options.axis ? x : rows, axis, tensor_of_places(runs.first));
  if (options.return_inverse) {
    result.inverse = tensor_of_places(runs.inverse);
    if (!options.axis) result.inverse = reshape(result.inverse, x.shape());
  }
  if (options.return_counts) result.counts = tensor_of_places(runs.counts);
  return result;
}

}  // namespace

Unique unique(const Tensor& x, const UniqueOptions& options) {
  return runs_of("unique", x, options, in_order);
}

Unique unique_consecutive(const Tensor& x, const UniqueOptions& options) {
  return runs_of("unique_consecutive", x, options, as_they_come);
}

}  // namespace xgrad
