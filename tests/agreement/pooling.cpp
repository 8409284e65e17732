// pool.hpp, adaptive_pool.hpp, fold.hpp.
#include <cmath>
#include <exception>

#include "windows.hpp"
#include <torch/nn/functional/fold.h>
#include <torch/nn/functional/pooling.h>

namespace agreement {
namespace {

namespace functional = torch::nn::functional::detail;
using xgrad::Shape;
using List = std::vector<std::int64_t>;

struct Geometry {
  PerAxis kernel{2, 3, 2}, stride{0, 0, 0}, padding{0, 0, 0}, dilation{1, 1, 1};
  bool ceil_mode = false, count_include_pad = true;
  std::optional<std::int64_t> divisor = {};

  std::string what() const {
    return text("kernel", kernel) + text(" stride", stride) + text(" padding", padding) +
           text(" dilation", dilation) + (ceil_mode ? " ceil" : "") +
           (count_include_pad ? "" : " without padding") +
           (divisor ? " divided by " + std::to_string(*divisor) : "");
  }
  /// libtorch's for 0, which stands for the window with us.
  PerAxis steps() const {
    PerAxis all = stride;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i] == 0) all[i] = kernel[i];
    return all;
  }
};

std::vector<Geometry> geometries() {
  std::vector<Geometry> all;
  for (const bool ceil_mode : {false, true})
    for (Geometry g : std::vector<Geometry>{{},
                                            {.kernel = {1, 1, 1}},
                                            {.kernel = {3, 3, 3}, .stride = {1, 2, 3}},
                                            {.kernel = {2, 2, 2}, .stride = {3, 3, 3}},
                                            {.stride = {1, 1, 1}, .padding = {1, 1, 1}},
                                            {.kernel = {4, 4, 4}, .padding = {2, 1, 2}},
                                            {.kernel = {4, 5, 6}},
                                            {.stride = {2, 2, 2}, .dilation = {2, 1, 3}},
                                            {.padding = {1, 1, 1}, .count_include_pad = false},
                                            {.padding = {1, 1, 1}, .divisor = 3},
                                            {.divisor = -2},
                                            // Refused.
                                            {.divisor = 0},
                                            {.kernel = {5, 6, 7}},
                                            {.kernel = {2, 2, 0}},
                                            {.kernel = {2, 2, -1}},
                                            {.stride = {1, 1, -1}},
                                            {.padding = {2, 2, 2}},
                                            {.padding = {0, 0, -1}},
                                            {.dilation = {1, 1, 0}}}) {
      g.ceil_mode = ceil_mode;
      all.push_back(g);
    }
  return all;
}

template <int rank>
Inputs images() {
  const PerAxis place{4, 5, 6};
  Inputs all{random(shape_of<rank>({2, 3}, place)),
             whole(shape_of<rank>({2, 3}, place), xgrad::float64, 0, 3),
             random(shape_of<rank>({3}, place)),
             random(shape_of<rank>({2, 3}, place), xgrad::float32),
             random(shape_of<rank>({0, 3}, place)),
             random(shape_of<rank>({2, 0}, place))};
  const Input some = all[0];
  for (const double value : {double(NAN), double(INFINITY), -double(INFINITY)})
    all.push_back(with_value(some, 4, value));
  all.push_back(filled(shape_of<rank>({1, 1}, place), -INFINITY));
  return all;
}

/// Images of other dtypes and shapes, to be pooled by the usual window alone.
template <int rank>
Inputs awkward_images() {
  const PerAxis place{4, 5, 6};
  Inputs all;
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back(whole(shape_of<rank>({2, 3}, place), dtype, 0, 5));
  all.push_back(random(shape_of<rank>({2, 3}, {1, 1, 1})));
  all.push_back(random(shape_of<rank>({2, 3}, {0, 0, 0})));
  all.push_back(random(shape_of<rank>({}, place)));
  all.push_back(random(shape_of<rank>({1, 2, 3}, place)));
  const xgrad::Tensor x = random(shape_of<rank>({2, 3}, place)).tensor;
  all.push_back({"turned", xgrad::contiguous(x.transpose(1, -1)).transpose(1, -1)});
  all.push_back({"expanded", x.slice(0, 0, 1).expand(x.shape())});
  return all;
}

