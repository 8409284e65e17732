#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/sign.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const RpropOptions& o) {
  const auto [less, more] = o.etas;
  const auto [least, most] = o.step_sizes;
  detail::require_not_negative("Rprop", "lr", o.lr);
  require<ValueError>(
      less > 0 && less < 1 && more > 1 && std::isfinite(more),
      "Rprop: etas are {} and {}, they must lie in (0, 1) and above 1, and be finite", less, more);
  require<ValueError>(
      least >= 0 && least <= most && std::isfinite(most),
      "Rprop: step_sizes are {} and {}, the least must be at most the most, neither below 0, and "
      "finite",
      least, most);
}
void require_valid(const LionOptions& o) {
  detail::require_not_negative("Lion", "lr", o.lr);
  detail::require_betas("Lion", o.betas);
  detail::require_not_negative("Lion", "weight_decay", o.weight_decay);
}
#pragma GCC visibility pop

template class OptimizerOf<RpropOptions>;
template class OptimizerOf<LionOptions>;

namespace {

/// NaN goes on.
template <class T>
T sign(T x) {
  return x > 0 ? T(1) : x < 0 ? T(-1) : x;
}

}  // namespace

Rprop::Rprop(std::vector<Tensor> parameters, const RpropOptions& options)
    : Rprop(std::vector<Group>{{std::move(parameters), options}}) {}
Rprop::Rprop(std::vector<Group> groups)
    : OptimizerOf("Rprop", std::move(groups),
                  {like_parameter("prev"), like_parameter("step_size")}) {}

void Rprop::update(const RpropOptions& o, Slot& slot) {
  const bool is_new = !slot.has("step_size");
  Tensor sizes = slot["step_size"];
  if (is_new) sizes.fill_(o.lr);
  slot.each(
      [o]<class T>(T& x, T g, T& before, T& size) {
        const T now = sign(g);
        const T kept = now * sign(before);  // no product that would be 0 where both are small
        const auto less = static_cast<T>(o.etas[0]);
        const auto more = static_cast<T>(o.etas[1]);
        const auto least = static_cast<T>(o.step_sizes[0]);
        const auto most = static_cast<T>(o.step_sizes[1]);
        // Everything is computed, then chosen from: what is computed in one case alone is not done
        // in vectors.
        const T longer = size * more;
        const T shorter = size * less;
        const T grown = kept > 0 ? longer : size;
        const T changed = kept < 0 ? shorter : grown;
        const T enough = changed > least ? changed : least;
        size = enough < most ? enough : most;
        const T direction = kept < 0 ? T(0) : now;
        x -= direction * size;
        before = kept < 0 ? T(0) : g;
      },
      slot["prev"], sizes);
}

Lion::Lion(std::vector<Tensor> parameters, const LionOptions& options)
    : Lion(std::vector<Group>{{std::move(parameters), options}}) {}
Lion::Lion(std::vector<Group> groups)
    : OptimizerOf("Lion", std::move(groups), {like_parameter("exp_avg")}) {}

void Lion::update(const LionOptions& o, Slot& slot) {
  slot.each(
      [o]<class T>(T& x, T g, T& m) {
        const auto beta1 = static_cast<T>(o.betas[0]);
        const auto beta2 = static_cast<T>(o.betas[1]);
        const T direction = sign(beta1 * m + static_cast<T>(1 - o.betas[0]) * g);
        x = static_cast<T>(1 - o.lr * o.weight_decay) * x - static_cast<T>(o.lr) * direction;
        m = beta2 * m + static_cast<T>(1 - o.betas[1]) * g;
      },
      slot["exp_avg"]);
}

}  // namespace xgrad::optim
