#pragma once
#include <xgrad/optim/optimizer_around.hpp>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct SAMOptions {
  double rho = 0.05;      ///< ρ, at least 0: how far away the gradient is taken
  bool adaptive = false;  ///< relative to each number's size (Kwon et al., arXiv:2102.11600)
  bool maximize = false;  ///< where the optimiser inside does

  /// ValueError for options outside their ranges.
  friend void require_valid(const SAMOptions& options);
};

/// Sharpness-aware minimisation round any optimiser (Foret et al., arXiv:2010.01412): its step is
/// taken by the gradient at θ + ρ g / ‖g‖, where the loss near θ is about largest; adaptive, at
/// θ + ρ θ² g / ‖θ g‖. Norms are of all parameters together.
///
///     optim::SGD base(net.parameters(), {.lr = 0.1, .momentum = 0.9});
///     optim::SAM sam(base, {.rho = 0.05});
///     sam.step([&] {
///       sam.zero_grad();
///       const Tensor loss = cross_entropy(net(x), labels);
///       loss.backward();
///       return loss;
///     });
///
/// Rates, momenta and state are those of the optimiser inside, which must live as long as this.
class SAM : public OptimizerAround {
 public:
  explicit SAM(Optimizer& base, const SAMOptions& options = {});

  /// Calls the closure twice; gives the loss of the first. Where one throws, the parameters are as
  /// they were. ValueError where the gradient's norm is not finite.
  Tensor step(const Closure& closure) override;
  /// ValueError: it needs a closure.
  void step() override;

  /// To change between steps.
  SAMOptions& options() noexcept { return options_; }

 private:
  SAMOptions options_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
