#pragma once
#include <xgrad/optim/optimizer_of.hpp>

#include <vector>

#pragma GCC visibility push(default)

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
  bool maximize = false;    ///< step along −g

  /// ValueError for options outside their ranges.
  friend void require_valid(const MuonOptions& options);
};
extern template class OptimizerOf<MuonOptions>;

/// v ← μ v + g;  θ ← θ − α orthogonalize(g + μ v), where a parameter of more than two axes counts
/// as the matrix [first, all others]. For the weights of hidden layers; biases, gains, embeddings
/// and the last layer are better left to SGD or AdamW. ShapeError for a parameter of fewer than two
/// axes.
class Muon : public OptimizerOf<MuonOptions> {
 public:
  Muon(std::vector<Tensor> parameters, const MuonOptions& options);
  /// Each group has options of its own.
  explicit Muon(std::vector<Group> groups);

  /// Those of the first group, to change between steps.
  MuonOptions& options() noexcept { return groups().front().options; }

 protected:
  void update(const MuonOptions& options, Slot& slot) override;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
