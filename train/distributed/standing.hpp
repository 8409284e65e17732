#pragma once
// Internal: who is to blame where processes wait for others too long.

#include <cstdint>
#include <string>
#include <vector>

namespace xgrad::distributed::detail {

/// For whom a process waits, where it is not for one rank.
inline constexpr int for_all = -1;
inline constexpr int for_some = -2;  ///< those of a smaller group, which only they know

/// Of one process.
struct Standing {
  int rank = 0;
  std::string host = {};
  std::uint64_t begun = 0;     ///< operations of all processes
  double waited = -1;          ///< seconds for others; below 0 where it does not wait
  int whom = for_all;          ///< it waits for
  std::string operation = {};  ///< the last one
  bool ended = false;          ///< it has said so

  bool waits() const { return waited >= 0; }
};

/// "rank 2 (host a)"
std::string name_of(int rank, const std::string& host);

/// What is wrong where one of `all` has waited `patience` seconds, or `silence` seconds for one
/// that has ended its program; "" where nothing is.
std::string blame(const std::vector<const Standing*>& all, double silence, double patience);

}  // namespace xgrad::distributed::detail
