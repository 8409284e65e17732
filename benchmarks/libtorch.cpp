// libtorch's side of the comparison with xgrad.cpp.
#include "libtorch.hpp"

#include <memory>

#include "models.hpp"
#include "operations.hpp"
#include "works.hpp"

namespace {

using bench::filled;
using torch::Tensor;

void add_layer(torch::nn::Sequential& net, const bench::Layer& layer) {
  switch (layer.kind) {
    case bench::Kind::convolution:
      net->push_back(torch::nn::Conv2d(
          torch::nn::Conv2dOptions(layer.in, layer.out, layer.window).padding(layer.padding)));
      break;
    case bench::Kind::batch_norm:
      net->push_back(torch::nn::BatchNorm2d(layer.in));
      break;
    case bench::Kind::relu:
      net->push_back(torch::nn::ReLU());
      break;
    case bench::Kind::max_pool:
      net->push_back(torch::nn::MaxPool2d(layer.window));
      break;
    case bench::Kind::flatten:
      net->push_back(torch::nn::Flatten());
      break;
    case bench::Kind::linear:
      net->push_back(torch::nn::Linear(layer.in, layer.out));
      break;
  }
}

torch::nn::Sequential build(const bench::Network& network) {
  torch::nn::Sequential net;
  for (const bench::Layer& layer : network.layers) add_layer(net, layer);
  bench::fill_parameters(*net);
  return net;
}

bench::Prepared prepare(const bench::NetworkWork& work) {
  struct State {
    torch::nn::Sequential net;
    Tensor images, labels, output;
    torch::optim::SGD optimizer;
  };
  std::vector<std::int64_t> shape{work.batch};
  for (const auto extent : work.network.example) shape.push_back(extent);
  torch::nn::Sequential net = build(work.network);
  auto state = std::make_shared<State>(
      State{net,
            filled(shape, 1),
            bench::classes({work.batch}, 10),
            {},
            torch::optim::SGD(net->parameters(),
                              torch::optim::SGDOptions(0.01).momentum(0.9).weight_decay(5e-4))});
  if (!work.training) {
    state->net->eval();
    return {[state] {
              torch::NoGradGuard guard;
              state->output = state->net->forward(state->images);
            },
            [state] { return state->output.square().mean().item<double>(); }};
  }
  return {[state] {
            state->optimizer.zero_grad();
            state->output = torch::nn::functional::cross_entropy(state->net->forward(state->images),
                                                                 state->labels);
            state->output.backward();
            state->optimizer.step();
          },
          [state] { return state->output.item<double>(); }};
}

/// An operation by itself, off the tape.
bench::Prepared single(std::function<Tensor()> f) {
  auto result = std::make_shared<Tensor>();
  return {[f, result] {
            torch::NoGradGuard guard;
            *result = f();
          },
          [result] { return result->to(torch::kDouble).abs().mean().item<double>(); }};
}

bench::Prepared tape(bool backward) {
  auto x = std::make_shared<Tensor>(torch::ones({1}, torch::requires_grad()));
  const Tensor one = torch::ones({1});
  auto y = std::make_shared<Tensor>();
  return {[x, one, y, backward] {
            x->mutable_grad() = Tensor();
            *y = *x;
            for (int i = 0; i < bench::chain; ++i) *y = *y + one;
            if (backward) y->backward();
          },
          [x, y, backward] { return backward ? x->grad().item<double>() : y->item<double>(); }};
}

bench::Works works() {
  bench::Works all;
  for (const auto& work : bench::network_works()) all[work.name] = [work] { return prepare(work); };
  all["tape forward"] = [] { return tape(false); };
  all["tape forward and backward"] = [] { return tape(true); };
  all["relu 1e7"] = [] { return single([x = filled({10'000'000}, 1)] { return torch::relu(x); }); };
  all["max_pool 2x2 64x64x32x32"] = [] {
    return single([x = filled({64, 64, 32, 32}, 1)] { return torch::max_pool2d(x, 2); });
  };
  all["add 256x1024 + 1024"] = [] {
    return single([x = filled({256, 1024}, 1), y = filled({1024}, 2)] { return x + y; });
  };
  all["sum axis 0 of 4096x1024"] = [] {
    return single([x = filled({4096, 1024}, 1)] { return x.sum(0); });
  };
  all["sum axis 1 of 4096x1024"] = [] {
    return single([x = filled({4096, 1024}, 1)] { return x.sum(1); });
  };
  all["transpose 4096x1024"] = [] {
    return single([x = filled({4096, 1024}, 1)] { return x.t().contiguous(); });
  };
  all["log_softmax 1024x1000"] = [] {
    return single([x = filled({1024, 1000}, 1)] { return x.log_softmax(1); });
  };
  all["matmul 1024x1024x1024"] = [] {
    return single(
        [x = filled({1024, 1024}, 1), y = filled({1024, 1024}, 2)] { return torch::matmul(x, y); });
  };
  add_operations(all);
  bench::add_models(all);
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::serve(argc, argv, works(), [](int threads) {
    torch::set_num_threads(threads);
    torch::set_num_interop_threads(1);
  });
}
