#include <xgrad/autograd/layout.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;

const double inf = std::numeric_limits<double>::infinity();

Tensor counted(const Shape& shape, DType dtype = float64) {
  return reshape(arange(shape.numel(), {.dtype = dtype}), shape);
}

/// Rounded to four decimals.
Values rounded(const Tensor& x) {
  Values all = values(x);
  for (double& value : all) value = std::round(value * 1e4) / 1e4;
  return all;
}

Values resized(const Tensor& x, const InterpolateOptions& options) {
  return rounded(interpolate(x, options));
}

template <class F>
Tensor gradient(const Tensor& x, const F& f) {
  const Tensor leaf = x.detach().clone().requires_grad_();
  const Tensor y = f(leaf);
  y.backward(normal(y.shape(), 5).to(y.dtype()));
  return leaf.grad();
}

}  // namespace

TEST_CASE("the nearest place, at a piece's start or at its centre") {
  const Tensor row = tensor({{{10., 11., 12., 13.}}});
  CHECK(resized(row, {.size = 8}) == Values{10, 10, 11, 11, 12, 12, 13, 13});
  CHECK(resized(row, {.size = 3}) == Values{10, 11, 12});
  CHECK(resized(row, {.size = 3, .mode = "nearest-exact"}) == Values{10, 12, 13});
  CHECK(resized(row, {.size = 6, .mode = "nearest-exact"}) == Values{10, 11, 11, 12, 13, 13});
  const Tensor whole = reshape(arange(4), {1, 1, 2, 2});
  const Tensor larger = interpolate(whole, {.scale_factor = 2});
  CHECK(larger.dtype() == int64);
  CHECK(values(larger) == Values{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3});
  CHECK(values(interpolate(whole != 0, {.size = {1, 3}, .mode = "nearest-exact"})) ==
        Values{1, 1, 1});
}

TEST_CASE("between two places, borders or centres aligned") {
  const Tensor x = tensor({{{{1., 2.}, {3., 4.}}}}, {.dtype = float64});
  CHECK(resized(x, {.scale_factor = 2, .mode = "bilinear"}) ==
        Values{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4});
  CHECK(resized(x, {.size = {2, 4}, .mode = "bilinear", .align_corners = true}) ==
        Values{1, 1.3333, 1.6667, 2, 3, 3.3333, 3.6667, 4});
  CHECK(resized(x, {.size = 1, .mode = "bilinear"}) == Values{2.5});
  CHECK(resized(x, {.size = 1, .mode = "bilinear", .align_corners = true}) == Values{1});
  CHECK(resized(tensor({{{0., 3.}}}), {.size = 4, .mode = "linear"}) == Values{0, 0.75, 2.25, 3});
  // 3 · 1.5 = 4.5: by the factor places are 2/3 apart, by the sizes 3/4.
  const Tensor ramp = tensor({{{0., 1., 2.}}});
  CHECK(resized(ramp, {.scale_factor = 1.5, .mode = "linear"}) == Values{0, 0.5, 1.1667, 1.8333});
  for (const InterpolateOptions& o :
       {InterpolateOptions{.size = 4, .mode = "linear"},
        {.scale_factor = 1.5, .mode = "linear", .recompute_scale_factor = true}})
    CHECK(resized(ramp, o) == Values{0, 0.625, 1.375, 2});
  // Where the sizes are equal nothing moves, whatever the factor.
  CHECK(resized(tensor({{{0., 3.}}}), {.scale_factor = 1.4, .mode = "linear"}) == Values{0, 3});
  CHECK(resized(counted({1, 1, 2, 1, 2}), {.size = {3, 1, 3}, .mode = "trilinear"}) ==
        Values{0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3});
}

