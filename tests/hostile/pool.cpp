// Pools, windows as columns.

#include "hostile.hpp"

using namespace hostile;

namespace {

/// Numbers for so many axes, one of them hostile.
template <int rank>
Extents<rank> extents(Arguments& from, std::int64_t usual) {
  Extents<rank> all = usual;
  all[rank - 1] = from.size(usual);
  if (rank > 1) all[0] = from.size(usual);
  return all;
}

template <int rank>
Shape images() {
  return rank == 1 ? Shape{2, 3, 6} : rank == 2 ? Shape{2, 3, 6, 6} : Shape{2, 3, 4, 6, 6};
}

template <int rank>
PoolOptions<rank> max_options(Arguments& from) {
  const auto stride = extents<rank>(from, 2);
  const auto padding = extents<rank>(from, 1);
  const auto dilation = extents<rank>(from, 1);
  return {stride, padding, dilation, from.flag()};
}

template <int rank>
Row max_row(const std::string& name,
            Tensor (*f)(const Tensor&, Extents<rank>, const PoolOptions<rank>&)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const auto kernel = extents<rank>(from, 2);
            Arguments::use(f(x, kernel, max_options<rank>(from)));
          }};
}

template <int rank>
Row indexed_row(const std::string& name,
                Ranked (*f)(const Tensor&, Extents<rank>, const PoolOptions<rank>&)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const auto kernel = extents<rank>(from, 2);
            const auto [largest, places] = f(x, kernel, max_options<rank>(from));
            Arguments::use({largest, places});
          }};
}

template <int rank>
Row avg_row(const std::string& name,
            Tensor (*f)(const Tensor&, Extents<rank>, const AvgPoolOptions<rank>&)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const auto kernel = extents<rank>(from, 2);
            const auto stride = extents<rank>(from, 2);
            const auto padding = extents<rank>(from, 1);
            const bool ceil_mode = from.flag();
            const bool count_padding = from.flag(true);
            Arguments::use(f(x, kernel, {stride, padding, ceil_mode, count_padding, from.size(3)}));
          }};
}

template <int rank>
Row lp_row(const std::string& name,
           Tensor (*f)(const Tensor&, double, Extents<rank>, const LpPoolOptions<rank>&)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const double p = from.real(2);
            const auto kernel = extents<rank>(from, 2);
            const auto stride = extents<rank>(from, 2);
            Arguments::use(f(x, p, kernel, {stride, from.flag()}));
          }};
}

template <int rank>
Row adaptive_row(const std::string& name, Tensor (*f)(const Tensor&, Extents<rank>)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            Arguments::use(f(x, extents<rank>(from, 3)));
          }};
}

template <int rank>
Row adaptive_indexed_row(const std::string& name, Ranked (*f)(const Tensor&, Extents<rank>)) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const auto [largest, places] = f(x, extents<rank>(from, 3));
            Arguments::use({largest, places});
          }};
}

template <int rank>
Row unpool_row(const std::string& name, const Shape& usual,
               Tensor (*f)(const Tensor&, const Tensor&, Extents<rank>,
                           const MaxUnpoolOptions<rank>&)) {
  return {name, [f, usual](Arguments& from) {
            const Tensor x = from.tensor(images<rank>());
            const Tensor indices = from.index(images<rank>());
            const auto kernel = extents<rank>(from, 2);
            const auto stride = extents<rank>(from, 2);
            const auto padding = extents<rank>(from, 0);
            Arguments::use(f(x, indices, kernel, {stride, padding, from.shape(usual)}));
          }};
}

FoldOptions fold_options(Arguments& from) {
  const Extents<2> dilation = from.pair(1);
  const Extents<2> padding = from.pair(1);
  return {dilation, padding, from.pair(2)};
}

}  // namespace

TEST_CASE("hostile: pools") {
  sweep({max_row<1>("max_pool1d", max_pool1d),
         max_row<2>("max_pool2d", max_pool2d),
         max_row<3>("max_pool3d", max_pool3d),
         indexed_row<1>("max_pool1d_with_indices", max_pool1d_with_indices),
         indexed_row<2>("max_pool2d_with_indices", max_pool2d_with_indices),
         indexed_row<3>("max_pool3d_with_indices", max_pool3d_with_indices),
         avg_row<1>("avg_pool1d", avg_pool1d),
         avg_row<2>("avg_pool2d", avg_pool2d),
         avg_row<3>("avg_pool3d", avg_pool3d),
         lp_row<1>("lp_pool1d", lp_pool1d),
         lp_row<2>("lp_pool2d", lp_pool2d),
         lp_row<3>("lp_pool3d", lp_pool3d),
         adaptive_row<1>("adaptive_avg_pool1d", adaptive_avg_pool1d),
         adaptive_row<2>("adaptive_avg_pool2d", adaptive_avg_pool2d),
         adaptive_row<3>("adaptive_avg_pool3d", adaptive_avg_pool3d),
         adaptive_row<1>("adaptive_max_pool1d", adaptive_max_pool1d),
         adaptive_row<2>("adaptive_max_pool2d", adaptive_max_pool2d),
         adaptive_row<3>("adaptive_max_pool3d", adaptive_max_pool3d),
         adaptive_indexed_row<1>("adaptive_max_pool1d_with_indices",
                                 adaptive_max_pool1d_with_indices),
         adaptive_indexed_row<2>("adaptive_max_pool2d_with_indices",
                                 adaptive_max_pool2d_with_indices),
         adaptive_indexed_row<3>("adaptive_max_pool3d_with_indices",
                                 adaptive_max_pool3d_with_indices),
         unpool_row<1>("max_unpool1d", {12}, max_unpool1d),
         unpool_row<2>("max_unpool2d", {2, 3, 12, 12}, max_unpool2d),
         unpool_row<3>("max_unpool3d", {8, 12, 12}, max_unpool3d)});
}

TEST_CASE("hostile: windows as columns and back") {
  sweep({{"unfold",
          [](Arguments& from) {
            const Tensor x = from.tensor({2, 3, 6, 6});
            const Extents<2> kernel = from.pair(2);
            Arguments::use(unfold(x, kernel, fold_options(from)));
          }},
         {"fold", [](Arguments& from) {
            const Tensor x = from.tensor({2, 12, 16});
            const Extents<2> size = from.pair(6);
            const Extents<2> kernel = from.pair(2);
            Arguments::use(fold(x, size, kernel, fold_options(from)));
          }}});
}
