#include <xgrad/autograd/profiler.hpp>

#include <cmath>
#include <thread>

#include "support.hpp"
#include <nlohmann/json.hpp>

using namespace support;

namespace {

profiler::Profile of(const std::function<void()>& f, const profiler::Peak& peak = {}) {
  profiler::start();
  f();
  return profiler::stop(peak);
}

const profiler::Event& event(const profiler::Profile& profile, std::string_view name) {
  for (const auto& e : profile.events)
    if (e.name == name) return e;
  FAIL("no event ", name);
  return profile.events.front();
}

}  // namespace

TEST_CASE("the profiler knows operations, shapes, work and whose gradient asked") {
  const Tensor x = normal({3, 4}).to(float32).requires_grad_();
  const Tensor w = normal({5, 4}).to(float32).requires_grad_();
  const auto profile = of([&] { linear(x, w).sum().backward(); });

  const auto& product = event(profile, "linear");
  CHECK(product.caller.empty());
  CHECK(product.work.shapes == std::vector<Shape>{{3, 4}, {5, 4}, {3, 5}});
  CHECK(product.work.flops == 2 * 3 * 5 * 4);
  CHECK(product.work.bytes == 4 * (3 * 4 + 5 * 4 + 3 * 5));
  CHECK(event(profile, "matmul").caller == "linear");
  for (const auto& e : profile.events) {
    CHECK(e.seconds >= 0);
    CHECK(e.seconds <= e.elapsed);
    CHECK(e.start + e.elapsed <= profile.seconds);
  }
  CHECK(of([] {}).events.empty());
}

TEST_CASE("a recording has nothing of one that went before") {
  of([] { ones({2}) * 3; });
  const auto second = of([] { exp(ones({2})); });
  REQUIRE(second.events.size() == 2);
  CHECK(second.events.back().name == "exp");
}

TEST_CASE("shapes are those of the arguments, in their order, then the result's") {
  const auto profile = of([] {
    const Tensor x = ones({2, 3});
    const Tensor y = ones({3});
    lt(x, y);
    maximum(y, x);
    where(x > 0, y, x);
  });
  CHECK(event(profile, "lt").work.shapes == std::vector<Shape>{{2, 3}, {3}, {2, 3}});
  CHECK(event(profile, "maximum").work.shapes == std::vector<Shape>{{3}, {2, 3}, {2, 3}});
  CHECK(event(profile, "maximum").work.flops == 6);
  CHECK(event(profile, "where").work.shapes == std::vector<Shape>{{2, 3}, {3}, {2, 3}, {2, 3}});
}

TEST_CASE("a gradient's kernels show what they read in its order") {
  const auto profile = of([] {
    const Tensor x = normal({4, 3, 2}).requires_grad_();
    batch_norm(x, {}, {}, ones({3}).to(float64), zeros({3}).to(float64), {.training = true})
        .sum()
        .backward();
  });
  CHECK(event(profile, "batch_norm, sums").work.shapes ==
        std::vector<Shape>{{4, 3, 2}, {4, 3, 2}, {3}});
  CHECK(event(profile, "batch_norm, input").work.shapes ==
        std::vector<Shape>{{4, 3, 2}, {4, 3, 2}, {3}, {3}, {3}, {3}});
}

TEST_CASE("time inside is not counted twice") {
  const auto profile = of([] {
    const profiler::Scope outer("outer", [] { return profiler::Work{}; });
    const profiler::Scope inner("inner", [] { return profiler::Work{}; });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  const auto& outer = event(profile, "outer");
  const auto& inner = event(profile, "inner");
  CHECK(outer.elapsed >= inner.elapsed);
  CHECK(outer.seconds == doctest::Approx(outer.elapsed - inner.elapsed));
}

TEST_CASE("threads have numbers of their own") {
  const auto profile = of([] {
    ones({2}) + 1;
    std::thread([] { exp(ones({2})); }).join();
  });
  CHECK(event(profile, "add").thread == 0);
  CHECK(event(profile, "exp").thread == 1);
}

TEST_CASE("the table states rates and their share of the peak") {
  profiler::Profile profile;
  profile.seconds = 0.5;
  profile.peak = {.flops = 4e9, .bytes = 8e9};
  profile.events.push_back({.name = "matmul",
                            .caller = "linear",
                            .work = {.shapes = {{2, 3}}, .flops = 1e8, .bytes = 2e8},
                            .seconds = 0.1,
                            .elapsed = 0.1});
  profile.events.push_back(
      {.name = "relu", .caller = "", .work = {}, .seconds = 0.15, .elapsed = 0.15});
  const std::string expected =
      R"(operation                      calls         ms    us each   share   GFLOP/s    peak    GB/s    peak
relu                               1    150.000  150000.00  30.0 %         –       –       –       –
matmul of linear's gradient        1    100.000  100000.00  20.0 %       1.0    25 %     2.0    25 %
outside operations                      250.000             50.0 %
in all                             2    500.000  250000.00 100.0 %       0.2     5 %     0.4     5 %
peak: 4 GFLOP/s, 8.0 GB/s
)";
  CHECK(profile.table() == expected);
  CHECK(profile.table(true).find("matmul of linear's gradient [2, 3]") != std::string::npos);
}

TEST_CASE("the trace is what Chrome reads") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("trace.json");
  of([] {
    const profiler::Scope odd("a \"quoted\" name\\", [] { return profiler::Work{}; });
    const profiler::Scope strange("\x1f \x01\n", [] { return profiler::Work{}; });
    ones({2}) * 3;
  }).write_trace(file);
  std::ifstream in(file);
  const auto json = nlohmann::json::parse(in);
  bool found = false;
  for (const auto& e : json["traceEvents"]) {
    CHECK(e["ph"] == "X");
    CHECK(e["dur"].get<double>() >= 0);
    found |= e["name"] == "a \"quoted\" name\\";
  }
  CHECK(found);
  CHECK_THROWS_AS(profiler::Profile{}.write_trace("/nowhere/trace.json"), IOError);
}

TEST_CASE("starting twice, or stopping what is not on, is told") {
  CHECK(message_of<ValueError>([] { profiler::stop(); }) ==
        "profiler::stop: it is not on; start() begins it");
  profiler::start();
  CHECK(message_of<ValueError>([] { profiler::start(); }) ==
        "profiler::start: it is on already; stop() ends it");
  profiler::stop();
}

TEST_CASE("the peak is measured") {
  const auto peak = profiler::measure_peak();
  for (const double rate : {peak.flops, peak.bytes}) {
    CHECK(rate > 1e6);  // of any machine, under Valgrind too: the units are right
    CHECK(std::isfinite(rate));
  }
}
