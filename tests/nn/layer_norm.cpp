// Norms by statistics of each example's own, as layers.

#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

namespace {

using Names = std::vector<std::string>;

/// Weights other than 1 and 0.
template <class M>
M with_weights(M layer) {
  const NoGradGuard guard;
  for (const Tensor& x : layer.parameters()) x.copy_(normal(x.shape(), 5).to(x.dtype()));
  return layer;
}

}  // namespace

TEST_CASE("norms are the operations with weights of their own") {
  const Tensor x = normal({2, 6, 4, 5});
  check_layer("LayerNorm", with_weights(nn::LayerNorm{5}), x,
              [](const nn::LayerNorm& layer, const Tensor& v) {
                return layer_norm(v, {5}, layer.weight, layer.bias, 1e-5);
              });
  check_layer("LayerNorm", with_weights(nn::LayerNorm{{4, 5}, {.eps = 0.1, .bias = false}}), x,
              [](const nn::LayerNorm& layer, const Tensor& v) {
                return layer_norm(v, {4, 5}, layer.weight, {}, 0.1);
              });
  check_layer("RMSNorm", with_weights(nn::RMSNorm{{4, 5}}), x,
              [](const nn::RMSNorm& layer, const Tensor& v) {
                return rms_norm(v, {4, 5}, layer.weight);
              });
  check_layer("RMSNorm", nn::RMSNorm{5, {.eps = 0.1, .elementwise_affine = false}}, x,
              [](const nn::RMSNorm&, const Tensor& v) { return rms_norm(v, {5}, {}, 0.1); });
  check_layer("GroupNorm", with_weights(nn::GroupNorm{3, 6, {.eps = 0.1}}), x,
              [](const nn::GroupNorm& layer, const Tensor& v) {
                return group_norm(v, 3, layer.weight, layer.bias, 0.1);
              });
  check_layer("InstanceNorm2d", with_weights(nn::InstanceNorm2d{6, {.affine = true}}), x,
              [](const nn::InstanceNorm2d& layer, const Tensor& v) {
                return instance_norm(v, {}, {}, layer.weight, layer.bias);
              });
  check_layer("InstanceNorm1d", nn::InstanceNorm1d{6, {.eps = 0.1}}, flatten(x, 2),
              [](const nn::InstanceNorm1d&, const Tensor& v) {
                return instance_norm(v, {}, {}, {}, {}, {.eps = 0.1});
              });
  check_layer("InstanceNorm3d", nn::InstanceNorm3d{6}, unsqueeze(x, 2),
              [](const nn::InstanceNorm3d&, const Tensor& v) { return instance_norm(v); });
  check_layer("LocalResponseNorm", nn::LocalResponseNorm{3, {.alpha = 0.5, .beta = 2, .k = 3}}, x,
              [](const nn::LocalResponseNorm&, const Tensor& v) {
                return local_response_norm(v, 3, {.alpha = 0.5, .beta = 2, .k = 3});
              });
  check_layer("CrossMapLRN2d", nn::CrossMapLRN2d{5, {.alpha = 1}}, x,
              [](const nn::CrossMapLRN2d&, const Tensor& v) {
                return local_response_norm(v, 5, {.alpha = 1, .beta = 0.75, .k = 1});
              });
}

TEST_CASE("norms by hand") {
  CHECK(values(nn::LayerNorm{2, {.eps = 0}}(tensor({{1.F, 3.F}}))) == std::vector<double>{-1, 1});
  CHECK(values(nn::RMSNorm{2, {.eps = 0}}(tensor({{3.F, 3.F}}))) == std::vector<double>{1, 1});
  CHECK(values(nn::GroupNorm{2, 4, {.eps = 0}}(tensor({{1.F, 3.F, 10.F, 20.F}}))) ==
        std::vector<double>{-1, 1, -1, 1});
  // Of the second channel the first is a neighbour: 1 + (0 + 4) / 2 = 3.
  nn::LocalResponseNorm lrn{2, {.alpha = 1, .beta = 1, .k = 1}};
  CHECK(values(lrn(tensor({{{0.F}, {2.F}}}))) == std::vector<double>{0, 2.F / 3});
}

