#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;

TEST_CASE("batch norm normalises by the batch in training, by what it saw in evaluation") {
  nn::BatchNorm2d norm{3};
  const Tensor x = normal({16, 3, 4, 4}).to(float32) * 2 + 5;
  const Tensor y = norm(x);
  CHECK(std::abs(y.mean().item()) < 1e-6);
  CHECK(y.var({}, 0).item() == doctest::Approx(1).epsilon(1e-4));
  for (int i = 0; i < 200; ++i) norm(x);
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 201);
  CHECK(allclose(norm.running_mean, x.mean({0, 2, 3}), 1e-4));
  CHECK(allclose(norm.running_var, x.var({0, 2, 3}), 1e-4));

  norm.eval();
  const Tensor before = norm.running_mean.clone();
  // The running variance is the unbiased one: 256 values, so a part in 512.
  CHECK(allclose(norm(x), y, 0, 0.02));
  CHECK(norm(x.slice(0, 0, 1)).shape() == Shape{1, 3, 4, 4});
  CHECK(equal(norm.running_mean, before));
}

TEST_CASE("without a momentum batch norm keeps the mean of all batches") {
  nn::BatchNorm1d norm{2, {.momentum = {}}};
  norm(tensor({{1.0f, 2.0f}, {3.0f, 4.0f}}));
  norm(tensor({{5.0f, 2.0f}, {7.0f, 4.0f}}));
  CHECK(values(norm.running_mean) == std::vector<double>{4, 3});
  CHECK(values(norm.running_var) == std::vector<double>{2, 2});
}

TEST_CASE("batch norm's state has PyTorch's names; options leave parts out") {
  std::vector<std::string> names;
  for (const auto& [name, x] : nn::BatchNorm2d{4}.state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"weight", "bias", "running_mean", "running_var",
                                          "num_batches_tracked"});
  CHECK(nn::BatchNorm2d{4, {.affine = false, .track_running_stats = false}}.state_dict().empty());

  nn::BatchNorm1d untracked{2, {.affine = false, .track_running_stats = false}};
  untracked.eval();
  CHECK(values(untracked(tensor({{-1.0f, 3.0f}, {1.0f, 3.0f}}))).front() ==
        doctest::Approx(-1).epsilon(1e-4));
  const nn::BatchNorm2d wide = [] {
    nn::BatchNorm2d norm{4};
    norm.to(float64);
    return norm;
  }();
  CHECK(wide.running_var.dtype() == float64);
  CHECK(wide.num_batches_tracked.dtype() == int64);
}

TEST_CASE("a batch that is refused changes nothing of batch norm") {
  nn::BatchNorm1d norm{2, {.momentum = {}}};
  CHECK_THROWS_AS(norm(ones({4, 3})), ShapeError);
  CHECK_THROWS_AS(norm(ones({1, 2})), ValueError);
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 0);
  norm(tensor({{1.0f, 2.0f}, {3.0f, 4.0f}}));
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 1);
  CHECK(values(norm.running_mean) == std::vector<double>{2, 3});
}

TEST_CASE("norms refuse options that would spoil their statistics") {
  CHECK(message_of<ValueError>([] {
          nn::BatchNorm1d{2, {.eps = NAN}};
        }) == "BatchNorm: eps is nan, it must not be negative");
  CHECK(message_of<ValueError>([] {
          nn::BatchNorm2d{2, {.momentum = NAN}};
        }) == "BatchNorm: momentum is nan, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] {
          nn::BatchNorm3d{2, {.momentum = 1.5}};
        }) == "BatchNorm: momentum is 1.5, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] {
          nn::InstanceNorm1d{2, {.momentum = -0.1}};
        }) == "InstanceNorm1d: momentum is -0.1, it must lie in [0, 1]");
}

TEST_CASE("batch norms refuse other axes") {
  nn::BatchNorm2d images{3};
  nn::BatchNorm1d features{3};
  CHECK(message_of<ShapeError>([&] {
          images(zeros({2, 3}));
        }) ==
        "net (BatchNorm2d): BatchNorm2d: input [2, 3] must be [batch, channels, height, width]");
  CHECK(message_of<ShapeError>([&] {
          features(zeros({2, 3, 4, 4}));
        }) ==
        "net (BatchNorm1d): BatchNorm1d: input [2, 3, 4, 4] must be [batch, channels] or [batch, "
        "channels, length]");
  CHECK(message_of<ValueError>([] { nn::BatchNorm2d{0}; }) ==
        "BatchNorm: 0 channels; it must be positive");
}

TEST_CASE("batch norm of volumes, and of any axes in a single process") {
  const Tensor x = normal({4, 3, 2, 3, 4}).to(float32);
  const auto expected = [&](const Tensor& v) {
    return batch_norm(v, {}, {}, ones({3}), zeros({3}), {.training = true});
  };
  nn::BatchNorm3d volumes{3};
  CHECK(equal(volumes(x), expected(x)));
  nn::SyncBatchNorm any{3};
  CHECK(equal(any(x), expected(x)));
  CHECK(equal(any(x[0][0].flatten(0, 1).slice(1, 0, 3)),
              expected(x[0][0].flatten(0, 1).slice(1, 0, 3))));
  CHECK(any.state_dict().size() == 5);
  CHECK(any.num_batches_tracked.item<std::int64_t>() == 2);
  CHECK(message_of<ShapeError>([&] {
          volumes(zeros({2, 3, 4, 4}));
        }) ==
        "net (BatchNorm3d): BatchNorm3d: input [2, 3, 4, 4] must be [batch, channels, depth, "
        "height, width]");
  CHECK(message_of<ShapeError>([&] { any(zeros({3})); }) ==
        "net (SyncBatchNorm): SyncBatchNorm: input [3] must be [batch, channels, …]");
}
