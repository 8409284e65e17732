#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <cstdint>
#include <vector>

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
};

/// Stochastic gradient descent. ValueError for options outside their ranges.
class SGD : public Optimizer {
 public:
  struct Group {
    std::vector<Tensor> parameters;
    SGDOptions options;
  };

  SGD(std::vector<Tensor> parameters, const SGDOptions& options);
  /// Each group has options of its own.
  explicit SGD(std::vector<Group> groups);

  void step() override;

  /// The groups, their options to change between steps. Their parameters stay as many: a step
  /// throws a ValueError otherwise.
  std::vector<Group>& groups() noexcept { return groups_; }

 protected:
  void visit(const std::function<void(Tensor&)>& f) override;
  void visit_rates(const std::function<void(Required&)>& f) override;
  std::vector<detail::StateEntry> state() override;

 private:
  void check_groups() const;
  void check_step() const;

  std::vector<Group> groups_;
  std::vector<std::vector<Tensor>> velocity_;  // undefined until a parameter's first step
};

}  // namespace xgrad::optim
