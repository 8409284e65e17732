#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstddef>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// The tape behind a result as plain data, to be drawn: operations, the leaves they use, and the
/// result.
struct TapeGraph {
  enum class Kind { operation, leaf, result };
  struct Vertex {
    std::string name;  ///< of the operation; of the leaf, or "leaf"; of the result, or "result"
    Shape shape;
    Kind kind;
  };
  struct Arrow {
    std::size_t from;
    std::size_t to;
  };
  std::vector<Vertex> vertices;  ///< the result first, then breadth first
  std::vector<Arrow> arrows;     ///< from an argument to what uses it
};

TapeGraph tape_graph(const Tensor& result);

/// A graph as Graphviz text: operations with the shapes of their results, leaves with their names
/// and shapes. `dot -Tsvg` draws it. Give leaves names with set_name(); a module's parameters have
/// theirs.
std::string to_dot(const TapeGraph& graph);
std::string to_dot(const Tensor& result);

}  // namespace xgrad

#pragma GCC visibility pop
