#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/channels.hpp>
#include <xgrad/ops/kernels/norm.hpp>
#include <xgrad/ops/norm.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/running_statistics.hpp>
#include <xgrad/ops/shape.hpp>

#include <array>

namespace xgrad {
namespace {

/// All axes but that of the channels.
Axes batch_axes(const Tensor& x) {
  Axes axes;
  for (std::int64_t axis = 0; axis < x.dim(); ++axis)
    if (axis != 1) axes.push_back(axis);
  return axes;
}

/// A value of each channel in the shape that broadcasts over x.
Tensor per_channel(const Tensor& values, const Tensor& x) {
  Shape shape{x.size(1)};
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) shape.push_back(1);
  return reshape(values, shape);
}

/// The mean is mean + rest: what mean has no digits for is as much as a unit where the mean is
/// large beside the deviation.
struct Statistics {
  Tensor mean;
  Tensor rest;
  Tensor var;  // biased
};

Statistics statistics(const Tensor& x) {
  const auto values = [&] { return Tensor::empty({x.size(1)}, x.dtype()); };
  Statistics s{values(), values(), values()};
  visit<Types::floating>(
      "batch_norm, statistics",
      [&]<class T>(const T* from) {
        kernels::moments<T>(
            channel_extents(x), from,
            {s.mean.mutable_data<T>(), s.rest.mutable_data<T>(), s.var.mutable_data<T>()});
      },
      x);
  return s;
}

/// What the rule of a training step keeps.
struct Normalized {
  Saved x;
  Saved weight;  // undefined where there is none
  Tensor mean;
  Tensor rest;
  Tensor inverse_std;
  double eps;
};

/// Σ dy and Σ dy (x − the whole mean) over each channel.
struct Sums {
  Tensor of_dy;
  Tensor of_product;
};

Sums sums(const Normalized& n, const Tensor& x, const Tensor& dy) {
  Sums s{Tensor::empty(n.mean.shape(), x.dtype()), Tensor::empty(n.mean.shape(), x.dtype())};
  visit<Types::floating>(
      "batch_norm, sums",
      [&]<class T>(const T* values, const T* slopes, const T* mean) {
        kernels::centered_sums<T>(channel_extents(x), slopes, values, mean,
                                  s.of_dy.mutable_data<T>(), s.of_product.mutable_data<T>());
      },
      x, dy, n.mean);
  s.of_product = s.of_product - n.rest * s.of_dy;
  return s;
}

Tensor input_gradient(const Normalized& n, const Tensor& x, const Tensor& dy, const Sums& s) {
  const Tensor scale = n.weight().defined() ? n.weight() * n.inverse_std : n.inverse_std;
  const double share = 1 / static_cast<double>(channel_extents(x).count());
  const Tensor by_x = scale * square(n.inverse_std) * s.of_product * -share;
  const Tensor constant = scale * s.of_dy * -share - by_x * n.rest;
  return compute<Types::floating>(
      "batch_norm, input", like(x),
      [&](const auto* values, const auto* slopes, auto... rest) {
        kernels::affine(channel_extents(x), slopes, values, rest...);
      },
      x, dy, n.mean, scale, by_x, constant);
}

std::array<Tensor, 3> gradients(const Normalized& n, const Tensor& dy, const Needs& needs) {
  const Tensor x = n.x();
  const Sums s = sums(n, x, dy);
  return {needs[0] ? input_gradient(n, x, dy, s) : Tensor(),
          needs[1] ? s.of_product * n.inverse_std : Tensor(), s.of_dy};
}

/// The same from operations, the statistics as functions of x: for derivatives of derivatives.
std::array<Tensor, 3> recorded_gradients(const Normalized& n, const Tensor& dy,
                                         const Needs& needs) {
  const Tensor x = n.x();
  const Axes axes = batch_axes(x);
  const Tensor centered = detail::centered(x, axes);
  const Tensor inverse_std = 1 / sqrt(mean(square(centered), axes, true) + n.eps);
  const Tensor unit = centered * inverse_std;
  std::array<Tensor, 3> d;
  if (needs[2]) d[2] = sum(dy, axes);
  if (needs[1]) d[1] = sum(dy * unit, axes);
  if (needs[0]) {
    const Tensor w = n.weight();
    const Tensor scaled = w.defined() ? dy * per_channel(w, dy) : dy;
    d[0] =
        inverse_std * (scaled - mean(scaled, axes, true) - unit * mean(scaled * unit, axes, true));
  }
  return d;
}

void check(const char* operation, const Tensor& x, const Tensor& values, const char* what) {
  if (!values.defined()) return;
  require<ShapeError>(values.shape() == Shape{x.size(1)},
                      "{}: {} {} does not fit input {}; it must be [{}]", operation, what,
                      values.shape(), x.shape(), x.size(1));
  require<DTypeError>(values.dtype() == x.dtype(),
                      "{}: {} is {}, the input {}; convert one with x.to()", operation, what,
                      values.dtype(), x.dtype());
}

void check(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
           const Tensor& weight, const Tensor& bias, const BatchNormOptions& o) {
  require<ShapeError>(x.dim() >= 2, "batch_norm: input {} must be [batch, channels, …]", x.shape());
  require<ValueError>(o.eps >= 0, "batch_norm: eps is {}, it must not be negative", o.eps);
  require<ValueError>(!o.training || channel_extents(x).count() != 1,
                      "batch_norm: input {} has one value in each channel, which has no variance; "
                      "use a larger batch, or eval()",
                      x.shape());
  detail::check_running("batch_norm", x, running_mean, running_var, o.training);
  check("batch_norm", x, weight, "weight");
  check("batch_norm", x, bias, "bias");
  require<ValueError>(o.training || running_mean.defined(),
                      "batch_norm: without running statistics it works in training only");
}

bool share_memory(const Tensor& a, const Tensor& b) {
  return a.numel() > 0 && a.storage() == b.storage() && a.impl()->offset == b.impl()->offset;
}

}  // namespace

