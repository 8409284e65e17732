#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/moments.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const AdamOptions& o) { detail::require_adaptive("Adam", o); }
void require_valid(const AdamWOptions& o) { detail::require_adaptive("AdamW", o); }
#pragma GCC visibility pop

template class OptimizerOf<AdamOptions>;
template class OptimizerOf<AdamWOptions>;

namespace {

// Named as PyTorch saves them.
std::vector<Memory> memories() {
  return {step_count(), like_parameter("exp_avg"), like_parameter("exp_avg_sq"),
          like_parameter("max_exp_avg_sq")};
}

/// A step's numbers. The divisions of m and v stand in `rate` and `root`: one for all elements.
struct Numbers {
  double beta1, beta2, eps, decay, shrink, rate, root;
};

template <class T>
T direction(const Numbers& n, T m, T v) {
  return static_cast<T>(n.rate) * m /
         (std::sqrt(v) * static_cast<T>(n.root) + static_cast<T>(n.eps));
}

template <class T>
void remember(const Numbers& n, T g, T& m, T& v) {
  detail::remember_mean(n, g, m);
  detail::remember_square(n, g, v);
}

template <class Options>
void take_step(const Options& o, bool decoupled, Slot& slot) {
  const auto t = static_cast<double>(slot.step());
  const auto [beta1, beta2] = o.betas;
  const Numbers n{.beta1 = beta1,
                  .beta2 = beta2,
                  .eps = o.eps,
                  .decay = decoupled ? 0 : o.weight_decay,
                  .shrink = decoupled ? 1 - o.lr * o.weight_decay : 1,
                  .rate = o.lr / (1 - std::pow(beta1, t)),
                  .root = 1 / std::sqrt(1 - std::pow(beta2, t))};
  const Tensor mean = slot["exp_avg"];
  const Tensor square = slot["exp_avg_sq"];
  if (o.amsgrad)
    return slot.each(
        [n]<class T>(T& x, T g, T& m, T& v, T& largest) {
          remember(n, g + static_cast<T>(n.decay) * x, m, v);
          largest = largest > v ? largest : v;  // NaN goes on
          x = static_cast<T>(n.shrink) * x - direction(n, m, largest);
        },
        mean, square, slot["max_exp_avg_sq"]);
  slot.each(
      [n]<class T>(T& x, T g, T& m, T& v) {
        remember(n, g + static_cast<T>(n.decay) * x, m, v);
        x = static_cast<T>(n.shrink) * x - direction(n, m, v);
      },
      mean, square);
}

}  // namespace

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam(std::vector<Group>{{std::move(parameters), options}}) {}
Adam::Adam(std::vector<Group> groups) : OptimizerOf("Adam", std::move(groups), memories()) {}

void Adam::update(const AdamOptions& o, Slot& slot) {
  take_step(o, o.decoupled_weight_decay, slot);
}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& options)
    : AdamW(std::vector<Group>{{std::move(parameters), options}}) {}
AdamW::AdamW(std::vector<Group> groups) : OptimizerOf("AdamW", std::move(groups), memories()) {}

void AdamW::update(const AdamWOptions& o, Slot& slot) { take_step(o, true, slot); }

}  // namespace xgrad::optim
