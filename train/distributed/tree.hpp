#pragma once
// Internal: the one binary tree in which the parts of a batch are added, whoever has them.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace xgrad::distributed::detail {

/// Parts [begin, end).
struct Parts {
  std::int64_t begin, end;

  friend bool operator==(const Parts&, const Parts&) = default;
  bool within(const Parts& other) const { return begin >= other.begin && end <= other.end; }

  // As a node of the tree: its left child has the largest power of two that leaves something.
  bool is_leaf() const { return end - begin == 1; }
  Parts left() const { return {begin, middle()}; }
  Parts right() const { return {middle(), end}; }

 private:
  std::int64_t middle() const {
    return begin +
           static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(end - begin - 1)));
  }
};

/// The largest nodes below `node` that lie within `own`, in order.
inline void add_nodes(const Parts& node, const Parts& own, std::vector<Parts>& to) {
  if (node.within(own)) {
    to.push_back(node);
  } else if (node.begin < own.end && own.begin < node.end) {
    add_nodes(node.left(), own, to);
    add_nodes(node.right(), own, to);
  }
}

/// Of `of` parts those of process `rank` of `size`, which may be none.
inline Parts parts_of(std::int64_t of, int rank, int size) {
  return {of * rank / size, of * (rank + 1) / size};
}

/// Whether a and b, side by side, are the two children of a node below `root`.
inline bool are_siblings(Parts root, const Parts& a, const Parts& b) {
  while (!root.is_leaf()) {
    if (root.left() == a && root.right() == b) return true;
    if (b.end <= root.left().end)
      root = root.left();
    else if (a.begin >= root.right().begin)
      root = root.right();
    else
      return false;
  }
  return false;
}

}  // namespace xgrad::distributed::detail