TEST_CASE("cubic weights, by hand") {
  // Keys' weights with a = −¾ at distances ¼, ¾, 1¼ and 1¾ are 0.8789, 0.2617, −0.1055 and −0.0352.
  // Places lie at −¼, ¼, ¾, …; what lies before the first one is the first again.
  const Tensor row = tensor({{{{32., 0., 0., 0.}}}}, {.dtype = float64});
  CHECK(resized(row, {.size = {1, 8}, .mode = "bicubic"}) ==
        Values{35.375, 24.75, 7.25, -3.375, -1.125, 0, 0, 0});
}

TEST_CASE("area is the mean of what each piece touches") {
  CHECK(resized(tensor({{{1., 2., 6., 7., 9.}}}), {.size = 2, .mode = "area"}) ==
        Values{3, 7.3333});
  CHECK(resized(tensor({{{1., 2.}}}), {.size = 3, .mode = "area"}) == Values{1, 1.5, 2});
  CHECK(resized(tensor({{{1., 2., 4.}}}), {.scale_factor = 0.7, .mode = "area"}) == Values{1.5, 3});
}

TEST_CASE("antialias averages where the result is smaller") {
  const Tensor row = tensor({{{{0., 0., 0., 8., 0., 0., 0., 0.}}}}, {.dtype = float64});
  // Triangles of half width 4 around 2 and 6, whose weights add up to 3.5: place 3, which lies at
  // 3.5, has 1 − 1.5/4 and 1 − 2.5/4 of them.
  CHECK(resized(row, {.size = {1, 2}, .mode = "bilinear", .antialias = true}) ==
        Values{std::round(8 * 0.625 / 3.5 * 1e4) / 1e4, std::round(8 * 0.375 / 3.5 * 1e4) / 1e4});
  // Of the larger nothing is averaged.
  CHECK(resized(row, {.size = {1, 8}, .mode = "bilinear", .antialias = true}) == values(row));
  const Tensor flat = full({1, 2, 9, 7}, 3.0, {.dtype = float64});
  for (const char* mode : {"bilinear", "bicubic"})
    CHECK(allclose(interpolate(flat, {.size = {4, 3}, .mode = mode, .antialias = true}),
                   full({1, 2, 4, 3}, 3.0, {.dtype = float64}), 0, 1e-14));
}

TEST_CASE("sums of many places keep their bound, forward and backward") {
  constexpr std::int64_t n = 20'000;
  const double each = static_cast<double>(0.1F);
  const Tensor x = full({1, 1, n}, 0.1);
  // A weight 1/n is rounded once, and each product.
  constexpr double allowed = (64 + 6 + 2) * 0x1p-24;
  CHECK(std::abs(interpolate(x, {.size = 1, .mode = "area"}).item() / each - 1) <= allowed);
  const Tensor one = zeros({1, 1, 1}).requires_grad_();
  interpolate(one, {.size = n}).backward(x);
  CHECK(std::abs(one.grad().item() / (each * n) - 1) <= allowed);
  const Tensor column = zeros({1, 1, 1, 3}).requires_grad_();
  interpolate(column, {.size = {n, 3}}).backward(full({1, 1, n, 3}, 0.1));
  for (const double sum : values(column.grad())) CHECK(std::abs(sum / (each * n) - 1) <= allowed);
}

TEST_CASE("images in blocks are resized as they lie, with the values of rows") {
  const Tensor rows = normal({2, 32, 5, 4}).to(float32);
  const Tensor blocked = arranged(rows, Layout::blocked);
  for (const InterpolateOptions& o :
       {InterpolateOptions{.scale_factor = 2, .mode = "bilinear"},
        InterpolateOptions{.size = {3, 9}, .mode = "bicubic"}, InterpolateOptions{.size = 2}}) {
    CAPTURE(o.mode);
    const Tensor y = interpolate(blocked, o);
    CHECK(layout_of(y) == Layout::blocked);
    // One loop may add a product in one instruction and the other in two: two axes of up to four
    // products, of weights that add up to 1.4 and values up to 4.
    CHECK(allclose(y, interpolate(rows, o), 0, 2 * 4 * 1.4 * 1.4 * 4 * 0x1p-24));
  }
}

