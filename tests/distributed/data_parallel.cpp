// Alone, and under mpirun with 2, 3 and 4 processes. A group of one process is the reference: it
// works out all shards by itself.

#include <xgrad/autograd/profiler.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "support.hpp"
#include <fmt/format.h>

using namespace support;
using distributed::DataParallel;
using distributed::DataParallelOptions;
using distributed::Group;

namespace {

const Group world = Group::world();
const int rank = world.rank();
const int size = world.size();

/// Of this process alone.
Group alone() { return world.split(rank); }

std::unique_ptr<nn::Sequential> small_net() {
  manual_seed(3);
  return std::make_unique<nn::Sequential>(nn::Sequential{
      nn::Linear{6, 16}, nn::BatchNorm1d{16}, nn::ReLU{}, nn::Dropout{0.1}, nn::Linear{16, 3}});
}

struct Example {
  Tensor x, y;
};

/// The whole of batch `number`.
Example batch(int number, std::int64_t rows) {
  Generator generator(static_cast<std::uint64_t>(100 + number));
  const Tensor x = randn({rows, 6}, {.generator = &generator});
  return {x, argmax(x.slice(1, 0, 3), 1)};
}

Tensor part_of(const Tensor& x, const nn::BatchPart& part) {
  return x.slice(0, part.begin(x.size(0)), part.end(x.size(0)));
}

/// One step on a whole batch, of which each process takes its part.
Tensor step(DataParallel& parallel, nn::Module& net, const Example& whole) {
  return parallel.backward(
      [&](const Tensor& x, const Tensor& y) { return cross_entropy(net(x), y); },
      part_of(whole.x, parallel.part()), part_of(whole.y, parallel.part()));
}

struct Trained {
  std::unique_ptr<nn::Sequential> net;
  std::vector<double> losses = {};
};

Trained trained(const Group& group, const DataParallelOptions& options, int steps = 30) {
  Trained result{small_net()};
  DataParallel parallel(*result.net, group, options);
  optim::SGD optimizer(result.net->parameters(), {.lr = 0.1, .momentum = 0.9});
  manual_seed(7);
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    result.losses.push_back(step(parallel, *result.net, batch(i, 48)).item());
    optimizer.step();
  }
  return result;
}

bool same_bits(nn::Module& a, nn::Module& b) {
  const nn::StateDict first = a.state_dict();
  const nn::StateDict second = b.state_dict();
  bool same = first.size() == second.size();
  for (std::size_t i = 0; same && i < first.size(); ++i)
    same = first[i].first == second[i].first && equal(first[i].second, second[i].second);
  return same;
}

}  // namespace

TEST_CASE("any number of processes trains to the same bits") {
  for (const int shards : {4, 6, 8}) {
    CAPTURE(shards);
    const Trained one = trained(alone(), {.shards = shards});
    const Trained all = trained(world, {.shards = shards});
    CHECK(same_bits(*one.net, *all.net));
    CHECK(one.losses == all.losses);
    CHECK(all.losses.back() < 0.8 * all.losses.front());
  }
}

TEST_CASE("the sum of the shards' gradients is the batch's") {
  nn::Sequential net{nn::Linear{6, 5}, nn::Tanh{}, nn::Linear{5, 3}};
  net.to(float64);
  DataParallel parallel(net, world);
  const Example whole = batch(0, 48);
  const Tensor x = whole.x.to(float64);
  net.zero_grad();
  const Tensor loss = parallel.backward(
      [&](const Tensor& rows, const Tensor& targets) { return cross_entropy(net(rows), targets); },
      part_of(x, parallel.part()), part_of(whole.y, parallel.part()));
  std::vector<Tensor> shared;
  for (const Tensor& p : net.parameters()) shared.push_back(p.grad().clone());
  CHECK_FALSE(loss.requires_grad());

  auto plain = nn::clone(net);  // has no hooks
  plain.zero_grad();
  const Tensor direct = cross_entropy(plain(x), whole.y);
  direct.backward();
  CHECK(loss.item() == doctest::Approx(direct.item()).epsilon(1e-14));
  const auto parameters = plain.parameters();
  for (std::size_t i = 0; i < shared.size(); ++i)
    CHECK(allclose(shared[i], parameters[i].grad(), 1e-12, 1e-15));
}

