#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// How gradients are gathered over steps.
enum class Momentum : std::uint8_t {
  /// PyTorch's: v ← μ v + (1 − dampening) (g + λθ), v = g + λθ in the first step;  θ ← θ − α v.
  accumulated,
  /// The course assignment's: m ← μ m + (1 − μ) g, m = 0 before the first step;  θ ← θ − α (m +
  /// λθ).
  /// A moving average, with the weight decay outside of it.
  averaged,
};

struct SGDOptions {
  Required lr;              ///< α, at least 0
  double momentum = 0;      ///< μ in [0, 1)
  double dampening = 0;     ///< of accumulated momentum
  double weight_decay = 0;  ///< λ, at least 0
  bool nesterov = false;    ///< step along g + λθ + μ v; needs momentum and no dampening
  Momentum kind = Momentum::accumulated;
  bool maximize = false;  ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const SGDOptions& options);
};
extern template class OptimizerOf<SGDOptions>;

/// Stochastic gradient descent.
class SGD : public OptimizerOf<SGDOptions> {
 public:
  SGD(std::vector<Tensor> parameters, const SGDOptions& options);
  /// Each group has options of its own.
  explicit SGD(std::vector<Group> groups);

 protected:
  void update(const SGDOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
