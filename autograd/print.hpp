#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <iosfwd>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad {

/// The tensor as PyTorch shows it: four decimals, scientific notation where values span more than
/// three decades, edges only beyond 1,000 elements.
std::string to_string(const Tensor& x);
std::ostream& operator<<(std::ostream& stream, const Tensor& x);

}  // namespace xgrad

#pragma GCC visibility pop
