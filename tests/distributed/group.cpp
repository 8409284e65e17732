// Alone, and under mpirun with 2 and with 4 processes: each sees its own part of what all do.

#include <xgrad/distributed/group.hpp>

#include <array>
#include <limits>
#include <string>

#include "support.hpp"
#include <fmt/format.h>

using namespace support;
using distributed::Group;
using distributed::Reduce;

namespace {

const Group world = Group::world();
const int rank = world.rank();
const int size = world.size();

/// Another on each rank.
Tensor own(const Shape& shape, DType dtype = float32, int of = rank) {
  return (arange(static_cast<double>(shape.numel())).view(shape) + 10 * of).to(dtype);
}

/// f(own(…)) of all ranks, joined in their order.
template <class F>
Tensor joined(const Shape& shape, DType dtype, const F& f) {
  Tensor result = own(shape, dtype, 0);
  for (int i = 1; i < size; ++i) result = f(result, own(shape, dtype, i));
  return result;
}

bool is(const Tensor& x, const Tensor& wanted) {
  return x.dtype() == wanted.dtype() && x.shape() == wanted.shape() && equal(x, wanted);
}

constexpr std::array numbers{float32, float64, bfloat16, float16, int64, int32, uint8};

}  // namespace

TEST_CASE("the root's values come to all, into views as well") {
  for (const DType dtype : {float32, float64, bfloat16, float16, int64, int32, uint8, boolean}) {
    for (int root = 0; root < size; ++root) {
      const Tensor x = own({3, 2}, dtype);
      world.broadcast(x, root);
      CHECK(is(x, own({3, 2}, dtype, root)));
    }
  }
  const Tensor whole = zeros({2, 3});
  whole.t().copy_(own({3, 2}));
  world.broadcast(whole.t(), size - 1);
  CHECK(is(whole.t(), own({3, 2}, float32, size - 1)));
  const Tensor nothing = zeros({0, 4});
  world.broadcast(nothing);
  CHECK(nothing.shape() == Shape{0, 4});
}

TEST_CASE("all get the sum, the mean, the least and the largest") {
  for (const DType dtype : numbers) {
    const auto reduced = [&](Reduce reduce) {
      const Tensor x = own({2, 3}, dtype);
      world.all_reduce(x, reduce);
      return x;
    };
    const auto add = [](const Tensor& a, const Tensor& b) { return a + b; };
    CHECK(is(reduced(Reduce::sum), joined({2, 3}, dtype, add)));
    CHECK(is(reduced(Reduce::min), own({2, 3}, dtype, 0)));
    CHECK(is(reduced(Reduce::max), own({2, 3}, dtype, size - 1)));
    if (is_floating(dtype))
      CHECK(is(reduced(Reduce::mean), joined({2, 3}, dtype, add) / size));
    else
      CHECK(message_of<DTypeError>([&] { reduced(Reduce::mean); }) ==
            "all_reduce: the mean is of floating tensors, not " + std::string(name(dtype)));
  }
  CHECK(message_of<DTypeError>([] { world.all_reduce(zeros({2}, {.dtype = boolean})); }) ==
        "all_reduce: takes numbers, not bool");
  const Tensor view = own({2, 3}).t();
  world.all_reduce(view);
  CHECK(is(view, joined({2, 3}, float32, [](const auto& a, const auto& b) { return a + b; }).t()));
}

TEST_CASE("NaN somewhere is NaN everywhere") {
  for (const DType dtype : {float32, float64, bfloat16, float16})
    for (const Reduce reduce : {Reduce::sum, Reduce::mean, Reduce::min, Reduce::max}) {
      const Tensor x = full({2}, rank == size - 1 ? std::numeric_limits<double>::quiet_NaN() : 1.,
                            {.dtype = dtype});
      world.all_reduce(x, reduce);
      CHECK(all(isnan(x)).item<bool>());
    }
}

TEST_CASE("all parts come to all, and parts of the sum to each") {
  const Tensor gathered = world.all_gather(own({3, 2}).t());
  REQUIRE(gathered.shape() == Shape{size, 2, 3});
  for (int i = 0; i < size; ++i) CHECK(is(gathered.select(0, i), own({3, 2}, float32, i).t()));
  for (const DType dtype : numbers) {
    const Tensor part = world.reduce_scatter(own({size, 2, 2}, dtype));
    const Tensor sum =
        joined({size, 2, 2}, dtype, [](const Tensor& a, const Tensor& b) { return a + b; });
    CHECK(is(part, sum.select(0, rank)));
  }
  CHECK(message_of<ShapeError>([] {
          world.reduce_scatter(zeros({size + 1, 2}));
        }) ==
        fmt::format("reduce_scatter: x is [{}, 2]; it must have a part for each of {} processes",
                    size + 1, size));
}

TEST_CASE("parts are gathered and summed meanwhile, into views") {
  const Tensor all = zeros({size, 3, 2});
  const Tensor part = full({2, 3}, -1.);
  distributed::Work gathering = world.iall_gather(own({2, 3}), all.transpose(1, 2));
  distributed::Work summing =
      world.ireduce_scatter(own({size, 3, 2}), part.t(), distributed::Reduce::mean);
  summing.wait();
  gathering.wait();
  for (int i = 0; i < size; ++i) CHECK(is(all.select(0, i).t(), own({2, 3}, float32, i)));
  const Tensor sum =
      joined({size, 3, 2}, float32, [](const Tensor& a, const Tensor& b) { return a + b; });
  CHECK(is(part.t(), sum.select(0, rank) / size));
  CHECK(message_of<ShapeError>([] {
          world.iall_gather(zeros({2}), zeros({size, 3})).wait();
        }) == fmt::format("all_gather: all is [{0}, 3]; it must be [{0}, 2]", size));
  CHECK(message_of<DTypeError>([] {
          world.ireduce_scatter(zeros({size, 2}), zeros({2}, {.dtype = float64})).wait();
        }) == "reduce_scatter: part is float64; it must be float32");
  CHECK_THROWS_AS(world.iall_gather(zeros({2}), ones({size, 2}, {.requires_grad = true})).wait(),
                  GraphError);
}

