#include <xgrad/autograd/dot.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <unordered_map>
#include <vector>

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
class Drawing {
 public:
  std::string draw(const Tensor& result) {
    out_ = "digraph tape {\n  rankdir=BT;\n  node [fontname=\"Helvetica\", fontsize=11];\n";
    out_ += fmt::format("  result [label=\"{}\\n{} {}\", shape=box, style=bold];\n",
                        result.name().empty() ? "result" : escaped(result.name()), result.shape(),
                        result.dtype());
    if (const Edge edge(result); edge) connect(edge, "result");
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (const Edge& edge : nodes_[i]->edges())
        if (edge) connect(edge, id(nodes_[i]));
    return out_ + "}\n";
  }

 private:
  void connect(const Edge& from, const std::string& to) {
    out_ += fmt::format("  {} -> {};\n", from.node ? visit(from.node.get()) : visit(from.leaf), to);
  }

  std::string id(const Node* node) const { return fmt::format("n{}", numbers_.at(node)); }

  std::string visit(const Node* node) {
    if (numbers_.try_emplace(node, numbers_.size()).second) {
      nodes_.push_back(node);
      out_ += fmt::format("  {} [label=\"{}\\n{}\", shape=ellipse];\n", id(node),
                          escaped(node->name()), node->shape());
    }
    return id(node);
  }

  std::string visit(const Tensor& leaf) {
    const auto [entry, is_new] = numbers_.try_emplace(leaf.impl(), numbers_.size());
    const std::string name = fmt::format("n{}", entry->second);
    if (is_new)
      out_ += fmt::format("  {} [label=\"{}\\n{}\", shape=box, style=filled, fillcolor=\"{}\"];\n",
                          name, leaf.name().empty() ? "leaf" : escaped(leaf.name()), leaf.shape(),
                          "#dbe9f6");
    return name;
  }

  std::unordered_map<const void*, std::size_t> numbers_;
  std::vector<const Node*> nodes_;
  std::string out_;
};

}  // namespace

std::string to_dot(const Tensor& result) { return Drawing().draw(result); }

}  // namespace xgrad
