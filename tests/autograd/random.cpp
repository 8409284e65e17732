#include "support.hpp"

using namespace support;

TEST_CASE("Philox gives the numbers its authors published") {
  // Known-answer tests of Random123 for philox4x32-10.
  CHECK(philox({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream repeats with its seed and differs from others") {
  Generator a(1);
  Generator b(1);
  Generator c(2);
  CHECK(a.next() == b.next());
  CHECK(a.next() != c.next());
  a.manual_seed(1);
  b.manual_seed(1);
  CHECK(a.next() == b.next());
  CHECK(a.seed() == 1);
}

TEST_CASE("a stream goes on from its state") {
  Generator a(5);
  a.next();
  const auto state = a.state();
  const auto next = a.next();
  Generator b;
  b.set_state(state);
  CHECK(b.next() == next);
  CHECK(a.state() == b.state());
}

TEST_CASE("below() reaches every number about equally often") {
  Generator generator(4);
  std::array<int, 5> counts{};
  for (int i = 0; i < 10000; ++i) ++counts[generator.below(5)];
  for (int count : counts) CHECK(std::abs(count - 2000) < 200);
}
