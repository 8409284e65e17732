#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/adafactor.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const AdafactorOptions& o) {
  detail::require_not_negative("Adafactor", "lr", o.lr);
  require<ValueError>(o.beta2_decay <= 0 && std::isfinite(o.beta2_decay),
                      "Adafactor: beta2_decay is {}, it must be finite and not positive",
                      o.beta2_decay);
  detail::require_not_negative("Adafactor", "the first eps", o.eps.first.value_or(0));
  detail::require_not_negative("Adafactor", "the second eps", o.eps.second);
  require<ValueError>(o.d >= 1 && std::isfinite(o.d),
                      "Adafactor: d is {}, it must be finite and at least 1", o.d);
  detail::require_not_negative("Adafactor", "weight_decay", o.weight_decay);
}
#pragma GCC visibility pop

template class OptimizerOf<AdafactorOptions>;

namespace {

/// Zeros of the parameter's shape with one axis of 1, in float64: they are few.
Tensor without(const Tensor& x, std::int64_t axis) {
  Shape shape = x.shape();
  if (x.dim() > 1) shape[static_cast<std::size_t>(x.dim() - axis)] = 1;
  return zeros(shape, {.dtype = float64});
}

void move_towards(Tensor mean, const Tensor& now, double part) {
  mean.copy_(mean * (1 - part) + now.to(mean.dtype()) * part);
}

double root_mean_square(const Tensor& x) {
  return norm(x).item() / std::sqrt(static_cast<double>(x.numel()));
}

}  // namespace

Adafactor::Adafactor(std::vector<Tensor> parameters, const AdafactorOptions& options)
    : Adafactor(std::vector<Group>{{std::move(parameters), options}}) {}
Adafactor::Adafactor(std::vector<Group> groups)
    : OptimizerOf("Adafactor", std::move(groups),
                  {step_count(),
                   {"row_var", [](const Tensor& x) { return without(x, 1); }},
                   {"col_var", [](const Tensor& x) { return without(x, 2); }},
                   like_parameter("variance")}) {}

void Adafactor::update(const AdafactorOptions& o, Slot& slot) {
  const Tensor x = slot.parameter().detach();
  const Tensor& g = slot.gradient();
  const auto t = static_cast<double>(slot.step());
  const double part = std::pow(t, o.beta2_decay);
  const double machine = x.dtype() == float32 ? std::numeric_limits<float>::epsilon()
                                              : std::numeric_limits<double>::epsilon();
  const double eps = o.eps.first.value_or(machine);
  const double rate =
      std::max(o.eps.second, root_mean_square(x)) * std::min(o.lr, 1 / std::sqrt(t));
  const Tensor squares = square(g);
  Tensor v;
  if (x.dim() > 1) {
    const Tensor rows = slot["row_var"];
    const Tensor columns = slot["col_var"];
    move_towards(rows, mean(squares, {-1}, true), part);
    move_towards(columns, mean(squares, {-2}, true), part);
    const Tensor relative = rows / clamp_min(mean(rows, {-2}, true), eps);
    v = relative.to(x.dtype()) * columns.to(x.dtype());
  } else {
    v = slot["variance"];
    move_towards(v, squares, part);
  }
  const Tensor u = g * rsqrt(clamp_min(v, eps * eps));
  const double step = slot.sign() * rate / std::max(1., root_mean_square(u) / o.d);
  Tensor(x).copy_(x * (1 - o.lr * o.weight_decay) - u * step);
}

}  // namespace xgrad::optim
