#include "ops/rows_images.hpp"

#include <xgrad/ops/rules.hpp>

namespace table::on_images {
namespace {

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

/// Of images the losses of matrices, [images, channels], and of sequences.
Rows matrix_loss_images(Op op) {
  const auto logits = [](const Tensor& x) { return x.mean({2, 3}); };
  const auto signs = [](const Tensor& x) {
    return tensor({1., -1., -1., 1.}, {.dtype = x.dtype()});
  };
  Generator generator(9);
  const Tensor classes = randint(0, channels, {batch}, {.generator = &generator});
  const Tensor several = randint(-1, channels, {batch, channels}, {.generator = &generator});
  const Tensor labels = randint(1, height * width, {channels, 2}, {.generator = &generator});
  switch (op) {
    case Op::cosine_embedding_loss:
      return {of("channels", {normal(images), normal(images, 2)}, [=](const Inputs& x) {
        return cosine_embedding_loss(logits(x[0]), logits(x[1]), signs(x[0]), {.margin = -0.9});
      })};
    case Op::multi_margin_loss:
      return {of_images("channels", [=](const Tensor& x) {
        return multi_margin_loss(logits(x), classes, {.p = 2});
      })};
    case Op::multilabel_margin_loss:
      return {of_images(
          "channels", [=](const Tensor& x) { return multilabel_margin_loss(logits(x), several); })};
    default:
      return {of_images("places as classes", [=](const Tensor& x) {
        return ctc_loss(log_softmax(x.flatten(2), 2), labels, full({channels}, batch),
                        full({channels}, 2));
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

/// Places in images, and lists of places in their planes.
Rows sample_images(Op op) {
  const Tensor grid = uniform({batch, 2, 3, 2}, -0.9, 0.9, 2);
  Generator generator(9);
  const Tensor at = randint(-1, height * width, {batch, 5, 2}, {.generator = &generator});
  const auto flat = [](const Tensor& x) { return x.flatten(2); };
  switch (op) {
    case Op::affine_grid:
      return {of_images("some of them", [](const Tensor& x) {
        return affine_grid(x.flatten(1).slice(1, 0, 6).reshape({batch, 2, 3}), images);
      })};
    case Op::gather_sum:
      return {of("planes", {normal(images), normal(at.shape(), 2)},
                 [=](const Inputs& x) { return xgrad::detail::gather_sum(flat(x[0]), x[1], at); })};
    case Op::gather_sum_input:
      return {of("planes", {normal({batch, channels, 5, 1}), normal(at.shape(), 2)},
                 [=](const Inputs& x) {
                   return xgrad::detail::gather_sum_input(flat(x[0]), x[1], at, height * width)
                       .reshape(images);
                 })};
    case Op::gather_sum_weight:
      return {
          of("planes", {normal(images), normal({batch, channels, 5, 1}, 2)}, [=](const Inputs& x) {
            return xgrad::detail::gather_sum_weight(flat(x[0]), flat(x[1]), at);
          })};
    default:
      return {of("images", {normal(images), grid},
                 [](const Inputs& x) { return grid_sample(x[0], x[1]); }),
              of("images, bicubic", {normal(images), grid}, [](const Inputs& x) {
                return grid_sample(x[0], x[1], {.mode = "bicubic", .padding_mode = "border"});
              })};
  }
}

/// Rows of an image as steps, or an image as one, of many sequences.
Rows recurrent_images(Op op) {
  const bool is_cell = op == Op::lstm_cell || op == Op::gru_cell || op == Op::rnn_tanh_cell ||
                       op == Op::rnn_relu_cell;
  Rows result;
  for (const Row& row : rows_of(op)) {
    if (row.name != (is_cell ? "batch" : "steps")) continue;
    const Inputs others(row.inputs.begin() + 1, row.inputs.end());
    result.push_back(of_images("parts of images", [=, f = row.f](const Tensor& x) {
      const Tensor part = is_cell ? x.slice(0, 1, 3)[0] : x[1];
      Inputs all{is_cell ? part.slice(0, 0, 2).flatten(1).slice(1, 3, 6)
                         : part.slice(0, 2, 8).slice(2, 0, 1).reshape({3, 2, 3})};
      for (const Tensor& other : others) all.push_back(other.to(x.dtype()));
      return f(all);
    }));
  }
  return result;
}

}  // namespace
}  // namespace table::on_images

namespace table {

Rows image_rows(Op op) {
  using namespace on_images;  // NOLINT: their names
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
    case Op::embedding:
    case Op::index_copy:
    case Op::scatter_reduce:
    case Op::masked_fill:
    case Op::masked_scatter:
    case Op::diag:
    case Op::diagonal_scatter:
    case Op::repeat:
    case Op::tensordot:
    case Op::meshgrid:
      return arranged_images(op);
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
    case Op::prelu:
      return {of("channels", {normal(images), normal({channels}, 2)},
                 [](const Inputs& x) { return prelu(x[0], x[1]); }),
              of("one for all", {normal(images), normal({1}, 2)},
                 [](const Inputs& x) { return prelu(x[0], x[1]); })};
    case Op::cosine_embedding_loss:
    case Op::multi_margin_loss:
    case Op::multilabel_margin_loss:
    case Op::ctc_loss:
      return matrix_loss_images(op);
    case Op::grid_sample:
    case Op::affine_grid:
    case Op::gather_sum:
    case Op::gather_sum_input:
    case Op::gather_sum_weight:
      return sample_images(op);
    case Op::conv2d:
    case Op::conv2d_input:
    case Op::conv2d_weight:
      return conv_images(op);
    case Op::conv1d:
    case Op::conv1d_input:
    case Op::conv1d_weight:
    case Op::conv3d:
    case Op::conv3d_input:
    case Op::conv3d_weight:
    case Op::conv_transpose1d:
    case Op::conv_transpose2d:
    case Op::conv_transpose3d:
      return axes_images(op);
    case Op::max_pool2d:
    case Op::avg_pool2d:
    case Op::avg_pool2d_input:
      return pool_images(op);
    case Op::max_pool1d:
    case Op::max_pool3d:
    case Op::max_pool1d_with_indices:
    case Op::max_pool3d_with_indices:
    case Op::avg_pool1d:
    case Op::avg_pool3d:
    case Op::adaptive_avg_pool1d:
    case Op::adaptive_avg_pool3d:
    case Op::adaptive_max_pool1d:
    case Op::adaptive_max_pool3d:
    case Op::adaptive_max_pool1d_with_indices:
    case Op::adaptive_max_pool3d_with_indices:
    case Op::max_unpool1d:
    case Op::max_unpool2d:
    case Op::max_unpool3d:
    case Op::lp_pool1d:
    case Op::lp_pool3d:
    case Op::fold:
    case Op::mean_under_input:
      return window_images(op);
    case Op::lstm:
    case Op::gru:
    case Op::rnn_tanh:
    case Op::rnn_relu:
    case Op::lstm_cell:
    case Op::gru_cell:
    case Op::rnn_tanh_cell:
    case Op::rnn_relu_cell:
      return recurrent_images(op);
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
