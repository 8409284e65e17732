// Pools and pads as layers.

#include <xgrad/nn/nn.hpp>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

namespace {

const Shape line{2, 3, 9}, image{2, 3, 6, 7}, body{2, 2, 4, 5, 6};

template <class M, class F>
void check(const char* name, M layer, const Shape& shape, const F& f) {
  check_layer(name, std::move(layer), uniform(shape, 0.5, 2),
              [&](const M&, const Tensor& x) { return f(x); });
}

}  // namespace

TEST_CASE("pools are the operations of their names") {
  check("MaxPool1d", nn::MaxPool1d{3}, line, [](auto& x) { return max_pool1d(x, 3); });
  check("MaxPool2d", nn::MaxPool2d{{3, 2}, {.stride = 1, .padding = 1}}, image, [](auto& x) {
    return max_pool2d(x, {3, 2}, {.stride = 1, .padding = 1});
  });
  check("MaxPool3d", nn::MaxPool3d{2, {.dilation = {1, 2, 3}, .ceil_mode = true}}, body,
        [](auto& x) {
          return max_pool3d(x, 2, {.dilation = {1, 2, 3}, .ceil_mode = true});
        });
  check("AvgPool1d", nn::AvgPool1d{2, {.padding = 1}}, line,
        [](auto& x) { return avg_pool1d(x, 2, {.padding = 1}); });
  check("AvgPool2d", nn::AvgPool2d{3, {.padding = 1, .count_include_pad = false}}, image,
        [](auto& x) { return avg_pool2d(x, 3, {.padding = 1, .count_include_pad = false}); });
  check("AvgPool3d", nn::AvgPool3d{{1, 2, 3}, {.divisor_override = 5}}, body, [](auto& x) {
    return avg_pool3d(x, {1, 2, 3}, {.divisor_override = 5});
  });
  check("LPPool1d", nn::LPPool1d{2, 3}, line, [](auto& x) { return lp_pool1d(x, 2, 3); });
  check("LPPool2d", nn::LPPool2d{1.5, {2, 3}, {.stride = 2}}, image, [](auto& x) {
    return lp_pool2d(x, 1.5, {2, 3}, {.stride = 2});
  });
  check("LPPool3d", nn::LPPool3d{3, 2, {.ceil_mode = true}}, body,
        [](auto& x) { return lp_pool3d(x, 3, 2, {.ceil_mode = true}); });
  CHECK(values(nn::MaxPool1d{2}(tensor({{{1.F, 5.F, 2.F, 0.F, 9.F}}}))) ==
        std::vector<double>{5, 2});
  CHECK(values(nn::AvgPool1d{2}(tensor({{{1.F, 5.F, 2.F, 0.F, 9.F}}}))) ==
        std::vector<double>{3, 1});
}

TEST_CASE("adaptive pools make their size, or leave an axis as it is") {
  check("AdaptiveAvgPool1d", nn::AdaptiveAvgPool1d{4}, line,
        [](auto& x) { return adaptive_avg_pool1d(x, 4); });
  check("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d{{nn::unchanged, 3}}, image, [](auto& x) {
    return adaptive_avg_pool2d(x, {6, 3});
  });
  check("AdaptiveAvgPool3d", nn::AdaptiveAvgPool3d{1}, body, [](auto& x) {
    return x.mean({2, 3, 4}, true);
  });
  check("AdaptiveMaxPool1d", nn::AdaptiveMaxPool1d{4}, line,
        [](auto& x) { return adaptive_max_pool1d(x, 4); });
  check("AdaptiveMaxPool2d", nn::AdaptiveMaxPool2d{{2, nn::unchanged}}, image, [](auto& x) {
    return adaptive_max_pool2d(x, {2, 7});
  });
  check("AdaptiveMaxPool3d", nn::AdaptiveMaxPool3d{{1, 2, 3}}, body, [](auto& x) {
    return adaptive_max_pool3d(x, {1, 2, 3});
  });
}

TEST_CASE("pools tell where their values were, and are undone by it") {
  const auto check_undone = [](auto pool, auto undo, const Tensor& x) {
    const auto [largest, indices] = pool.forward_with_indices(x);
    const Tensor y = undo(largest, indices, x.shape());
    CHECK(equal(pool(x), largest));
    CHECK(y.shape() == x.shape());
    CHECK(equal(pool(y), largest));
    CHECK(y.sum().item() == doctest::Approx(largest.sum().item()));
  };
  check_undone(nn::MaxPool1d{2}, nn::MaxUnpool1d{2}, uniform(line, 1, 2));
  check_undone(nn::MaxPool2d{{2, 3}}, nn::MaxUnpool2d{{2, 3}}, uniform(image, 1, 2));
  check_undone(nn::MaxPool3d{2}, nn::MaxUnpool3d{2}, uniform(body, 1, 2));
  const auto [largest, indices] =
      nn::AdaptiveMaxPool1d{2}.forward_with_indices(tensor({{{1.F, 3.F, 2.F, 5.F}}}));
  CHECK(values(indices) == std::vector<double>{1, 3});
  const Tensor x = tensor({{{1.F, 4.F, 2.F, 5.F, 7.F}}});
  const auto [pairs, places] = nn::MaxPool1d{2}.forward_with_indices(x);
  nn::MaxUnpool1d undo{2};
  CHECK(values(undo(pairs, places)) == std::vector<double>{0, 4, 0, 5});
  CHECK(values(undo(pairs, places, {5})) == std::vector<double>{0, 4, 0, 5, 0});
  nn::MaxUnpool1d five{2, {.output_size = {5}}};
  CHECK(five(pairs, places).shape() == Shape{1, 1, 5});
  CHECK(five(pairs, places, {4}).shape() == Shape{1, 1, 4});
}

