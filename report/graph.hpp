#pragma once
#include <xgrad/autograd/dot.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/summary.hpp>

#include <optional>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// A graph as SVG: Graphviz draws it where its program `dot` is installed, else xgrad does.
std::string svg(const TapeGraph& graph);

/// Drawn by `dot -Tsvg`; nothing where that program is not there or fails.
std::optional<std::string> graphviz_svg(const TapeGraph& graph);

/// Drawn here, in layers: every operation above its arguments (after Sugiyama, Tagawa and Toda
/// 1981, "Methods for Visual Understanding of Hierarchical System Structures"). Of more than 1,000
/// vertices those next to the result, and how many are left out.
std::string layered_svg(const TapeGraph& graph);

/// What a network looks like.
struct Network {
  nn::Summary summary;
  TapeGraph graph;      ///< of one forward pass, from the input
  std::string drawing;  ///< the graph as SVG
};

/// Runs zeros of `input_shape` (batch included) through the network in evaluation mode.
Network describe(nn::Module& net, const Shape& input_shape);

}  // namespace xgrad::report

#pragma GCC visibility pop
