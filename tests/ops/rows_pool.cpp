#include <xgrad/ops/pooling.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

Row single(const char* name, const Shape& shape, const Function& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

/// Of pool(x, window, options).
template <class Pool>
Rows max_rows(const Pool1dOptions&, const Pool& pool) {
  const Pool1dOptions uneven{.stride = 2, .padding = 1, .dilation = 2};
  return {single("windows of two", {2, 3, 8}, [=](const Tensor& x) { return pool(x, 2, {}); }),
          single("stepped, padded, dilated", {1, 2, 9},
                 [=](const Tensor& x) { return pool(x, 3, uneven); }),
          single("over the end", {2, 2, 8},
                 [=](const Tensor& x) { return pool(x, 3, {.stride = 2, .ceil_mode = true}); }),
          single("no batch", {3, 7}, [=](const Tensor& x) { return pool(x, 2, {.stride = 1}); }),
          single("no images", {0, 2, 6}, [=](const Tensor& x) { return pool(x, 2, {}); })};
}
template <class Pool>
Rows max_rows(const Pool2dOptions&, const Pool& pool) {
  const Pool2dOptions uneven{.stride = {1, 2}, .padding = {0, 1}, .dilation = {1, 2}};
  return {single("windows of four", {2, 2, 3, 6}, [=](const Tensor& x) { return pool(x, 2, {}); }),
          single("stepped, padded, dilated", {1, 2, 4, 7},
                 [=](const Tensor& x) {
                   return pool(x, {2, 3}, uneven);
                 }),
          single("over the end", {2, 2, 5, 6},
                 [=](const Tensor& x) { return pool(x, 3, {.stride = 2, .ceil_mode = true}); }),
          single("no batch", {3, 4, 5},
                 [=](const Tensor& x) {
                   return pool(x, {1, 2}, {});
                 }),
          single("no images", {0, 2, 4, 4}, [=](const Tensor& x) { return pool(x, 2, {}); })};
}
template <class Pool>
Rows max_rows(const Pool3dOptions&, const Pool& pool) {
  const Pool3dOptions uneven{.stride = {1, 2, 1}, .padding = {1, 0, 1}, .dilation = {1, 2, 2}};
  return {
      single("windows of eight", {1, 2, 4, 2, 6}, [=](const Tensor& x) { return pool(x, 2, {}); }),
      single("stepped, padded, dilated", {1, 2, 3, 5, 4},
             [=](const Tensor& x) {
               return pool(x, {2, 2, 2}, uneven);
             }),
      single("over the end", {2, 1, 3, 4, 5},
             [=](const Tensor& x) { return pool(x, 2, {.ceil_mode = true}); }),
      single("no batch", {2, 2, 3, 3},
             [=](const Tensor& x) {
               return pool(x, {1, 2, 3}, {.stride = 1});
             }),
      single("no images", {0, 1, 2, 2, 2}, [=](const Tensor& x) { return pool(x, 2, {}); })};
}

/// max_rows of a pool over so many axes.
template <int rank, class Pool>
Rows max_rows_of(const Pool& f) {
  return max_rows(PoolOptions<rank>{},
                  [f](const Tensor& x, const Extents<rank>& kernel,
                      const PoolOptions<rank>& options) { return f(x, kernel, options); });
}
template <int rank, class Pool>
Rows indexed_rows_of(const Pool& f) {
  return max_rows_of<rank>([f](const auto&... a) { return f(a...).values; });
}
/// The same for means, whose windows have no dilation; `divisor` is an override, or 0 for none.
template <int rank, class Pool>
Rows avg_rows_of(const Pool& f) {
  Rows all;
  for (const std::int64_t divisor : {0, 3})
    for (const bool count_padding : {false, true}) {
      if (divisor != 0 && count_padding) continue;
      for (Row row : max_rows_of<rank>(
               [=](const Tensor&x, const Extents<rank>&kernel, const PoolOptions<rank>&o) {
                 AvgPoolOptions<rank> options{.stride = o.stride,
                                              .padding = o.padding,
                                              .ceil_mode = o.ceil_mode,
                                              .count_include_pad = count_padding};
                 if (divisor != 0) options.divisor_override = divisor;
                 return f(x, kernel, options);
               })) {
        row.name += divisor != 0 ? ", a third" : count_padding ? ", padding counts" : "";
        all.push_back(row);
      }
    }
  return all;
}

}  // namespace

