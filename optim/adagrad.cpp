#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/adagrad.hpp>
#include <xgrad/optim/moments.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const AdagradOptions& o) {
  detail::require_adaptive("Adagrad", o);
  detail::require_not_negative("Adagrad", "lr_decay", o.lr_decay);
  detail::require_not_negative("Adagrad", "initial_accumulator_value", o.initial_accumulator_value);
}
void require_valid(const AdadeltaOptions& o) {
  detail::require_adaptive("Adadelta", o);
  require<ValueError>(o.rho >= 0 && o.rho <= 1, "Adadelta: rho is {}, it must lie in [0, 1]",
                      o.rho);
}
void require_valid(const RMSpropOptions& o) {
  detail::require_adaptive("RMSprop", o);
  require<ValueError>(o.alpha >= 0 && o.alpha <= 1, "RMSprop: alpha is {}, it must lie in [0, 1]",
                      o.alpha);
  detail::require_fraction("RMSprop", "momentum", o.momentum);
}
#pragma GCC visibility pop

template class OptimizerOf<AdagradOptions>;
template class OptimizerOf<AdadeltaOptions>;
template class OptimizerOf<RMSpropOptions>;

Adagrad::Adagrad(std::vector<Tensor> parameters, const AdagradOptions& options)
    : Adagrad(std::vector<Group>{{std::move(parameters), options}}) {}
Adagrad::Adagrad(std::vector<Group> groups)
    : OptimizerOf("Adagrad", std::move(groups), {step_count(), like_parameter("sum")}) {}

void Adagrad::update(const AdagradOptions& o, Slot& slot) {
  const double before = static_cast<double>(slot.step()) - 1;
  const bool is_new = !slot.has("sum");
  Tensor sum = slot["sum"];
  if (is_new) sum.fill_(o.initial_accumulator_value);
  slot.each(
      [rate = o.lr / (1 + before * o.lr_decay), decay = o.weight_decay, eps = o.eps]<class T>(
          T& x, T g, T& s) {
        g += static_cast<T>(decay) * x;
        s += g * g;
        x -= static_cast<T>(rate) * g / (std::sqrt(s) + static_cast<T>(eps));
      },
      sum);
}

Adadelta::Adadelta(std::vector<Tensor> parameters, const AdadeltaOptions& options)
    : Adadelta(std::vector<Group>{{std::move(parameters), options}}) {}
Adadelta::Adadelta(std::vector<Group> groups)
    : OptimizerOf("Adadelta", std::move(groups),
                  {like_parameter("square_avg"), like_parameter("acc_delta")}) {}

void Adadelta::update(const AdadeltaOptions& o, Slot& slot) {
  const Tensor squares = slot["square_avg"];
  slot.each(
      [o]<class T>(T& x, T g, T& s, T& a) {
        const auto rho = static_cast<T>(o.rho);
        const auto fresh = static_cast<T>(1 - o.rho);
        const auto eps = static_cast<T>(o.eps);
        g += static_cast<T>(o.weight_decay) * x;
        s = rho * s + fresh * g * g;
        const T d = std::sqrt(a + eps) / std::sqrt(s + eps) * g;
        a = rho * a + fresh * d * d;
        x -= static_cast<T>(o.lr) * d;
      },
      squares, slot["acc_delta"]);
}

RMSprop::RMSprop(std::vector<Tensor> parameters, const RMSpropOptions& options)
    : RMSprop(std::vector<Group>{{std::move(parameters), options}}) {}
RMSprop::RMSprop(std::vector<Group> groups)
    : OptimizerOf("RMSprop", std::move(groups),
                  {like_parameter("square_avg"), like_parameter("momentum_buffer"),
                   like_parameter("grad_avg")}) {}

namespace {

/// g divided; of g what decays is in it already.
template <class T>
T scaled(const RMSpropOptions& o, T g, T& s) {
  s = static_cast<T>(o.alpha) * s + static_cast<T>(1 - o.alpha) * g * g;
  return g / (std::sqrt(s) + static_cast<T>(o.eps));
}

template <class T>
T scaled(const RMSpropOptions& o, T g, T& s, T& mean) {
  s = static_cast<T>(o.alpha) * s + static_cast<T>(1 - o.alpha) * g * g;
  mean += static_cast<T>(1 - o.alpha) * (g - mean);
  const T variance = s - mean * mean;
  return g / (std::sqrt(variance < 0 ? T(0) : variance) + static_cast<T>(o.eps));
}

}  // namespace

void RMSprop::update(const RMSpropOptions& o, Slot& slot) {
  const Tensor squares = slot["square_avg"];
  // With means where centred: the last of the memories, of which there is one or none.
  const auto plain = [o]<class T>(T& x, T g, T& s, auto&... mean) {
    x -= static_cast<T>(o.lr) * scaled(o, g + static_cast<T>(o.weight_decay) * x, s, mean...);
  };
  const auto gathered = [o]<class T>(T& x, T g, T& s, T& b, auto&... mean) {
    b = static_cast<T>(o.momentum) * b +
        scaled(o, g + static_cast<T>(o.weight_decay) * x, s, mean...);
    x -= static_cast<T>(o.lr) * b;
  };
  if (o.momentum == 0) {
    if (!o.centered) return slot.each(plain, squares);
    return slot.each(plain, squares, slot["grad_avg"]);
  }
  const Tensor velocity = slot["momentum_buffer"];
  if (!o.centered) return slot.each(gathered, squares, velocity);
  slot.each(gathered, squares, velocity, slot["grad_avg"]);
}

}  // namespace xgrad::optim
