#include <xgrad/ops/layer_norm.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;

namespace {

Tensor wide(const NestedList& values) { return tensor(values, {.dtype = float64}); }

/// Gradients of all inputs for a given dy, by the kernel and by recorded operations.
void check_fused(const std::vector<Tensor>& inputs,
                 const std::function<Tensor(const std::vector<Tensor>&)>& f) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) leaves.push_back(x.detach().clone().requires_grad_());
  const Tensor dy = normal(f(leaves).shape(), 9).to(inputs[0].dtype());
  const auto gradients = [&](bool create_graph) {
    return grad({f(leaves)}, leaves, {.grad_outputs = {dy}, .create_graph = create_graph});
  };
  const auto fused = gradients(false);
  const auto recorded = gradients(true);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    CAPTURE(i);
    CHECK(allclose(fused[i], recorded[i].detach(), 1e-9, 1e-11));
  }
}

}  // namespace

TEST_CASE("layer normalisation by hand") {
  // Mean 2, variance 1; mean 5, variance 0.
  const Tensor x = wide({{1.0, 3.0}, {5.0, 5.0}});
  const Tensor y = layer_norm(x, {2}, wide({2.0, 3.0}), wide({0.5, -1.0}), 0.21);
  CHECK(allclose(y, wide({{0.5 - 2 / 1.1, -1 + 3 / 1.1}, {0.5, -1.0}}), 1e-12));
  CHECK(allclose(layer_norm(x, {2, 2}, {}, {}, 0),
                 (x - 3.5) / std::sqrt((6.25 + 0.25 + 2.25 + 2.25) / 4), 1e-12));
  // dL/dx of one row: 2 (g − mean(g) − x̂ mean(x̂ g)) with g = (1, 0), x̂ = (−1, 1), and variance
  // 1/4.
  Tensor row = wide({-0.5, 0.5}).requires_grad_();
  layer_norm(row, {2}, {}, {}, 0)[0].backward();
  CHECK(values(row.grad()) == std::vector<double>{0, 0});
}

TEST_CASE("root mean square normalisation by hand") {
  const Tensor x = wide({{3.0, 4.0}, {0.0, 0.0}});
  const Tensor y = rms_norm(x, {2}, wide({2.0, 1.0}), 0);
  const double rms = std::sqrt(12.5);
  CHECK(allclose(y[0], wide({6 / rms, 4 / rms}), 1e-12));
  CHECK(std::isnan(y[1][0].item()));  // 0 · ∞
  CHECK(values(rms_norm(x, {2})[1]) == std::vector<double>{0, 0});
  // The default eps is the dtype's spacing at 1: it counts where the values are as small.
  for (const auto& [dtype, eps] : {std::pair{float32, 0x1p-23}, {float64, 0x1p-52}}) {
    const Tensor small = full({4}, std::sqrt(eps), {.dtype = dtype});
    CHECK(allclose(rms_norm(small, {4}).to(float64), full({4}, std::sqrt(0.5)).to(float64), 1e-6));
  }
}

TEST_CASE("group normalisation by hand") {
  // Two groups of two channels of one place; [1, 3] has mean 2, variance 1, [4, 8] 6 and 4.
  const Tensor x = wide({{{1.0}, {3.0}, {4.0}, {8.0}}});
  const Tensor weight = wide({1.0, 2.0, 3.0, 4.0});
  const Tensor bias = wide({0.0, 1.0, 0.0, 1.0});
  const std::vector<double> right{-1, 3, -3, 5};
  CHECK(values(group_norm(x, 2, weight, bias, 0)) == right);
  CHECK(values(group_norm(x.reshape({1, 4}), 2, weight, bias, 0)) == right);
  CHECK(values(group_norm(cat({x, x}, 2), 2, weight, bias, 0)) ==
        std::vector<double>{-1, -1, 3, 3, -3, -3, 5, 5});
}

