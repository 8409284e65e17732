#pragma once
// What steps by signs: Rprop and Lion.

#include <xgrad/optim/optimizer_of.hpp>

#include <array>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct RpropOptions {
  double lr = 1e-2;                               ///< the size of the first step, at least 0
  std::array<double, 2> etas = {0.5, 1.2};        ///< η⁻ in (0, 1) and η⁺ above 1
  std::array<double, 2> step_sizes = {1e-6, 50};  ///< the least and the most that a size may be
  bool maximize = false;                          ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const RpropOptions& options);
};
extern template class OptimizerOf<RpropOptions>;

/// Each number has a step size of its own, which grows by η⁺ where its gradient kept its sign and
/// shrinks by η⁻ where it turned, and then waits for a step (Riedmiller and Braun, 1993). For
/// gradients of all data, not of batches. The learning rate counts in a parameter's first step
/// alone.
class Rprop : public OptimizerOf<RpropOptions> {
 public:
  explicit Rprop(std::vector<Tensor> parameters, const RpropOptions& options = {});
  /// Each group has options of its own.
  explicit Rprop(std::vector<Group> groups);

 protected:
  void update(const RpropOptions& options, Slot& slot) override;
};

struct LionOptions {
  double lr = 1e-4;                           ///< α, at least 0; a third to a tenth of AdamW's
  std::array<double, 2> betas = {0.9, 0.99};  ///< β₁ and β₂ in [0, 1)
  double weight_decay = 0;                    ///< λ, at least 0, decoupled
  bool maximize = false;                      ///< step along −g

  friend void require_valid(const LionOptions& options);
};
extern template class OptimizerOf<LionOptions>;

/// θ ← (1 − αλ) θ − α sign(β₁ m + (1 − β₁) g);  m ← β₂ m + (1 − β₂) g (Chen et al.,
/// arXiv:2302.06675).
class Lion : public OptimizerOf<LionOptions> {
 public:
  explicit Lion(std::vector<Tensor> parameters, const LionOptions& options = {});
  explicit Lion(std::vector<Group> groups);

 protected:
  void update(const LionOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