TEST_CASE("messages go round a ring, in order, apart by their tags") {
  if (size == 1) {
    CHECK(message_of<ValueError>([] { world.send(zeros({2}), 0); }) ==
          "send: to is rank 0, which is this process");
    CHECK(message_of<ValueError>([] { world.recv(zeros({2}), 1); }) ==
          "recv: from is rank 1; there are no others than 0");
    return;
  }
  const int next = (rank + 1) % size;
  const int before = (rank + size - 1) % size;
  distributed::Work first = world.isend(own({4}), next, 7);
  distributed::Work second = world.isend(own({2, 2}, int64).t(), next, 3);
  const Tensor later = zeros({2, 2}, {.dtype = int64});
  world.recv(later.t(), before, 3);
  const Tensor x = zeros({4});
  distributed::Work coming = world.irecv(x, before, 7);
  coming.wait();
  first.wait();
  second.wait();
  CHECK(is(x, own({4}, float32, before)));
  CHECK(is(later.t(), own({2, 2}, int64, before).t()));
  CHECK(message_of<ValueError>([] { world.send(zeros({2}), size); }) ==
        fmt::format("send: to is rank {}; there are 0 to {}", size, size - 1));
}

TEST_CASE("a message of another size is told") {
  if (size == 1) return;
  if (rank == 0) world.send(zeros({3}), 1);
  if (rank == 1) CHECK_THROWS_AS(world.recv(zeros({2}), 0), IOError);
  if (rank == 0) world.send(zeros({3}), 1);
  if (rank == 1)
    CHECK(message_of<IOError>([] { world.recv(zeros({5}), 0); }) ==
          "recv: rank 0 sent 3 numbers, 5 were to come");
}

TEST_CASE("what is begun goes on meanwhile") {
  const Tensor x = own({1000});
  const Tensor y = own({1000}, float64);
  distributed::Work sum = world.iall_reduce(x, Reduce::mean);
  distributed::Work copy = world.ibroadcast(y, size - 1);
  copy.wait();
  sum.wait();
  CHECK(sum.is_done());
  sum.wait();
  CHECK(is(y, own({1000}, float64, size - 1)));
  CHECK(is(x, joined({1000}, float32, [](const auto& a, const auto& b) { return a + b; }) / size));
  { const distributed::Work dropped = world.iall_reduce(x, Reduce::mean); }
  CHECK(is(x, x.clone()));
}

TEST_CASE("groups within the group") {
  const Group mine = world.split(rank % 2, -rank);
  CHECK(mine.size() == (size + 1 - rank % 2) / 2);
  CHECK(mine.rank() == mine.size() - 1 - rank / 2);  // the last first
  const Tensor x = full({2}, 1. + rank);
  mine.all_reduce(x);
  double sum = 0;
  for (int i = rank % 2; i < size; i += 2) sum += 1. + i;
  CHECK(is(x, full({2}, sum)));
  world.barrier();
  CHECK(message_of<ValueError>([] { world.split(-1); }) ==
        "split: color is -1; it must not be negative");
}

TEST_CASE("processes that do not do the same are told, and go on") {
  if (size == 1) return;
  const Tensor x = zeros({rank == 0 ? 2 : 3});
  CHECK(message_of<ValueError>([&] { world.all_reduce(x); }) ==
        "all_reduce: the processes do not do the same: rank 0: all_reduce float32 [2] to the sum; "
        "rank "
        "1: all_reduce float32 [3] to the sum");
  CHECK_THROWS_AS(world.broadcast(zeros({2}, {.dtype = rank == 0 ? float32 : float64})),
                  ValueError);
  CHECK_THROWS_AS(world.broadcast(zeros({2}), rank == 0 ? 0 : 1), ValueError);
  if (rank == 0)
    CHECK_THROWS_AS(world.barrier(), ValueError);
  else
    CHECK_THROWS_AS(world.all_gather(zeros({2})), ValueError);
  const Tensor y = own({2});
  world.all_reduce(y, Reduce::max);
  CHECK(is(y, own({2}, float32, size - 1)));
}

TEST_CASE("what cannot be changed is refused, before anything is sent") {
  const Tensor w = ones({2}, {.requires_grad = true});
  CHECK_THROWS_AS(world.broadcast(w), GraphError);
  CHECK_THROWS_AS(world.all_reduce(w), GraphError);
  CHECK_THROWS_AS(world.all_reduce(Tensor()), ValueError);
  CHECK_THROWS_AS(world.all_gather(Tensor()), ValueError);
  CHECK_THROWS_AS(world.broadcast(expand(zeros({1}), {3})), ValueError);
  CHECK(message_of<ValueError>([] {
          world.broadcast(zeros({1}), -1);
        }).starts_with("broadcast: root is rank -1; there are"));
  const NoGradGuard guard;
  world.broadcast(w);
  CHECK(w.requires_grad());
}
