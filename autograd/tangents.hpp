#pragma once
// Internal: the tape read forwards. Each operation hands on tangents by its own backward rule.

#include <xgrad/autograd/tape.hpp>

#include <map>
#include <span>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// How results change along directions of what they were computed from; any number of directions,
/// one after the other. The graph is kept.
class Tangents {
 public:
  /// `create_graph`: put the tangents on the tape.
  Tangents(std::vector<Tensor> results, bool create_graph);

  /// The tangents of the results, of their shapes and dtypes, where each of `x` (leaves that
  /// require a gradient, or results) moves along its entry of `v`, undefined for 0. Undefined where
  /// a result does not depend on what moves.
  std::vector<Tensor> along(const std::vector<Tensor>& x, const std::vector<Tensor>& v);

 private:
  void start(const Tensor& x, const Tensor& tangent);
  Tensor tangent_at(const Edge& edge) const;
  void run(Node& node);
  Tensor tangent_by_rules(Node& node, const std::vector<Tensor>& tangents) const;
  std::vector<Tensor> derivatives(const std::vector<Tensor>& gradients,
                                  const std::vector<Tensor>& u,
                                  const std::vector<Tensor>& tangents) const;

  std::vector<Tensor> results_;
  bool create_graph_;
  std::vector<Node*> nodes_;  // in the order in which they were made
  std::map<const TensorImpl*, Tensor> at_leaves_;
  std::map<const Node*, std::vector<Tensor>> at_nodes_;  // of each result; undefined is 0
};

}  // namespace xgrad::detail

#pragma GCC visibility pop
