#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// Fills grad() of every leaf that `outputs` were computed from, adding to what is there.
/// `gradients` has one entry for each output, undefined for scalars (then 1 is used); an empty list
/// means all undefined. The tape is read in reverse: nodes run in falling sequence number, without
/// recursion. GraphError where an output has no graph or its graph was freed by an earlier pass;
/// ShapeError where a gradient does not fit; ValueError where a leaf has a grad() of an old shape.
///
/// An exception, a hook's or a rule's too, ends the pass and leaves grad() of the leaves as it was
/// (retain_grad() and leaves with ready hooks may have been added to already); with retain_graph
/// the pass can be run again. Passes on several threads may share leaves (see Tensor) and, with
/// retain_graph, a graph; one without is the last that may come, others get the GraphError.
void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients = {},
              BackwardOptions options = {});

struct GradOptions {
  std::vector<Tensor> grad_outputs = {};  ///< as `gradients` of backward()
  bool retain_graph = false;              ///< implied by create_graph
  bool create_graph = false;              ///< record the pass, for higher derivatives
  bool allow_unused = false;              ///< undefined results instead of a GraphError
};

/// The gradients of the (sum of the) outputs in each of `inputs`, which may be leaves or results;
/// grad() of the leaves is left alone, and only the part of the graph that leads to `inputs` runs.
/// Each shares memory with nothing else, unless it is on the tape.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options = {});
/// Of one of each. In braces they are lists: grad({y}, {x})[0] is a gradient, not a row of one.
template <std::derived_from<Tensor> Y, std::derived_from<Tensor> X>
Tensor grad(const Y& output, const X& input, const GradOptions& options = {}) {
  return grad(std::vector<Tensor>{output}, std::vector<Tensor>{input}, options).front();
}

// As PyTorch calls them in C++.
namespace autograd {
using xgrad::backward;
using xgrad::grad;
}  // namespace autograd

namespace detail {

/// backward() from one output, without the lists.
void backward(const Tensor& output, const Tensor& gradient, BackwardOptions options);

/// From now on passes count what leads to a leaf, to know when its gradient is complete.
void note_ready_hook() noexcept;

}  // namespace detail
}  // namespace xgrad

#pragma GCC visibility pop
