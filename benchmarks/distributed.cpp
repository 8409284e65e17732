// What the fixed tree costs beside MPI's own all-reduce:
//
//     mpirun -n 4 build/release/benchmarks/bench_distributed
//
// Each process has one row of numbers, of 1, 10 and 100 MB; both sides in turns, medians. And what
// goes on when in a step of ResNet-18, as Chrome's trace format and in short:
//
//     mpirun -n 2 build/release/benchmarks/bench_distributed --overlap trace.json

#include <xgrad/autograd/profiler.hpp>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/group.hpp>
#include <xgrad/distributed/part_sum.hpp>
#include <xgrad/nn/models/resnet.hpp>
#include <xgrad/ops/ops.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace xgrad;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Milliseconds until the last of all processes is through.
template <class F>
double measured(const distributed::Group& group, const F& f) {
  using Clock = std::chrono::steady_clock;
  group.barrier();
  const auto begin = Clock::now();
  f();
  const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
  const Tensor longest = full({1}, took.count(), {.dtype = float64});
  group.all_reduce(longest, distributed::Reduce::max);
  return longest.item();
}

void compare(const distributed::Group& group, std::int64_t megabytes) {
  const std::int64_t multiple = distributed::detail::PartSum::multiple(group.size());
  const std::int64_t count = megabytes * 1'000'000 / 4 / multiple * multiple;
  const Tensor x = randn({count});
  std::vector<double> tree, mpi, ratio;
  for (int round = 0; round < (megabytes < 100 ? 21 : 7); ++round) {
    tree.push_back(measured(group, [&] {
      distributed::detail::PartSum sum(group.communicator(), group.size());
      sum.add(group.rank(), x);
      sum.finish();
    }));
    mpi.push_back(measured(group, [&] { group.all_reduce(x); }));
    ratio.push_back(tree.back() / mpi.back());
    x.normal_();
  }
  if (group.rank() == 0)
    fmt::print("{:>4} MB   tree {:8.2f} ms   MPI {:8.2f} ms   tree / MPI {:.2f}\n", megabytes,
               median(tree), median(mpi), median(ratio));
}

/// The third of three steps on 16 images for each process, which takes its part as a whole.
profiler::Profile profile_of_step(const distributed::Group& group) {
  manual_seed(0);
  auto net = nn::models::resnet18({.num_classes = 10, .small_images = true});
  distributed::DataParallel parallel(net, group, {.shards = group.size()});
  const Tensor images = randn({16, 3, 32, 32});
  const Tensor labels = randint(0, 10, {16});
  const auto step = [&] {
    parallel.backward([&](const Tensor& x, const Tensor& y) { return cross_entropy(net(x), y); },
                      images, labels);
  };
  step();
  step();
  profiler::start();
  step();
  return profiler::stop();
}

/// When buckets are sent and added beside the backward pass, ms since the step began.
void show_overlap(const profiler::Profile& profile) {
  double begin = profile.seconds, end = 0;
  for (const auto& event : profile.events) {
    if (event.caller.empty()) continue;
    begin = std::min(begin, event.start);
    end = std::max(end, event.start + event.elapsed);
  }
  fmt::print("backward pass              {:6.1f} to {:6.1f} ms\n", begin * 1e3, end * 1e3);
  for (const auto& event : profile.events)
    if (event.name == "DataParallel::add")
      fmt::print("bucket of {:10.0f} bytes {:6.1f} to {:6.1f} ms, thread {}\n", event.work.bytes,
                 event.start * 1e3, (event.start + event.elapsed) * 1e3, event.thread);
}

}  // namespace

int main(int argc, char** argv) {
  const bool shows_overlap = argc == 3 && std::string_view(argv[1]) == "--overlap";
  if (argc > 1 && !shows_overlap) {
    fmt::print(stderr, "usage: bench_distributed [--overlap TRACE.json]\n");
    return 2;
  }
  const auto group = distributed::Group::world();
  if (group.size() == 1) {
    fmt::print(stderr, "one process has nobody to add with: mpirun -n 4 bench_distributed\n");
    return 1;
  }
  if (shows_overlap) {
    const profiler::Profile profile = profile_of_step(group);
    if (group.rank() == 0) {
      show_overlap(profile);
      profile.write_trace(argv[2]);
    }
    return 0;
  }
  for (const std::int64_t megabytes : {1, 10, 100}) compare(group, megabytes);
}
