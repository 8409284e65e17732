#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <optional>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct AdafactorOptions {
  double lr = 1e-2;           ///< the most that the rate relative to a parameter may be, at least 0
  double beta2_decay = -0.8;  ///< c, at most 0
  /// ε₁ (the dtype's machine epsilon where there is none) and ε₂, at least 0.
  std::pair<std::optional<double>, double> eps = {{}, 1e-3};
  double d = 1;             ///< the most that a step's root mean square may be, at least 1
  double weight_decay = 0;  ///< λ, decoupled: θ ← (1 − lr λ) θ before the step
  bool maximize = false;    ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const AdafactorOptions& options);
};
extern template class OptimizerOf<AdafactorOptions>;

/// Adam without m, and with one number for each row and each column in the place of v, so that it
/// remembers next to nothing (Shazeer and Stern, arXiv:1804.04235; as PyTorch has it): with β = 1 −
/// tᶜ, r ← β r + (1 − β) mean(g² along rows) and c ← β c + (1 − β) mean(g² along columns), v = r c
/// / max(mean(r), ε₁); of vectors v ← β v + (1 − β) g². Then u = g / √max(v, ε₁²) and θ ← θ − α u /
/// max(1, rms(u) / d), α = max(ε₂, rms(θ)) min(lr, 1 / √t).
class Adafactor : public OptimizerOf<AdafactorOptions> {
 public:
  explicit Adafactor(std::vector<Tensor> parameters, const AdafactorOptions& options = {});
  /// Each group has options of its own.
  explicit Adafactor(std::vector<Group> groups);

 protected:
  void update(const AdafactorOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