template <>
Rows rows<Op::max_pool1d>() {
  return max_rows_of<1>(max_pool1d);
}
template <>
Rows rows<Op::max_pool3d>() {
  return max_rows_of<3>(max_pool3d);
}
template <>
Rows rows<Op::max_pool1d_with_indices>() {
  return indexed_rows_of<1>(max_pool1d_with_indices);
}
template <>
Rows rows<Op::max_pool2d_with_indices>() {
  return indexed_rows_of<2>(max_pool2d_with_indices);
}
template <>
Rows rows<Op::max_pool3d_with_indices>() {
  return indexed_rows_of<3>(max_pool3d_with_indices);
}
template <>
Rows rows<Op::avg_pool1d>() {
  return avg_rows_of<1>(avg_pool1d);
}
template <>
Rows rows<Op::avg_pool3d>() {
  return avg_rows_of<3>(avg_pool3d);
}

template <>
Rows rows<Op::mean_under_input>() {
  const auto of = [](const char* name, const Shape& dy, const Shape& shape, Extents<2> kernel,
                     const Pool2dOptions& options, const kernels::Divisor& divisor) {
    const kernels::Windows w = xgrad::detail::pool_windows("row", shape, kernel, options);
    return single(name, dy, [=](const Tensor& x) {
      return xgrad::detail::mean_under_input(Op::avg_pool2d, x, shape, 2, w, divisor);
    });
  };
  return {of("windows of four", {1, 2, 2, 3}, {1, 2, 4, 7}, 2, {}, {}),
          of("overlapping, padded", {1, 2, 4, 3}, {1, 2, 4, 5}, 3, {.stride = {1, 2}, .padding = 1},
             {.count_padding = true}),
          of("over the end", {1, 1, 2, 2}, {1, 1, 3, 3}, 2, {.ceil_mode = true}, {.number = 3})};
}

namespace {

template <int rank>
using Adaptive = Tensor (*)(const Tensor&, Extents<rank>);
template <int rank>
using AdaptiveRanked = Ranked (*)(const Tensor&, Extents<rank>);

Rows adaptive_rows(const std::function<Tensor(const Tensor&, Extents<1>)>& pool) {
  return {
      single("even", {2, 3, 6}, [=](const Tensor& x) { return pool(x, 3); }),
      single("overlapping", {2, 2, 7}, [=](const Tensor& x) { return pool(x, 3); }),
      single("more than there are", {1, 2, 3}, [=](const Tensor& x) { return pool(x, 5); }),
      single("one", {2, 3, 4}, [=](const Tensor& x) { return pool(x, 1); }),
      single("no batch, unchanged", {2, 5}, [=](const Tensor& x) { return pool(x, unchanged); }),
      single("none", {2, 2, 5}, [=](const Tensor& x) { return pool(x, 0); }),
      single("no images", {0, 2, 5}, [=](const Tensor& x) { return pool(x, 2); })};
}
Rows adaptive_rows(const std::function<Tensor(const Tensor&, Extents<2>)>& pool) {
  return {single("even", {2, 3, 3, 6}, [=](const Tensor& x) { return pool(x, 3); }),
          single("overlapping", {1, 2, 5, 4},
                 [=](const Tensor& x) {
                   return pool(x, {3, 7});
                 }),
          single("one", {2, 3, 2, 4}, [=](const Tensor& x) { return pool(x, 1); }),
          single("no batch, unchanged", {2, 3, 5},
                 [=](const Tensor& x) {
                   return pool(x, {unchanged, 2});
                 }),
          single("no images", {0, 2, 3, 3}, [=](const Tensor& x) { return pool(x, 2); })};
}
Rows adaptive_rows(const std::function<Tensor(const Tensor&, Extents<3>)>& pool) {
  return {single("even", {1, 2, 2, 4, 2}, [=](const Tensor& x) { return pool(x, 2); }),
          single("overlapping", {1, 2, 3, 2, 5},
                 [=](const Tensor& x) {
                   return pool(x, {2, 3, 3});
                 }),
          single("one", {2, 3, 2, 1, 3}, [=](const Tensor& x) { return pool(x, 1); }),
          single("no batch, unchanged", {2, 3, 2, 2},
                 [=](const Tensor& x) {
                   return pool(x, {2, unchanged, 1});
                 }),
          single("no images", {0, 2, 3, 3, 3}, [=](const Tensor& x) { return pool(x, 2); })};
}

template <int rank>
Rows adaptive_rows_of(Adaptive<rank> f) {
  return adaptive_rows(std::function<Tensor(const Tensor&, Extents<rank>)>(f));
}
template <int rank>
Rows adaptive_rows_of(AdaptiveRanked<rank> f) {
  return adaptive_rows(std::function<Tensor(const Tensor&, Extents<rank>)>(
      [f](const Tensor& x, Extents<rank> size) { return f(x, size).values; }));
}

}  // namespace

