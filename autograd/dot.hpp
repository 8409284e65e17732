#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <string>

namespace xgrad {

/// The tape behind `result` as Graphviz text: operations with the shapes of their results, leaves
/// with their names and shapes. `dot -Tsvg` draws it. Give leaves names with set_name(); a module's
/// parameters have theirs.
std::string to_dot(const Tensor& result);

}  // namespace xgrad
