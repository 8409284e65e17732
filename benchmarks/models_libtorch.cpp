// libtorch's side of the models.
#include <memory>

#include "libtorch.hpp"
#include "models.hpp"

namespace {

using bench::classes;
using bench::filled;
using torch::Tensor;
namespace F = torch::nn::functional;

// ---- ResNet-18

struct BlockImpl : torch::nn::Module {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::Sequential downsample{nullptr};

  static torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                std::int64_t stride) {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
  }
  BlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride) {
    conv1 = register_module("conv1", conv(in, out, 3, stride));
    bn1 = register_module("bn1", torch::nn::BatchNorm2d(out));
    conv2 = register_module("conv2", conv(out, out, 3, 1));
    bn2 = register_module("bn2", torch::nn::BatchNorm2d(out));
    if (stride != 1 || in != out)
      downsample = register_module(
          "downsample",
          torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out)));
  }
  Tensor forward(const Tensor& x) {
    Tensor y = bn2(conv2(bn1(conv1(x)).relu_()));
    y += downsample ? downsample->forward(x) : x;
    return y.relu_();
  }
};
TORCH_MODULE(Block);

struct ResNetImpl : torch::nn::Module {
  torch::nn::Conv2d conv1 = BlockImpl::conv(3, 64, 3, 1);
  torch::nn::BatchNorm2d bn1{64};
  torch::nn::Sequential layers[4];
  torch::nn::Linear fc{512, bench::ResNetSizes().classes};

  ResNetImpl() {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    std::int64_t in = 64;
    for (int i = 0; i < 4; ++i) {
      const std::int64_t out = 64 << i;
      layers[i]->push_back(Block(in, out, i == 0 ? 1 : 2));
      layers[i]->push_back(Block(out, out, 1));
      register_module("layer" + std::to_string(i + 1), layers[i]);
      in = out;
    }
    register_module("fc", fc);
  }
  Tensor forward(const Tensor& x) {
    Tensor y = bn1(conv1(x)).relu_();
    for (auto& layer : layers) y = layer->forward(y);
    return fc(y.mean({2, 3}));
  }
};
TORCH_MODULE(ResNet);

// ---- Transformer encoder and LSTM, with a class for each sequence

struct EncoderImpl : torch::nn::Module {
  torch::nn::TransformerEncoder encoder{nullptr};
  torch::nn::Linear head{nullptr};

  EncoderImpl() {
    const bench::EncoderSizes s;
    encoder = register_module("encoder",
                              torch::nn::TransformerEncoder(torch::nn::TransformerEncoderOptions(
                                  torch::nn::TransformerEncoderLayerOptions(s.width, s.heads)
                                      .dim_feedforward(s.hidden)
                                      .dropout(0),
                                  s.layers)));
    head = register_module("head", torch::nn::Linear(s.width, 10));
  }
  Tensor forward(const Tensor& x) { return head(encoder(x).mean(0)); }
};
TORCH_MODULE(Encoder);

struct RecurrentImpl : torch::nn::Module {
  torch::nn::LSTM lstm{nullptr};
  torch::nn::Linear head{nullptr};

  RecurrentImpl() {
    const bench::LSTMSizes s;
    lstm = register_module(
        "lstm", torch::nn::LSTM(torch::nn::LSTMOptions(s.width, s.width).num_layers(s.layers)));
    head = register_module("head", torch::nn::Linear(s.width, 10));
  }
  Tensor forward(const Tensor& x) { return head(std::get<0>(lstm(x)).select(0, -1)); }
};
TORCH_MODULE(Recurrent);

// ---- GPT

struct DecoderImpl : torch::nn::Module {
  torch::nn::LayerNorm ln_1{nullptr}, ln_2{nullptr};
  torch::nn::Linear c_attn{nullptr}, c_proj{nullptr}, c_fc{nullptr}, c_out{nullptr};
  Tensor hidden;
  std::int64_t heads;

  explicit DecoderImpl(const bench::GPTSizes& s) : heads(s.heads) {
    const auto norm = [&] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({s.width})); };
    ln_1 = register_module("ln_1", norm());
    ln_2 = register_module("ln_2", norm());
    c_attn = register_module("c_attn", torch::nn::Linear(s.width, 3 * s.width));
    c_proj = register_module("c_proj", torch::nn::Linear(s.width, s.width));
    c_fc = register_module("c_fc", torch::nn::Linear(s.width, 4 * s.width));
    c_out = register_module("c_out", torch::nn::Linear(4 * s.width, s.width));
    hidden = torch::ones({s.steps, s.steps}, torch::kBool).triu(1);
  }
  Tensor attention(const Tensor& x) {
    const auto batch = x.size(0), steps = x.size(1), width = x.size(2);
    const auto parts = c_attn(x)
                           .reshape({batch, steps, 3, heads, width / heads})
                           .permute({2, 0, 3, 1, 4})
                           .unbind(0);
    const double scale = 1 / std::sqrt(static_cast<double>(width / heads));
    Tensor scores = torch::matmul(parts[0] * scale, parts[1].transpose(-1, -2));
    scores = scores.masked_fill_(hidden, -std::numeric_limits<float>::infinity()).softmax(-1);
    return c_proj(torch::matmul(scores, parts[2]).transpose(1, 2).reshape({batch, steps, width}));
  }
  Tensor forward(Tensor x) {
    x = x + attention(ln_1(x));
    return x + c_out(F::gelu(c_fc(ln_2(x))));
  }
};
TORCH_MODULE(Decoder);

