// Convolutions over one to three axes and their transposed forms, padding by words and modes.
#include "support.hpp"

using namespace support;

namespace {

/// One axis of a window.
struct Axis {
  std::int64_t stride = 1, before = 0, dilation = 1;
};

/// The definition over three axes, x [N, C, D, H, W], to an output of the given shape: what the
/// window sees outside of x is 0.
Tensor by_definition(const Tensor& x, const Tensor& w, const std::array<Axis, 3>& axes,
                     const Shape& shape, std::int64_t groups) {
  Tensor y = zeros(shape, {.dtype = float64});
  const Tensor in = x.to(float64), by = w.to(float64);
  double* out = y.mutable_data<double>();
  const auto at = [](const Tensor& t, std::int64_t a, std::int64_t b,
                     const std::array<std::int64_t, 3>& p) {
    return t.data<
        double>()[(((a * t.size(1) + b) * t.size(2) + p[0]) * t.size(3) + p[1]) * t.size(4) + p[2]];
  };
  const auto visit = [](const std::array<std::int64_t, 3>& extents, const auto& f) {
    std::array<std::int64_t, 3> p{};
    for (p[0] = 0; p[0] < extents[0]; ++p[0])
      for (p[1] = 0; p[1] < extents[1]; ++p[1])
        for (p[2] = 0; p[2] < extents[2]; ++p[2]) f(p);
  };
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t k = 0; k < shape[1]; ++k)
      visit({shape[2], shape[3], shape[4]}, [&](const auto& place) {
        visit({w.size(2), w.size(3), w.size(4)}, [&](const auto& tap) {
          std::array<std::int64_t, 3> from{};
          bool is_inside = true;
          for (std::size_t i = 0; i < 3; ++i) {
            from[i] = place[i] * axes[i].stride + tap[i] * axes[i].dilation - axes[i].before;
            is_inside = is_inside && from[i] >= 0 && from[i] < x.size(static_cast<int>(i) + 2);
          }
          if (!is_inside) return;
          for (std::int64_t c = 0; c < w.size(1); ++c)
            *out += at(in, n, k / (shape[1] / groups) * w.size(1) + c, from) * at(by, k, c, tap);
        });
        ++out;
      });
  return y;
}

/// Whole numbers, whose sums are exact in either dtype.
Tensor whole(const Shape& shape, DType dtype, std::uint64_t seed) {
  return round(normal(shape, seed) * 2).to(dtype);
}

double dot_of(const Tensor& a, const Tensor& b) {
  return sum(a.to(float64) * b.to(float64)).item();
}

}  // namespace

TEST_CASE("a convolution along one axis, worked out by hand") {
  const Tensor x = tensor({{{1., 2., 3., 4.}}});
  const Tensor w = tensor({{{1., 10., 100.}}});
  CHECK(values(conv1d(x, w)) == std::vector<double>{321, 432});
  CHECK(values(conv1d(x, w, tensor({0.5}))) == std::vector<double>{321.5, 432.5});
  CHECK(values(conv1d(x, w, {}, {.padding = 1})) == std::vector<double>{210, 321, 432, 43});
  CHECK(values(conv1d(x, w, {}, {.stride = 2, .padding = 2})) == std::vector<double>{100, 321, 43});
  CHECK(values(conv1d(x, tensor({{{1., 10.}}}), {}, {.dilation = 3})) == std::vector<double>{41});
  // Where "same" adds an odd number of zeros, the odd one is behind.
  CHECK(values(conv1d(x, w, {}, {.padding = "same"})) == std::vector<double>{210, 321, 432, 43});
  CHECK(values(conv1d(x, tensor({{{1., 10.}}}), {}, {.padding = "same"})) ==
        std::vector<double>{21, 32, 43, 4});
  CHECK(values(conv1d(x, w, {}, {.padding = "valid"})) == std::vector<double>{321, 432});
  CHECK(values(conv1d(x, w, {}, {.padding = 1, .padding_mode = "reflect"})) ==
        std::vector<double>{212, 321, 432, 343});
  CHECK(values(conv1d(x, w, {}, {.padding = 1, .padding_mode = "replicate"})) ==
        std::vector<double>{211, 321, 432, 443});
  CHECK(values(conv1d(x, w, {}, {.padding = 1, .padding_mode = "circular"})) ==
        std::vector<double>{214, 321, 432, 143});
  CHECK(values(conv1d(x, tensor({{{1., 10.}}}), {},
                      {.padding = "same", .padding_mode = "circular"})) ==
        std::vector<double>{21, 32, 43, 14});
}

