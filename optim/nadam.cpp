#include <xgrad/optim/moments.hpp>
#include <xgrad/optim/nadam.hpp>

#include <cmath>
#include <string_view>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const AdamaxOptions& o) { detail::require_adaptive("Adamax", o); }
void require_valid(const NAdamOptions& o) {
  detail::require_adaptive("NAdam", o);
  detail::require_not_negative("NAdam", "momentum_decay", o.momentum_decay);
}
void require_valid(const RAdamOptions& o) { detail::require_adaptive("RAdam", o); }
#pragma GCC visibility pop

template class OptimizerOf<AdamaxOptions>;
template class OptimizerOf<NAdamOptions>;
template class OptimizerOf<RAdamOptions>;

namespace {

/// What the elements of a step share: β₁, β₂, ε, the weight decay of either kind, and the rates of
/// g and of m.
struct Numbers {
  double beta1, beta2, eps, decay, shrink, of_gradient, of_mean, root;
};

template <class Options>
Numbers numbers_of(const Options& o, bool decoupled) {
  return {.beta1 = o.betas[0],
          .beta2 = o.betas[1],
          .eps = o.eps,
          .decay = decoupled ? 0 : o.weight_decay,
          .shrink = decoupled ? 1 - o.lr * o.weight_decay : 1,
          .of_gradient = 0,
          .of_mean = 0,
          .root = 1};
}

/// The gradient with what decays, and m.
template <class T>
T begin(const Numbers& n, T& x, T g, T& m) {
  g += static_cast<T>(n.decay) * x;
  x *= static_cast<T>(n.shrink);
  detail::remember_mean(n, g, m);
  return g;
}

constexpr const char* mean = "exp_avg";
constexpr const char* square = "exp_avg_sq";

}  // namespace

Adamax::Adamax(std::vector<Tensor> parameters, const AdamaxOptions& options)
    : Adamax(std::vector<Group>{{std::move(parameters), options}}) {}
Adamax::Adamax(std::vector<Group> groups)
    : OptimizerOf("Adamax", std::move(groups),
                  {step_count(), like_parameter(mean), like_parameter("exp_inf")}) {}

void Adamax::update(const AdamaxOptions& o, Slot& slot) {
  Numbers n = numbers_of(o, false);
  n.of_mean = o.lr / (1 - std::pow(n.beta1, static_cast<double>(slot.step())));
  const Tensor means = slot[mean];
  slot.each(
      [n]<class T>(T& x, T g, T& m, T& largest) {
        const T size = std::abs(begin(n, x, g, m)) + static_cast<T>(n.eps);
        const T before = static_cast<T>(n.beta2) * largest;
        largest = before > size ? before : size;  // NaN goes on
        x -= static_cast<T>(n.of_mean) * m / largest;
      },
      means, slot["exp_inf"]);
}

NAdam::NAdam(std::vector<Tensor> parameters, const NAdamOptions& options)
    : NAdam(std::vector<Group>{{std::move(parameters), options}}) {}
NAdam::NAdam(std::vector<Group> groups)
    : OptimizerOf(
          "NAdam", std::move(groups),
          {step_count(),
           {"mu_product", [](const Tensor&) { return Tensor::empty({}, float64).fill_(1); }},
           like_parameter(mean),
           like_parameter(square)}) {}

void NAdam::update(const NAdamOptions& o, Slot& slot) {
  const auto t = static_cast<double>(slot.step());
  const auto momentum_at = [&](double step) {
    return o.betas[0] * (1 - 0.5 * std::pow(0.96, step * o.momentum_decay));
  };
  const Tensor means = slot[mean];
  const Tensor squares = slot[square];
  double& product = *slot["mu_product"].mutable_data<double>();
  product *= momentum_at(t);
  const double next = momentum_at(t + 1);
  Numbers n = numbers_of(o, o.decoupled_weight_decay);
  n.of_gradient = o.lr * (1 - momentum_at(t)) / (1 - product);
  n.of_mean = o.lr * next / (1 - product * next);
  n.root = 1 / std::sqrt(1 - std::pow(n.beta2, t));
  slot.each(
      [n]<class T>(T& x, T g, T& m, T& v) {
        g = begin(n, x, g, m);
        detail::remember_square(n, g, v);
        x -= (static_cast<T>(n.of_gradient) * g + static_cast<T>(n.of_mean) * m) /
             (std::sqrt(v) * static_cast<T>(n.root) + static_cast<T>(n.eps));
      },
      means, squares);
}

RAdam::RAdam(std::vector<Tensor> parameters, const RAdamOptions& options)
    : RAdam(std::vector<Group>{{std::move(parameters), options}}) {}
RAdam::RAdam(std::vector<Group> groups)
    : OptimizerOf("RAdam", std::move(groups),
                  {step_count(), like_parameter(mean), like_parameter(square)}) {}

void RAdam::update(const RAdamOptions& o, Slot& slot) {
  const auto t = static_cast<double>(slot.step());
  Numbers n = numbers_of(o, o.decoupled_weight_decay);
  const double forgotten = std::pow(n.beta2, t);
  const double most = 2 / (1 - n.beta2) - 1;
  const double length = most - 2 * t * forgotten / (1 - forgotten);
  n.of_mean = o.lr / (1 - std::pow(n.beta1, t));
  const Tensor means = slot[mean];
  if (length <= 5)
    return slot.each(
        [n]<class T>(T& x, T g, T& m, T& v) {
          detail::remember_square(n, begin(n, x, g, m), v);
          x -= static_cast<T>(n.of_mean) * m;
        },
        means, slot[square]);
  n.of_mean *= std::sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length) *
                         (1 - forgotten));
  slot.each(
      [n]<class T>(T& x, T g, T& m, T& v) {
        detail::remember_square(n, begin(n, x, g, m), v);
        x -= static_cast<T>(n.of_mean) * m / (std::sqrt(v) + static_cast<T>(n.eps));
      },
      means, slot[square]);
}

}  // namespace xgrad::optim
