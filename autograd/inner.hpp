#pragma once
// Internal: the part of the tape that one function made, differentiated by itself.

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tape.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// The number of the last node: what is made from now on has higher ones.
std::uint64_t last_sequence() noexcept;

/// Every node that the results were computed by and that is newer than number `since`, once.
std::vector<Node*> nodes_behind(std::span<const Tensor> results, std::uint64_t since);

/// Where gradients leave those nodes to: leaves, and results of older nodes. Each once.
std::vector<Edge> edges_behind(std::span<const Tensor> results, std::uint64_t since);

/// The gradients of the results in such edges, undefined where none arrives. Neither hooks nor
/// grad() of what is at the edges see them: they are for a pass of which this one is a part.
std::vector<Tensor> gradients_behind(std::span<const Tensor> results,
                                     std::span<const Tensor> gradients, std::uint64_t since,
                                     std::span<const Edge> edges, bool create_graph);

/// While one lives, default_generator() is `generator` on this thread.
class DefaultGeneratorScope {
 public:
  explicit DefaultGeneratorScope(Generator& generator) noexcept;
  ~DefaultGeneratorScope();
  DefaultGeneratorScope(const DefaultGeneratorScope&) = delete;
  DefaultGeneratorScope& operator=(const DefaultGeneratorScope&) = delete;

 private:
  Generator* before_;
};

}  // namespace xgrad::detail

#pragma GCC visibility pop
