#include <xgrad/autograd/dot.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/tape.hpp>

#include <unordered_map>

namespace xgrad {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// Numbers nodes and leaves as they are met, breadth first.
class Survey {
 public:
  TapeGraph of(const Tensor& result) {
    add(result.name(), "result", result.shape(), TapeGraph::Kind::result);
    nodes_.push_back(nullptr);
    if (const Edge edge(result); edge) connect(edge, 0);
    for (std::size_t i = 1; i < nodes_.size(); ++i)
      if (nodes_[i] != nullptr)
        for (const Edge& edge : nodes_[i]->edges())
          if (edge) connect(edge, i);
    return std::move(graph_);
  }

 private:
  void add(const std::string& name, const char* otherwise, const Shape& shape,
           TapeGraph::Kind kind) {
    graph_.vertices.push_back({name.empty() ? otherwise : name, shape, kind});
  }

  void connect(const Edge& from, std::size_t to) {
    const Node* node = from.node.get();
    const void* key = node != nullptr ? static_cast<const void*>(node) : from.leaf.impl();
    const auto [entry, is_new] = numbers_.try_emplace(key, graph_.vertices.size());
    if (is_new) {
      nodes_.push_back(node);
      if (node != nullptr)
        add(node->name(), "", node->result(from.result).shape, TapeGraph::Kind::operation);
      else
        add(from.leaf.name(), "leaf", from.leaf.shape(), TapeGraph::Kind::leaf);
    }
    graph_.arrows.push_back({entry->second, to});
  }

  TapeGraph graph_;
  std::unordered_map<const void*, std::size_t> numbers_;
  std::vector<const Node*> nodes_;  // of each vertex; none for leaves and the result
};

const char* style(TapeGraph::Kind kind) {
  switch (kind) {
    case TapeGraph::Kind::operation:
      return "shape=ellipse";
    case TapeGraph::Kind::leaf:
      return "shape=box, style=filled, fillcolor=\"#dbe9f6\"";
    case TapeGraph::Kind::result:
      break;
  }
  return "shape=box, style=bold";
}

}  // namespace

TapeGraph tape_graph(const Tensor& result) {
  const detail::Running running("tape_graph", result);
  return Survey().of(result);
}

std::string to_dot(const TapeGraph& graph) {
  std::string out =
      "digraph tape {\n  rankdir=BT;\n  bgcolor=transparent;\n"
      "  node [fontname=\"Helvetica\", fontsize=11];\n";
  for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
    const auto& [name, shape, kind] = graph.vertices[i];
    out += fmt::format("  n{} [label=\"{}\\n{}\", {}];\n", i, escaped(name), shape, style(kind));
  }
  for (const auto& [from, to] : graph.arrows) out += fmt::format("  n{} -> n{};\n", from, to);
  return out + "}\n";
}

std::string to_dot(const Tensor& result) { return to_dot(tape_graph(result)); }

}  // namespace xgrad
