#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <array>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct LAMBOptions {
  double lr = 1e-3;                            ///< α, at least 0
  std::array<double, 2> betas = {0.9, 0.999};  ///< β₁ and β₂ in [0, 1)
  double eps = 1e-6;                           ///< ε, at least 0
  double weight_decay = 0;                     ///< λ, at least 0
  bool maximize = false;                       ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const LAMBOptions& options);
};
extern template class OptimizerOf<LAMBOptions>;

/// Adam for large batches: with its m̂ and v̂, r = m̂ / (√v̂ + ε) + λθ;  θ ← θ − α r ‖θ‖ / ‖r‖ for
/// each parameter, without the quotient where a norm is 0 (You et al., arXiv:1904.00962, algorithm
/// 2 with φ(z) = z).
class LAMB : public OptimizerOf<LAMBOptions> {
 public:
  explicit LAMB(std::vector<Tensor> parameters, const LAMBOptions& options = {});
  /// Each group has options of its own.
  explicit LAMB(std::vector<Group> groups);

 protected:
  void update(const LAMBOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