template <>
Rows rows<Op::adaptive_avg_pool1d>() {
  return adaptive_rows_of<1>(adaptive_avg_pool1d);
}
template <>
Rows rows<Op::adaptive_avg_pool2d>() {
  return adaptive_rows_of<2>(adaptive_avg_pool2d);
}
template <>
Rows rows<Op::adaptive_avg_pool3d>() {
  return adaptive_rows_of<3>(adaptive_avg_pool3d);
}
template <>
Rows rows<Op::adaptive_max_pool1d>() {
  return adaptive_rows_of<1>(adaptive_max_pool1d);
}
template <>
Rows rows<Op::adaptive_max_pool2d>() {
  return adaptive_rows_of<2>(adaptive_max_pool2d);
}
template <>
Rows rows<Op::adaptive_max_pool3d>() {
  return adaptive_rows_of<3>(adaptive_max_pool3d);
}
template <>
Rows rows<Op::adaptive_max_pool1d_with_indices>() {
  return adaptive_rows_of<1>(adaptive_max_pool1d_with_indices);
}
template <>
Rows rows<Op::adaptive_max_pool2d_with_indices>() {
  return adaptive_rows_of<2>(adaptive_max_pool2d_with_indices);
}
template <>
Rows rows<Op::adaptive_max_pool3d_with_indices>() {
  return adaptive_rows_of<3>(adaptive_max_pool3d_with_indices);
}

template <>
Rows rows<Op::max_unpool1d>() {
  const Tensor places = max_pool1d_with_indices(normal({2, 3, 8}, 5), 2).indices;
  const Tensor one = max_pool1d_with_indices(normal({2, 7}, 6), 3, {.stride = 3}).indices;
  return {single("windows of two", {2, 3, 4},
                 [=](const Tensor& x) { return max_unpool1d(x, places, 2); }),
          single("no batch, a size", {2, 2},
                 [=](const Tensor& x) {
                   return max_unpool1d(x, one, 3, {.stride = 3, .output_size = {7}});
                 }),
          single("one place twice", {1, 1, 3}, [](const Tensor& x) {
            return max_unpool1d(x, tensor({{{1, 1, 4}}}), 2);
          })};
}
template <>
Rows rows<Op::max_unpool2d>() {
  const Tensor places = max_pool2d_with_indices(normal({2, 2, 4, 6}, 5), 2).indices;
  const Tensor odd = max_pool2d_with_indices(normal({1, 2, 5, 7}, 6), 3, {.stride = 2}).indices;
  return {
      single("windows of four", {2, 2, 2, 3},
             [=](const Tensor& x) { return max_unpool2d(x, places, 2); }),
      single("no batch", {2, 2, 3}, [=](const Tensor& x) { return max_unpool2d(x, places[0], 2); }),
      single("overlapping, a size", {1, 2, 2, 3}, [=](const Tensor& x) {
        return max_unpool2d(x, odd, 3, {.stride = 2, .output_size = {1, 2, 5, 7}});
      })};
}
template <>
Rows rows<Op::max_unpool3d>() {
  const Tensor places = max_pool3d_with_indices(normal({1, 2, 2, 4, 2}, 5), 2).indices;
  return {single("windows of eight", {1, 2, 1, 2, 1},
                 [=](const Tensor& x) { return max_unpool3d(x, places, 2); }),
          single("no batch, a size", {2, 1, 2, 1}, [=](const Tensor& x) {
            return max_unpool3d(x, places[0], {3, 2, 2}, {.stride = 2, .output_size = {3, 4, 2}});
          })};
}

