#include <xgrad/ops/rules.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

constexpr std::int64_t batch = 4, channels = 32, height = 3, width = 6;
const Shape images{batch, channels, height, width};

using Function = std::function<Tensor(const Inputs&)>;

Row of(const char* name, const Inputs& inputs, const Function& f) { return {name, inputs, f}; }
Row of_images(const char* name, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(images)}, [f](const Inputs& x) { return f(x[0]); }};
}

/// The table's own functions on other inputs, where they take them.
Rows reused(Op op, const std::function<Tensor(std::uint64_t)>& sample) {
  Rows result;
  for (Row row : rows_of(op)) {
    for (std::size_t i = 0; i < row.inputs.size(); ++i) row.inputs[i] = sample(i + 1);
    try {
      const NoGradGuard guard;
      row.f(row.inputs);
    } catch (const Error&) {
      continue;  // its shapes are part of the function
    }
    result.push_back(row);
  }
  return result;
}

Tensor any(std::uint64_t seed) { return normal(images, seed); }
Tensor positive(std::uint64_t seed) { return uniform(images, 0.5, 2, seed); }
Tensor inside_one(std::uint64_t seed) { return uniform(images, -0.7, 0.7, seed); }
Tensor between_0_and_1(std::uint64_t seed) { return uniform(images, 0.2, 0.8, seed); }
Tensor above_one(std::uint64_t seed) { return uniform(images, 1.6, 2.6, seed); }
/// A first and a second one, whose quotient is not near a whole number.
Tensor divided(std::uint64_t seed) {
  return seed == 1 ? uniform(images, -2.2, -2.1, seed) : uniform(images, 0.8, 0.9, seed);
}
/// So that a product of all is neither 0 nor infinite.
Tensor near_one(std::uint64_t seed) { return uniform(images, 0.9, 1.1, seed); }

/// The function of the table's first row on images beside everything that broadcasts.
Rows pairs(Op op) {
  Rows result;
  const Function f = rows_of(op).front().f;
  const Shape per_channel{channels, 1, 1};
  const std::vector<std::pair<Shape, Shape>> shapes{
      {images, images}, {images, per_channel}, {per_channel, images},
      {images, {}},     {{width}, images},     {images, {batch, 1, height, 1}}};
  for (const auto& [a, b] : shapes)
    result.push_back({to_string(a) + " with " + to_string(b),
                      {uniform(a, 0.5, 2, 1), uniform(b, 0.5, 2, 2)},
                      f});
  const Inputs one{positive(3)};
  result.push_back({"with itself", one, [f](const Inputs& x) { return f({x[0], x[0] * x[0]}); }});
  return result;
}

Rows matmul_images(Op op) {
  if (op == Op::linear)
    return {of("last axis", {normal(images), normal({20, width}, 2), normal({20}, 3)},
               [](const Inputs& x) { return linear(x[0], x[1], x[2]); }),
            of("images as rows",
               {normal(images), normal({40, channels * height * width}, 2), normal({40}, 3)},
               [](const Inputs& x) { return linear(x[0].flatten(1), x[1], x[2]); })};
  return {of("batch and matrix", {normal(images), normal({width, 5}, 2)},
             [](const Inputs& x) { return matmul(x[0], x[1]); }),
          of("batches", {normal(images), normal({batch, channels, width, 2}, 2)},
             [](const Inputs& x) { return matmul(x[0], x[1]); }),
          of("matrix and batch", {normal({2, height}), normal(images, 2)},
             [](const Inputs& x) { return matmul(x[0], x[1]); })};
}

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

Rows loss_images(Op op) {
  Generator generator(7);
  const Tensor classes = randint(0, channels, {batch, height, width}, {.generator = &generator});
  const Tensor weight = uniform({channels}, 0.5, 2, 6);
  switch (op) {
    case Op::nll_loss:
      return {of_images("mean", [=](const Tensor& x) { return nll_loss(x, classes); })};
    case Op::cross_entropy:
      return {of_images("mean", [=](const Tensor& x) { return cross_entropy(x, classes); }),
              of_images("with options",
                        [=](const Tensor& x) {
                          return cross_entropy(x, classes,
                                               {.weight = weight.to(x.dtype()),
                                                .ignore_index = 3,
                                                .label_smoothing = 0.1,
                                                .reduction = Reduction::none});
                        }),
              of("probabilities", {normal(images), uniform(images, 0, 1, 2)},
                 [](const Inputs& x) { return cross_entropy(x[0], x[1]); })};
    default:
      return {of("mean", {normal(images), normal(images, 2)},
                 [](const Inputs& x) { return mse_loss(x[0], x[1]); }),
              of("none", {normal(images), normal(images, 2)}, [](const Inputs& x) {
                return mse_loss(x[0], x[1], {.reduction = Reduction::none});
              })};
  }
}

