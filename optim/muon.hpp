#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <vector>

namespace xgrad::optim {

/// X ← a X + (b A + c A²) X with A = X Xᵀ, `steps` times, from g / ‖g‖: singular values are driven
/// towards 1 and singular vectors kept, so that the result is about U Vᵀ of g = U S Vᵀ. With (a, b,
/// c) = (3.4445, −4.7750, 2.0315) five steps bring all but the smallest into 0.7 to 1.2 (Jordan et
/// al., "Muon: An optimizer for hidden layers in neural networks", 2024). Off the tape. ShapeError
/// unless g is a matrix.
Tensor orthogonalize(const Tensor& g, int steps = 5);

struct MuonOptions {
  Required lr;             ///< α, at least 0
  double momentum = 0.95;  ///< μ in [0, 1)
  bool nesterov = true;    ///< orthogonalise g + μ v instead of v
  int steps = 5;           ///< of orthogonalize()
  /// Rescales every parameter to the norm √(its first extent) before each step: only its direction
  /// is learned, as suits a convolution before a batch norm.
  bool normalize = false;
  double weight_decay = 0;  ///< λ, decoupled: θ ← (1 − αλ) θ before the step
};

/// v ← μ v + g;  θ ← θ − α orthogonalize(g + μ v), where a parameter of more than two axes counts
/// as the matrix [first, all others]. For the weights of hidden layers; biases, gains, embeddings
/// and the last layer are better left to SGD. ValueError for options outside their ranges,
/// ShapeError for a parameter of fewer than two axes.
class Muon : public Optimizer {
 public:
  Muon(std::vector<Tensor> parameters, const MuonOptions& options);

  void step() override;
  /// To change between steps.
  MuonOptions& options() noexcept { return options_; }

 protected:
  void visit(const std::function<void(Tensor&)>& f) override;
  void visit_rates(const std::function<void(Required&)>& f) override;
  std::vector<detail::StateEntry> state() override;

 private:
  std::vector<Tensor> parameters_;
  MuonOptions options_;
  std::vector<Tensor> velocity_;  // undefined until a parameter's first step
};

}  // namespace xgrad::optim