/// f and g on ordinary images by all geometries, on awkward ones by one.
template <int rank, class F, class G>
void pool(Suite& s, const std::string& operation, F f, G g) {
  const auto one = [&](const Input& x, const Geometry& geometry) {
    check(
        s, operation, {x}, geometry.what(), [=](const Ours& x) { return f(x[0], geometry); },
        [=](const Theirs& x) { return g(x[0], geometry); });
  };
  for (const Geometry& geometry : geometries())
    for (const Input& x : images<rank>()) one(x, geometry);
  for (const Input& x : awkward_images<rank>()) one(x, {});
}

template <int rank>
xgrad::PoolOptions<rank> options(const Geometry& g) {
  return {.stride = extents<rank>(g.stride),
          .padding = extents<rank>(g.padding),
          .dilation = extents<rank>(g.dilation),
          .ceil_mode = g.ceil_mode};
}

template <int rank>
void max_pools(Suite& s) {
  pool<rank>(
      s, over_axes<rank>("max_pool"),
      [](const xgrad::Tensor& x, const Geometry& g) {
        constexpr auto f = of_rank<rank>(xgrad::max_pool1d, xgrad::max_pool2d, xgrad::max_pool3d);
        return f(x, extents<rank>(g.kernel), options<rank>(g));
      },
      [](const at::Tensor& x, const Geometry& g) {
        constexpr auto f = of_rank<rank>(at::max_pool1d, at::max_pool2d, at::max_pool3d);
        return f(x, list<rank>(g.kernel), list<rank>(g.steps()), list<rank>(g.padding),
                 list<rank>(g.dilation), g.ceil_mode);
      });
  const auto with_indices = [](const at::Tensor& x, const Geometry& g) {
    constexpr auto f = of_rank<rank>(at::max_pool1d_with_indices, at::max_pool2d_with_indices,
                                     at::max_pool3d_with_indices);
    return f(x, list<rank>(g.kernel), list<rank>(g.steps()), list<rank>(g.padding),
             list<rank>(g.dilation), g.ceil_mode);
  };
  pool<rank>(
      s, over_axes<rank>("max_pool", "_with_indices"),
      [](const xgrad::Tensor& x, const Geometry& g) {
        constexpr auto f =
            of_rank<rank>(xgrad::max_pool1d_with_indices, xgrad::max_pool2d_with_indices,
                          xgrad::max_pool3d_with_indices);
        return f(x, extents<rank>(g.kernel), options<rank>(g));
      },
      with_indices);
}

template <int rank>
void averages(Suite& s) {
  pool<rank>(
      s, over_axes<rank>("avg_pool"),
      [](const xgrad::Tensor& x, const Geometry& g) {
        constexpr auto f = of_rank<rank>(xgrad::avg_pool1d, xgrad::avg_pool2d, xgrad::avg_pool3d);
        return f(x, extents<rank>(g.kernel),
                 {.stride = extents<rank>(g.stride),
                  .padding = extents<rank>(g.padding),
                  .ceil_mode = g.ceil_mode,
                  .count_include_pad = g.count_include_pad,
                  .divisor_override = rank == 1 ? std::nullopt : g.divisor});
      },
      [](const at::Tensor& x, const Geometry& g) {
        const auto kernel = list<rank>(g.kernel), stride = list<rank>(g.steps()),
                   padding = list<rank>(g.padding);
        const auto divisor = theirs_of(g.divisor);
        if constexpr (rank == 1)
          return at::avg_pool1d(x, kernel, stride, padding, g.ceil_mode, g.count_include_pad);
        else if constexpr (rank == 2)
          return at::avg_pool2d(x, kernel, stride, padding, g.ceil_mode, g.count_include_pad,
                                divisor);
        else
          return at::avg_pool3d(x, kernel, stride, padding, g.ceil_mode, g.count_include_pad,
                                divisor);
      });
}

void average_adjoint(Suite& s) {
  const Shape images{2, 3, 5, 6};
  const at::IntArrayRef sizes{2, 3, 5, 6};
  for (const Geometry& g : geometries()) {
    const xgrad::AvgPool2dOptions how{.stride = extents<2>(g.stride),
                                      .padding = extents<2>(g.padding),
                                      .ceil_mode = g.ceil_mode,
                                      .count_include_pad = g.count_include_pad,
                                      .divisor_override = g.divisor};
    Shape output;
    try {
      output = xgrad::avg_pool2d(xgrad::zeros(images), extents<2>(g.kernel), how).shape();
    } catch (const std::exception&) {
      continue;  // nothing comes back of what is refused
    }
    check(
        s, "avg_pool2d_input", {random(output)}, g.what(),
        [=](const Ours& x) {
          return xgrad::avg_pool2d_input(x[0], images, extents<2>(g.kernel), how);
        },
        [=](const Theirs& x) {
          return at::avg_pool2d_backward(
              x[0], at::zeros({2, 3, 5, 6}, x[0].options().requires_grad(false)), list<2>(g.kernel),
              list<2>(g.steps()), list<2>(g.padding), g.ceil_mode, g.count_include_pad,
              theirs_of(g.divisor));
        });
  }
}

