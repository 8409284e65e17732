#pragma once
// Internal: what changes gradients, or goes by them, asks of a parameter.

#include <xgrad/autograd/tensor.hpp>

#include <cstddef>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad::nn::detail {

/// The gradient of x, contiguous; one that lies otherwise is replaced by a copy.
Tensor gradient_of(const Tensor& x);

/// What a message calls the parameter at `index`: its name, or its number.
std::string called(const Tensor& parameter, std::size_t index);

}  // namespace xgrad::nn::detail

#pragma GCC visibility pop
