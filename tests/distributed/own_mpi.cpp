// A program that begins and ends MPI itself: a process that has ended well is no failure for one
// that goes on for longer than the watch leaves after a failure.

#include <xgrad/distributed/group.hpp>
#include <xgrad/ops/create.hpp>

#include <chrono>
#include <thread>

#include <mpi.h>

int main() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  const auto group = xgrad::distributed::Group::world();
  const xgrad::Tensor x = xgrad::ones({});
  group.all_reduce(x);
  const bool is_right = x.item<int>() == group.size();
  const bool goes_on = group.rank() == 0;
  MPI_Finalize();
  if (goes_on) std::this_thread::sleep_for(std::chrono::seconds(7));
  return is_right ? 0 : 1;
}