TEST_CASE("norms' states have PyTorch's names; options leave parts out") {
  CHECK(state_of(nn::LayerNorm{{4, 5}}) == Names{"weight [4, 5]", "bias [4, 5]"});
  CHECK(state_of(nn::LayerNorm{5, {.bias = false}}) == Names{"weight [5]"});
  CHECK(state_of(nn::LayerNorm{5, {.elementwise_affine = false}}).empty());
  CHECK(state_of(nn::RMSNorm{5}) == Names{"weight [5]"});
  CHECK(state_of(nn::RMSNorm{5, {.elementwise_affine = false}}).empty());
  CHECK(state_of(nn::GroupNorm{2, 6}) == Names{"weight [6]", "bias [6]"});
  CHECK(state_of(nn::GroupNorm{2, 6, {.affine = false}}).empty());
  CHECK(state_of(nn::InstanceNorm3d{6}).empty());
  CHECK(state_of(nn::InstanceNorm1d{6, {.affine = true, .track_running_stats = true}}) ==
        Names{"weight [6]", "bias [6]", "running_mean [6]", "running_var [6]",
              "num_batches_tracked []"});
  const nn::LayerNorm layer{3};
  CHECK(values(layer.weight) == std::vector<double>{1, 1, 1});
  CHECK(values(layer.bias) == std::vector<double>{0, 0, 0});
}

TEST_CASE("instance norm goes by running statistics in evaluation, where it tracks them") {
  const Tensor x = normal({4, 3, 50}).to(float32) * 2 + 5;
  nn::InstanceNorm1d norm{3, {.track_running_stats = true}};
  for (int i = 0; i < 200; ++i) norm(x);
  CHECK(allclose(norm.running_mean, x.mean({0, 2}), 1e-4));
  CHECK(allclose(norm.running_var, x.var({2}).mean({0}), 1e-4));
  norm.eval();
  const Tensor before = norm.running_mean.clone();
  CHECK(equal(norm(x), instance_norm(x, norm.running_mean, norm.running_var, {}, {},
                                     {.use_input_stats = false})));
  CHECK(equal(norm.running_mean, before));
  nn::InstanceNorm1d untracked{3};
  const Tensor y = untracked(x);
  untracked.eval();
  CHECK(equal(untracked(x), y));
  CHECK(equal(untracked(x[0]), y[0]));
}

TEST_CASE("norms refuse shapes and options when they are made") {
  CHECK(message_of<ValueError>([] { nn::LayerNorm{0}; }) ==
        "LayerNorm: normalized_shape [0]; it names one axis or more, none of them empty");
  CHECK(message_of<ValueError>([] { nn::RMSNorm{Shape{}}; }) ==
        "RMSNorm: normalized_shape []; it names one axis or more, none of them empty");
  CHECK(message_of<ValueError>([] {
          nn::LayerNorm{3, {.eps = -1}};
        }) == "layer_norm: eps is -1, it must not be negative");
  CHECK(message_of<ValueError>([] {
          nn::RMSNorm{3, {.eps = std::nan("")}};
        }) == "rms_norm: eps is nan, it must not be negative");
  CHECK(message_of<ValueError>([] {
          nn::GroupNorm{4, 6};
        }) == "group_norm: 6 channels in 4 groups; there must be as many in each");
  CHECK(message_of<ValueError>([] {
          nn::GroupNorm{1, 0};
        }) == "GroupNorm: 0 channels; it must be positive");
  CHECK(message_of<ValueError>([] { nn::InstanceNorm2d{-1}; }) ==
        "InstanceNorm2d: -1 channels; it must be positive");
  CHECK(message_of<ValueError>([] {
          nn::InstanceNorm2d{3, {.eps = -1}};
        }) == "instance_norm: eps is -1, it must not be negative");
  CHECK(message_of<ValueError>([] { nn::LocalResponseNorm{0}; }) ==
        "local_response_norm: size is 0, it must be positive");
  nn::InstanceNorm2d norm{3};
  CHECK(message_of<ShapeError>([&] {
          norm(zeros({2, 4, 5, 5}));
        }) ==
        "net (InstanceNorm2d): InstanceNorm2d: input [2, 4, 5, 5] must be [batch, 3] and 2 axes "
        "more, or [3] and those");
  nn::CrossMapLRN2d lrn{3};
  CHECK(message_of<ShapeError>([&] {
          lrn(zeros({2, 4, 5}));
        }) ==
        "net (CrossMapLRN2d): CrossMapLRN2d: input [2, 4, 5] must be [batch, channels, height, "
        "width]");
  nn::LayerNorm empty;
  CHECK(message_of<ValueError>([&] { empty(zeros({2})); }) ==
        "net (LayerNorm): LayerNorm: used before it was made; give it its shape, as in "
        "nn::LayerNorm{64}");
}
