#include <xgrad/optim/lamb.hpp>
#include <xgrad/optim/moments.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const LAMBOptions& o) { detail::require_adaptive("LAMB", o); }
#pragma GCC visibility pop

template class OptimizerOf<LAMBOptions>;

LAMB::LAMB(std::vector<Tensor> parameters, const LAMBOptions& options)
    : LAMB(std::vector<Group>{{std::move(parameters), options}}) {}
LAMB::LAMB(std::vector<Group> groups)
    : OptimizerOf("LAMB", std::move(groups),
                  {step_count(), like_parameter("exp_avg"), like_parameter("exp_avg_sq")}) {}

namespace {

/// A step's numbers: 1 / (1 − β₁ᵗ) is `unbias`, 1 / √(1 − β₂ᵗ) is `root`.
struct Numbers {
  double beta1, beta2, eps, decay, unbias, root;
};

template <class T>
T direction(const Numbers& n, T x, T m, T v) {
  return static_cast<T>(n.unbias) * m /
             (std::sqrt(v) * static_cast<T>(n.root) + static_cast<T>(n.eps)) +
         static_cast<T>(n.decay) * x;
}

}  // namespace

void LAMB::update(const LAMBOptions& o, Slot& slot) {
  const auto t = static_cast<double>(slot.step());
  const auto [beta1, beta2] = o.betas;
  const Numbers n{.beta1 = beta1,
                  .beta2 = beta2,
                  .eps = o.eps,
                  .decay = o.weight_decay,
                  .unbias = 1 / (1 - std::pow(beta1, t)),
                  .root = 1 / std::sqrt(1 - std::pow(beta2, t))};
  const Tensor mean = slot["exp_avg"];
  const Tensor square = slot["exp_avg_sq"];
  const auto [own, along] = slot.sums<2>(
      [n]<class T>(T& x, T g, T& m, T& v) {
        detail::remember_mean(n, g, m);
        detail::remember_square(n, g, v);
        const T r = direction<T>(n, x, m, v);
        return std::array<T, 2>{x * x, r * r};
      },
      mean, square);
  const double trust = own > 0 && along > 0 ? std::sqrt(own / along) : 1;
  slot.each([n, rate = o.lr * trust]<class T>(
                T& x, T, T& m, T& v) { x -= static_cast<T>(rate) * direction<T>(n, x, m, v); },
            mean, square);
}

}  // namespace xgrad::optim