Rows shape_images(Op op) {
  Generator generator(8);
  const Tensor index = randint(0, channels, {batch, 5, height, width}, {.generator = &generator});
  switch (op) {
    case Op::reshape:
      return {of_images("more images",
                        [](const Tensor& x) {
                          return reshape(x, {8, 16, 3, 6});
                        }),
              of_images("other planes",
                        [](const Tensor& x) {
                          return reshape(x, {4, 32, 18, 1});
                        }),
              of_images("a matrix", [](const Tensor& x) {
                return reshape(x, {36, -1});
              })};
    case Op::expand:
      return {of("rows", {normal({batch, channels, 1, width})},
                 [](const Inputs& x) { return expand(x[0], images); }),
              of_images("more", [](const Tensor& x) {
                return expand(unsqueeze(x, 0), {2, batch, channels, height, width});
              })};
    case Op::squeeze:
      return {of("planes", {normal({2, channels, 1, 1})},
                 [](const Inputs& x) { return squeeze(x[0]); })};
    case Op::split:
      return {of_images("even", [](const Tensor& x) { return split(x, 2)[1] * split(x, 2)[0]; }),
              of_images("sizes", [](const Tensor& x) {
                return split(x, std::vector<std::int64_t>{5, 17, 10}, 1)[1];
              })};
    case Op::slice_scatter:
      return {of("images", {normal(images), normal({2, channels, height, width}, 2)},
                 [](const Inputs& x) { return slice_scatter(x[0], x[1], 0, 0, {}, 2); }),
              of("channels", {normal({batch, 48, height, width}), normal(images, 2)},
                 [](const Inputs& x) { return slice_scatter(x[0], x[1], 1, 3, 3 + channels); })};
    case Op::select_scatter:
      return {of("an image", {normal(images), normal({channels, height, width}, 2)},
                 [](const Inputs& x) { return select_scatter(x[0], x[1], 0, 2); })};
    case Op::slice:
      return {of_images("images", [](const Tensor& x) { return slice(x, 0, 1, 4); }),
              of_images("an image's channels",
                        [](const Tensor& x) { return slice(slice(x, 0, 1, 2), 1, 3, 20); }),
              of_images("one of each", [](const Tensor& x) { return x[2][5][1]; }),
              of_images("steps", [](const Tensor& x) { return slice(x, -1, 1, 6, 3); })};
    case Op::index_add:
      return {of("images", {normal({5, channels, height, width}), normal(images, 2)},
                 [](const Inputs& x) {
                   return index_add(x[0], 0, tensor({3, 0, 3, 1}), x[1]);
                 })};
    case Op::gather:
      return {of_images("channels", [=](const Tensor& x) { return gather(x, 1, index); })};
    case Op::scatter:
      return {of("channels", {normal(images), normal(images, 2)},
                 [=](const Inputs& x) { return scatter(x[0], 1, index, x[1]); })};
    case Op::scatter_add:
      return {of("channels", {normal(images), normal(images, 2)},
                 [=](const Inputs& x) { return scatter_add(x[0], 1, index, x[1]); })};
    default:
      return {of_images("mask", [](const Tensor& x) {
        return xgrad::detail::mask_positive(x, normal(images, 9).to(x.dtype()));
      })};
  }
}