TEST_CASE("instance normalisation by hand, and its running statistics") {
  // Channel 0 has means 2 and 4 and unbiased variances 2 and 0, channel 1 0 and 1, 2 and 18.
  const Tensor x = wide({{{1.0, 3.0}, {-1.0, 1.0}}, {{4.0, 4.0}, {-2.0, 4.0}}});
  const Tensor mean = wide({1.0, 1.0});
  const Tensor var = wide({2.0, 2.0});
  const Tensor y =
      instance_norm(x, mean, var, wide({2.0, 1.0}), wide({0.5, 0.0}), {.momentum = 0.5, .eps = 0});
  CHECK(values(y.slice(0, 0, 1)) == std::vector<double>{-1.5, 2.5, -1, 1});
  CHECK(values(y[1][1]) == std::vector<double>{-1, 1});
  CHECK(values(mean) == std::vector<double>{2, 0.75});
  CHECK(values(var) == std::vector<double>{1.5, 6});
  const Tensor kept = instance_norm(x, wide({1.0, 0.0}), wide({4.0, 1.0}), {}, {},
                                    {.use_input_stats = false, .eps = 0});
  CHECK(values(kept) == std::vector<double>{0, 1, -1, 1, 1.5, 1.5, -2, 4});
  CHECK(values(mean) == std::vector<double>{2, 0.75});
  const Tensor half = zeros({2}, {.dtype = bfloat16});
  const Tensor half_var = ones({2}, {.dtype = bfloat16});
  instance_norm(x.to(bfloat16), half, half_var, {}, {}, {.momentum = 0.5});
  CHECK(values(half) == std::vector<double>{1.5, 0.25});
  CHECK(values(half_var) == std::vector<double>{1, 5.5});
}

TEST_CASE("local response normalisation by hand") {
  const Tensor x = wide({1.0, 2.0, 3.0, 4.0}).reshape({1, 4, 1});
  // Sums of squares of three neighbours 5, 14, 29, 25; of two, the one before and itself, 1, 5, 13,
  // 25.
  CHECK(allclose(local_response_norm(x, 3, {.alpha = 3, .beta = 1, .k = 1}).flatten(),
                 wide({1.0 / 6, 2.0 / 15, 3.0 / 30, 4.0 / 26}), 1e-12));
  CHECK(allclose(local_response_norm(x, 2, {.alpha = 2, .beta = 0.5, .k = 0}).flatten(),
                 wide({1.0, 2 / std::sqrt(5), 3 / std::sqrt(13), 0.8}), 1e-12));
  // However many there are to be: 30 is the sum of all.
  for (const std::int64_t size : {9L, 1'000'001L, INT64_MAX})
    CHECK(allclose(local_response_norm(x, size, {.alpha = static_cast<double>(size), .beta = 1}),
                   x / 31, 1e-12));
}

TEST_CASE("normalising by a norm by hand") {
  const Tensor x = wide({{3.0, 4.0}, {0.0, 0.0}}).requires_grad_();
  const Tensor y = normalize(x);
  CHECK(allclose(y.detach(), wide({{0.6, 0.8}, {0.0, 0.0}}), 1e-12));
  // (dy − y (y · dy)) / ‖x‖; nothing but 1 / eps is left of a norm of 0.
  y.backward(wide({{1.0, 0.0}, {1.0, 0.0}}));
  CHECK(allclose(x.grad()[0], wide({0.64 / 5, -0.48 / 5}), 1e-12));
  CHECK(allclose(x.grad()[1], wide({1e12, 0.0}), 1e-12));
  CHECK(
      allclose(normalize(x.detach(), {.p = 1, .axis = 0}), wide({{1.0, 1.0}, {0.0, 0.0}}), 1e-12));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(allclose(normalize(x.detach(), {.p = infinity, .axis = -1}),
                 wide({{0.75, 1.0}, {0.0, 0.0}}), 1e-12));
}

TEST_CASE("a large mean costs norms of rows and groups no digits, equal values give 0") {
  // 1000 has the spacing 6e-5 in float32: what x itself has lost, and no more.
  const Tensor noise = normal({8, 64, 30});
  const Tensor shifted = (noise + 1000).to(float32);
  CHECK(allclose(layer_norm(shifted, {30}).to(float64), layer_norm(noise, {30}), 0, 2e-4));
  CHECK(allclose(group_norm(shifted, 32).to(float64), group_norm(noise, 32), 0, 2e-4));
  const Tensor images = shifted.reshape({8, 64, 5, 6});
  CHECK(allclose(group_norm(images * 1, 32).to(float64).flatten(), group_norm(noise, 32).flatten(),
                 0, 2e-4));
  for (const double value : {0.1, 1e6 / 3, 1e-30}) {
    CAPTURE(value);
    const Tensor equal_ones = full({2, 64, 1000}, value);
    CHECK(layer_norm(equal_ones, {1000}).abs().max().item() == 0);
    CHECK(group_norm(equal_ones, 4).abs().max().item() == 0);
  }
}

