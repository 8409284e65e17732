#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct ASGDOptions {
  double lr = 1e-2;         ///< α₀, at least 0
  double lambd = 1e-4;      ///< κ, at least 0: how weights and rate decay
  double alpha = 0.75;      ///< the power of the rate's decay, at least 0
  double t0 = 1e6;          ///< the step from which on weights are averaged, at least 0
  double weight_decay = 0;  ///< λ, at least 0: g + λθ
  bool maximize = false;    ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const ASGDOptions& options);
};
extern template class OptimizerOf<ASGDOptions>;

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992): in step t, with
/// η = α₀ / (1 + κ α₀ (t − 1))^alpha, θ ← (1 − κη) θ − η g, and the average
/// a ← a + (θ − a) / max(1, t − 1 − t0), which is θ until t0. It is in state_dict() as "ax"; the
/// parameters are θ.
class ASGD : public OptimizerOf<ASGDOptions> {
 public:
  explicit ASGD(std::vector<Tensor> parameters, const ASGDOptions& options = {});
  /// Each group has options of its own.
  explicit ASGD(std::vector<Group> groups);

 protected:
  void update(const ASGDOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