TEST_CASE("batches add up until the gradients are cleared") {
  auto net = small_net();
  net->eval();
  DataParallel parallel(*net, world);
  step(parallel, *net, batch(0, 48));
  const Tensor once = net->parameters()[0].grad().clone();
  step(parallel, *net, batch(0, 48));
  CHECK(equal(net->parameters()[0].grad(), once + once));
}

TEST_CASE("statistics become the mean over the shards") {
  manual_seed(0);
  nn::Sequential net{nn::Linear{6, 4}, nn::BatchNorm1d{4}};
  DataParallel parallel(net, world, {.shards = 4});
  const Example whole = batch(1, 24);
  Tensor expected = zeros({4});
  {
    const NoGradGuard guard;
    const Tensor y = net.child(0)(whole.x);
    for (int i = 0; i < 4; ++i) expected = expected + mean(y.slice(0, 6 * i, 6 * i + 6), {0});
  }
  step(parallel, net, {whole.x, zeros({24}, {.dtype = int64})});
  const nn::StateDict state = net.state_dict();
  for (const auto& [name, x] : state) {
    if (name.ends_with("running_mean")) CHECK(allclose(x, expected / 4 * 0.1, 1e-5, 1e-6));
    if (name.ends_with("num_batches_tracked")) CHECK(x.item<int>() == 1);
  }
}

TEST_CASE("what no shard changes stays as it is, to the last bit") {
  manual_seed(0);
  nn::Sequential net{nn::Linear{6, 4}, nn::BatchNorm1d{4}};
  net.buffers()[0].copy_(tensor({0.1, -0.3, 1e-30, 7.7}));
  net.eval();
  const Tensor before = net.buffers()[0].clone();
  DataParallel parallel(net, world, {.shards = 6});
  step(parallel, net, {batch(1, 24).x, zeros({24}, {.dtype = int64})});
  CHECK(equal(net.buffers()[0], before));
  CHECK(net.parameters()[0].grad().defined());
}

TEST_CASE("the fast mode finds the same gradients, and not the same bits") {
  const Trained one = trained(alone(), {.fast = true}, 1);
  CHECK(one.losses.size() == 1);
  auto net = small_net();
  net->eval();
  DataParallel parallel(*net, world, {.fast = true});
  CHECK(parallel.part().of == size);
  const Example whole = batch(0, 48);
  const Tensor loss = step(parallel, *net, whole);
  auto plain = nn::clone(*net);
  plain.zero_grad();
  const Tensor direct = cross_entropy(plain(whole.x), whole.y);
  direct.backward();
  CHECK(loss.item() == doctest::Approx(direct.item()).epsilon(1e-5));
  const auto expected = plain.parameters();
  const auto parameters = net->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    CHECK(allclose(parameters[i].grad(), expected[i].grad(), 1e-4, 1e-6));

  DataParallel narrow(plain, world, {.fast = true, .send_as = bfloat16});
  plain.zero_grad();
  step(narrow, plain, whole);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double scale = max(abs(parameters[i].grad())).item();
    CHECK(allclose(plain.parameters()[i].grad(), parameters[i].grad(), 0, 0.02 * scale));
  }
}

TEST_CASE("SyncBatchNorm sees the whole batch, forward and backward") {
  manual_seed(2);
  nn::Sequential net{nn::Linear{6, 5}, nn::SyncBatchNorm{5}, nn::Tanh{}, nn::Linear{5, 3}};
  net.to(float64);
  manual_seed(2);
  nn::Sequential plain{nn::Linear{6, 5}, nn::BatchNorm1d{5}, nn::Tanh{}, nn::Linear{5, 3}};
  plain.to(float64);
  const Example whole = batch(0, 24);
  const Tensor x = whole.x.to(float64);
  cross_entropy(plain(x), whole.y).backward();
  {
    DataParallel parallel(net, world, {.fast = true});
    parallel.backward([&](const Tensor& rows,
                          const Tensor& targets) { return cross_entropy(net(rows), targets); },
                      part_of(x, parallel.part()), part_of(whole.y, parallel.part()));
  }
  for (std::size_t i = 0; i < net.parameters().size(); ++i)
    CHECK(allclose(net.parameters()[i].grad(), plain.parameters()[i].grad(), 1e-10, 1e-14));
  for (std::size_t i = 0; i < net.buffers().size(); ++i)
    CHECK(allclose(net.buffers()[i].to(float64), plain.buffers()[i].to(float64), 1e-12, 0));
  CHECK(message_of<ValueError>([&] { DataParallel(net, world); }) ==
        "DataParallel: the network has a SyncBatchNorm, which looks at a whole batch at once; "
        "shards are worked out one by one: give {.fast = true}");
}