/// libtorch's C++ has none over three axes.
template <int rank>
void norm_pools(Suite& s) {
  for (const double p : {1.0, 2.0, 3.0, 0.5, -1.0, 0.0})
    pool<rank>(
        s, over_axes<rank>("lp_pool"),
        [=](const xgrad::Tensor& x, const Geometry& g) {
          constexpr auto f = of_rank<rank>(xgrad::lp_pool1d, xgrad::lp_pool2d, xgrad::lp_pool3d);
          return f(x, p, extents<rank>(g.kernel),
                   {.stride = extents<rank>(g.stride), .ceil_mode = g.ceil_mode});
        },
        [=](const at::Tensor& x, const Geometry& g) {
          constexpr auto f = of_rank<rank>(functional::lp_pool1d, functional::lp_pool2d, nullptr);
          return f(x, p, list<rank>(g.kernel), list<rank>(g.steps()), g.ceil_mode);
        });
}

template <int rank>
void adaptive(Suite& s) {
  Inputs inputs = images<rank>();
  const Inputs others = awkward_images<rank>();
  inputs.insert(inputs.end(), others.begin(), others.end());
  for (const PerAxis& size : {PerAxis{1, 1, 1}, PerAxis{2, 3, 4}, PerAxis{4, 5, 6},
                              PerAxis{7, 9, 8}, PerAxis{0, 0, 0}, PerAxis{2, 2, -1}})
    for (const Input& input : inputs) {
      const std::string with = text("to", size);
      check(
          s, over_axes<rank>("adaptive_avg_pool"), {input}, with,
          [=](const Ours& x) {
            constexpr auto f = of_rank<rank>(xgrad::adaptive_avg_pool1d, xgrad::adaptive_avg_pool2d,
                                             xgrad::adaptive_avg_pool3d);
            return f(x[0], extents<rank>(size));
          },
          [=](const Theirs& x) {
            constexpr auto f = of_rank<rank>(at::adaptive_avg_pool1d, at::adaptive_avg_pool2d,
                                             at::adaptive_avg_pool3d);
            return f(x[0], list<rank>(size));
          });
      constexpr auto found =
          of_rank<rank>(at::adaptive_max_pool1d, at::adaptive_max_pool2d, at::adaptive_max_pool3d);
      check(
          s, over_axes<rank>("adaptive_max_pool"), {input}, with,
          [=](const Ours& x) {
            constexpr auto f = of_rank<rank>(xgrad::adaptive_max_pool1d, xgrad::adaptive_max_pool2d,
                                             xgrad::adaptive_max_pool3d);
            return f(x[0], extents<rank>(size));
          },
          [=](const Theirs& x) { return std::get<0>(found(x[0], list<rank>(size))); });
      check(
          s, over_axes<rank>("adaptive_max_pool", "_with_indices"), {input}, with,
          [=](const Ours& x) {
            constexpr auto f = of_rank<rank>(xgrad::adaptive_max_pool1d_with_indices,
                                             xgrad::adaptive_max_pool2d_with_indices,
                                             xgrad::adaptive_max_pool3d_with_indices);
            return f(x[0], extents<rank>(size));
          },
          [=](const Theirs& x) { return found(x[0], list<rank>(size)); });
    }
}