TEST_CASE("the same bits on any number of threads") {
  const Tensor few = normal({1, 2, 300, 200}).to(float32);
  const Tensor many = normal({40, 3, 30, 20}).to(float32);
  const Tensor grid = uniform({40, 25, 25, 2}, -1, 1).to(float32);
  const auto all = [&] {
    const InterpolateOptions o{.size = {170, 410}, .mode = "bicubic"};
    const auto f = [&](const Tensor& x) { return interpolate(x, o); };
    const auto g = [&](const Tensor& x) { return grid_sample(x, grid); };
    return std::vector<Tensor>{f(few), f(many), gradient(few, f), gradient(many, f),
                               gradient(many, g)};
  };
  const Threads guard(1);
  const auto alone = all();
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    const auto shared = all();
    for (std::size_t i = 0; i < alone.size(); ++i) {
      CAPTURE(i);
      CHECK(equal(alone[i], shared[i]));
    }
  }
}

TEST_CASE("interpolate says what does not fit") {
  const Tensor x = zeros({1, 2, 3, 4});
  const auto value = [&](const InterpolateOptions& o) {
    return message_of<ValueError>([&] { interpolate(x, o); });
  };
  CHECK(value({}) == "interpolate: none of size and scale_factor; give one");
  CHECK(value({.size = 2, .scale_factor = 2}) ==
        "interpolate: both of size and scale_factor; give one");
  CHECK(value({.size = {1, 2, 3}}) ==
        "interpolate: size has 3 numbers, input [1, 2, 3, 4] has 2 spatial axes");
  CHECK(value({.size = {1, 0}}) == "interpolate: a size of 0; it must be positive");
  CHECK(value({.scale_factor = 0.3}) ==
        "interpolate: scale_factor 0.3 makes no axis of 3 elements");
  CHECK(value({.scale_factor = std::nan("")}) ==
        "interpolate: scale_factor nan makes no axis of 3 elements");
  CHECK(value({.size = 2, .mode = "cubic"}) ==
        "interpolate: mode 'cubic'; it is 'nearest', 'nearest-exact', 'linear', 'bilinear', "
        "'bicubic', 'trilinear' or 'area'");
  CHECK(value({.size = 2, .align_corners = false}) ==
        "interpolate: align_corners is given for mode 'nearest'; it is for the linear and cubic "
        "ones");
  CHECK(value({.size = 2, .antialias = true}) ==
        "interpolate: antialias is for 'bilinear' and 'bicubic', not for 'nearest'");
  CHECK(value({.size = 2, .recompute_scale_factor = true}) ==
        "interpolate: recompute_scale_factor with a size, which needs no factor");
  CHECK(message_of<ShapeError>([&] { interpolate(x, {.size = 2, .mode = "linear"}); }) ==
        "interpolate: input [1, 2, 3, 4] for mode 'linear', which takes [batch, channels] and one "
        "axis");
  CHECK(message_of<ShapeError>([] {
          interpolate(zeros({1, 2, 0, 4}), {.size = 2});
        }) == "interpolate: input [1, 2, 0, 4] has an empty axis; only batch and channels may be");
  CHECK(message_of<DTypeError>([] {
          interpolate(arange(3).reshape({1, 1, 3}), {.size = 2, .mode = "linear"});
        }) == "interpolate: mode 'linear' takes floating tensors, got int64");
}

