#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/tangents.hpp>

#include <algorithm>

namespace xgrad::detail {
namespace {

/// The gradients that a node's rules give, and those that its arguments' tangents ask for.
class Collected final : public Receiver {
 public:
  Collected(const Node& node, std::span<const Tensor> tangents)
      : Receiver(node.edges(), false), gradients(node.edges().size()), tangents_(tangents) {}

  void receive(std::size_t argument, Tensor dx) override { gradients[argument] = std::move(dx); }
  void add_to(std::size_t argument, const Adder& add) override {
    gradients[argument] = Tensor::empty(edges_[argument].shape(), edges_[argument].dtype()).zero_();
    add(gradients[argument]);
  }

  std::vector<Tensor> gradients;

 private:
  bool is_wanted(std::size_t argument) const override { return tangents_[argument].defined(); }

  std::span<const Tensor> tangents_;
};

}  // namespace

Tangents::Tangents(std::vector<Tensor> results, bool create_graph)
    : results_(std::move(results)), create_graph_(create_graph), nodes_(nodes_behind(results_)) {
  std::ranges::sort(nodes_, {}, &Node::sequence);
}

std::vector<Tensor> Tangents::along(const std::vector<Tensor>& x, const std::vector<Tensor>& v) {
  at_leaves_.clear();
  at_nodes_.clear();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (v[i].defined()) start(x[i], v[i]);
  for (Node* node : nodes_)
    if (!at_nodes_.contains(node)) run(*node);
  std::vector<Tensor> tangents;
  for (const Tensor& y : results_) tangents.push_back(tangent_at(Edge(y)));
  return tangents;
}

void Tangents::start(const Tensor& x, const Tensor& tangent) {
  if (x.is_leaf()) {
    at_leaves_[x.impl()] = tangent;
  } else {
    auto& of_results = at_nodes_[x.grad_fn().get()];
    of_results.resize(x.grad_fn()->result_count());
    of_results[x.impl()->result] = tangent;
  }
}

Tensor Tangents::tangent_at(const Edge& edge) const {
  if (!edge.node) {
    const auto leaf = at_leaves_.find(edge.leaf.impl());
    return leaf == at_leaves_.end() ? Tensor() : leaf->second;
  }
  const auto node = at_nodes_.find(edge.node.get());
  return node == at_nodes_.end() || node->second.empty() ? Tensor() : node->second[edge.result];
}

void Tangents::run(Node& node) {
  std::vector<Tensor> tangents;
  for (const Edge& edge : node.edges()) tangents.push_back(tangent_at(edge));
  if (std::ranges::none_of(tangents, [](const Tensor& t) { return t.defined(); })) return;
  if (const Tensor known = tangent_by_rules(node, tangents); known.defined()) {
    at_nodes_[&node] = {known};
    return;
  }
  // dx = Jᵀ u is linear in u: any u will do.
  std::vector<Tensor> u;
  for (std::size_t i = 0; i < node.result_count(); ++i)
    u.push_back(Tensor::empty(node.result(i).shape, node.result(i).dtype).zero_().requires_grad_());
  Collected collected(node, tangents);
  {
    const GradModeGuard recording(true);
    RulesInUse rules(node, true);
    const CurrentNodeGuard current(&node);
    std::vector<Tensor> given = u;
    node.gradients(given, collected);
    rules.finish();
  }
  at_nodes_[&node] = derivatives(collected.gradients, u, tangents);
}

/// Undefined where the rules do not say.
Tensor Tangents::tangent_by_rules(Node& node, const std::vector<Tensor>& tangents) const {
  const GradModeGuard mode(create_graph_);
  RulesInUse rules(node, true);
  const CurrentNodeGuard current(&node);
  Tensor tangent = node.tangent(tangents);
  rules.finish();
  return tangent;
}

/// Of Σ ⟨gradients, tangents⟩ in each u.
std::vector<Tensor> Tangents::derivatives(const std::vector<Tensor>& gradients,
                                          const std::vector<Tensor>& u,
                                          const std::vector<Tensor>& tangents) const {
  std::vector<Tensor> outputs, directions;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (tangents[i].defined() && gradients[i].requires_grad()) {
      outputs.push_back(gradients[i]);
      directions.push_back(tangents[i]);
    }
  if (outputs.empty()) return std::vector<Tensor>(u.size());
  return grad(outputs, u,
              {.grad_outputs = directions,
               .retain_graph = true,
               .create_graph = create_graph_,
               .allow_unused = true});
}

}  // namespace xgrad::detail
