#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/logic.hpp>

#include <cmath>

namespace xgrad::nn {
namespace {

/// x's first `count` extents and 1 for the others.
Shape leading(const Tensor& x, std::int64_t count) {
  Shape shape = x.shape();
  for (auto axis = static_cast<std::size_t>(count); axis < shape.size(); ++axis) shape[axis] = 1;
  return shape;
}

// With α the least value of selu: a x + b where it is kept, a α + b where it is not, of which
// mean and variance are 0 and 1 where x's are.
Tensor alpha_dropout(const Tensor& x, const Shape& drawn, double p, bool training) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes floating tensors, got {}",
                      xgrad::detail::running_or("alpha_dropout"), x.dtype());
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  constexpr double alpha = -1.7580993408473766;
  const double a = 1 / std::sqrt((1 - p) * (1 + p * alpha * alpha));
  const double b = -a * alpha * p;
  const Tensor kept = rand(drawn) >= p;  // float32, so that any dtype drops the same
  return where(kept, x * a + b, a * alpha + b);
}

}  // namespace

detail::Dropping::Dropping(const char* layer, double p) : p_(p) {
  require<ValueError>(p >= 0 && p <= 1, "{}: p is {}, it must lie in [0, 1]", layer, p);
}

Tensor Dropout::forward(const Tensor& x) {
  return dropout(x, {.p = p_, .training = is_training()});
}

Tensor detail::ChannelDropout::forward(const Tensor& x) {
  const xgrad::detail::Running running(layer_, x);
  const bool has_batch = x.dim() == axes_ + 2;
  require<ShapeError>(has_batch || x.dim() == axes_ + 1,
                      "{}: input {} must be [batch, channels] and {} axes more, or [channels] and "
                      "those",
                      layer_, x.shape(), axes_);
  if (!is_training() || p_ == 0) return x;
  const Tensor whole = ones(leading(x, has_batch ? 2 : 1), {.dtype = x.dtype()});
  return x * dropout(whole, {.p = p_});
}

Tensor AlphaDropout::forward(const Tensor& x) {
  const xgrad::detail::Running running("AlphaDropout", x);
  return alpha_dropout(x, x.shape(), p_, is_training());
}

Tensor FeatureAlphaDropout::forward(const Tensor& x) {
  const xgrad::detail::Running running("FeatureAlphaDropout", x);
  require<ShapeError>(x.dim() >= 2, "FeatureAlphaDropout: input {} must be [batch, channels, …]",
                      x.shape());
  return alpha_dropout(x, leading(x, 2), p_, is_training());
}

}  // namespace xgrad::nn