TEST_CASE("channels become pixels and pixels channels") {
  const Tensor x = counted({1, 4, 1, 2});
  CHECK(values(pixel_shuffle(x, 2)) == Values{0, 2, 1, 3, 4, 6, 5, 7});
  const Tensor images = normal({2, 3, 18, 2, 5});
  CHECK(pixel_shuffle(images, 3).shape() == Shape{2, 3, 2, 6, 15});
  CHECK(equal(pixel_unshuffle(pixel_shuffle(images, 3), 3), images));
  CHECK(values(channel_shuffle(counted({1, 6, 1}), 2)) == Values{0, 3, 1, 4, 2, 5});
  CHECK(message_of<ShapeError>([] {
          pixel_shuffle(zeros({6, 2, 2}), 2);
        }) ==
        "pixel_shuffle: the 6 channels of [6, 2, 2] are no multiple of 4, the square of "
        "upscale_factor 2");
  CHECK(message_of<ShapeError>([] {
          pixel_shuffle(zeros({6, 2}), 2);
        }) ==
        "pixel_shuffle: input [6, 2] must be [channels, height, width] with or without axes in "
        "front");
  CHECK(message_of<ShapeError>([] {
          pixel_unshuffle(zeros({1, 4, 3}), 2);
        }) ==
        "pixel_unshuffle: height and width of [1, 4, 3] are no multiples of downscale_factor 2");
  CHECK(message_of<ShapeError>([] {
          channel_shuffle(zeros({1, 4, 3}), 3);
        }) == "channel_shuffle: the 4 channels of [1, 4, 3] do not make 3 groups");
}

namespace {

/// The values at (column, row) places of a plane 0 1 2 / 3 4 5 / 6 7 8.
Values sampled(const NestedList& places, const GridSampleOptions& options) {
  const Tensor grid = tensor(places, {.dtype = float64});
  return rounded(grid_sample(counted({1, 1, 3, 3}), reshape(grid, {1, 1, -1, 2}), options));
}

}  // namespace

TEST_CASE("samples at a grid's places, by hand") {
  // The centres of places lie at −2/3, 0 and 2/3; or, aligned, at −1, 0 and 1.
  CHECK(sampled({{0, 0}, {2. / 3, 0}, {1. / 3, 2. / 3}}, {}) == Values{4, 5, 7.5});
  CHECK(sampled({{0, 0}, {1, 0}, {0.5, 1}}, {.align_corners = true}) == Values{4, 5, 7.5});
  // Half beyond the border: half of it, or the border.
  CHECK(sampled({{1, 0}, {0, -1}, {9, 9}}, {}) == Values{2.5, 0.5, 0});
  CHECK(sampled({{1, 0}, {0, -1}, {9, 9}}, {.padding_mode = "border"}) == Values{5, 1, 8});
  // 4/3 is as far beyond 1 as 2/3 is inside; aligned, 1.5 as far as 0.5.
  CHECK(sampled({{4. / 3, 0}, {0, -2}, {6, 0}}, {.padding_mode = "reflection"}) == Values{5, 4, 4});
  CHECK(sampled({{1.5, 0}, {0, -3}}, {.padding_mode = "reflection", .align_corners = true}) ==
        Values{4.5, 7});
  // Halves go to the even place.
  CHECK(sampled({{0.3, -0.6}, {0.5, 0}, {-0.5, 0}, {1.6, 0}},
                {.mode = "nearest", .align_corners = true}) == Values{1, 5, 3, 0});
  // A plane that is linear is itself where all weights find places.
  CHECK(sampled({{0, 0}, {0.1, 0.2}}, {.mode = "bicubic"})[0] == 4);
  // Nobody knows where NaN is: PyTorch says −1.
  CHECK(sampled({{std::nan(""), 0}, {inf, 0}, {0, -inf}}, {.padding_mode = "border"}) ==
        Values{3, 5, 1});
  CHECK(sampled({{inf, 0}, {0, 1e30}}, {}) == Values{0, 0});
  const Tensor volume = counted({1, 1, 2, 2, 2});
  const Tensor centre = zeros({1, 1, 1, 1, 3}, {.dtype = float64});
  CHECK(values(grid_sample(volume, centre)) == Values{3.5});
}

