#pragma once
#include <xgrad/optim/average.hpp>
#include <xgrad/optim/optimizer_around.hpp>

#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct LookaheadOptions {
  std::int64_t k = 5;  ///< steps of the optimiser inside for one of the slow weights, at least 1
  double alpha = 0.5;  ///< how far the slow weights follow, in [0, 1]

  /// ValueError for options outside their ranges.
  friend void require_valid(const LookaheadOptions& options);
};

/// Slow weights φ behind those that any optimiser trains: after every k steps φ ← φ + α (θ − φ) and
/// θ ← φ (Zhang et al., arXiv:1907.08610).
///
///     optim::Adam base(net.parameters());
///     optim::Lookahead optimizer(base, {.k = 5, .alpha = 0.5});
///
/// Rates and momenta are those of the optimiser inside, which must live as long as this, keep its
/// parameters, and be stepped by this alone. Its state is saved with "steps" and the slow weights,
/// "slow.0" and so on.
class Lookahead : public OptimizerAround {
 public:
  explicit Lookahead(Optimizer& base, const LookaheadOptions& options = {});

  void step() override;
  Tensor step(const Closure& closure) override;

 protected:
  std::vector<detail::StateEntry> state() override;
  void require_ready() override;

 private:
  void check_slow();
  void follow();

  LookaheadOptions options_;
  MovingAverage slow_;
  Tensor steps_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
