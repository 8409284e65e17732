// Derivatives as functions: Newton's method, the sharpest direction of a loss, the gradient of each
// example, and memory for time.

#include <xgrad/xgrad.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace nn = xgrad::nn;
using xgrad::Tensor;

namespace {

/// 100 (y − x²)² + (1 − x)², whose lowest point (1, 1) lies in a bent valley.
Tensor valley(const Tensor& p) {
  return 100 * (p[1] - p[0].square()).square() + (1 - p[0]).square();
}

void newton() {
  Tensor p = xgrad::tensor({-1.2, 1.}, {.dtype = xgrad::float64});
  for (int step = 0; step < 6; ++step)
    p = p - xgrad::linalg::solve(xgrad::hessian(valley, p), xgrad::grad(valley)(p));
  std::printf("Newton's method: (%.9f, %.9f)\n", p[0].item(), p[1].item());
}

struct Net : nn::Module {
  nn::Linear fc1 = add("fc1", nn::Linear{8, 16});
  nn::Linear fc2 = add("fc2", nn::Linear{16, 2});
  Tensor forward(const Tensor& x) override { return fc2(tanh(fc1(x))); }
};

/// Power iteration with second derivatives that are never put into a matrix.
void sharpest_direction(Net& net, const Tensor& x, const Tensor& labels) {
  const auto loss = [&](const Tensor& weight) {
    return cross_entropy(xgrad::functional_call(net, {{"fc1.weight", weight}}, x), labels);
  };
  Tensor v = xgrad::randn(net.fc1.weight.shape());
  double curvature = 0;
  for (int i = 0; i < 50; ++i) {
    v = v / v.norm();
    const auto [value, Hv] = xgrad::hvp(loss, net.fc1.weight, v);
    curvature = (v * Hv).sum().item();
    v = Hv;
  }
  std::printf("sharpest direction of the loss: second derivative %.4f\n", curvature);
}

void gradients_of_examples(Net& net, const Tensor& x, const Tensor& labels) {
  const auto loss = [&](const xgrad::NamedTensors& parameters, const Tensor& input,
                        const Tensor& label) {
    return cross_entropy(xgrad::functional_call(net, parameters, input), label);
  };
  double longest = 0;
  const auto of_each = xgrad::per_sample_grad(loss)(net.state_dict(), x, labels);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    double squares = 0;
    for (const auto& [name, g] : of_each) squares += g[i].square().sum().item();
    longest = std::max(longest, squares);
  }
  std::printf("longest gradient of an example: %.4f\n", std::sqrt(longest));
}

/// What a training step holds at most, in MB.
double peak(nn::Module& block, bool again) {
  Tensor x = xgrad::randn({4096, 8}).requires_grad_();
  xgrad::memory::reset_peak();
  const auto f = [&block](Tensor t) {
    for (int i = 0; i < 10; ++i) t = tanh(block(t)) + t;
    return t;
  };
  for (int part = 0; part < 10; ++part) x = again ? xgrad::checkpoint(f, x) : f(x);
  x.sum().backward();
  return static_cast<double>(xgrad::memory::statistics().peak_bytes_in_use) / 1e6;
}

}  // namespace

int main() try {
  xgrad::manual_seed(0);
  newton();
  Net net;
  const Tensor x = xgrad::randn({32, 8}), labels = xgrad::randint(2, {32});
  sharpest_direction(net, x, labels);
  gradients_of_examples(net, x, labels);
  nn::Linear block{8, 8};
  std::printf("100 layers: %.1f MB, computed again in tens %.1f MB\n", peak(block, false),
              peak(block, true));
} catch (const xgrad::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