/// Products and linear algebra, of what images make when they are put in rows or cut to squares.
Rows matrix_images(Op op) {
  const Function f = rows_of(op).front().f;
  const auto two = [&](const std::function<Inputs(const Inputs&)>& made) {
    return Rows{of("images", {normal(images), normal(images, 2)},
                   [=](const Inputs& x) { return f(made(x)); })};
  };
  const auto rows = [](const Tensor& x) { return x.flatten(1); };
  const auto columns = [](const Tensor& x) { return x.flatten(1).t(); };
  const auto square = [](const Tensor& x) { return x.slice(-1, 0, height); };
  const auto zeros_beside = [](const Shape& shape, const Tensor& x) {
    return zeros(shape, {.dtype = x.dtype()});
  };
  switch (op) {
    case Op::mm:
    case Op::multi_dot:
      return two([=](const Inputs& x) { return Inputs{rows(x[0]), columns(x[1])}; });
    case Op::bmm:
      return two([](const Inputs& x) {
        return Inputs{x[0].flatten(0, 1), x[1].flatten(0, 1).transpose(1, 2)};
      });
    case Op::mv:
      return two([=](const Inputs& x) { return Inputs{rows(x[0]), x[1][0].flatten()}; });
    case Op::dot:
    case Op::outer:
      return two([](const Inputs& x) { return Inputs{x[0][1].flatten(), x[1][2].flatten()}; });
    case Op::addmm:
      return two([=](const Inputs& x) {
        return Inputs{zeros_beside({batch}, x[0]), rows(x[0]), columns(x[1])};
      });
    case Op::baddbmm:
      return two([=](const Inputs& x) {
        return Inputs{zeros_beside({1, 1, 1}, x[0]), x[0].flatten(0, 1),
                      x[1].flatten(0, 1).transpose(1, 2)};
      });
    case Op::addmv:
      return two([=](const Inputs& x) {
        return Inputs{zeros_beside({batch}, x[0]), rows(x[0]), x[1][0].flatten()};
      });
    case Op::trace:
      return two([=](const Inputs& x) { return Inputs{matmul(rows(x[0]), columns(x[1]))}; });
    case Op::cross:
      return two([=](const Inputs& x) { return Inputs{square(x[0]), square(x[1])}; });
    case Op::solve:
    case Op::solve_triangular:
      return two([=](const Inputs& x) { return Inputs{square(x[0]), x[1]}; });
    default:
      return {of_images("squares", [=](const Tensor& x) { return f({square(x)}); })};
  }
}

}  // namespace

Rows image_rows(Op op) {
  switch (op) {
    case Op::to:
      return {of_images("float64", [](const Tensor& x) { return to(x, float64); })};
    case Op::log:
    case Op::sqrt:
    case Op::reciprocal:
    case Op::rsqrt:
    case Op::log2:
    case Op::log10:
    case Op::log1p:
    case Op::atan2:
    case Op::hypot:
    case Op::xlogy:
    case Op::copysign:
    case Op::addcdiv:
    case Op::lgamma:
    case Op::digamma:
    case Op::polygamma:
      return reused(op, positive);
    case Op::tan:
    case Op::asin:
    case Op::acos:
    case Op::atanh:
    case Op::erfinv:
      return reused(op, inside_one);
    case Op::logit:
      return reused(op, between_0_and_1);
    case Op::acosh:
      return reused(op, above_one);
    case Op::fmod:
    case Op::remainder:
    case Op::floor_divide:
      return reused(op, divided);
    case Op::prod:
      return reused(op, near_one);
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::maximum:
    case Op::minimum:
    case Op::where:
      return pairs(op);
    case Op::mask_positive:
    case Op::reshape:
    case Op::expand:
    case Op::squeeze:
    case Op::split:
    case Op::slice_scatter:
    case Op::select_scatter:
    case Op::slice:
    case Op::index_add:
    case Op::gather:
    case Op::scatter:
    case Op::scatter_add:
      return shape_images(op);
    case Op::matmul:
    case Op::linear:
      return matmul_images(op);
    case Op::mm:
    case Op::bmm:
    case Op::mv:
    case Op::dot:
    case Op::outer:
    case Op::addmm:
    case Op::baddbmm:
    case Op::addmv:
    case Op::cross:
    case Op::trace:
    case Op::multi_dot:
    case Op::solve:
    case Op::solve_triangular:
    case Op::inv:
    case Op::det:
    case Op::slogdet:
    case Op::eigh:
    case Op::eigvalsh:
    case Op::matrix_power:
    case Op::matrix_exp:
      return matrix_images(op);
    case Op::conv2d:
    case Op::conv2d_input:
    case Op::conv2d_weight:
      return conv_images(op);
    case Op::max_pool2d:
    case Op::avg_pool2d:
    case Op::avg_pool2d_input:
      return pool_images(op);
    case Op::batch_norm:
      return norm_images();
    case Op::nll_loss:
    case Op::cross_entropy:
    case Op::mse_loss:
      return loss_images(op);
    default:
      return reused(op, any);
  }
}

}  // namespace table
