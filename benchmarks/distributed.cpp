// What the fixed tree costs beside MPI's own all-reduce:
//
//     mpirun -n 4 build/release/benchmarks/bench_distributed
//
// Each process has one row of numbers, of 1, 10 and 100 MB; both sides in turns, medians.

#include <xgrad/distributed/group.hpp>
#include <xgrad/distributed/part_sum.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <chrono>
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

}  // namespace

int main() {
  const auto group = distributed::Group::world();
  if (group.size() == 1) {
    fmt::print("one process has nobody to add with: mpirun -n 4 {}\n", "bench_distributed");
    return 1;
  }
  for (const std::int64_t megabytes : {1, 10, 100}) compare(group, megabytes);
}
