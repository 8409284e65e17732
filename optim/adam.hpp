#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <array>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct AdamOptions {
  double lr = 1e-3;                            ///< α, at least 0
  std::array<double, 2> betas = {0.9, 0.999};  ///< β₁ and β₂ in [0, 1): how long m and v remember
  double eps = 1e-8;                           ///< ε, at least 0
  double weight_decay = 0;                     ///< λ, at least 0, added to the gradient: g + λθ
  bool amsgrad = false;   ///< divide by the largest v there was (Reddi et al., ICLR 2018)
  bool maximize = false;  ///< step along −g
  bool decoupled_weight_decay = false;  ///< λ as AdamW has it

  /// ValueError for options outside their ranges.
  friend void require_valid(const AdamOptions& options);
};
extern template class OptimizerOf<AdamOptions>;

/// m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ − α m̂ / (√v̂ + ε), where m̂ = m / (1 − β₁ᵗ)
/// and v̂ = v / (1 − β₂ᵗ) in a parameter's step t (Kingma and Ba, arXiv:1412.6980; as PyTorch has
/// it).
class Adam : public OptimizerOf<AdamOptions> {
 public:
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {});
  /// Each group has options of its own.
  explicit Adam(std::vector<Group> groups);

 protected:
  void update(const AdamOptions& options, Slot& slot) override;
};

struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< λ, decoupled: θ ← (1 − αλ) θ before the step
  bool amsgrad = false;
  bool maximize = false;

  friend void require_valid(const AdamWOptions& options);
};
extern template class OptimizerOf<AdamWOptions>;

/// Adam whose weight decay stands apart from the gradient (Loshchilov and Hutter,
/// arXiv:1711.05101).
class AdamW : public OptimizerOf<AdamWOptions> {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& options = {});
  /// Each group has options of its own.
  explicit AdamW(std::vector<Group> groups);

 protected:
  void update(const AdamWOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
