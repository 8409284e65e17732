#pragma once
// Adam's relatives: Adamax, NAdam, RAdam.

#include <xgrad/optim/optimizer_of.hpp>

#include <array>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct AdamaxOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};  ///< β₁ and β₂ in [0, 1)
  double eps = 1e-8;                           ///< ε, at least 0
  double weight_decay = 0;                     ///< λ, at least 0: g + λθ
  bool maximize = false;                       ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const AdamaxOptions& options);
};
extern template class OptimizerOf<AdamaxOptions>;

/// Adam by the infinity norm: m ← β₁ m + (1 − β₁) g;  u ← max(β₂ u, |g| + ε);
/// θ ← θ − α / (1 − β₁ᵗ) · m / u (arXiv:1412.6980, section 7.1).
class Adamax : public OptimizerOf<AdamaxOptions> {
 public:
  explicit Adamax(std::vector<Tensor> parameters, const AdamaxOptions& options = {});
  /// Each group has options of its own.
  explicit Adamax(std::vector<Group> groups);

 protected:
  void update(const AdamaxOptions& options, Slot& slot) override;
};

struct NAdamOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};  ///< β₁ and β₂ in [0, 1)
  double eps = 1e-8;                           ///< ε, at least 0
  double weight_decay = 0;                     ///< λ, at least 0
  double momentum_decay = 4e-3;                ///< ψ, at least 0
  bool decoupled_weight_decay = false;         ///< θ ← (1 − αλ) θ instead of g + λθ
  bool maximize = false;                       ///< step along −g

  friend void require_valid(const NAdamOptions& options);
};
extern template class OptimizerOf<NAdamOptions>;

/// Adam with Nesterov's momentum (Dozat, 2016): with μₜ = β₁ (1 − 0.96^(tψ) / 2) and Adam's m, v
/// and v̂, θ ← θ − α ((1 − μₜ) g / (1 − Πμ₁…μₜ) + μₜ₊₁ m / (1 − Πμ₁…μₜ₊₁)) / (√v̂ + ε).
class NAdam : public OptimizerOf<NAdamOptions> {
 public:
  explicit NAdam(std::vector<Tensor> parameters, const NAdamOptions& options = {});
  explicit NAdam(std::vector<Group> groups);

 protected:
  void update(const NAdamOptions& options, Slot& slot) override;
};

struct RAdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};  ///< β₁ and β₂ in [0, 1)
  double eps = 1e-8;                           ///< ε, at least 0
  double weight_decay = 0;                     ///< λ, at least 0
  bool decoupled_weight_decay = false;         ///< θ ← (1 − αλ) θ instead of g + λθ
  bool maximize = false;                       ///< step along −g

  friend void require_valid(const RAdamOptions& options);
};
extern template class OptimizerOf<RAdamOptions>;

/// Adam that divides by √v only once its variance is known well enough (Liu et al.,
/// arXiv:1908.03265): with ρ∞ = 2 / (1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), θ ← θ − α m̂ as
/// long as ρ ≤ 5, then θ ← θ − α m̂ r √(1 − β₂ᵗ) / (√v + ε) with
/// r² = (ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ).
class RAdam : public OptimizerOf<RAdamOptions> {
 public:
  explicit RAdam(std::vector<Tensor> parameters, const RAdamOptions& options = {});
  explicit RAdam(std::vector<Group> groups);

 protected:
  void update(const RAdamOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
