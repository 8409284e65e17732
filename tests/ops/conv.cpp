#include "support.hpp"

using namespace support;

namespace {

/// The definition: seven nested loops.
Tensor by_hand(const Tensor& x, const Tensor& w, const Conv2dOptions& o) {
  const std::int64_t oh =
      (x.size(2) + 2 * o.padding[0] - o.dilation[0] * (w.size(2) - 1) - 1) / o.stride[0] + 1;
  const std::int64_t ow =
      (x.size(3) + 2 * o.padding[1] - o.dilation[1] * (w.size(3) - 1) - 1) / o.stride[1] + 1;
  Tensor y = zeros({x.size(0), w.size(0), oh, ow}, {.dtype = float64});
  double* out = y.mutable_data<double>();
  for (std::int64_t n = 0; n < x.size(0); ++n)
    for (std::int64_t k = 0; k < w.size(0); ++k)
      for (std::int64_t i = 0; i < oh; ++i)
        for (std::int64_t j = 0; j < ow; ++j, ++out)
          for (std::int64_t c = 0; c < w.size(1); ++c)
            for (std::int64_t r = 0; r < w.size(2); ++r)
              for (std::int64_t s = 0; s < w.size(3); ++s) {
                const std::int64_t channel = k / (w.size(0) / o.groups) * w.size(1) + c;
                const std::int64_t row = i * o.stride[0] + r * o.dilation[0] - o.padding[0];
                const std::int64_t column = j * o.stride[1] + s * o.dilation[1] - o.padding[1];
                if (row < 0 || row >= x.size(2) || column < 0 || column >= x.size(3)) continue;
                *out += x.data<double>()[((n * x.size(1) + channel) * x.size(2) + row) * x.size(3) +
                                         column] *
                        w.data<double>()[((k * w.size(1) + c) * w.size(2) + r) * w.size(3) + s];
              }
  return y;
}

}  // namespace

TEST_CASE("convolution agrees with the definition, in one thread and in several") {
  struct Case {
    Shape x, w;
    Conv2dOptions o;
  };
  // The large one needs several tiles.
  const std::vector<Case> cases{
      {{3, 4, 9, 8}, {6, 4, 3, 3}, {.padding = 1}},
      {{2, 4, 9, 8}, {6, 2, 3, 2}, {.stride = {2, 1}, .padding = {1, 0}, .groups = 2}},
      {{2, 3, 11, 10}, {4, 3, 3, 3}, {.stride = 2, .padding = 3, .dilation = {2, 3}}},
      {{1, 24, 70, 60}, {5, 24, 5, 5}, {.padding = 2}}};
  for (const Case& item : cases) {
    const Shape& x_shape = item.x;
    const Shape& w_shape = item.w;
    const Conv2dOptions& o = item.o;
    CAPTURE(x_shape);
    const Tensor x = normal(x_shape, 1);
    const Tensor w = normal(w_shape, 2);
    CHECK(allclose(conv2d(x, w, {}, o), by_hand(x, w, o), 1e-10, 1e-10));
    const Tensor bias = normal({w_shape[0]}, 3);
    CHECK(
        allclose(conv2d(x, w, bias, o), by_hand(x, w, o) + bias.reshape({-1, 1, 1}), 1e-10, 1e-10));
    const int threads = num_threads();
    const Tensor dy = normal(conv2d(x, w, {}, o).shape(), 4);
    const Tensor dx = conv2d_input(dy, w, x_shape, o);
    const Tensor dw = conv2d_weight(x, dy, w_shape, o);
    set_num_threads(1);
    CHECK(equal(conv2d_input(dy, w, x_shape, o), dx));
    CHECK(allclose(conv2d_weight(x, dy, w_shape, o), dw, 1e-10, 1e-10));
    set_num_threads(threads);
    // <conv(x), dy> = <x, conv_input(dy)> = <w, conv_weight(x, dy)>
    const double product = sum(conv2d(x, w, {}, o) * dy).item();
    CHECK(sum(x * dx).item() == doctest::Approx(product).epsilon(1e-10));
    CHECK(sum(w * dw).item() == doctest::Approx(product).epsilon(1e-10));
  }
}

