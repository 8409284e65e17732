#include <xgrad/ops/pooling.hpp>

#include "ops/rows_images.hpp"

namespace table::on_images {

Rows conv_images(Op op) {
  struct Case {
    const char* name;
    Shape x, w;
    Conv2dOptions options;
  };
  // Winograd's algorithm, oneDNN's, products of matrices, and from images in rows to blocks and
  // back.
  const std::vector<Case> cases{
      {"3x3", {2, 32, 9, 8}, {48, 32, 3, 3}, {.padding = 1}},
      {"5x5", {2, 32, 7, 6}, {16, 32, 5, 5}, {.padding = 2}},
      {"1x1, stride", {2, 16, 5, 5}, {32, 16, 1, 1}, {.stride = 2}},
      {"groups", {2, 32, 5, 4}, {32, 8, 3, 3}, {.padding = 1, .groups = 4}},
      {"to rows", {2, 32, 5, 4}, {12, 32, 3, 3}, {.dilation = {1, 1}}},
      {"from rows", {2, 3, 6, 6}, {32, 3, 3, 3}, {.padding = 1}}};
  Rows result;
  for (const auto& [name, x, w, o] : cases) {
    const Tensor input = normal(x, 1);
    const Tensor weight = normal(w, 2) * 0.2;
    const Shape out = conv2d(input, weight, {}, o).shape();
    const auto options = o;
    const Shape in_shape = x;
    const Shape weight_shape = w;
    if (op == Op::conv2d)
      result.push_back(of(name, {input, weight, normal({w[0]}, 3)}, [options](const Inputs& v) {
        return conv2d(v[0], v[1], v[2], options);
      }));
    else if (op == Op::conv2d_input)
      result.push_back(of(name, {normal(out, 3), weight}, [options, in_shape](const Inputs& v) {
        return conv2d_input(v[0], v[1], in_shape, options);
      }));
    else
      result.push_back(of(name, {input, normal(out, 3)}, [options, weight_shape](const Inputs& v) {
        return conv2d_weight(v[0], v[1], weight_shape, options);
      }));
  }
  return result;
}

/// Convolutions over other axes than those of images, and transposed ones.
Rows axes_images(Op op) {
  const auto two = [](const Tensor& by,
                      const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
    return Rows{of("images", {normal(images), by}, [f](const Inputs& x) { return f(x[0], x[1]); })};
  };
  const auto in_line = [](const Tensor& x) { return x.flatten(2); };
  const auto in_depth = [](const Tensor& x) { return x.unsqueeze(2); };
  switch (op) {
    case Op::conv1d:
      return two(normal({5, channels, 3}, 2), [=](const Tensor& x, const Tensor& w) {
        return conv1d(in_line(x), w, {}, {.padding = "same"});
      });
    case Op::conv1d_input:
      return two(normal({channels, 5, 3}, 2), [=](const Tensor& x, const Tensor& w) {
        return conv1d_input(in_line(x), w, {batch, 5, 20});
      });
    case Op::conv1d_weight:
      return two(normal({batch, 6, 16}, 2), [=](const Tensor& x, const Tensor& dy) {
        return conv1d_weight(in_line(x), dy, {6, channels, 3});
      });
    case Op::conv3d:
      return two(normal({5, channels, 1, 2, 3}, 2),
                 [=](const Tensor& x, const Tensor& w) { return conv3d(in_depth(x), w); });
    case Op::conv3d_input:
      return two(normal({channels, 2, 1, 2, 2}, 2), [=](const Tensor& x, const Tensor& w) {
        return conv3d_input(in_depth(x), w, {batch, 2, 1, 4, 7});
      });
    case Op::conv3d_weight:
      return two(normal({batch, 3, 1, 2, 5}, 2), [=](const Tensor& x, const Tensor& dy) {
        return conv3d_weight(in_depth(x), dy, {3, channels, 1, 2, 2});
      });
    case Op::conv_transpose1d:
      return two(normal({channels, 4, 3}, 2), [=](const Tensor& x, const Tensor& w) {
        return conv_transpose1d(in_line(x), w, {}, {.stride = 2});
      });
    case Op::conv_transpose3d:
      return two(normal({channels, 2, 1, 2, 2}, 2), [=](const Tensor& x, const Tensor& w) {
        return conv_transpose3d(in_depth(x), w);
      });
    default:
      return {of("to blocks", {normal(images), normal({channels, 16, 3, 3}, 2), normal({16}, 3)},
                 [](const Inputs& x) {
                   return conv_transpose2d(x[0], x[1], x[2],
                                           {.stride = 2, .padding = 1, .output_padding = 1});
                 }),
              of("to rows", {normal(images), normal({channels, 3, 2, 2}, 2), normal({3}, 3)},
                 [](const Inputs& x) { return conv_transpose2d(x[0], x[1], x[2]); })};
  }
}

Rows pool_images(Op op) {
  const AvgPool2dOptions partial{.stride = 2, .padding = 1, .count_include_pad = false};
  const Shape shape{2, 32, 6, 4};
  if (op == Op::avg_pool2d_input)
    return {of("2x2", {normal({2, 32, 3, 2})},
               [shape](const Inputs& x) { return avg_pool2d_input(x[0], shape, 2); })};
  const auto pool = [op](const Tensor& x, Extents<2> kernel, Extents<2> stride,
                         Extents<2> padding) {
    return op == Op::max_pool2d ? max_pool2d(x, kernel, {.stride = stride, .padding = padding})
                                : avg_pool2d(x, kernel, {.stride = stride, .padding = padding});
  };
  const Tensor x = normal(shape);
  Rows result{of("2x2", {x}, [pool](const Inputs& v) { return pool(v[0], 2, 2, 0); }),
              of("3x2, tiled", {x},
                 [pool](const Inputs& v) {
                   return pool(v[0], {3, 2}, 0, 0);
                 }),
              of("overlapping", {x}, [pool](const Inputs& v) { return pool(v[0], 3, 2, 1); })};
  if (op == Op::avg_pool2d)
    result.push_back(of("padding not counted", {x},
                        [=](const Inputs& v) { return avg_pool2d(v[0], 3, partial); }));
  return result;
}

/// Pools that know one axis or three, of what images make when their rows are one or their channels
/// are slices; what goes with images beside them.
Rows window_images(Op op) {
  const Function f = rows_of(op).front().f;
  const auto made = [&](const std::function<Tensor(const Tensor&)>& of) {
    return Rows{of_images("images", [=](const Tensor& x) { return f({of(x)}); })};
  };
  const auto unpooled = [](const auto& unpool, const auto& indices) {
    return Rows{of_images("images", [=](const Tensor& x) { return unpool(x, indices); })};
  };
  const Tensor drawn = normal({batch, channels, 2 * height, 2 * width}, 7);
  const auto flat = [](const Tensor& x) { return x.flatten(2); };
  const auto slices = [](const Tensor& x) {
    return reshape(x, {batch, channels / 4, 4, height, width});
  };
  switch (op) {
    case Op::max_unpool1d:
      return unpooled(
          [=](const Tensor& x, const Tensor& i) { return max_unpool1d(flat(x), i, 2); },
          max_pool1d_with_indices(normal({batch, channels, 2 * height * width}), 2).indices);
    case Op::max_unpool2d:
      return unpooled([](const Tensor& x, const Tensor& i) { return max_unpool2d(x, i, 2); },
                      max_pool2d_with_indices(drawn, 2).indices);
    case Op::max_unpool3d:
      return unpooled(
          [=](const Tensor& x, const Tensor& i) {
            return max_unpool3d(slices(x), i, {1, 2, 2});
          },
          max_pool3d_with_indices(reshape(drawn, {batch, channels / 4, 4, 2 * height, 2 * width}),
                                  {1, 2, 2})
              .indices);
    case Op::mean_under_input:
      return {of_images("images", [](const Tensor& x) {
        const Shape shape{batch, channels, 2 * height, 2 * width};
        const auto w = xgrad::detail::pool_windows<2>("images", shape, 2, {});
        return xgrad::detail::mean_under_input(Op::avg_pool2d, x, shape, 2, w, {});
      })};
    case Op::fold:
      return {of_images("images", [=](const Tensor& x) {
        return fold(flat(x), {height + 1, width + 1}, 2);
      })};
    case Op::max_pool3d:
    case Op::max_pool3d_with_indices:
    case Op::avg_pool3d:
    case Op::adaptive_avg_pool3d:
    case Op::adaptive_max_pool3d:
    case Op::adaptive_max_pool3d_with_indices:
    case Op::lp_pool3d:
      return made(slices);
    default:
      return made(flat);
  }
}

Rows norm_images() {
  const Tensor mean = normal({channels}, 4);
  const Tensor variance = uniform({channels}, 0.5, 2, 5);
  const Inputs with{normal(images), normal({channels}, 2), normal({channels}, 3)};
  return {
      of("training", with,
         [](const Inputs& x) { return batch_norm(x[0], {}, {}, x[1], x[2], {.training = true}); }),
      of("one position each", {normal({5, 32, 1, 1})},
         [](const Inputs& x) { return batch_norm(x[0], {}, {}, {}, {}, {.training = true}); }),
      of("running statistics", with, [=](const Inputs& x) {
        const auto dtype = x[0].dtype();
        return batch_norm(x[0], mean.to(dtype), variance.to(dtype), x[1], x[2]);
      })};
}

}  // namespace table::on_images