TEST_CASE("pools refuse windows when they are made") {
  CHECK(message_of<ValueError>([] { nn::MaxPool2d{0}; }) ==
        "MaxPool2d: window [0, 0] and stride [0, 0] must be positive");
  CHECK(message_of<ValueError>([] {
          nn::MaxPool1d{3, {.padding = 2}};
        }) == "MaxPool1d: padding [2] must not be negative nor more than half of the window [3]");
  CHECK(message_of<ValueError>([] {
          nn::MaxPool3d{2, {.dilation = {1, 0, 1}}};
        }) == "MaxPool3d: dilation [1, 0, 1] must be positive");
  CHECK(message_of<ValueError>([] {
          nn::AvgPool2d{2, {.divisor_override = 0}};
        }) == "AvgPool2d: divisor_override is 0");
  CHECK(message_of<ValueError>([] {
          nn::AvgPool1d{2, {.stride = -1}};
        }) == "AvgPool1d: window [2] and stride [-1] must be positive");
  CHECK(message_of<ValueError>([] {
          nn::LPPool2d{0, 2};
        }) ==
        "LPPool2d: norm_type 0 must be finite and not 0; the largest of |x| is a max_pool of "
        "abs(x)");
  CHECK(message_of<ValueError>([] {
          nn::LPPool1d{2, 0};
        }) == "LPPool1d: window [0] and stride [0] must be positive");
  CHECK(message_of<ValueError>([] {
          nn::MaxUnpool2d{2, {.padding = -1}};
        }) ==
        "MaxUnpool2d: window [2, 2] and stride [2, 2] must be positive, padding [-1, -1] not "
        "negative");
  CHECK(message_of<ValueError>([] {
          nn::AdaptiveAvgPool2d{{1, -3}};
        }) ==
        "adaptive_avg_pool2d: output size -3 must not be negative; `unchanged` leaves an axis as "
        "it is");
  CHECK(message_of<ValueError>([] { nn::AdaptiveMaxPool3d{-1}; }) ==
        "adaptive_max_pool3d: output size -1 must not be negative; `unchanged` leaves an axis as "
        "it is");
}

TEST_CASE("pads are the modes of pad()") {
  check("ReflectionPad1d", nn::ReflectionPad1d{2}, line, [](auto& x) {
    return pad(x, {2, 2}, "reflect");
  });
  check("ReflectionPad2d", nn::ReflectionPad2d{{1, 2, 3, 0}}, image, [](auto& x) {
    return pad(x, {1, 2, 3, 0}, "reflect");
  });
  check("ReflectionPad3d", nn::ReflectionPad3d{1}, body, [](auto& x) {
    return pad(x, {1, 1, 1, 1, 1, 1}, "reflect");
  });
  check("ReplicationPad1d", nn::ReplicationPad1d{{3, 0}}, line, [](auto& x) {
    return pad(x, {3, 0}, "replicate");
  });
  check("ReplicationPad2d", nn::ReplicationPad2d{2}, image, [](auto& x) {
    return pad(x, {2, 2, 2, 2}, "replicate");
  });
  check("ReplicationPad3d", nn::ReplicationPad3d{{1, 2, 3, 4, 5, 6}}, body, [](auto& x) {
    return pad(x, {1, 2, 3, 4, 5, 6}, "replicate");
  });
  check("CircularPad1d", nn::CircularPad1d{{2, 1}}, line, [](auto& x) {
    return pad(x, {2, 1}, "circular");
  });
  check("CircularPad2d", nn::CircularPad2d{1}, image, [](auto& x) {
    return pad(x, {1, 1, 1, 1}, "circular");
  });
  check("CircularPad3d", nn::CircularPad3d{{0, 1, 2, 0, 1, 1}}, body, [](auto& x) {
    return pad(x, {0, 1, 2, 0, 1, 1}, "circular");
  });
  check("ZeroPad1d", nn::ZeroPad1d{2}, line, [](auto& x) { return pad(x, {2, 2}); });
  check("ZeroPad2d", nn::ZeroPad2d{{1, -1, 2, 0}}, image, [](auto& x) {
    return pad(x, {1, -1, 2, 0});
  });
  check("ZeroPad3d", nn::ZeroPad3d{1}, body, [](auto& x) { return pad(x, {1, 1, 1, 1, 1, 1}); });
  check("ConstantPad1d", nn::ConstantPad1d{{1, 2}, 3.5}, line, [](auto& x) {
    return pad(x, {1, 2}, 3.5);
  });
  check("ConstantPad2d", nn::ConstantPad2d{1, -2}, image, [](auto& x) {
    return pad(x, {1, 1, 1, 1}, -2);
  });
  check("ConstantPad3d", nn::ConstantPad3d{1, 7}, body, [](auto& x) {
    return pad(x, {1, 1, 1, 1, 1, 1}, 7);
  });
  CHECK(values(nn::CircularPad1d{{1, 2}}(tensor({{1.F, 2.F, 3.F}}))) ==
        std::vector<double>{3, 1, 2, 3, 1, 2});
  CHECK(message_of<ValueError>([] {
          nn::ReflectionPad2d{{1, 2}};
        }) ==
        "ReflectionPad2d: 2 widths; give one, or 4: before and after of each axis, from the last "
        "one");
}
