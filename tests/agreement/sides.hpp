#pragma once
// Both sides of a comparison, under the same names: derivatives of both are worked out by the same
// code.

#include <xgrad/autograd/autograd.hpp>

#include <cmath>
#include <span>
#include <vector>

#include "agreement.hpp"
#include <torch/csrc/autograd/autograd.h>

namespace agreement {

/// Weights of the elements of result number `n`, all different: what sums differ by shows which
/// element it was, and derivatives in several arguments do not cancel.
inline xgrad::Tensor weights(const xgrad::Shape& shape, xgrad::DType dtype, std::size_t n) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0.5 + std::fmod(static_cast<double>(i + 1 + 3 * n) * 0.6180339887498949, 1);
  return xgrad::from_vector(values, shape).to(dtype);
}

struct Xgrad {
  using Tensor = xgrad::Tensor;
  static bool floating(const Tensor& x) { return xgrad::is_floating(x.dtype()); }
  static Tensor leaf(const Tensor& x) { return floating(x) ? x.detach().requires_grad_() : x; }
  static Tensor weights_like(const Tensor& y, std::size_t n) {
    return weights(y.shape(), y.dtype(), n);
  }
  static Tensor zeros_like(const Tensor& x) { return xgrad::zeros_like(x.detach()); }
  static std::vector<Tensor> grad(const std::vector<Tensor>& y, const std::vector<Tensor>& x,
                                  const std::vector<Tensor>& dy, bool create_graph) {
    return xgrad::grad(y, x,
                       {.grad_outputs = dy, .create_graph = create_graph, .allow_unused = true});
  }
};

struct Libtorch {
  using Tensor = at::Tensor;
  static bool floating(const Tensor& x) { return x.is_floating_point(); }
  static Tensor leaf(const Tensor& x) { return floating(x) ? x.detach().requires_grad_() : x; }
  static Tensor weights_like(const Tensor& y, std::size_t n) {
    const auto sizes = y.sizes();
    return agreement::theirs(
               weights(xgrad::Shape(std::span(sizes.data(), sizes.size())), xgrad::float64, n))
        .to(y.scalar_type());
  }
  static Tensor zeros_like(const Tensor& x) { return at::zeros_like(x.detach()); }
  static std::vector<Tensor> grad(const std::vector<Tensor>& y, const std::vector<Tensor>& x,
                                  const std::vector<Tensor>& dy, bool create_graph) {
    return torch::autograd::grad(y, x, dy, create_graph, create_graph, true);
  }
};

/// The gradient of the weighted sum of all floating `y` that are recorded; zeros where there is
/// none.
template <class Side>
std::vector<typename Side::Tensor> gradient(const std::vector<typename Side::Tensor>& y,
                                            const std::vector<typename Side::Tensor>& x,
                                            bool create_graph) {
  std::vector<typename Side::Tensor> recorded, dy, gradients;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!y[i].defined() || !Side::floating(y[i]) || !y[i].requires_grad()) continue;
    recorded.push_back(y[i]);
    dy.push_back(Side::weights_like(y[i], i));
  }
  if (recorded.empty())
    gradients.resize(x.size());
  else
    gradients = Side::grad(recorded, x, dy, create_graph);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = Side::zeros_like(x[i]);
  return gradients;
}

}  // namespace agreement
