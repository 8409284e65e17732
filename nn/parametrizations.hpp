#pragma once
// Parameters that are computed from others before each call.

#include <xgrad/nn/module.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad::nn::utils {

/// After weight_norm(layer) the layer's member `weight` is no parameter any more: before each call
/// of the layer it is computed from originals, to which gradients flow and which parameters(),
/// state_dict() and clone() have, by PyTorch's names: "parametrizations.weight.original0". Between
/// calls the member is what the last call, or the registration, made of them. An optimiser is made
/// after this.
///
/// As with batch norm in training, a call changes a member: such a net is called by one thread at a
/// time. A call throws a GraphError where another tensor was assigned to a computed member.
///
/// All throw ValueError where the module has no parameter of this name, or it is computed already.
namespace parametrizations {

struct WeightNormOptions {
  /// Slices along it have a norm each; none: the whole has one.
  std::optional<std::int64_t> axis = 0;
};
/// w = g v / ‖v‖, with the norm g as original0 and the direction v as original1 (Salimans and
/// Kingma, arXiv:1602.07868). The layer computes what it did.
void weight_norm(Module& module, const std::string& name = "weight",
                 const WeightNormOptions& options = {});

struct SpectralNormOptions {
  int n_power_iterations = 1;  ///< with each call in training
  double eps = 1e-12;          ///< the least that is divided by where vectors are made unit ones
  std::int64_t axis = 0;       ///< the rows of the matrix, all others are its columns
};
/// w = original / σ, with the largest singular value σ = uᵀ W v as power iteration finds it (Miyato
/// et al., arXiv:1802.05957). u and v are the buffers "parametrizations.weight.0._u" and "_v"; they
/// begin at random, with 15 iterations. A vector is made a unit one. ValueError for a number of
/// iterations that is not positive and an eps that is not.
void spectral_norm(Module& module, const std::string& name = "weight",
                   const SpectralNormOptions& options = {});

struct OrthogonalOptions {
  /// What makes the skew-symmetric A = L − Lᵀ of the lower triangle L of `original` orthogonal:
  /// "matrix_exp", exp(A), or "cayley", (I − A / 2)⁻¹ (I + A / 2).
  std::string_view orthogonal_map = "matrix_exp";
};
/// A matrix (or a batch, in the last two axes) with orthonormal columns, or rows where there are
/// fewer of them (Lezcano-Casado and Martínez-Rubio, arXiv:1901.08428), times the buffer
/// "parametrizations.weight.0.base", which makes it begin at the weight, orthogonalised by qr()
/// (as PyTorch's use_trivialization). Without `orthogonal_map` PyTorch takes Householder
/// reflections for what is not square, which are not here. ShapeError for fewer than two axes.
void orthogonal(Module& module, const std::string& name = "weight",
                const OrthogonalOptions& options = {});

}  // namespace parametrizations

namespace parametrize {

/// Whether this member, or without a name any of the module, is computed.
bool is_parametrized(const Module& module, const std::optional<std::string>& name = {});
/// Makes the member a parameter again, with the value that it has; its gradient is dropped. The
/// tensor is the one that was `original` or `original1`. ValueError where it is not computed.
void remove_parametrizations(Module& module, const std::string& name = "weight");

}  // namespace parametrize
}  // namespace xgrad::nn::utils

#pragma GCC visibility pop