TEST_CASE("a sum over processes has the sum of their gradients") {
  const Tensor x = full({2}, 1. + rank, {.dtype = float64, .requires_grad = true});
  const Tensor y = distributed::all_reduce(x, world);
  CHECK(equal(y.detach(), full({2}, size * (size + 1) / 2., {.dtype = float64})));
  (y * y).sum().backward();
  CHECK(equal(x.grad(), full({2}, size * size * (size + 1.), {.dtype = float64})));
}

TEST_CASE("passes of one process alone wait for the next that all make") {
  auto net = small_net();
  net->eval();
  DataParallel parallel(*net, world, {.fast = true});
  step(parallel, *net, batch(0, 48));
  step(parallel, *net, batch(1, 48));
  const Tensor expected = net->parameters()[0].grad().clone();
  net->zero_grad();
  {
    const auto apart = parallel.no_sync();
    const Example whole = batch(0, 48);
    cross_entropy((*net)(part_of(whole.x, parallel.part())), part_of(whole.y, parallel.part()))
        .backward();
    CHECK_THROWS_AS(step(parallel, *net, whole), GraphError);
  }
  step(parallel, *net, batch(1, 48));
  CHECK(allclose(net->parameters()[0].grad(), expected, 1e-4, 1e-6));

  DataParallel elastic(*net, world);
  CHECK_THROWS_AS(static_cast<void>(elastic.no_sync()), ValueError);
}

TEST_CASE("gradients are added up while the backward pass goes on") {
  if (size == 1) return;
  nn::Sequential net{nn::Linear{6, 16}, nn::Linear{16, 3}};
  DataParallel parallel(net, world, {.shards = size, .first_bucket = 1, .bucket = 1});
  // The last layer's gradients are there by then: time enough for another thread.
  const auto loss = [&](const Tensor& x, const Tensor& y) {
    const Tensor hidden = net.child(0)(x);
    hidden.register_hook([](const Tensor&) {
      const profiler::Scope scope("held", [] { return profiler::Work(); });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      return Tensor();
    });
    return cross_entropy(net.child(1)(tanh(hidden)), y);
  };
  bool is_seen = false;
  for (int i = 0; i < 10 && !is_seen; ++i) {
    const Example whole = batch(i, 48);
    profiler::start();
    parallel.backward(loss, part_of(whole.x, parallel.part()), part_of(whole.y, parallel.part()));
    const auto events = profiler::stop().events;
    const auto held = std::find_if(events.rbegin(), events.rend(),
                                   [](const auto& event) { return event.name == "held"; });
    REQUIRE(held != events.rend());
    const bool is_here = std::ranges::any_of(events, [&](const auto& event) {
      return event.name == "DataParallel::add" && event.thread != held->thread &&
             event.start > held->start && event.start + event.elapsed < held->start + held->elapsed;
    });
    is_seen = parallel.sum({is_here ? 1 : 0}).front() == size;
  }
  CHECK(is_seen);
}

