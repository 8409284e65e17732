// Alone, and under mpirun with 2, 3 and 4 processes.

#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/zero_redundancy_optimizer.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support.hpp"
#include <fmt/format.h>

using namespace support;
using distributed::DataParallel;
using distributed::Group;
using distributed::ZeroRedundancyOptimizer;

namespace {

const Group world = Group::world();

std::unique_ptr<nn::Sequential> small_net() {
  manual_seed(3);
  return std::make_unique<nn::Sequential>(nn::Sequential{nn::Linear{6, 16}, nn::LayerNorm{16},
                                                         nn::GELU{}, nn::Linear{16, 16}, nn::GELU{},
                                                         nn::Linear{16, 3}});
}

/// The gradients of batch `number`, the same in all processes.
void differentiate(nn::Module& net, int number) {
  Generator generator(static_cast<std::uint64_t>(100 + number));
  const Tensor x = randn({24, 6}, {.generator = &generator});
  net.zero_grad();
  cross_entropy(net(x), argmax(x.slice(1, 0, 3), 1)).backward();
}

void check_same(const NamedTensors& a, const NamedTensors& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].first);
    CHECK(a[i].first == b[i].first);
    CHECK(equal(a[i].second, b[i].second));
  }
}

using Make = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Tensor>&)>;

std::vector<std::pair<std::string, Make>> kinds() {
  const auto of = []<class T>(auto options) {
    return [options](const std::vector<Tensor>& x) { return std::make_unique<T>(x, options); };
  };
  return {
      {"SGD", of.operator()<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9})},
      {"AdamW", of.operator()<optim::AdamW>(optim::AdamWOptions{.lr = 0.01})},
      {"Adafactor", of.operator()<optim::Adafactor>(optim::AdafactorOptions{.lr = 0.01})},
      {"LAMB", of.operator()<optim::LAMB>(optim::LAMBOptions{.lr = 0.01})},
      {"MuonWithAdamW",
       [](const std::vector<Tensor>& all) -> std::unique_ptr<optim::Optimizer> {
         std::vector<Tensor> matrices;
         std::vector<Tensor> others;
         for (const Tensor& x : all) (x.dim() == 2 ? matrices : others).push_back(x);
         return std::make_unique<optim::MuonWithAdamW>(
             matrices, others,
             optim::MuonWithAdamWOptions{.muon = {.lr = 0.02}, .adamw = {.lr = 0.01}});
       }},
  };
}

NamedTensors copy_of(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, x] : tensors) result.emplace_back(name, x.detach().clone());
  return result;
}

/// Bytes of what an optimiser keeps.
std::int64_t bytes_of(optim::Optimizer& optimizer) {
  std::int64_t bytes = 0;
  for (const auto& [name, x] : optimizer.state_dict())
    bytes += x.numel() * static_cast<std::int64_t>(item_size(x.dtype()));
  return bytes;
}

}  // namespace

TEST_CASE("a shared optimiser takes the same steps, and gives the same state") {
  for (const auto& kind : kinds()) {
    const Make& make = kind.second;
    CAPTURE(kind.first);
    const auto plain_net = small_net();
    const auto plain = make(plain_net->parameters());
    const auto net = small_net();
    const auto inner = make(net->parameters());
    ZeroRedundancyOptimizer shared(*inner, world);
    for (int i = 0; i < 6; ++i) {
      if (i == 3) {
        plain->set_lr(0.003);
        shared.set_lr(0.003);
      }
      differentiate(*plain_net, i);
      plain->step();
      differentiate(*net, i);
      shared.step();
      for (const Tensor& x : net->parameters()) CHECK(x.grad().defined());
    }
    check_same(net->state_dict(), plain_net->state_dict());
    shared.consolidate_state_dict();
    if (world.rank() == 0) check_same(shared.state_dict(), plain->state_dict());
  }
}

TEST_CASE("what is remembered is shared out among the processes") {
  const auto net = small_net();
  optim::AdamW adamw(net->parameters(), {.lr = 0.01});
  ZeroRedundancyOptimizer shared(adamw, world);
  CHECK(shared.has_whole_state());
  differentiate(*net, 0);
  shared.step();
  const Tensor own = full({1}, static_cast<double>(bytes_of(adamw)), {.dtype = int64});
  const Tensor most = own.clone();
  world.all_reduce(own);
  world.all_reduce(most, distributed::Reduce::max);
  std::int64_t parameters = 0;
  std::int64_t largest = 0;
  for (const Tensor& x : net->parameters()) {
    parameters += x.numel();
    largest = std::max(largest, x.numel());
  }
  const auto count = std::ssize(net->parameters());
  CHECK(own.item<std::int64_t>() == parameters * 8 + count * 8);  // two numbers, and a count
  CHECK(most.item<std::int64_t>() <= (parameters / world.size() + largest) * 8 + count * 8);
}