void detail::check_running(const char* operation, const Tensor& x, const Tensor& mean,
                           const Tensor& var, bool changed) {
  check(operation, x, mean, "running_mean");
  check(operation, x, var, "running_var");
  require<ValueError>(mean.defined() == var.defined(),
                      "{}: give both of running_mean and running_var, or none", operation);
  if (!mean.defined()) return;
  require<GraphError>(!is_grad_enabled() || !(mean.requires_grad() || var.requires_grad()),
                      "{}: running statistics get no gradient, but one requires it; give its "
                      "detach()",
                      operation);
  if (!changed) return;
  require_changeable(mean, operation);
  require_changeable(var, operation);
  require<ValueError>(
      !share_memory(mean, var),
      "{}: running_mean and running_var are one tensor; each changes in its own way", operation);
}

void detail::update_running(const Tensor& running, const Tensor& batch, double momentum) {
  if (!running.is_contiguous() || is_half(running.dtype())) {
    const Tensor values = is_half(running.dtype()) ? to(running, float32) : clone(running);
    update_running(values, batch, momentum);
    running.copy_(values);
    return;
  }
  dispatch_floating(running.dtype(), "running statistics", [&]<class T>() {
    T* const values = running.mutable_data<T>();
    const T* const fresh = batch.data<T>();
    for (std::int64_t c = 0; c < running.numel(); ++c) {
      // Rounded once: over many batches that comes to 1 / momentum roundings at most.
      const double value = values[c];
      values[c] = static_cast<T>(value + momentum * (static_cast<double>(fresh[c]) - value));
    }
  });
}

// y = w (x − μ) / √(σ² + ε) + b with x̂ = (x − μ) / √(σ² + ε);  dL/db = Σ dL/dy, dL/dw = Σ x̂ dL/dy,
// dL/dx = w / √(σ² + ε) · (dL/dy − mean(dL/dy) − x̂ mean(x̂ dL/dy)), or without the means where μ
// and σ² are constants
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, const BatchNormOptions& options) {
  const detail::Running running("batch_norm", x);
  check(x, running_mean, running_var, weight, bias, options);
  if (is_half(x.dtype())) {
    Tensor mean = running_mean.defined() ? to(running_mean, float32) : Tensor();
    Tensor var = running_var.defined() ? to(running_var, float32) : Tensor();
    const Tensor y =
        in_float32([&](const Tensor& in, const Tensor& w,
                       const Tensor& b) { return batch_norm(in, mean, var, w, b, options); },
                   x, weight, bias);
    if (mean.defined() && options.training)
      no_grad([&] {
        running_mean.copy_(mean);
        running_var.copy_(var);
      });
    return y;
  }
  Statistics batch;
  Tensor mean;
  Tensor inverse_std;
  Tensor scale;
  Tensor shift;
  {
    const NoGradGuard guard;
    if (options.training) {
      batch = statistics(x);
      mean = batch.mean;
      inverse_std = 1 / sqrt(batch.var + options.eps);
      if (running_mean.defined() && x.numel() > 0) {
        const auto count = static_cast<double>(channel_extents(x).count());
        detail::update_running(running_mean, mean, options.momentum);
        detail::update_running(running_var, batch.var * (count / (count - 1)), options.momentum);
      }
    } else {
      mean = clone(running_mean);
      inverse_std = 1 / sqrt(running_var + options.eps);
    }
    scale = weight.defined() ? weight * inverse_std : inverse_std;
    shift = bias.defined() ? bias : Tensor::empty(mean.shape(), x.dtype()).fill_(0);
    // y = a (x − m) + (b − a · rest)
    if (options.training) shift = shift - scale * batch.rest;
  }
  const Tensor y = compute<Types::floating>(
      Op::batch_norm, like(x),
      [&](auto... values) { kernels::affine(channel_extents(x), values...); }, x, mean, scale,
      shift);
  if (!options.training)
    return record(
        Op::batch_norm, y,
        wrt(x,
            [inverse_std, w = saved(weight)](const Tensor& dy) {
              return dy * per_channel(w().defined() ? w() * inverse_std : inverse_std, dy);
            }),
        wrt(weight,
            [x = saved(x), mean, inverse_std](const Tensor& dy) {
              const Tensor unit = (x() - per_channel(mean, dy)) * per_channel(inverse_std, dy);
              return sum(dy * unit, batch_axes(dy));
            }),
        wrt(bias, [](const Tensor& dy) { return sum(dy, batch_axes(dy)); }));

  const Normalized n{saved(x), saved(weight), mean, batch.rest, inverse_std, options.eps};
  return record(
      Op::batch_norm, y,
      wrt_all(x, weight, bias,
              fused([n](const Tensor& dy, const Needs& needs) { return gradients(n, dy, needs); },
                    [n](const Tensor& dy, const Needs& needs) {
                      return recorded_gradients(n, dy, needs);
                    })));
}

}  // namespace xgrad
