#pragma once
// Internal: rows of numbers, one for each part of a batch, added in the tree of all parts.

#include <xgrad/autograd/tensor.hpp>
#include <xgrad/distributed/communicator.hpp>
#include <xgrad/distributed/tree.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace xgrad::distributed::detail {

/// Nodes of a tree that lie side by side, in order. Two that are a node's children become it.
class Nodes {
 public:
  explicit Nodes(const Parts& root) : root_(root) {}

  /// Takes the row's memory.
  void add(Parts node, Tensor row);
  const std::vector<std::pair<Parts, Tensor>>& present() const { return nodes_; }

 private:
  Parts root_;
  std::vector<std::pair<Parts, Tensor>> nodes_;
};

/// The sum over all processes' parts, each process having those of parts_of(). Every process adds
/// one slice of the numbers, from all others' nodes, and gives it to all: as much is sent as in a
/// ring, in two steps, and each number is added in the order of the tree.
class PartSum {
 public:
  /// `all`: none where this process is alone.
  PartSum(std::shared_ptr<Communicator> all, std::int64_t parts)
      : all_(std::move(all)), root_{0, parts}, own_(root_) {}

  /// Rows must have a multiple of so many numbers.
  static std::int64_t multiple(int size) { return std::int64_t{16} * size; }

  void add(std::int64_t part, Tensor row) { own_.add({part, part + 1}, std::move(row)); }
  /// The sum, when this process's parts are there. Nothing is left here then.
  Tensor finish();
  /// This process's own, where they are a node of the tree.
  Tensor take();

 private:
  Tensor exchanged(const Nodes& own) const;

  std::shared_ptr<Communicator> all_;
  Parts root_;
  Nodes own_;
};

}  // namespace xgrad::distributed::detail