TEST_CASE("a part of the state is not taken for the whole") {
  if (world.size() == 1) return;
  const auto net = small_net();
  optim::AdamW adamw(net->parameters(), {.lr = 0.01});
  ZeroRedundancyOptimizer shared(adamw, world);
  optim::Lookahead around(shared, {.k = 2});
  differentiate(*net, 0);
  around.step();
  for (optim::Optimizer* const optimizer :
       std::initializer_list<optim::Optimizer*>{&shared, &around})
    CHECK(message_of<ValueError>([&] { optimizer->state_dict(); }) ==
          "state_dict: other processes have a part of what this optimiser remembers; call "
          "consolidate_state_dict() on all of them, then state_dict() on rank 0");
  around.consolidate_state_dict();
  CHECK(around.has_whole_state() == (world.rank() == 0));
  around.step();
  CHECK_FALSE(around.has_whole_state());  // what was gathered is of the step before
}

TEST_CASE("a state goes on with another number of processes") {
  const auto steps = [](nn::Module& net, optim::Optimizer& optimizer, int first, int last) {
    for (int i = first; i < last; ++i) {
      differentiate(net, i);
      optimizer.step();
    }
  };
  const auto whole = small_net();
  optim::AdamW plain(whole->parameters(), {.lr = 0.01});
  steps(*whole, plain, 0, 4);
  const NamedTensors weights = copy_of(whole->state_dict());
  const NamedTensors state = copy_of(plain.state_dict());
  steps(*whole, plain, 4, 8);

  const auto net = small_net();
  optim::AdamW adamw(net->parameters(), {.lr = 0.01});
  ZeroRedundancyOptimizer shared(adamw, world);
  steps(*net, shared, 0, 2);  // to be forgotten
  net->load_state_dict(weights);
  shared.load_state_dict(state);
  check_same(shared.state_dict(), state);
  steps(*net, shared, 4, 8);
  check_same(net->state_dict(), whole->state_dict());
  shared.consolidate_state_dict();
  if (world.rank() == 0) check_same(shared.state_dict(), plain.state_dict());
}

TEST_CASE("parameters without a gradient stay as they are") {
  const auto net = small_net();
  optim::AdamW adamw(net->parameters(), {.lr = 0.01});
  ZeroRedundancyOptimizer shared(adamw, world);
  CHECK_THROWS_AS(shared.step(), GraphError);
  differentiate(*net, 0);
  std::vector<Tensor> before;
  const auto parameters = net->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    before.push_back(parameters[i].detach().clone());
    if (i != 2) Tensor(parameters[i]).set_grad({});
  }
  shared.step();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    CHECK(equal(parameters[i].detach(), before[i]) == (i != 2));
}

TEST_CASE("what cannot be shared is refused") {
  const auto net = small_net();
  optim::AdamW adamw(net->parameters(), {.lr = 0.01});
  optim::Lookahead lookahead(adamw);
  CHECK(message_of<ValueError>([&] { ZeroRedundancyOptimizer(lookahead, world); }) ==
        "ZeroRedundancyOptimizer: the optimiser inside remembers 'steps', which is of no parameter "
        "alone and cannot be shared");
  optim::LBFGS lbfgs(net->parameters());
  CHECK_THROWS_AS(ZeroRedundancyOptimizer(lbfgs, world), ValueError);
  ZeroRedundancyOptimizer shared(adamw, world);
  nn::Linear more(2, 2);
  adamw.add_group(more.parameters());
  CHECK(message_of<ValueError>([&] { shared.state_dict(); }) ==
        "ZeroRedundancyOptimizer: the optimiser inside has other parameters by now; make this "
        "anew");
  if (world.size() == 1) return;
  nn::Linear other(world.rank() == 1 ? 3 : 2, 2);
  optim::AdamW different(other.parameters(), {.lr = 0.01});
  CHECK_THROWS_AS(ZeroRedundancyOptimizer(different, world), ValueError);
  optim::AdamW alike(more.parameters(), {.lr = 0.01});
  ZeroRedundancyOptimizer partly(alike, world);
  more.zero_grad();
  more(ones({1, 2})).sum().backward();
  if (world.rank() == 1) Tensor(more.parameters()[0]).set_grad({});
  CHECK(message_of<ValueError>([&] { partly.step(); }) ==
        "ZeroRedundancyOptimizer: the parameters that have a gradient differs between the "
        "processes: rank 0: 0, 1; rank 1: 1");
}
