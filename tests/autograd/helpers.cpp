// When helpers are called for a loop, told by a clock of the test's own.

#include <xgrad/autograd/helpers.hpp>

#include <chrono>

#include "support.hpp"

using namespace support;
using namespace std::chrono_literals;
using detail::Clock;

namespace {

/// So many loops one after the other, of which a helped one takes `helped` and another `alone`; how
/// many were helped.
int run(detail::Trials& trials, Clock::time_point& now, int count, Clock::duration helped,
        Clock::duration alone) {
  int seen = 0;
  for (int i = 0; i < count; ++i) {
    const bool is_helped = trials.allow(now);
    seen += is_helped ? 1 : 0;
    now += is_helped ? helped : alone;
  }
  return seen;
}

/// How long trust is gone, in loops of a millisecond without help.
int lost(detail::Trust& trust, Clock::time_point now) {
  int loops = 0;
  for (; !trust.holds(now); ++loops) trust.alone(1ms);
  return loops;
}

}  // namespace

TEST_CASE("quick loops are helped where that is faster, and not where it is not") {
  detail::Trials pays, costs;
  Clock::time_point now;
  CHECK(run(pays, now, 100'000, 20us, 30us) > 97'000);
  CHECK(run(costs, now, 100'000, 30us, 20us) < 4'000);
  // What is about as fast either way stays as it is.
  detail::Trials same;
  CHECK(run(same, now, 100'000, 20us, 19500ns) > 97'000);
}

TEST_CASE("loops are tried the other way again, as what they compute may have changed") {
  detail::Trials trials;
  Clock::time_point now;
  run(trials, now, 20'000, 30us, 20us);
  CHECK(run(trials, now, 200'000, 20us, 30us) > 150'000);
  CHECK(run(trials, now, 400'000, 30us, 20us) < 200'000);
}

TEST_CASE("what the first loops after a turn take is not counted") {
  // Help saves a third once the caches are warm; before that, 120 loops take twenty times as long.
  detail::Trials trials;
  Clock::time_point now;
  bool before = false;
  int since = 0, helped = 0;
  for (int i = 0; i < 100'000; ++i) {
    const bool is_helped = trials.allow(now);
    since = is_helped == before ? since + 1 : 0;
    before = is_helped;
    helped += is_helped ? 1 : 0;
    now += is_helped ? 20us : 30us;
    if (since < 120) now += 400us;
  }
  CHECK(helped > 97'000);
}

TEST_CASE("long loops are always helped") {
  detail::Trials trials;
  Clock::time_point now;
  CHECK(run(trials, now, 10'000, 150us, 20us) == 10'000);
}

TEST_CASE("help that costs is left out, the longer the more often it costs") {
  detail::Trust trust;
  Clock::time_point now = Clock::time_point() + 1h;
  CHECK(trust.holds(now));
  trust.helped(-900us, now);  // caches were cold
  CHECK(trust.holds(now));
  trust.helped(-2100us, now);
  CHECK(lost(trust, now) == 24);
  trust.helped(-4ms, now);
  CHECK(lost(trust, now) == 64);
  for (int i = 0; i < 10; ++i) {
    trust.helped(-4ms, now);
    lost(trust, now);
  }
  trust.helped(-4ms, now);
  CHECK(lost(trust, now) == 1024);
  // Not for ever.
  trust.helped(-1h, now);
  CHECK_FALSE(trust.holds(now + 9s));
  CHECK(trust.holds(now + 11s));
}

TEST_CASE("what help saved counts against what it costs, but a millisecond at most") {
  detail::Trust trust;
  const Clock::time_point now = Clock::time_point() + 1h;
  for (int i = 0; i < 1000; ++i) {
    trust.helped(50us, now);
    trust.helped(-40us, now);
  }
  trust.helped(-1900us, now);
  CHECK(trust.holds(now));
  trust.helped(1h, now);
  trust.helped(-2ms, now);
  CHECK(trust.holds(now));
  trust.helped(-1ns, now);
  CHECK_FALSE(trust.holds(now));
  lost(trust, now);
  // Help that pays makes up for earlier help that did not.
  trust.helped(-4ms, now);
  CHECK(lost(trust, now) == 64);
  trust.helped(1ms, now);
  trust.helped(-5ms, now);
  CHECK(lost(trust, now) == 32);
}