TEST_CASE("many samples of one place add up within the bound") {
  constexpr std::int64_t n = 20'000;
  const Tensor x = zeros({1, 1, 1, 1}).requires_grad_();
  grid_sample(x, zeros({1, 1, n, 2})).backward(full({1, 1, 1, n}, 0.1));
  const double total = static_cast<double>(0.1F) * n;
  CHECK(std::abs(x.grad().item() / total - 1) <= (64 + 6) * 0x1p-24);
  // Of many channels, for the grid: 3/2 of the difference of the sums for two places, 1 and 2 each.
  const Tensor steps = tensor({0., 1., 2.}).reshape({1, 1, 1, 3}).expand({1, n, 1, 3});
  const Tensor grid = tensor({0.1, 0.}).reshape({1, 1, 1, 2}).requires_grad_();
  grid_sample(steps, grid, {.padding_mode = "border"}).backward(full({1, n, 1, 1}, 0.1));
  CHECK(std::abs(grid.grad().to_vector<double>()[0] / (1.5 * total) - 1) <= (3 * 70 + 8) * 0x1p-24);
}

TEST_CASE("a grid that moves nothing") {
  const Tensor theta = tensor({{{1., 0., 0.}, {0., 1., 0.}}}, {.dtype = float64});
  for (const bool aligned : {false, true}) {
    const Tensor grid = affine_grid(theta, {1, 1, 3, 4}, aligned);
    const Tensor x = normal({1, 2, 3, 4});
    CHECK(allclose(grid_sample(x, grid, {.align_corners = aligned}), x, 0, 1e-14));
  }
  CHECK(rounded(affine_grid(theta, {1, 1, 2, 2})) ==
        Values{-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5});
  CHECK(rounded(affine_grid(theta, {1, 1, 1, 3}, true)) == Values{-1, 0, 0, 0, 1, 0});
  const Tensor turned = tensor({{{0., -1., 0.}, {1., 0., 0.5}}});
  CHECK(rounded(affine_grid(turned, {1, 1, 2, 1}, true)) == Values{1, 0.5, -1, 0.5});
  CHECK(message_of<ShapeError>([&] {
          affine_grid(theta, {2, 1, 3, 3});
        }) == "affine_grid: theta [1, 2, 3] for size [2, 1, 3, 3]; it must be [2, 2, 3]");
  CHECK(message_of<ShapeError>([&] {
          affine_grid(theta, {1, 1, 0, 3});
        }) == "affine_grid: size [1, 1, 0, 3] must be positive in every axis");
}

TEST_CASE("grid_sample says what does not fit") {
  const Tensor x = zeros({1, 2, 3, 4});
  const Tensor grid = zeros({1, 2, 2, 2});
  CHECK(message_of<ShapeError>([&] {
          grid_sample(x, zeros({1, 2, 2}));
        }) ==
        "grid_sample: input [1, 2, 3, 4] and grid [1, 2, 2]; they are [N, C, H, W] and [N, OH, OW, "
        "2], or have a depth more and 3");
  CHECK(message_of<ShapeError>([&] {
          grid_sample(x, zeros({2, 2, 2, 2}));
        }) == "grid_sample: [1, 2, 3, 4] and [2, 2, 2, 2] are of different batches");
  CHECK(message_of<ShapeError>([&] {
          grid_sample(x, zeros({1, 2, 2, 3}));
        }) ==
        "grid_sample: grid [1, 2, 2, 3] has 3 numbers for each place of input [1, 2, 3, 4]; it "
        "needs 2");
  CHECK(message_of<ValueError>([&] { grid_sample(x, grid, {.mode = "linear"}); }) ==
        "grid_sample: mode 'linear'; it is 'bilinear', 'nearest' or 'bicubic'");
  CHECK(message_of<ValueError>([&] { grid_sample(x, grid, {.padding_mode = "zero"}); }) ==
        "grid_sample: padding_mode 'zero'; it is 'zeros', 'border' or 'reflection'");
  CHECK(message_of<DTypeError>([&] { grid_sample(x, grid.to(float64)); }) ==
        "grid_sample: takes floating tensors of one dtype, got float32 and float64");
  CHECK(message_of<ShapeError>([] {
          grid_sample(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), {.mode = "bicubic"});
        }) == "grid_sample: mode 'bicubic' is for [N, C, H, W], got [1, 1, 2, 2, 2]");
}