TEST_CASE("each process reads its part of each batch") {
  const Tensor x = arange(48).view({24, 2});
  const datasets::TensorDataset data(x, arange(24, {.dtype = int64}));
  auto net = small_net();
  const DataParallel parallel(*net, world, {.shards = 12});
  datasets::DataLoader whole(data, {.batch_size = 12, .shuffle = true, .seed = 5});
  datasets::DataLoader own(data,
                           {.batch_size = 12, .shuffle = true, .seed = 5, .part = parallel.part()});
  auto mine = own.begin();
  for (const auto& [values, targets] : whole) {
    CHECK(equal(mine->data, part_of(values, parallel.part())));
    CHECK(equal(mine->target, part_of(targets, parallel.part())));
    ++mine;
  }
  CHECK(message_of<ValueError>([&] {
          datasets::DataLoader(data, {.batch_size = 10, .part = {0, 2, 4}});
        }) == "DataLoader: a batch of 10 has no 4 equal parts");
  CHECK(message_of<ValueError>([&] {
          datasets::DataLoader(data, {.batch_size = 10, .part = {0, 2, 5}});
        }) == "DataLoader: the last batch of 4 has no 5 equal parts; give .drop_last = true");
  CHECK_THROWS_AS(datasets::DataLoader(data, {.batch_size = 10, .part = {2, 2, 2}}), ValueError);
}

TEST_CASE("gradients in many small buckets are the same") {
  const Trained one = trained(world, {});
  const Trained many = trained(world, {.first_bucket = 1, .bucket = 64});
  CHECK(same_bits(*one.net, *many.net));
}

TEST_CASE("wrong uses are told, and leave all as it was") {
  auto net = small_net();
  CHECK(message_of<ValueError>([&] { DataParallel(*net, world, {.shards = 0}); }) ==
        "DataParallel: shards is 0; it must be positive");
  CHECK(message_of<ValueError>([&] { DataParallel(*net, world, {.send_as = bfloat16}); }) ==
        "DataParallel: send_as = bfloat16 rounds as the number of processes has it; it is for "
        "{.fast = true}");
  if (size > 1)
    CHECK(message_of<ValueError>([&] { DataParallel(*net, world, {.shards = 1}); }) ==
          fmt::format("DataParallel: 1 shards for {} processes; give each at least one", size));
  {
    DataParallel parallel(*net, world);
    CHECK_THROWS_AS(cross_entropy((*net)(batch(0, 48).x), batch(0, 48).y).backward(), GraphError);
    CHECK_THROWS_AS(parallel.backward([](const Tensor& x) { return sum(x); }, zeros({0, 2})),
                    ValueError);
  }
  net->zero_grad();
  cross_entropy((*net)(batch(0, 48).x), batch(0, 48).y).backward();  // as without it

  DataParallel parallel(*net, alone());
  net->zero_grad();
  const Tensor mean_before = net->buffers()[0].clone();
  const Generator::State random = default_generator().state();
  CHECK(message_of<ValueError>([&] {
          parallel.backward([&](const Tensor& x) { return sum(net->child(0)(x)); }, batch(0, 48).x);
        }) ==
        "DataParallel: the loss does not depend on 1.weight, 1.bias, 4.weight, 4.bias; where that "
        "is meant, give {.allow_unused = true}");
  int calls = 0;
  CHECK_THROWS_AS(parallel.backward(
                      [&](const Tensor& x) {
                        if (++calls == 3) throw std::runtime_error("stop");
                        return sum((*net)(x));
                      },
                      batch(0, 48).x),
                  std::runtime_error);
  CHECK(equal(net->buffers()[0], mean_before));
  CHECK(default_generator().state() == random);
  for (const Tensor& x : net->parameters()) CHECK_FALSE(x.grad().defined());
  DataParallel lenient(*net, world, {.allow_unused = true});
}

TEST_CASE("other networks, options and random numbers are told to all") {
  if (size == 1) return;
  nn::Sequential net{nn::Linear{6, rank == 1 ? 4 : 3}};
  CHECK(message_of<ValueError>([&] { DataParallel(net, world); }) ==
        "DataParallel: the network differs between the processes: rank 0: as rank 0; rank 1: "
        "0.weight float32 [4, 6], where rank 0 has 0.weight float32 [3, 6]");
  auto same = small_net();
  CHECK_THROWS_AS(DataParallel(*same, world, {.shards = rank == 0 ? 8 : 4}), ValueError);
  DataParallel parallel(*same, world);
  manual_seed(rank == 0 ? 1 : 2);
  CHECK(message_of<ValueError>([&] {
          step(parallel, *same, batch(0, 48));
        }).starts_with("DataParallel: the batch differs between the processes: rank 0: "));
  manual_seed(1);
  step(parallel, *same, batch(0, 48));
}