TEST_CASE("a transposed convolution along one axis, worked out by hand") {
  const Tensor x = tensor({{{1., 2.}}});
  const Tensor w = tensor({{{1., 10., 100.}}});
  CHECK(values(conv_transpose1d(x, w)) == std::vector<double>{1, 12, 120, 200});
  CHECK(values(conv_transpose1d(x, w, {}, {.stride = 2})) ==
        std::vector<double>{1, 10, 102, 20, 200});
  CHECK(values(conv_transpose1d(x, w, {}, {.stride = 2, .padding = 1})) ==
        std::vector<double>{10, 102, 20});
  CHECK(values(conv_transpose1d(x, w, tensor({0.5}),
                                {.stride = 2, .padding = 1, .output_padding = 1})) ==
        std::vector<double>{10.5, 102.5, 20.5, 200.5});
  CHECK(values(conv_transpose1d(x, w, {}, {.stride = 2, .output_padding = 1})) ==
        std::vector<double>{1, 10, 102, 20, 200, 0});
  CHECK(values(
            conv_transpose1d(x, tensor({{{1., 10.}}}), {}, {.output_padding = 2, .dilation = 3})) ==
        std::vector<double>{1, 2, 0, 10, 20, 0, 0});
}

TEST_CASE("convolutions over three axes agree with the definition, in both dtypes") {
  struct Case {
    Shape x, w;
    Conv3dOptions o;
    Shape y;
  };
  // The second, with channels that fill blocks, is oneDNN's in float32.
  const std::vector<Case> cases{
      {{2, 3, 4, 5, 6}, {4, 3, 2, 3, 3}, {.padding = 1}, {2, 4, 5, 5, 6}},
      {{2, 16, 4, 5, 6},
       {16, 16, 3, 3, 3},
       {.stride = {1, 2, 1}, .padding = {1, 0, 2}},
       {2, 16, 4, 2, 8}},
      {{1, 9, 5, 6, 4}, {10, 9, 2, 2, 3}, {.dilation = {2, 1, 1}}, {1, 10, 3, 5, 2}},
      {{1, 8, 3, 3, 3}, {16, 1, 3, 2, 1}, {.padding = {1, 1, 0}, .groups = 8}, {1, 16, 3, 4, 3}},
      {{1, 8, 1, 4, 4},
       {8, 8, 1, 1, 1},
       {.stride = {3, 1, 1}, .padding = {1, 0, 0}},
       {1, 8, 1, 4, 4}}};
  for (const DType dtype : {float32, float64})
    for (const Case& each : cases) {
      const auto& x_shape = each.x;
      const auto& w_shape = each.w;
      const auto& o = each.o;
      const auto& y_shape = each.y;
      CAPTURE(x_shape);
      std::array<Axis, 3> axes;
      for (std::size_t i = 0; i < 3; ++i) axes[i] = {o.stride[i], o.padding[i], o.dilation[i]};
      const Tensor x = whole(x_shape, dtype, 1);
      const Tensor w = whole(w_shape, dtype, 2);
      const Tensor bias = whole({w_shape[0]}, dtype, 3);
      const Tensor y = by_definition(x, w, axes, y_shape, o.groups);
      CHECK(equal(conv3d(x, w, {}, o).to(float64), y));
      CHECK(equal(conv3d(x, w, bias, o).to(float64), y + bias.to(float64).reshape({-1, 1, 1, 1})));
      const Tensor dy = whole(y_shape, dtype, 4);
      CHECK(dot_of(conv3d_input(dy, w, x_shape, o), x) == dot_of(dy, y));
      CHECK(dot_of(conv3d_weight(x, dy, w_shape, o), w) == dot_of(dy, y));
    }
}