TEST_CASE("the fused gradients of norms are those of their formula") {
  for (const std::int64_t rows : {1L, 7L, 64L, 300L, 5000L}) {
    CAPTURE(rows);
    const std::vector<Tensor> inputs{normal({rows, 37}), normal({37}, 2), normal({37}, 3)};
    check_fused(inputs, [](auto& x) { return layer_norm(x[0], {37}, x[1], x[2]); });
    check_fused({inputs[0], inputs[1]}, [](auto& x) { return rms_norm(x[0], {37}, x[1]); });
    check_fused({inputs[0]}, [](auto& x) { return layer_norm(x[0], {37}); });
    check_fused({inputs[1], inputs[2]},
                [&](auto& x) { return layer_norm(inputs[0], {37}, x[0], x[1]); });
  }
  for (const auto& each :
       {std::pair{Shape{5, 12, 7, 3}, 4L}, {Shape{70, 6}, 3L}, {Shape{3, 32, 40}, 8L}}) {
    const Shape& shape = each.first;
    CAPTURE(shape);
    const std::int64_t count = each.second;
    check_fused({normal(shape), normal({shape[1]}, 2), normal({shape[1]}, 3)},
                [count](auto& x) { return group_norm(x[0], count, x[1], x[2]); });
    check_fused({normal(shape)}, [count](auto& x) { return group_norm(x[0], count); });
  }
}

TEST_CASE("norms of images in blocks of channels are those of images in rows") {
  for (const std::int64_t groups : {1L, 2L, 4L, 12L, 16L, 48L}) {
    CAPTURE(groups);
    const Tensor images = normal({3, 48, 5, 4}).to(float32);
    const Tensor identity = eye(48).reshape({48, 48, 1, 1});
    const Tensor weight = normal({48}, 2).to(float32);
    const Tensor bias = normal({48}, 3).to(float32);
    const auto computed = [&](bool in_blocks) {
      Tensor x = images.clone().requires_grad_();
      Tensor w = weight.clone().requires_grad_();
      Tensor b = bias.clone().requires_grad_();
      const Tensor y = group_norm(in_blocks ? conv2d(x, identity) : x, groups, w, b);
      y.backward(normal(y.shape(), 4).to(float32));
      return std::array{y.detach(), x.grad(), w.grad(), b.grad()};
    };
    const auto blocks = computed(true);
    const auto rows = computed(false);
    // Sums of 60 and more terms in another order.
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(allclose(blocks[i], rows[i], 1e-5, 1e-5));
  }
}

TEST_CASE("norms give the same bits on any number of threads") {
  const Tensor x = normal({3000, 65}).to(float32);
  const Tensor images = normal({24, 32, 9, 9}).to(float32);
  const auto computed = [&](int threads) {
    const Threads guard(threads);
    std::vector<Tensor> all;
    const auto add = [&](const Tensor& given, std::int64_t width, const auto& f) {
      Tensor leaf = given.clone().requires_grad_();
      Tensor w = normal({width}, 2).to(float32).requires_grad_();
      const Tensor y = f(leaf, w);
      y.backward(normal(y.shape(), 3).to(float32));
      all.insert(all.end(), {y.detach(), leaf.grad(), w.grad()});
    };
    add(x, 65, [](auto& v, auto& w) { return layer_norm(v, {65}, w); });
    add(x, 65, [](auto& v, auto& w) { return rms_norm(v, {65}, w); });
    add(images, 32, [](auto& v, auto& w) { return group_norm(v, 4, w); });
    return all;
  };
  const auto one = computed(1);
  const auto three = computed(3);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    CHECK(equal(one[i], three[i]));
  }
}

