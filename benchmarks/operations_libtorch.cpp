// libtorch's side of operations_xgrad.cpp.
#include "operations.hpp"
#include <torch/torch.h>

namespace {

using torch::Tensor;

struct Side {
  using Tensor = torch::Tensor;
  using Shape = std::vector<std::int64_t>;
  using NoGradGuard = torch::NoGradGuard;

  static Tensor empty(const Shape& shape) { return torch::empty(shape); }
  static Tensor empty_like(const Tensor& x) { return torch::empty(x.sizes()); }
  static float* data(Tensor& x) { return x.data_ptr<float>(); }
  static std::int64_t numel(const Tensor& x) { return x.numel(); }
  static double magnitude(const Tensor& x) {
    return x.to(torch::kDouble).abs().mean().item<double>();
  }
  static void clear_gradient(Tensor& x) { x.mutable_grad() = Tensor(); }
};

using Tensors = std::vector<Tensor>;
using Operations = bench::Operations<Side>;

/// Whole numbers below `end`, scattered.
Tensor places(at::IntArrayRef shape, std::int64_t end) {
  Tensor x = torch::empty(shape, torch::kLong);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data_ptr<std::int64_t>()[i] = bench::place(i, end);
  return x;
}

/// Far from singular.
Tensor system(const Tensor& x) { return x + 20 * torch::eye(x.size(0)); }

}  // namespace

void add_operations(bench::Works& all) {
  Operations::add(all, "softmax 4096x512", {{4096, 512}},
                  [](const Tensors& x) { return x[0].softmax(1); });
  Operations::add(all, "gelu 4096x512", {{4096, 512}},
                  [](const Tensors& x) { return torch::gelu(x[0]); });
  Operations::add(all, "layer_norm 4096x512", {{4096, 512}, {512}, {512}},
                  [](const Tensors& x) { return torch::layer_norm(x[0], {512}, x[1], x[2]); });
  Operations::add(all, "attention causal 8x8x256x64",
                  {{8, 8, 256, 64}, {8, 8, 256, 64}, {8, 8, 256, 64}}, [](const Tensors& x) {
                    return std::get<0>(torch::_scaled_dot_product_attention(x[0], x[1], x[2], {},
                                                                            0.0, false, true));
                  });
  Operations::add(
      all, "lstm 64x100x256", {{64, 100, 256}, {1024, 256}, {1024, 256}, {1024}, {1024}},
      [](const Tensors& x) {
        const Tensor start = torch::zeros({1, 100, 256});
        return std::get<0>(torch::lstm(x[0], {start, start}, {x[1] * 0.05, x[2] * 0.05, x[3], x[4]},
                                       true, 1, 0.0, true, false, false));
      });
  Operations::add(all, "conv1d 5 32x64x1000", {{32, 64, 1000}, {64, 64, 5}},
                  [](const Tensors& x) { return torch::conv1d(x[0], x[1], {}, 1, 2); });
  Operations::add(all, "conv_transpose2d 4x4 strided 16x64x32x32",
                  {{16, 64, 32, 32}, {64, 32, 4, 4}},
                  [](const Tensors& x) { return torch::conv_transpose2d(x[0], x[1], {}, 2, 1); });
  const Tensor rows = places({4096}, 32'000);
  all["embedding 32000x256 with backward"] = [=] {
    return Operations::trained({{32'000, 256}},
                               [=](const Tensors& x) { return torch::embedding(x[0], rows); });
  };
  Operations::add(all, "conv2d 1x1 16x256x28x28", {{16, 256, 28, 28}, {64, 256, 1, 1}},
                  [](const Tensors& x) { return torch::conv2d(x[0], x[1]); });
  Operations::add(all, "conv2d 3x3 strided 16x64x56x56", {{16, 64, 56, 56}, {128, 64, 3, 3}},
                  [](const Tensors& x) { return torch::conv2d(x[0], x[1], {}, 2, 1); });
  Operations::add(all, "conv2d 3x3 depthwise 16x64x56x56", {{16, 64, 56, 56}, {64, 1, 3, 3}},
                  [](const Tensors& x) { return torch::conv2d(x[0], x[1], {}, 1, 1, 1, 64); });
  Operations::add(all, "einsum bhid,bhjd->bhij", {{8, 8, 128, 64}, {8, 8, 128, 64}},
                  [](const Tensors& x) {
                    return torch::einsum("bhid,bhjd->bhij", {x[0], x[1]});
                  });
  Operations::add(all, "cdist 512x64", {{512, 64}, {512, 64}},
                  [](const Tensors& x) { return torch::cdist(x[0], x[1]); });
  Operations::add(all, "index_select 4096 of 32000x256", {{32'000, 256}},
                  [rows](const Tensors& x) { return torch::index_select(x[0], 0, rows); });
  const Tensor targets = places({1024, 1024}, 1024);
  Operations::add(all, "scatter_add 1024x1024", {{1024, 1024}, {1024, 1024}},
                  [=](const Tensors& x) { return torch::scatter_add(x[0], 1, targets, x[1]); });
  Operations::add(all, "cumsum 1e6", {{1000, 1000}},
                  [](const Tensors& x) { return torch::cumsum(x[0], 1); });
  all["sort 1e6"] = [] {
    return Operations::forward({{1'000'000}},
                               [](const Tensors& x) { return std::get<0>(torch::sort(x[0])); });
  };
  all["topk 100 of 1e6"] = [] {
    return Operations::forward(
        {{1'000'000}}, [](const Tensors& x) { return std::get<0>(torch::topk(x[0], 100)); });
  };
  all["svd 256x256"] = [] {
    return Operations::forward(
        {{256, 256}}, [](const Tensors& x) { return std::get<1>(torch::linalg_svd(x[0])); });
  };
  Operations::add(all, "solve 256x256", {{256, 256}, {256, 256}},
                  [](const Tensors& x) { return torch::linalg_solve(system(x[0]), x[1]); });
}
