#pragma once
// What divides the gradient by the root of its squares: Adagrad, Adadelta, RMSprop.

#include <xgrad/optim/optimizer_of.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;      ///< η, at least 0: in step t the rate is α / (1 + (t − 1) η)
  double weight_decay = 0;  ///< λ, at least 0: g + λθ
  double initial_accumulator_value = 0;  ///< what s begins with, at least 0
  double eps = 1e-10;                    ///< ε, at least 0
  bool maximize = false;                 ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const AdagradOptions& options);
};
extern template class OptimizerOf<AdagradOptions>;

/// s ← s + g²;  θ ← θ − α g / (√s + ε) (Duchi, Hazan and Singer, JMLR 12, 2011).
class Adagrad : public OptimizerOf<AdagradOptions> {
 public:
  explicit Adagrad(std::vector<Tensor> parameters, const AdagradOptions& options = {});
  /// Each group has options of its own.
  explicit Adagrad(std::vector<Group> groups);

 protected:
  void update(const AdagradOptions& options, Slot& slot) override;
};

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;         ///< ρ in [0, 1]: how long squares are remembered
  double eps = 1e-6;        ///< ε, at least 0
  double weight_decay = 0;  ///< λ, at least 0: g + λθ
  bool maximize = false;    ///< step along −g

  friend void require_valid(const AdadeltaOptions& options);
};
extern template class OptimizerOf<AdadeltaOptions>;

/// s ← ρ s + (1 − ρ) g²;  d = g √(a + ε) / √(s + ε);  a ← ρ a + (1 − ρ) d²;  θ ← θ − α d (Zeiler,
/// arXiv:1212.5701).
class Adadelta : public OptimizerOf<AdadeltaOptions> {
 public:
  explicit Adadelta(std::vector<Tensor> parameters, const AdadeltaOptions& options = {});
  explicit Adadelta(std::vector<Group> groups);

 protected:
  void update(const AdadeltaOptions& options, Slot& slot) override;
};

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;      ///< ρ in [0, 1]: how long squares are remembered
  double eps = 1e-8;        ///< ε, at least 0
  double weight_decay = 0;  ///< λ, at least 0: g + λθ
  double momentum = 0;      ///< μ in [0, 1)
  bool centered = false;    ///< divide by the variance's root, s − ḡ² for s
  bool maximize = false;    ///< step along −g

  friend void require_valid(const RMSpropOptions& options);
};
extern template class OptimizerOf<RMSpropOptions>;

/// s ← ρ s + (1 − ρ) g²;  d = g / (√s + ε);  b ← μ b + d;  θ ← θ − α b (Tieleman and Hinton, 2012);
/// centred, ḡ ← ρ ḡ + (1 − ρ) g is remembered too (Graves, arXiv:1308.0850). A variance that
/// rounding made negative counts as 0.
class RMSprop : public OptimizerOf<RMSpropOptions> {
 public:
  explicit RMSprop(std::vector<Tensor> parameters, const RMSpropOptions& options = {});
  explicit RMSprop(std::vector<Group> groups);

 protected:
  void update(const RMSpropOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