template <>
Rows rows<Op::lp_pool1d>() {
  return {
      single("lengths", {2, 3, 6}, [](const Tensor& x) { return lp_pool1d(x, 2, 2); }),
      single("over the end, no batch", {3, 7},
             [](const Tensor& x) { return lp_pool1d(x, 2, 3, {.stride = 2, .ceil_mode = true}); }),
      {"other powers", {uniform({2, 2, 5}, 0.5, 2)}, [](const Inputs& x) {
         return lp_pool1d(x[0], 3.5, 2, {.stride = 1});
       }}};
}
template <>
Rows rows<Op::lp_pool2d>() {
  return {single("lengths", {2, 3, 2, 6}, [](const Tensor& x) { return lp_pool2d(x, 2, 2); }),
          {"other powers", {uniform({2, 2, 3, 5}, 0.5, 2)}, [](const Inputs& x) {
             return lp_pool2d(x[0], -1, {2, 3}, {.stride = {1, 2}, .ceil_mode = true});
           }}};
}
template <>
Rows rows<Op::lp_pool3d>() {
  return {single("lengths", {1, 2, 2, 3, 2},
                 [](const Tensor& x) {
                   return lp_pool3d(x, 2, {2, 1, 2});
                 }),
          {"other powers", {uniform({2, 3, 3, 3}, 0.5, 2)}, [](const Inputs& x) {
             return lp_pool3d(x[0], 3, 2, {.stride = 1});
           }}};
}

template <>
Rows rows<Op::im2col>() {
  const FoldOptions uneven{.dilation = {1, 2}, .padding = {2, 1}, .stride = {2, 1}};
  return {single("windows of four", {2, 2, 3, 4}, [](const Tensor& x) { return unfold(x, 2); }),
          single("uneven", {1, 2, 4, 5},
                 [=](const Tensor& x) {
                   return unfold(x, {3, 2}, uneven);
                 }),
          single("windows in the padding", {1, 1, 2, 2},
                 [](const Tensor& x) { return unfold(x, 1, {.padding = 3, .stride = 2}); }),
          single("no batch", {2, 3, 3},
                 [](const Tensor& x) {
                   return unfold(x, {1, 3});
                 }),
          single("no images", {0, 2, 3, 3}, [](const Tensor& x) { return unfold(x, 2); })};
}
template <>
Rows rows<Op::fold>() {
  const FoldOptions uneven{.dilation = {1, 2}, .padding = {2, 1}, .stride = {2, 1}};
  return {single("windows of four", {2, 8, 6},
                 [](const Tensor& x) {
                   return fold(x, {3, 4}, 2);
                 }),
          single("uneven", {1, 12, 15},
                 [=](const Tensor& x) {
                   return fold(x, {4, 5}, {3, 2}, uneven);
                 }),
          single("no batch", {6, 3},
                 [](const Tensor& x) {
                   return fold(x, 3, {1, 3});
                 }),
          single("no images", {0, 8, 4}, [](const Tensor& x) { return fold(x, 3, 2); })};
}

}  // namespace table