TEST_CASE("the weight's gradient is of the gradient as it is, whatever the bias's pass saw") {
  const Tensor x = normal({2, 3, 5, 5}).requires_grad_();
  const Tensor w = normal({4, 3, 3, 3}, 2).requires_grad_();
  const Tensor b = normal({4}, 3).requires_grad_();
  const Tensor y = conv2d(x, w, b);
  Tensor dy = normal(y.shape(), 4);
  grad(y, b, {.grad_outputs = {dy}, .retain_graph = true});
  dy.fill_(2);
  CHECK(equal(grad(y, w, {.grad_outputs = {dy}}), conv2d_weight(x, dy, w.shape()).detach()));
}

TEST_CASE("extents are one number for all axes, or one for each") {
  static_assert(Extents<1>(3)[0] == 3);
  static_assert(Extents<2>(3) == Extents<2>(3, 3));
  static_assert(Extents<3>(3) == Extents<3>(3, 3, 3));
  static_assert(Extents<2>(3, 5)[0] == 3 && Extents<2>(3, 5)[1] == 5);
  static_assert(Extents<3>(3, 5, 7)[2] == 7 && Extents<3>(3, 5, 7) != 3);
  static_assert(!std::constructible_from<Extents<3>, int, int>);
  static_assert(!std::constructible_from<Extents<1>, int, int>);
  Extents<2> window = 3;
  window[1] = 5;
  CHECK(window == Extents<2>{3, 5});
  CHECK(std::vector(window.begin(), window.end()) == std::vector<std::int64_t>{3, 5});
}

TEST_CASE("options without a bias refuse one") {
  const Tensor x = normal({1, 1, 3, 3});
  const Tensor w = normal({2, 1, 3, 3}, 2);
  CHECK(message_of<ValueError>([&] { conv2d(x, w, zeros({2}), {.bias = false}); }) ==
        "conv2d: bias [2] where the options say bias = false; leave one of them out");
  CHECK(equal(conv2d(x, w, {}, {.bias = false}), conv2d(x, w)));
  CHECK(gradgradcheck(
      [&](const Tensor& v) { return conv2d(v, w, {}, {.padding = 1, .bias = false}); }, {x}));
}

TEST_CASE("wrong convolutions are told") {
  CHECK(
      message_of<ShapeError>([] {
        conv2d(zeros({64, 3, 28, 28}), zeros({16, 1, 5, 5}), {}, {.padding = 2});
      }) ==
      "conv2d: input has 3 channels, weight [16, 1, 5, 5] expects 1 (input [64, 3, 28, 28], stride "
      "1, padding 2)");
  CHECK(message_of<ShapeError>([] {
          conv2d(zeros({28, 28}), zeros({1, 3, 5, 5}));
        }) ==
        "conv2d: input [28, 28] must be [batch, channels, height, width], or [channels, height, "
        "width] without a batch");
  CHECK(message_of<ShapeError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({1, 1, 5, 5}));
        }) ==
        "conv2d: the 5x5 window is larger than the padded input (input [1, 1, 3, 3], stride 1, "
        "padding 0)");
  CHECK(message_of<ShapeError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({2, 1, 1, 1}), zeros({3}));
        }) == "conv2d: bias [3] does not fit weight [2, 1, 1, 1]; it must be [2]");
  CHECK(message_of<ShapeError>([] {
          conv2d(zeros({1, 4, 3, 3}), zeros({3, 2, 1, 1}), {}, {.groups = 2});
        }).starts_with("conv2d: 2 groups do not divide the 3 filters"));
  CHECK(message_of<ShapeError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({1, 1, 5, 5}), {},
                 {.stride = {1, 2}, .dilation = {1, 2}});
        }) ==
        "conv2d: the 5x9 window is larger than the padded input (input [1, 1, 3, 3], stride [1, "
        "2], padding [0, 0], dilation [1, 2])");
  CHECK(message_of<ValueError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({1, 1, 1, 1}), {}, {.stride = 0});
        }).starts_with("conv2d: stride [0, 0]"));
  CHECK(message_of<ValueError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({1, 1, 1, 1}), {}, {.padding = {0, -1}});
        }) ==
        "conv2d: stride [1, 1], dilation [1, 1] and groups 1 must be positive, padding [0, -1] not "
        "negative");
  CHECK(message_of<DTypeError>([] {
          conv2d(zeros({1, 1, 3, 3}), zeros({1, 1, 1, 1}, {.dtype = float64}));
        }) == "conv2d: input and weight are float32 and float64; convert one with x.to()");
  CHECK(message_of<DTypeError>([] {
          conv2d(zeros({1, 1, 3, 3}, {.dtype = int64}), zeros({1, 1, 1, 1}, {.dtype = int64}));
        }).starts_with("conv2d: takes float32 or float64, got int64"));
}