TEST_CASE("convolutions along one axis agree with those of images of one row") {
  struct Case {
    Shape x, w;
    Conv1dOptions o;
  };
  // A row of 1500 is computed in pieces, and with 16 channels by oneDNN in float32.
  const std::vector<Case> cases{
      {{3, 4, 19}, {6, 4, 3}, {.padding = 1}},
      {{2, 300, 1500}, {4, 300, 3}, {.stride = 2, .padding = 2, .dilation = 2}},
      {{2, 16, 700}, {32, 16, 5}, {.padding = "same"}},
      {{2, 16, 33}, {16, 1, 4}, {.padding = "same", .groups = 16}},
      {{5, 8, 40}, {12, 4, 3}, {.stride = 3, .groups = 2}}};
  for (const DType dtype : {float32, float64})
    for (const Case& each : cases) {
      const auto& x_shape = each.x;
      const auto& w_shape = each.w;
      const auto& o = each.o;
      CAPTURE(x_shape);
      const Tensor x = whole(x_shape, dtype, 1).requires_grad_();
      const Tensor w = whole(w_shape, dtype, 2).requires_grad_();
      const Tensor bias = whole({w_shape[0]}, dtype, 3).requires_grad_();
      const Tensor y = conv1d(x, w, bias, o);
      const bool is_same = o.padding.word() == "same";
      const Axis axis{o.stride[0], is_same ? (w.size(2) - 1) / 2 : o.padding[0], o.dilation[0]};
      const Tensor expected =
          by_definition(x.detach().reshape({x.size(0), x.size(1), 1, 1, x.size(2)}),
                        w.detach().reshape({w.size(0), w.size(1), 1, 1, w.size(2)}),
                        {Axis{}, Axis{}, axis}, {y.size(0), y.size(1), 1, 1, y.size(2)}, o.groups)
              .reshape(y.shape());
      CHECK(equal(y.detach().to(float64), expected + bias.detach().to(float64).reshape({-1, 1})));
      const Tensor dy = whole(y.shape(), dtype, 4);
      y.backward(dy);
      CHECK(dot_of(x.grad(), x.detach()) == dot_of(dy, expected));
      CHECK(dot_of(w.grad(), w.detach()) == dot_of(dy, expected));
      CHECK(equal(bias.grad(), sum(dy, {0, 2})));
    }
}

TEST_CASE("transposed convolutions are the adjoints, in both dtypes") {
  // Channels for products of matrices, oneDNN's kernels and Winograd's algorithm.
  struct Case {
    Shape x, w;
    ConvTranspose2dOptions o;
    Shape y;
  };
  const std::vector<Case> cases{
      {{2, 3, 5, 4},
       {3, 2, 3, 2},
       {.stride = {2, 1}, .padding = 1, .output_padding = {1, 0}},
       {2, 2, 10, 3}},
      {{2, 16, 8, 8}, {16, 32, 4, 4}, {.stride = 2, .padding = 1}, {2, 32, 16, 16}},
      {{2, 32, 9, 8}, {32, 32, 3, 3}, {.padding = 1}, {2, 32, 9, 8}},
      {{2, 16, 6, 5}, {16, 16, 2, 2}, {.output_padding = 2, .dilation = 3}, {2, 16, 11, 10}},
      {{1, 16, 5, 5},
       {16, 4, 3, 3},
       {.stride = 3, .output_padding = 2, .groups = 4},
       {1, 16, 17, 17}},
      {{2, 16, 4, 4}, {16, 16, 1, 1}, {.stride = 2, .padding = 1}, {2, 16, 5, 5}}};
  for (const DType dtype : {float32, float64})
    for (const Case& each : cases) {
      const auto& x_shape = each.x;
      const auto& w_shape = each.w;
      const auto& o = each.o;
      const auto& y_shape = each.y;
      CAPTURE(x_shape);
      CAPTURE(w_shape);
      const Tensor x = whole(x_shape, dtype, 1).requires_grad_();
      const Tensor w = whole(w_shape, dtype, 2).requires_grad_();
      const Tensor bias = whole({y_shape[1]}, dtype, 3).requires_grad_();
      const Tensor y = conv_transpose2d(x, w, bias, o);
      REQUIRE(y.shape() == y_shape);
      const Tensor dy = whole(y_shape, dtype, 4);
      y.backward(dy);
      // What the convolution makes of dy is the gradient of x.
      const auto axis = [&](std::size_t i) {
        return Axis{o.stride[i], o.padding[i], o.dilation[i]};
      };
      const Tensor dx =
          by_definition(dy.unsqueeze(2), w.detach().unsqueeze(2), {Axis{}, axis(0), axis(1)},
                        x.detach().unsqueeze(2).shape(), o.groups)
              .squeeze(2);
      // Winograd's products are of fractions.
      CHECK(allclose(x.grad().to(float64), dx, 0, dtype == float32 ? 1e-2 : 1e-9));
      const double product = dot_of(dx, x.detach());
      const double bias_part = dot_of(sum(dy, {0, 2, 3}), bias.detach());
      CHECK(dot_of(y.detach(), dy) == doctest::Approx(product + bias_part).epsilon(1e-5));
      CHECK(dot_of(w.grad(), w.detach()) == doctest::Approx(product).epsilon(1e-5));
      CHECK(equal(bias.grad(), sum(dy, {0, 2, 3})));
      CHECK(allclose(conv_transpose2d(x, w, {}, o) + bias.reshape({-1, 1, 1}), y, 0, 1e-2));
    }
}

