// Layers that rearrange, resample or compare.

#include "nn/layers.hpp"

#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;

namespace {

template <class M, class F>
void check(const char* name, M layer, const Tensor& x, const F& f) {
  check_layer(name, std::move(layer), x, [&](const M&, const Tensor& v) { return f(v); });
}

}  // namespace

TEST_CASE("layers of shape are the operations of their names") {
  const Tensor x = normal({2, 8, 4, 6});
  check("Flatten", nn::Flatten{}, x, [](auto& v) { return reshape(v, {2, 192}); });
  check("Unflatten", nn::Unflatten{1, {2, -1}}, x, [](auto& v) {
    return reshape(v, {2, 2, 4, 4, 6});
  });
  check("PixelShuffle", nn::PixelShuffle{2}, x, [](auto& v) { return pixel_shuffle(v, 2); });
  check("PixelUnshuffle", nn::PixelUnshuffle{2}, x, [](auto& v) { return pixel_unshuffle(v, 2); });
  check("ChannelShuffle", nn::ChannelShuffle{4}, x, [](auto& v) { return channel_shuffle(v, 4); });
  check("Unfold", nn::Unfold{{2, 3}, {.padding = 1, .stride = 2}}, x, [](auto& v) {
    return unfold(v, {2, 3}, {.padding = 1, .stride = 2});
  });
  check("Fold", nn::Fold{{5, 4}, 2}, normal({2, 12, 12}), [](auto& v) {
    return fold(v, {5, 4}, 2);
  });
  CHECK(equal(nn::PixelUnshuffle{2}(nn::PixelShuffle{2}(x)), x));
}

TEST_CASE("layers that resample are interpolate()") {
  const Tensor x = normal({2, 3, 4, 6});
  check("Upsample", nn::Upsample{{.scale_factor = 2}}, x,
        [](auto& v) { return interpolate(v, {.scale_factor = 2}); });
  check("Upsample", nn::Upsample{{.size = {3, 9}, .mode = "bicubic", .align_corners = true}}, x,
        [](auto& v) {
          return interpolate(v, {.size = {3, 9}, .mode = "bicubic", .align_corners = true});
        });
  check("UpsamplingNearest2d", nn::UpsamplingNearest2d{{.size = 5}}, x, [](auto& v) {
    return interpolate(v, {.size = {5, 5}});
  });
  check("UpsamplingBilinear2d", nn::UpsamplingBilinear2d{{.scale_factor = {2, 1.5}}}, x,
        [](auto& v) {
          return interpolate(v,
                             {.scale_factor = {2, 1.5}, .mode = "bilinear", .align_corners = true});
        });
  CHECK(message_of<ShapeError>([] {
          nn::UpsamplingNearest2d{{.size = 5}}(zeros({1, 2, 3}));
        }) ==
        "net (UpsamplingNearest2d): UpsamplingNearest2d: input [1, 2, 3] must be [batch, channels, "
        "height, width]");
}

TEST_CASE("distances take two tensors") {
  const Tensor a = tensor({{3., 0.}, {1., 2.}}), b = tensor({{0., 4.}, {1., 2.}});
  CHECK(values(nn::CosineSimilarity{}(a, b))[1] == doctest::Approx(1));
  CHECK(equal(nn::CosineSimilarity{0, 0.5}(a, b), cosine_similarity(a, b, 0, 0.5)));
  CHECK(message_of<ValueError>([] {
          nn::CosineSimilarity{0, std::nan("")};
        }).starts_with("cosine_similarity: "));
  CHECK(values(nn::PairwiseDistance{2, 0}(a, b)) == std::vector<double>{5, 0});
  CHECK(values(nn::PairwiseDistance{1, 0, true}(a, b)) == std::vector<double>{7, 0});
  CHECK(nn::PairwiseDistance{1, 0, true}(a, b).shape() == Shape{2, 1});
  CHECK(equal(nn::PairwiseDistance{}(a, b), pairwise_distance(a, b, 2, 1e-6)));
  CHECK(message_of<ValueError>([] { nn::PairwiseDistance{std::nan("")}; }) ==
        "pairwise_distance: p is nan; it must be a number");
}

TEST_CASE("a bilinear layer is a form of two vectors for each output") {
  nn::Bilinear layer{3, 4, 2};
  CHECK(state_of(layer) == std::vector<std::string>{"weight [2, 3, 4]", "bias [2]"});
  CHECK(amax(abs(layer.weight)).item() <= 1 / std::sqrt(3.F));
  layer.to(float64);
  const Tensor a = normal({5, 2, 3}), b = normal({5, 2, 4}, 2);
  const Tensor y = layer(a, b);
  CHECK(y.shape() == Shape{5, 2, 2});
  double expected = layer.bias[1].item();
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 4; ++j)
      expected += a[4][1][i].item() * layer.weight[1][i][j].item() * b[4][1][j].item();
  CHECK(y[4][1][1].item() == doctest::Approx(expected));
  y.sum().backward();
  CHECK(layer.weight.grad().defined());
  CHECK(values(layer.bias.grad()) == std::vector<double>{10, 10});
  CHECK(layer(a[0][0], b[0][0]).shape() == Shape{2});
  CHECK(state_of(nn::Bilinear{3, 4, 2, {.bias = false}}) ==
        std::vector<std::string>{"weight [2, 3, 4]"});
  CHECK(message_of<ShapeError>([&] { layer(a, b.slice(0, 0, 1)); }) ==
        "net (Bilinear): Bilinear: inputs [5, 2, 3] and [1, 2, 4]; they must be [..., 3] and [..., "
        "4], alike in front");
  CHECK(message_of<ValueError>([] {
          nn::Bilinear{3, 0, 2};
        }) == "Bilinear: 3 and 0 inputs and 2 outputs; all must be positive");
}

TEST_CASE("these layers refuse options when they are made") {
  CHECK(message_of<ValueError>([] { nn::PixelShuffle{0}; }) ==
        "pixel_shuffle: upscale_factor 0; it must be positive");
  CHECK(message_of<ValueError>([] { nn::PixelUnshuffle{-1}; }) ==
        "pixel_unshuffle: downscale_factor -1; it must be positive");
  CHECK(message_of<ValueError>([] { nn::ChannelShuffle{0}; }) ==
        "channel_shuffle: 0 groups; there must be one or more");
  CHECK(message_of<ValueError>([] {
          nn::Unfold{{2, 0}};
        }) ==
        "Unfold: window [2, 0], dilation [1, 1] and stride [1, 1] must be positive, padding [0, 0] "
        "not negative");
  CHECK(message_of<ValueError>([] {
          nn::Fold{4, 2, {.padding = -1}};
        }) ==
        "Fold: window [2, 2], dilation [1, 1] and stride [1, 1] must be positive, padding [-1, -1] "
        "not negative");
  CHECK(message_of<ValueError>([] {
          nn::Fold{0, 2};
        }) == "Fold: output size [0, 0] must be positive");
  CHECK(message_of<ValueError>([] { nn::Upsample{{}}; }) ==
        "Upsample: none of size and scale_factor; give one");
  CHECK(message_of<ValueError>([] { nn::Upsample{{.size = 2, .mode = "cubic"}}; }) ==
        "Upsample: mode 'cubic'; it is 'nearest', 'nearest-exact', 'linear', 'bilinear', "
        "'bicubic', 'trilinear' or 'area'");
  CHECK(message_of<ValueError>([] { nn::UpsamplingBilinear2d{{.size = 2, .scale_factor = 2}}; }) ==
        "UpsamplingBilinear2d: both of size and scale_factor; give one");
}