struct GPTImpl : torch::nn::Module {
  torch::nn::Embedding wte{nullptr}, wpe{nullptr};
  torch::nn::Sequential h;
  torch::nn::LayerNorm ln_f{nullptr};

  GPTImpl() {
    const bench::GPTSizes s;
    wte = register_module("wte", torch::nn::Embedding(s.vocabulary, s.width));
    wpe = register_module("wpe", torch::nn::Embedding(s.steps, s.width));
    for (std::int64_t i = 0; i < s.layers; ++i) h->push_back(Decoder(s));
    register_module("h", h);
    ln_f = register_module("ln_f", torch::nn::LayerNorm(torch::nn::LayerNormOptions({s.width})));
  }
  Tensor forward(const Tensor& tokens) {
    const Tensor x = wte(tokens) + wpe(torch::arange(tokens.size(1)));
    return F::linear(ln_f(h->forward(x)), wte->weight);
  }
};
TORCH_MODULE(GPT);

// ---- the works

template <class Net>
bench::Prepared prepare(Net net, const Tensor& input, const Tensor& target, bool training) {
  struct State {
    Net net;
    Tensor input, target, output;
    torch::optim::SGD optimizer;
  };
  bench::fill_parameters(*net);
  auto state = std::make_shared<State>(
      State{net, input, target, {}, torch::optim::SGD(net->parameters(), 0.01)});
  if (!training) {
    state->net->eval();
    return {[state] {
              const c10::InferenceMode guard;
              state->output = state->net->forward(state->input);
            },
            [state] { return state->output.square().mean().template item<double>(); }};
  }
  return {[state] {
            state->optimizer.zero_grad();
            const Tensor y = state->net->forward(state->input);
            state->output = F::cross_entropy(y.flatten(0, -2), state->target.flatten());
            state->output.backward();
            state->optimizer.step();
          },
          [state] { return state->output.template item<double>(); }};
}

template <class Optimizer, class Options>
bench::Prepared prepare_steps() {
  std::vector<Tensor> parameters;
  for (std::int64_t i = 0; i < bench::matrices; ++i) {
    Tensor x = filled({bench::rows, bench::columns}, static_cast<std::uint64_t>(i));
    x.requires_grad_().mutable_grad() =
        filled({bench::rows, bench::columns}, static_cast<std::uint64_t>(100 + i));
    parameters.push_back(x);
  }
  auto optimizer = std::make_shared<Optimizer>(parameters, Options(1e-3));
  return {[optimizer] { optimizer->step(); },
          [parameters] { return parameters[0].abs().mean().template item<double>(); }};
}

}  // namespace

void bench::add_models(Works& all) {
  for (const bool training : {true, false}) {
    const std::string what = training ? " train" : " infer";
    all["resnet18 b128" + what] = [training] {
      const ResNetSizes s;
      return prepare(ResNet(), filled({s.batch, 3, 32, 32}, 1), classes({s.batch}, s.classes),
                     training);
    };
    all["encoder d256 b32" + what] = [training] {
      const EncoderSizes s;
      return prepare(Encoder(), filled({s.steps, s.batch, s.width}, 1), classes({s.batch}, 10),
                     training);
    };
    all["lstm 256 b64" + what] = [training] {
      const LSTMSizes s;
      return prepare(Recurrent(), filled({s.steps, s.batch, s.width}, 1), classes({s.batch}, 10),
                     training);
    };
    all["gpt d384 b8" + what] = [training] {
      const GPTSizes s;
      return prepare(GPT(), classes({s.batch, s.steps}, s.vocabulary),
                     classes({s.batch, s.steps}, s.vocabulary - 1), training);
    };
  }
  all["adam 1e7"] = [] { return prepare_steps<torch::optim::Adam, torch::optim::AdamOptions>(); };
  all["adamw 1e7"] = [] {
    return prepare_steps<torch::optim::AdamW, torch::optim::AdamWOptions>();
  };
}
