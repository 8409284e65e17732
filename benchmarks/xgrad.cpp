// xgrad's side of the comparison with libtorch.cpp.
#include "xgrad.hpp"

#include <memory>

#include "models.hpp"
#include "operations.hpp"
#include "works.hpp"

namespace {

namespace nn = xgrad::nn;
using bench::filled;
using xgrad::Shape;
using xgrad::Tensor;

void add_layer(nn::Sequential& net, const bench::Layer& layer) {
  switch (layer.kind) {
    case bench::Kind::convolution:
      net.push_back(nn::Conv2d{layer.in, layer.out, layer.window, {.padding = layer.padding}});
      break;
    case bench::Kind::batch_norm:
      net.push_back(nn::BatchNorm2d{layer.in});
      break;
    case bench::Kind::relu:
      net.push_back(nn::ReLU{});
      break;
    case bench::Kind::max_pool:
      net.push_back(nn::MaxPool2d{layer.window});
      break;
    case bench::Kind::flatten:
      net.push_back(nn::Flatten{});
      break;
    case bench::Kind::linear:
      net.push_back(nn::Linear{layer.in, layer.out});
      break;
  }
}

nn::Sequential build(const bench::Network& network) {
  nn::Sequential net;
  for (const bench::Layer& layer : network.layers) add_layer(net, layer);
  bench::fill_parameters(net);
  return net;
}

bench::Prepared prepare(const bench::NetworkWork& work) {
  struct State {
    nn::Sequential net;
    Tensor images, labels, output;
    xgrad::optim::SGD optimizer;
  };
  Shape shape{work.batch};
  for (const auto extent : work.network.example) shape.push_back(extent);
  nn::Sequential net = build(work.network);
  auto state = std::make_shared<State>(State{
      net,
      filled(shape, 1),
      bench::classes({work.batch}, 10),
      {},
      xgrad::optim::SGD(net.parameters(), {.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4})});
  if (!work.training) {
    state->net.eval();
    return {[state] {
              xgrad::NoGradGuard guard;
              state->output = state->net(state->images);
            },
            [state] { return state->output.square().mean().item(); }};
  }
  return {[state] {
            state->optimizer.zero_grad();
            state->output = xgrad::cross_entropy(state->net(state->images), state->labels);
            state->output.backward();
            state->optimizer.step();
          },
          [state] { return state->output.item(); }};
}

/// An operation by itself, off the tape.
bench::Prepared single(std::function<Tensor()> f) {
  auto result = std::make_shared<Tensor>();
  return {[f, result] { *result = f(); },
          [result] { return result->to(xgrad::float64).abs().mean().item(); }};
}

bench::Prepared tape(bool backward) {
  auto x = std::make_shared<Tensor>(xgrad::ones({1}).requires_grad_());
  const Tensor one = xgrad::ones({1});
  auto y = std::make_shared<Tensor>();
  return {[x, one, y, backward] {
            x->set_grad({});
            *y = *x;
            for (int i = 0; i < bench::chain; ++i) *y = *y + one;
            if (backward) y->backward();
          },
          [x, y, backward] { return backward ? x->grad().item() : y->item(); }};
}

bench::Works works() {
  bench::Works all;
  for (const auto& work : bench::network_works()) all[work.name] = [work] { return prepare(work); };
  all["tape forward"] = [] { return tape(false); };
  all["tape forward and backward"] = [] { return tape(true); };
  all["relu 1e7"] = [] { return single([x = filled({10'000'000}, 1)] { return xgrad::relu(x); }); };
  all["max_pool 2x2 64x64x32x32"] = [] {
    return single([x = filled({64, 64, 32, 32}, 1)] { return xgrad::max_pool2d(x, 2); });
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
        [x = filled({1024, 1024}, 1), y = filled({1024, 1024}, 2)] { return xgrad::matmul(x, y); });
  };
  add_operations(all);
  bench::add_models(all);
  return all;
}

/// bench_xgrad profile WORK THREADS [shapes]: where the time of a work goes.
int profile(const std::string& work, int threads, bool by_shape) {
  const auto all = works();
  const auto found = all.find(work);
  if (found == all.end() || threads < 1) {
    std::fprintf(stderr, "usage: bench_xgrad profile WORK THREADS [shapes]\n");
    return 2;
  }
  xgrad::set_num_threads(threads);
  const bench::Prepared prepared = found->second();
  for (int i = 0; i < 5; ++i) prepared.step();
  const auto peak = xgrad::profiler::measure_peak();
  xgrad::profiler::start();
  for (int i = 0; i < 20; ++i) prepared.step();
  const auto result = xgrad::profiler::stop(peak);
  std::printf("%s\n", result.table(by_shape).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 4 && std::string(argv[1]) == "profile")
    return profile(argv[2], std::atoi(argv[3]), argc > 4);
  return bench::serve(argc, argv, works(), xgrad::set_num_threads);
}
