// xgrad's side of the models.
#include <xgrad/nn/models/gpt.hpp>
#include <xgrad/nn/models/resnet.hpp>

#include <memory>

#include "models.hpp"
#include "xgrad.hpp"

namespace {

namespace nn = xgrad::nn;
using bench::classes;
using bench::filled;
using xgrad::Tensor;

/// The mean over the steps of what an encoder makes of a sequence, and its class.
struct Encoder : nn::Module {
  static constexpr bench::EncoderSizes s = {};
  nn::TransformerEncoder encoder =
      add("encoder",
          nn::TransformerEncoder{nn::TransformerEncoderLayer{
                                     s.width, s.heads, {.dim_feedforward = s.hidden, .dropout = 0}},
                                 s.layers});
  nn::Linear head = add("head", nn::Linear{s.width, 10});
  Tensor forward(const Tensor& x) override { return head(encoder(x).mean(0)); }
};

struct Recurrent : nn::Module {
  static constexpr bench::LSTMSizes s = {};
  nn::LSTM lstm = add("lstm", nn::LSTM{s.width, s.width, {.num_layers = s.layers}});
  nn::Linear head = add("head", nn::Linear{s.width, 10});
  Tensor forward(const Tensor& x) override { return head(lstm(x).output.select(0, -1)); }
};

template <class Net>
bench::Prepared prepare(Net net, const Tensor& input, const Tensor& target, bool training) {
  struct State {
    Net net;
    Tensor input, target, output;
    xgrad::optim::SGD optimizer;
  };
  bench::fill_parameters(net);
  auto state = std::make_shared<State>(
      State{net, input, target, {}, xgrad::optim::SGD(net.parameters(), {.lr = 0.01})});
  if (!training) {
    state->net.eval();
    return {[state] {
              const xgrad::NoGradGuard guard;
              state->output = state->net(state->input);
            },
            [state] { return state->output.square().mean().item(); }};
  }
  return {[state] {
            state->optimizer.zero_grad();
            const Tensor y = state->net(state->input);
            state->output = xgrad::cross_entropy(y.flatten(0, -2), state->target.flatten());
            state->output.backward();
            state->optimizer.step();
          },
          [state] { return state->output.item(); }};
}

template <class Optimizer>
bench::Prepared prepare_steps() {
  std::vector<Tensor> parameters;
  for (std::int64_t i = 0; i < bench::matrices; ++i) {
    Tensor x = filled({bench::rows, bench::columns}, static_cast<std::uint64_t>(i));
    x.requires_grad_().set_grad(
        filled({bench::rows, bench::columns}, static_cast<std::uint64_t>(100 + i)));
    parameters.push_back(x);
  }
  auto optimizer = std::make_shared<Optimizer>(Optimizer(parameters, {.lr = 1e-3}));
  return {[optimizer] { optimizer->step(); },
          [parameters] { return parameters[0].detach().abs().mean().item(); }};
}

}  // namespace

void bench::add_models(Works& all) {
  for (const bool training : {true, false}) {
    const std::string what = training ? " train" : " infer";
    all["resnet18 b128" + what] = [training] {
      const ResNetSizes s;
      return prepare(nn::models::resnet18({.num_classes = s.classes, .small_images = true}),
                     filled({s.batch, 3, 32, 32}, 1), classes({s.batch}, s.classes), training);
    };
    all["encoder d256 b32" + what] = [training] {
      const EncoderSizes s;
      return prepare(Encoder{}, filled({s.steps, s.batch, s.width}, 1), classes({s.batch}, 10),
                     training);
    };
    all["lstm 256 b64" + what] = [training] {
      const LSTMSizes s;
      return prepare(Recurrent{}, filled({s.steps, s.batch, s.width}, 1), classes({s.batch}, 10),
                     training);
    };
    all["gpt d384 b8" + what] = [training] {
      const GPTSizes s;
      return prepare(nn::models::GPT({.vocab_size = s.vocabulary,
                                      .block_size = s.steps,
                                      .n_layer = s.layers,
                                      .n_head = s.heads,
                                      .n_embd = s.width,
                                      .dropout = 0}),
                     classes({s.batch, s.steps}, s.vocabulary),
                     classes({s.batch, s.steps}, s.vocabulary - 1), training);
    };
  }
  all["adam 1e7"] = [] { return prepare_steps<xgrad::optim::Adam>(); };
  all["adamw 1e7"] = [] { return prepare_steps<xgrad::optim::AdamW>(); };
}