/// Of indices that a pool gave, and others.
template <int rank>
void unpools(Suite& s) {
  const PerAxis kernel{2, 2, 2};
  const auto both = [&](const Inputs& x, const List& output) {
    check(
        s, over_axes<rank>("max_unpool"), x, xgrad::to_string(Shape(std::span(output))),
        [=](const Ours& x) {
          constexpr auto f =
              of_rank<rank>(xgrad::max_unpool1d, xgrad::max_unpool2d, xgrad::max_unpool3d);
          return f(x[0], x[1], extents<rank>(kernel), {.output_size = Shape(std::span(output))});
        },
        [=](const Theirs& x) {
          constexpr auto f = of_rank<rank>(functional::max_unpool1d, functional::max_unpool2d,
                                           functional::max_unpool3d);
          return f(x[0], x[1], list<rank>(kernel), list<rank>(kernel), list<rank>({0, 0, 0}),
                   output.empty() ? c10::optional<List>() : c10::optional<List>(output));
        });
  };
  for (const List& outer : std::vector<List>{{2, 3}, {3}, {0, 3}})
    for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32}) {
      const Input x = random(shape_of<rank>(outer, {2, 3, 4}), dtype);
      const xgrad::Tensor pooled_from = random(shape_of<rank>(outer, {4, 6, 8})).tensor;
      constexpr auto f =
          of_rank<rank>(xgrad::max_pool1d_with_indices, xgrad::max_pool2d_with_indices,
                        xgrad::max_pool3d_with_indices);
      const Input indices{"indices", f(pooled_from, extents<rank>(kernel), {}).indices};
      both({x, indices}, {});
      for (const PerAxis& size : {PerAxis{4, 6, 8}, PerAxis{5, 7, 9}, PerAxis{3, 5, 7},
                                  PerAxis{6, 8, 10}, PerAxis{1, 1, 1}}) {
        const Shape whole_size = shape_of<rank>(outer, size);
        both({x, indices}, list(whole_size));
        both({x, indices}, list<rank>(size));
      }
      if (x.tensor.numel() == 0) continue;
      both({x, {"indices beyond", indices.tensor + 100000}}, {});
      both({x, {"indices before", indices.tensor - 100000}}, {});
      both({x, {"indices of fewer", indices.tensor.slice(-1, 1)}}, {});
      both({x, {"indices of int32", indices.tensor.to(xgrad::int32)}}, {});
    }
}

void folds(Suite& s) {
  for (const Geometry& g : std::vector<Geometry>{{.stride = {1, 1, 1}},
                                                 {.stride = {1, 2, 3}},
                                                 {.stride = {1, 1, 1}, .padding = {0, 1, 2}},
                                                 {.stride = {1, 1, 1}, .dilation = {1, 2, 3}},
                                                 {.kernel = {1, 5, 6}, .stride = {1, 1, 1}},
                                                 {.kernel = {1, 6, 7}, .stride = {1, 1, 1}},
                                                 {.kernel = {1, 0, 1}, .stride = {1, 1, 1}},
                                                 {.stride = {1, 0, 1}},
                                                 {.stride = {1, 1, 1}, .padding = {0, -1, 0}},
                                                 {.stride = {1, 1, 1}, .dilation = {1, 0, 1}}}) {
    const xgrad::FoldOptions how{.dilation = extents<2>(g.dilation),
                                 .padding = extents<2>(g.padding),
                                 .stride = extents<2>(g.stride)};
    Inputs inputs = images<2>();
    const Inputs others = awkward_images<2>();
    inputs.insert(inputs.end(), others.begin(), others.end());
    for (const Input& x : inputs)
      check(
          s, "im2col", {x}, g.what(),
          [=](const Ours& x) { return xgrad::unfold(x[0], extents<2>(g.kernel), how); },
          [=](const Theirs& x) {
            return at::im2col(x[0], list<2>(g.kernel), list<2>(g.dilation), list<2>(g.padding),
                              list<2>(g.stride));
          });
    for (const Shape& shape : {Shape{2, 18, 12}, Shape{2, 18, 20}, Shape{18, 12}, Shape{0, 18, 12},
                               Shape{2, 12, 4}, Shape{2, 17, 12}, Shape{18}, Shape{2, 18, 0},
                               Shape{2, 90, 1}, Shape{2, 18, 30}, Shape{2, 18, 6}, Shape{2, 0, 12}})
      check(
          s, "fold", {random(shape)}, g.what(),
          [=](const Ours& x) {
            return xgrad::fold(x[0], {5, 6}, extents<2>(g.kernel), how);
          },
          [=](const Theirs& x) {
            return functional::fold(x[0], {5, 6}, list<2>(g.kernel), list<2>(g.dilation),
                                    list<2>(g.padding), list<2>(g.stride));
          });
  }
}

template <int rank>
void of_axes(Suite& s) {
  max_pools<rank>(s);
  averages<rank>(s);
  adaptive<rank>(s);
  unpools<rank>(s);
}

}  // namespace

void pools(Suite& s) {
  of_axes<1>(s);
  of_axes<2>(s);
  of_axes<3>(s);
  norm_pools<1>(s);
  norm_pools<2>(s);
  average_adjoint(s);
  folds(s);
  s.no_counterpart("lp_pool3d", "libtorch's C++ has lp_pool1d and lp_pool2d alone");
  s.no_counterpart("mean_under_input", "the rule of pools that average, ours alone");
}

}  // namespace agreement