TEST_CASE("wrong norms are told") {
  const Tensor x = zeros({2, 3, 4});
  const auto shape_error = [](const auto& f) { return message_of<ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<ValueError>(f); };
  CHECK(shape_error([&] { layer_norm(x, {3}); }) ==
        "layer_norm: input [2, 3, 4] does not end in normalized_shape [3]");
  CHECK(shape_error([&] { layer_norm(x, {}); }) ==
        "layer_norm: input [2, 3, 4] does not end in normalized_shape []");
  CHECK(shape_error([&] {
          rms_norm(x, {1, 2, 3, 4});
        }) == "rms_norm: input [2, 3, 4] does not end in normalized_shape [1, 2, 3, 4]");
  CHECK(shape_error([&] {
          layer_norm(x, {3, 4}, ones({4}));
        }) == "layer_norm: weight [4] does not fit input [2, 3, 4]; it must be [3, 4]");
  CHECK(message_of<DTypeError>([&] { rms_norm(x, {4}, ones({4}, {.dtype = float64})); }) ==
        "rms_norm: weight is float64, the input float32; convert one with x.to()");
  CHECK(message_of<DTypeError>([&] { layer_norm(x.to(int64), {4}); }) ==
        "layer_norm: takes floating tensors, got int64");
  CHECK(value_error([&] { layer_norm(x, {4}, {}, {}, -1); }) ==
        "layer_norm: eps is -1, it must not be negative");
  CHECK(value_error([&] { group_norm(x, 2); }) ==
        "group_norm: 3 channels in 2 groups; there must be as many in each");
  CHECK(shape_error([&] { group_norm(x, 3, {}, ones({4})); }) ==
        "group_norm: bias [4] does not fit input [2, 3, 4]; it must be [3]");
  CHECK(shape_error([&] { group_norm(zeros({3}), 1); }) ==
        "group_norm: input [3] must be [batch, channels, …]");
  CHECK(value_error([&] {
          instance_norm(zeros({2, 3, 1}));
        }) ==
        "instance_norm: input [2, 3, 1] has one value in each channel, which has no variance; give "
        "larger images, or use_input_stats = false");
  CHECK(value_error([&] { instance_norm(x, {}, {}, {}, {}, {.use_input_stats = false}); }) ==
        "instance_norm: without use_input_stats it needs running_mean and running_var");
  CHECK(shape_error([&] {
          instance_norm(zeros({2, 3}));
        }) == "instance_norm: input [2, 3] must be [batch, channels, places, …]");
  CHECK(value_error([&] { local_response_norm(x, 0); }) ==
        "local_response_norm: size is 0, it must be positive");
  CHECK(shape_error([&] {
          local_response_norm(zeros({2, 3}), 1);
        }) == "local_response_norm: input [2, 3] must be [batch, channels, …]");
  CHECK(message_of<DTypeError>([&] { normalize(x.to(int64)); }) ==
        "normalize: takes floating tensors, got int64");
}

TEST_CASE("running statistics that cannot be changed as they should are told") {
  const Tensor x = normal({4, 3, 2}).to(float32);
  const Tensor three = ones({3});
  const Tensor learnt = ones({3}).requires_grad_();
  const auto both = [&](const char* operation, const std::string& message, const Tensor& mean,
                        const Tensor& var) {
    const auto f = [&] {
      if (std::string(operation) == "batch_norm")
        batch_norm(x, mean, var, {}, {}, {.training = true});
      else
        instance_norm(x, mean, var);
    };
    CHECK(message_of<Error>(f) == operation + message);
  };
  for (const char* operation : {"batch_norm", "instance_norm"}) {
    both(operation, ": running statistics get no gradient, but one requires it; give its detach()",
         three, learnt);
    both(operation, ": running_mean and running_var are one tensor; each changes in its own way",
         three, three);
    both(operation, ": give both of running_mean and running_var, or none", three, {});
    both(operation, ": running_var [2] does not fit input [4, 3, 2]; it must be [3]", three,
         ones({2}));
    both(operation,
         ": several elements of this tensor [3] lie in one place in memory (strides [0]), as "
         "expand() makes them; change a clone() of it",
         ones({1}).expand({3}), three);
  }
  CHECK(values(three) == std::vector<double>{1, 1, 1});
  // Columns of one tensor are changed where they lie.
  const Tensor both_in_one = ones({3, 2});
  batch_norm(x, both_in_one.select(1, 0), both_in_one.select(1, 1), {}, {}, {.training = true});
  const Tensor mean = ones({3});
  const Tensor var = ones({3});
  batch_norm(x, mean, var, {}, {}, {.training = true});
  CHECK(equal(both_in_one, stack({mean, var}, 1)));
}