TEST_CASE("transposed over three axes, a value each") {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}).reshape({1, 1, 2, 1, 2});
  const Tensor w = tensor({1., 10.}).reshape({1, 1, 2, 1, 1});
  const Tensor y = conv_transpose3d(x, w, tensor({0.5}), {.stride = {2, 1, 1}});
  CHECK(y.shape() == Shape{1, 1, 4, 1, 2});
  CHECK(values(y) == std::vector<double>{1.5, 2.5, 10.5, 20.5, 3.5, 4.5, 30.5, 40.5});
  CHECK(equal(conv_transpose3d(x[0], w, {}, {.stride = {2, 1, 1}}), y[0] - 0.5));
}

TEST_CASE("an image alone is convolved as a batch of one") {
  const Tensor x = normal({1, 3, 6, 5});
  const Tensor w = normal({4, 3, 3, 3}, 2);
  const Tensor bias = normal({4}, 3);
  CHECK(equal(conv2d(x[0], w, bias, {.padding = 1}), conv2d(x, w, bias, {.padding = 1})[0]));
  const Tensor signal = normal({3, 7}, 4);
  CHECK(equal(conv1d(signal, w[0]), conv1d(signal.unsqueeze(0), w[0])[0]));
  CHECK(equal(conv3d(x, w.unsqueeze(1)), conv3d(x.unsqueeze(0), w.unsqueeze(1))[0]));
  CHECK(equal(conv_transpose2d(x[0], w.transpose(0, 1), bias),
              conv_transpose2d(x, w.transpose(0, 1), bias)[0]));
}

