#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/func/jvp.hpp>

#include <algorithm>
#include <map>

namespace xgrad {
namespace {

/// The gradients that a node's rules give, and those that its arguments' tangents ask for.
class Collected final : public detail::Receiver {
 public:
  Collected(const Node& node, std::span<const Tensor> tangents)
      : Receiver(node.edges(), false), gradients(node.edges().size()), tangents_(tangents) {}

  void receive(std::size_t argument, Tensor dx) override { gradients[argument] = std::move(dx); }
  void add_to(std::size_t argument, const detail::Adder& add) override {
    gradients[argument] = Tensor::empty(edges_[argument].shape(), edges_[argument].dtype()).zero_();
    add(gradients[argument]);
  }

  std::vector<Tensor> gradients;

 private:
  bool is_wanted(std::size_t argument) const override { return tangents_[argument].defined(); }

  std::span<const Tensor> tangents_;
};

/// Tangents on their way from the arguments of a function to its results, along the tape.
class Forward {
 public:
  explicit Forward(bool create_graph) : create_graph_(create_graph) {}

  void start(const Tensor& x, const Tensor& tangent) {
    if (x.is_leaf())
      leaves_[x.impl()] = tangent;
    else
      nodes_[x.grad_fn().get()] = {tangent};
  }

  /// Works out the tangents of all that `results` were computed by.
  void run(const std::vector<Tensor>& results) {
    std::vector<Node*> nodes = detail::nodes_behind(results);
    std::ranges::sort(nodes, {}, &Node::sequence);
    for (Node* node : nodes)
      if (!nodes_.contains(node)) run(*node);
  }

  Tensor tangent_of(const Tensor& x) const { return tangent_at(Edge(x)); }

 private:
  Tensor tangent_at(const Edge& edge) const {
    if (!edge.node) {
      const auto leaf = leaves_.find(edge.leaf.impl());
      return leaf == leaves_.end() ? Tensor() : leaf->second;
    }
    const auto node = nodes_.find(edge.node.get());
    return node == nodes_.end() || node->second.empty() ? Tensor() : node->second[edge.result];
  }

  void run(Node& node) {
    std::vector<Tensor> tangents;
    for (const Edge& edge : node.edges()) tangents.push_back(tangent_at(edge));
    if (std::ranges::none_of(tangents, [](const Tensor& t) { return t.defined(); })) return;
    if (const Tensor known = tangent_by_rules(node, tangents); known.defined()) {
      nodes_[&node] = {known};
      return;
    }
    // dx = Jᵀ u is linear in u: any u will do.
    std::vector<Tensor> u;
    for (std::size_t i = 0; i < node.result_count(); ++i)
      u.push_back(
          Tensor::empty(node.result(i).shape, node.result(i).dtype).zero_().requires_grad_());
    Collected collected(node, tangents);
    {
      const GradModeGuard recording(true);
      detail::RulesInUse rules(node, true);
      const detail::CurrentNodeGuard current(&node);
      std::vector<Tensor> given = u;
      node.gradients(given, collected);
      rules.finish();
    }
    nodes_[&node] = derivatives(collected.gradients, u, tangents);
  }

  /// Undefined where the rules do not say.
  Tensor tangent_by_rules(Node& node, const std::vector<Tensor>& tangents) const {
    const GradModeGuard mode(create_graph_);
    detail::RulesInUse rules(node, true);
    const detail::CurrentNodeGuard current(&node);
    Tensor tangent = node.tangent(tangents);
    rules.finish();
    return tangent;
  }

  /// Of Σ ⟨gradients, tangents⟩ in each u.
  std::vector<Tensor> derivatives(const std::vector<Tensor>& gradients,
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

  bool create_graph_;
  std::map<const detail::TensorImpl*, Tensor> leaves_;
  std::map<const Node*, std::vector<Tensor>> nodes_;  // of each result; undefined is 0
};

void check(const std::vector<Tensor>& x, const std::vector<Tensor>& v) {
  require<ValueError>(x.size() == v.size(), "jvp: {} tensors but {} directions", x.size(),
                      v.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    require<ValueError>(x[i].defined() && v[i].defined(), "jvp: {} {} is undefined",
                        x[i].defined() ? "direction" : "tensor", i);
    require<DTypeError>(is_floating(x[i].dtype()), "jvp: tensor {} is {}, which has no derivative",
                        i, x[i].dtype());
    require<ShapeError>(v[i].shape() == x[i].shape(),
                        "jvp: direction {} has shape {}, its tensor {}", i, v[i].shape(),
                        x[i].shape());
    require<DTypeError>(v[i].dtype() == x[i].dtype(), "jvp: direction {} is {}, its tensor {}", i,
                        v[i].dtype(), x[i].dtype());
  }
}

/// A tensor of the same values to differentiate in: with the tape behind it where that is asked
/// for.
Tensor argument(const Tensor& x, bool create_graph) {
  if (!create_graph || !x.requires_grad()) return x.detach().requires_grad_();
  return record("jvp", x.detach(), wrt(x, [](const Tensor& dy) { return dy; }));
}

}  // namespace

Jvp detail::jvp(const TensorFunction& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
                const JvpOptions& options) {
  check(x, v);
  Forward forward(options.create_graph);
  std::vector<Tensor> arguments;
  Jvp result;
  {
    const GradModeGuard recording(true);
    for (std::size_t i = 0; i < x.size(); ++i) {
      arguments.push_back(argument(x[i], options.create_graph));
      forward.start(arguments.back(), v[i]);
    }
    result.values = f(arguments);
  }
  forward.run(result.values);
  for (Tensor& y : result.values) {
    require<ValueError>(y.defined(), "jvp: a result of the function is undefined");
    Tensor tangent = forward.tangent_of(y);
    if (!tangent.defined()) tangent = Tensor::empty(y.shape(), y.dtype()).zero_();
    result.tangents.push_back(std::move(tangent));
    if (!options.create_graph) y = y.detach();
  }
  return result;
}

}  // namespace xgrad
