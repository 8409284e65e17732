#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn::utils {

// Between backward() and step(), where a few large gradients would throw a training off. Parameters
// without a gradient are passed over, as by an optimiser's step. All throw ValueError for an
// undefined parameter.

/// The Euclidean norm of all gradients together, as of one long vector; summed in float64, the same
/// bits on any number of threads. 0 where there are none, infinite or NaN where a gradient is, and
/// infinite where its square is beyond float64 (1e154 and more).
double grad_norm(const std::vector<Tensor>& parameters);

/// Scales the gradients, all by the same factor and in place, so that their grad_norm() is at most
/// max_norm (but for rounding), and returns what it was before (Pascanu, Mikolov and Bengio,
/// arXiv:1211.5063). Smaller ones stay as they are, bit for bit. ValueError for a max_norm that is
/// not positive, and, naming the parameter, for a gradient whose norm is not finite: no factor
/// would make it so. GraphError for gradients that are on the tape (create_graph). Nothing is
/// changed then.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm);

/// Moves each value of the gradients into [−max_value, max_value], in place; NaN stays. ValueError
/// for a max_value that is not positive, GraphError as above.
void clip_grad_value_(const std::vector<Tensor>& parameters, double max_value);

/// All values one behind the other, [their number in all]; gradients flow back. ValueError where
/// there are none or one is undefined, DTypeError where they are not of one dtype.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Copies such values back, off the tape. ShapeError, and nothing is changed, where their number is
/// another; ValueError as above.
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

}  // namespace xgrad::nn::utils

#pragma GCC visibility pop
