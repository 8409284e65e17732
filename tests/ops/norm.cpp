#include "support.hpp"

using namespace support;

TEST_CASE("batch normalisation by hand") {
  const Tensor x = tensor({{1.0, 10.0}, {3.0, 10.0}}, {.dtype = float64});
  const auto wide = [](double a, double b) { return tensor({a, b}, {.dtype = float64}); };
  const Tensor mean = wide(1, 1);
  const Tensor var = wide(2, 2);

  // Channel 0 has mean 2, variance 1 (unbiased 2); channel 1 has no spread.
  const Tensor y = batch_norm(x, mean, var, wide(2, 3), wide(0.5, -1),
                              {.training = true, .momentum = 0.5, .eps = 0.21});
  CHECK(allclose(y, tensor({{0.5 - 2 / 1.1, -1.0}, {0.5 + 2 / 1.1, -1.0}}, {.dtype = float64}),
                 1e-12));
  CHECK(values(mean) == std::vector<double>{1.5, 5.5});
  CHECK(values(var) == std::vector<double>{2, 1});

  const Tensor kept = batch_norm(x, wide(1, 8), wide(4, 1), {}, {}, {.eps = 0});
  CHECK(values(kept) == std::vector<double>{0, 2, 1, 2});
}

TEST_CASE("a large mean costs batch normalisation no digits") {
  const Tensor noise = normal({8, 2, 16, 16});
  const BatchNormOptions training{.training = true};
  const Tensor centered = batch_norm(noise, {}, {}, {}, {}, training);
  // 1000 has the spacing 6e-5 in float32: what x itself has lost, and no more.
  const Tensor shifted = batch_norm((noise + 1000).to(float32), {}, {}, {}, {}, training);
  CHECK(allclose(shifted.to(float64), centered, 0, 2e-4));
}

TEST_CASE("the fused gradients of batch normalisation are those of its formula") {
  const Tensor x = normal({4, 3, 5, 5}).requires_grad_();
  const Tensor w = normal({3}, 2).requires_grad_();
  const Tensor b = normal({3}, 3).requires_grad_();
  const Tensor dy = normal({4, 3, 5, 5}, 4);
  const auto gradients = [&](bool create_graph) {
    const Tensor y = batch_norm(x, {}, {}, w, b, {.training = true});
    return grad({y}, {x, w, b}, {.grad_outputs = {dy}, .create_graph = create_graph});
  };
  const auto fused = gradients(false);
  const auto recorded = gradients(true);
  for (std::size_t i = 0; i < 3; ++i) CHECK(allclose(fused[i], recorded[i].detach(), 1e-10, 1e-12));
}

TEST_CASE("each pass through one batch normalisation sees its own gradient") {
  const Tensor x = normal({4, 3}).requires_grad_();
  const Tensor y = batch_norm(x, {}, {}, {}, {}, {.training = true});
  const auto gradient = [&](const Tensor& dy) {
    return grad(y, x, {.grad_outputs = {dy}, .retain_graph = true});
  };
  const Tensor first = gradient(normal({4, 3}, 2));
  gradient(normal({4, 3}, 3));
  CHECK(equal(gradient(normal({4, 3}, 2)), first));
}

TEST_CASE("running statistics that change later do not change what was computed with them") {
  const Tensor x = normal({4, 3, 2, 2}).requires_grad_();
  const Tensor w = normal({3}, 2).requires_grad_();
  const Tensor b = normal({3}, 3).requires_grad_();
  const Tensor dy = normal({4, 3, 2, 2}, 4);
  for (const bool training : {false, true}) {
    CAPTURE(training);
    const auto gradients = [&](bool change) {
      Tensor mean = normal({3}, 5);
      Tensor var = uniform({3}, 0.5, 2, 6);
      const Tensor y = batch_norm(x, mean, var, w, b, {.training = training});
      if (change) {
        mean.fill_(3);
        var.fill_(7);
        batch_norm(x.detach() * 2, mean, var, {}, {}, {.training = true});
      }
      return grad({y}, {x, w, b}, {.grad_outputs = {dy}});
    };
    const auto right = gradients(false);
    const auto later = gradients(true);
    for (std::size_t i = 0; i < 3; ++i) CHECK(equal(later[i], right[i]));
  }
}

TEST_CASE("wrong batch normalisations are told") {
  const Tensor x = zeros({2, 3, 4, 4});
  const Tensor three = ones({3});
  const auto shape_error = [](const auto& f) { return message_of<ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<ValueError>(f); };
  CHECK(shape_error([&] { batch_norm(ones({3}), {}, {}, {}, {}); }) ==
        "batch_norm: input [3] must be [batch, channels, …]");
  CHECK(shape_error([&] { batch_norm(x, three, three, ones({4}), {}); }) ==
        "batch_norm: weight [4] does not fit input [2, 3, 4, 4]; it must be [3]");
  CHECK(message_of<DTypeError>([&] { batch_norm(x, three, three, three.to(float64), {}); }) ==
        "batch_norm: weight is float64, the input float32; convert one with x.to()");
  CHECK(message_of<DTypeError>(
            [&] { batch_norm(x.to(int64), {}, {}, {}, {}, {.training = true}); }) ==
        "batch_norm: takes float32 or float64, got int64; convert with "
        "x.to(xgrad::float32)");
  CHECK(value_error([&] { batch_norm(x, {}, {}, three, three); }) ==
        "batch_norm: without running statistics it works in training only");
  CHECK(value_error([&] { batch_norm(x, three, {}, three, three); }) ==
        "batch_norm: give both of running_mean and running_var, or none");
  CHECK(value_error([&] {
          batch_norm(zeros({1, 3, 1, 1}), three, three, {}, {}, {.training = true});
        }) ==
        "batch_norm: input [1, 3, 1, 1] has one value in each channel, which has no variance; "
        "use a larger batch, or eval()");
}