TEST_CASE("what does not fit is told in the operation's own name") {
  const Tensor x = zeros({2, 3, 8});
  const Tensor w = zeros({4, 3, 3});
  CHECK(message_of<ShapeError>([&] { conv1d(zeros({8}), w); }) ==
        "conv1d: input [8] must be [batch, channels, length], or [channels, length] without a "
        "batch");
  CHECK(message_of<ShapeError>([&] { conv3d(x, w); }) ==
        "conv3d: input [2, 3, 8] must be [batch, channels, depth, height, width], or [channels, "
        "depth, height, width] without a batch");
  CHECK(message_of<ShapeError>([&] {
          conv1d(x, zeros({4, 3, 3, 3}));
        }) == "conv1d: weight [4, 3, 3, 3] must be [filters, channels / groups, length]");
  CHECK(message_of<ShapeError>([&] {
          conv1d(x, zeros({4, 2, 3}));
        }) ==
        "conv1d: input has 3 channels, weight [4, 2, 3] expects 2 (input [2, 3, 8], stride 1, "
        "padding 0)");
  CHECK(message_of<ShapeError>([&] {
          conv1d(x, zeros({4, 3, 9}), {}, {.padding = "valid"});
        }) ==
        "conv1d: the 9 window is larger than the padded input (input [2, 3, 8], stride 1, padding "
        "valid)");
  CHECK(message_of<ValueError>([&] { conv1d(x, w, {}, {.stride = 2, .padding = "same"}); }) ==
        "conv1d: padding same keeps the extents, which stride [2] does not");
  CHECK(message_of<ValueError>([&] { conv1d(x, w, {}, {.padding = "some"}); }) ==
        "conv1d: padding 'some' is neither a number, same nor valid");
  CHECK(message_of<ValueError>([&] { conv1d(x, w, {}, {.padding_mode = "mirror"}); }) ==
        "conv1d: padding_mode 'mirror' is none of zeros, reflect, replicate and circular");
  CHECK(message_of<ShapeError>(
            [&] { conv1d(x, w, {}, {.padding = 8, .padding_mode = "reflect"}); }) ==
        "pad: widths 8 and 8 of axis 2 must be less than its 8 elements to reflect them (shape "
        "[2, 3, 8])");
  CHECK(message_of<ValueError>([&] {
          conv1d_input(zeros({2, 4, 8}), w, {2, 3, 8}, {.padding = 1, .padding_mode = "circular"});
        }) == "conv1d_input: padding_mode circular; around the input are zeros here (see pad)");
  CHECK(message_of<ShapeError>([&] {
          conv1d_weight(x, zeros({2, 4, 7}), {4, 3, 3});
        }) ==
        "conv1d_weight: gradient [2, 4, 7] where the convolution of [2, 3, 8] with [4, 3, 3] gives "
        "[2, 4, 6]");
  CHECK(message_of<DTypeError>([&] { conv1d(x, w.to(float64)); }) ==
        "conv1d: input and weight are float32 and float64; convert one with x.to()");
}

TEST_CASE("transposed convolutions that cannot be are told") {
  const Tensor x = zeros({2, 3, 4, 4});
  const Tensor w = zeros({3, 5, 3, 3});
  CHECK(message_of<ShapeError>([&] {
          conv_transpose2d(x, zeros({4, 5, 3, 3}));
        }) ==
        "conv_transpose2d: input has 3 channels, weight [4, 5, 3, 3] expects 4 (input [2, 3, 4, "
        "4])");
  CHECK(message_of<ShapeError>([&] { conv_transpose2d(x, w, {}, {.groups = 2}); }) ==
        "conv_transpose2d: 2 groups do not divide the 3 channels of weight [3, 5, 3, 3]");
  CHECK(message_of<ShapeError>([&] { conv_transpose2d(x, w, zeros({3})); }) ==
        "conv_transpose2d: bias [3] does not fit weight [3, 5, 3, 3]; it must be [5]");
  CHECK(message_of<ValueError>([&] { conv_transpose2d(x, w, zeros({5}), {.bias = false}); }) ==
        "conv_transpose2d: bias [5] where the options say bias = false; leave one of them out");
  CHECK(message_of<ValueError>([&] {
          conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = {1, 2}});
        }) ==
        "conv_transpose2d: output_padding [1, 2] must be less than stride [2, 2] or dilation [1, "
        "1]");
  CHECK(message_of<ValueError>([&] { conv_transpose2d(x, w, {}, {.output_padding = -1}); }) ==
        "conv_transpose2d: stride [1, 1], dilation [1, 1] and groups 1 must be positive, padding "
        "[0, 0] and output_padding [-1, -1] not negative");
  CHECK(message_of<ShapeError>([&] {
          conv_transpose2d(x, w, {}, {.padding = {0, 3}});
        }) ==
        "conv_transpose2d: nothing is left of the result [2, 5, 6, 0] (input [2, 3, 4, 4], weight "
        "[3, 5, 3, 3], padding [0, 3])");
  CHECK(message_of<ShapeError>([&] {
          conv_transpose2d(zeros({2, 3, 0, 4}), w);
        }) ==
        "conv_transpose2d: input [2, 3, 0, 4] must have rows and columns; only the batch and the "
        "channels may be empty");
  CHECK(
      message_of<ValueError>([&] {
        conv_transpose1d(zeros({1, 1, 3}), zeros({1, 1, 1}), {}, {.stride = std::int64_t{1} << 62});
      }) == "conv_transpose1d: a size is too large: 2 * 4611686018427387904 does not fit 63 bits");
}
