// norm.hpp, layer_norm.hpp.
#include <cmath>

#include "kinds.hpp"
#include <torch/nn/functional/normalization.h>

namespace agreement {
namespace {

namespace functional = torch::nn::functional;
using xgrad::Shape;
using xgrad::Tensor;

/// Images of [.., channels, ..] whose values normalisation finds awkward.
Inputs images(std::int64_t channels) {
  Inputs all;
  for (const Shape& shape :
       {Shape{4, channels}, Shape{2, channels, 4}, Shape{2, channels, 2, 2}, Shape{0, channels},
        Shape{0, channels, 2}, Shape{1, channels}, Shape{channels}, Shape{2, channels, 0},
        Shape{1, channels, 2}, Shape{1, channels, 1}, Shape{2, channels, 2, 1, 2}, Shape{2, 0, 3},
        Shape{2, channels + 1, 3}, Shape{}})
    for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
      all.push_back(random(shape, dtype));
  const Input some = all[2];
  all.push_back(filled({2, channels, 4}, 3));
  all.push_back(filled({2, channels, 4}, 1e200));
  for (const double value : {double(NAN), double(INFINITY), 1e10, 1e200})
    all.push_back(with_value(some, 1, value));
  for (const xgrad::DType dtype : all_dtypes) all.push_back(whole({2, channels, 4}, dtype, 0, 5));
  for (const Input& x : lying_otherwise(random({4, channels}))) all.push_back(x);
  return all;
}

/// Of x's dtype, a weight and a bias for the last axes of x, or none.
Inputs with_affine(const Input& x, const Shape& shape, bool affine) {
  if (!affine) return {x};
  const xgrad::DType dtype = x.tensor.dtype();
  return {x, random(shape, dtype, 0.5, 2, 2), random(shape, dtype, -1, 1, 3)};
}
template <class X>
X weight_of(const std::vector<X>& x) {
  return x.size() > 1 ? x[1] : X();
}
template <class X>
X bias_of(const std::vector<X>& x) {
  return x.size() > 2 ? x[2] : X();
}

/// Running statistics that both sides change, of x's dtype.
template <class F>
Ours with_statistics(const Ours& x, bool given, F f) {
  if (!given) return {f(Tensor(), Tensor())};
  const Tensor mean = xgrad::full({3}, 0.25, {.dtype = x[0].dtype()});
  const Tensor var = xgrad::full({3}, 1.5, {.dtype = x[0].dtype()});
  const Tensor y = f(mean, var);
  return {y, mean, var};
}
template <class F>
Theirs with_statistics(const Theirs& x, bool given, F f) {
  if (!given) return {f(at::Tensor(), at::Tensor())};
  const at::Tensor mean = at::full({3}, 0.25, x[0].options().requires_grad(false));
  const at::Tensor var = at::full({3}, 1.5, x[0].options().requires_grad(false));
  const at::Tensor y = f(mean, var);
  return {y, mean, var};
}

void over_batches(Suite& s, const Input& x, bool affine, bool training, bool given, double eps,
                  double momentum) {
  const std::string with = std::string(training ? "training" : "") +
                           (given ? " with statistics" : "") + " eps " + std::to_string(eps) +
                           " momentum " + std::to_string(momentum);
  check(
      s, "batch_norm", with_affine(x, {3}, affine), with,
      [=](const Ours& x) {
        return with_statistics(x, given, [&](const Tensor& mean, const Tensor& var) {
          return xgrad::batch_norm(x[0], mean, var, weight_of(x), bias_of(x),
                                   {.training = training, .momentum = momentum, .eps = eps});
        });
      },
      [=](const Theirs& x) {
        return with_statistics(x, given, [&](const at::Tensor& mean, const at::Tensor& var) {
          return at::batch_norm(x[0], weight_of(x), bias_of(x), mean, var, training, momentum, eps,
                                false);
        });
      });
  check(
      s, "instance_norm", with_affine(x, {3}, affine), with,
      [=](const Ours& x) {
        return with_statistics(x, given, [&](const Tensor& mean, const Tensor& var) {
          return xgrad::instance_norm(
              x[0], mean, var, weight_of(x), bias_of(x),
              {.use_input_stats = training, .momentum = momentum, .eps = eps});
        });
      },
      [=](const Theirs& x) {
        return with_statistics(x, given, [&](const at::Tensor& mean, const at::Tensor& var) {
          return at::instance_norm(x[0], weight_of(x), bias_of(x), mean, var, training, momentum,
                                   eps, false);
        });
      });
}

void over_groups(Suite& s) {
  for (const Input& x : images(6))
    for (const bool affine : {false, true})
      for (const std::int64_t groups : {1, 2, 3, 6, 4, 0, -1})
        check(
            s, "group_norm", with_affine(x, {6}, affine), std::to_string(groups),
            [=](const Ours& x) {
              return xgrad::group_norm(x[0], groups, weight_of(x), bias_of(x), 1e-3);
            },
            [=](const Theirs& x) {
              return at::group_norm(x[0], groups, weight_of(x), bias_of(x), 1e-3, false);
            });
}

void over_last_axes(Suite& s) {
  for (const Input& x : images(3))
    for (const Shape& shape : {Shape{3}, Shape{4}, Shape{3, 4}, Shape{2, 2}, Shape{2, 3, 4},
                               Shape{}, Shape{0}, Shape{1}})
      for (const bool affine : {false, true})
        for (const double eps : {1e-5, 0.0}) {
          const std::string with =
              "over " + xgrad::to_string(shape) + " eps " + std::to_string(eps);
          check(
              s, "layer_norm", with_affine(x, shape, affine), with,
              [=](const Ours& x) {
                return xgrad::layer_norm(x[0], shape, weight_of(x), bias_of(x), eps);
              },
              [=](const Theirs& x) {
                return at::layer_norm(x[0], list(shape), weight_of(x), bias_of(x), eps, false);
              });
        }
}

/// Written out: this libtorch has no function of it.
at::Tensor their_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor y = x * at::rsqrt(at::mean(x * x, -1, true) + eps);
  return weight.defined() ? y * weight : y;
}

void others(Suite& s) {
  for (const Input& x : images(3)) {
    if (xgrad::is_half(x.tensor.dtype()) || x.tensor.dim() == 0) continue;
    for (const bool affine : {false, true})
      check(
          s, "rms_norm", with_affine(x, {x.tensor.size(-1)}, affine), "",
          [=](const Ours& x) { return xgrad::rms_norm(x[0], {x[0].size(-1)}, weight_of(x), 1e-5); },
          [=](const Theirs& x) { return their_rms_norm(x[0], weight_of(x), 1e-5); });
  }
  for (const Input& x : images(6)) {
    for (const std::int64_t size : {1, 2, 3, 5, 8, 0, -1})
      for (const auto& [alpha, beta, k] :
           {std::tuple{1e-4, 0.75, 1.0}, {2.0, 0.5, 0.0}, {0.5, -1.5, 2.0}})
        check(
            s, "local_response_norm", {x},
            std::to_string(size) + " alpha " + std::to_string(alpha) + " beta " +
                std::to_string(beta),
            [=, alpha = alpha, beta = beta, k = k](const Ours& x) {
              return xgrad::local_response_norm(x[0], size, {.alpha = alpha, .beta = beta, .k = k});
            },
            [=, alpha = alpha, beta = beta, k = k](const Theirs& x) {
              return functional::detail::local_response_norm(x[0], size, alpha, beta, k);
            });
  }
  for (const double p : {2.0, 1.0, 3.0, double(INFINITY), 0.0})
    for (const double eps : {1e-12, 2.0})
      along(
          s, "normalize",
          [=](const Tensor& x, std::int64_t axis) {
            return xgrad::normalize(x, {.p = p, .axis = axis, .eps = eps});
          },
          [=](const at::Tensor& x, std::int64_t axis) {
            return functional::detail::normalize(x, p, axis, eps, c10::nullopt);
          });
}

}  // namespace

void normalisation(Suite& s) {
  for (const Input& x : images(3))
    for (const bool affine : {false, true})
      for (const bool training : {false, true})
        for (const bool given : {false, true}) {
          over_batches(s, x, affine, training, given, 1e-5, 0.1);
          over_batches(s, x, affine, training, given, 0, 0.75);
        }
  over_groups(s);
  over_last_axes(s);
  others(s);
}

}  // namespace agreement
