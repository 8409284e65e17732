// Who is named where processes wait too long.

#include <xgrad/distributed/standing.hpp>

#include <vector>

#include "support.hpp"

using namespace support;
using namespace xgrad::distributed::detail;

TEST_CASE("who is to blame where processes wait too long") {
  std::vector<Standing> all;
  for (int rank = 0; rank < 4; ++rank)
    all.push_back(
        {.rank = rank, .host = "h", .begun = 18, .waited = 20, .operation = "all_reduce"});
  const auto blamed = [&](double patience) {
    std::vector<const Standing*> pointers;
    for (const Standing& each : all) pointers.push_back(&each);
    return blame(pointers, 10, patience);
  };
  CHECK(blamed(21).empty());
  CHECK(blamed(20) == "rank 0 (host h) has waited 20 s in all_reduce, to which all have come");
  all[3].begun = 12;
  CHECK(blamed(20) ==
        "rank 3 (host h) has not come to all_reduce, for which others have waited 20 s; it is at "
        "its 12th operation, they at their 18th; it waits in all_reduce itself");
  all[2].begun = 17;  // and computes: the one for which rank 3 waits, too
  all[2].waited = -1;
  CHECK(blamed(20) ==
        "rank 2 (host h) and 1 other have not come to all_reduce, for which others have waited 20 "
        "s; the first is at its 17th operation, they at their 18th");
  // From one that waits for one that waits for one.
  all[3] = {.rank = 3, .host = "h", .begun = 17, .waited = 19, .whom = 2, .operation = "recv"};
  all[2] = {.rank = 2, .host = "h", .begun = 17, .waited = 18, .whom = 1, .operation = "recv"};
  all[1] = {.rank = 1, .host = "i", .begun = 21};
  CHECK(blamed(20) ==
        "rank 1 (host i) has not come to recv, for which rank 2 (host h) has waited 18 s");
  all[1] = {.rank = 1, .host = "i", .begun = 21, .waited = 1, .whom = 3, .operation = "send"};
  CHECK(blamed(20) ==
        "rank 2 (host h) and 1 other have not come to all_reduce, for which others have waited 20 "
        "s; the first is at its 17th operation, they at their 18th; it waits in recv itself");
  all[1] = {.rank = 1, .host = "i", .begun = 23, .ended = true};
  CHECK(blamed(30) == "rank 1 (host i) has ended its program, others still wait for it in recv");
  CHECK(blamed(17) == "rank 1 (host i) has ended its program, others still wait for it in recv");
  all[2].waited = 9;  // not for long
  all[3].waited = 9;
  CHECK(blamed(30).empty());
  // In a smaller group nobody else knows who is in it.
  all[2] = {.rank = 2, .host = "h", .begun = 18};
  all[0].whom = for_some;
  CHECK(blamed(20) ==
        "rank 0 (host h) has waited 20 s in all_reduce for others of a smaller group; not waiting: "
        "rank 2 (host h)");
  all[2].waited = 1;
  CHECK(blamed(20) ==
        "rank 0 (host h) has waited 20 s in all_reduce for others of a smaller group; all others "
        "wait as well");
}
