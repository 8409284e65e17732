// Recurrent layers, packed sequences and cells.

#include "modules.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using xgrad::Tensor;

constexpr std::int64_t features = 3, units = 4;

// ---- recurrent layers

struct Network {
  std::int64_t layers = 1;
  bool bias = true, batch_first = false, bidirectional = false;
  std::int64_t proj_size = 0;
  bool relu = false;

  std::string what() const {
    return std::to_string(layers) + " layers" + (bias ? "" : ", no bias") +
           (batch_first ? ", batch_first" : "") + (bidirectional ? ", bidirectional" : "") +
           (proj_size > 0 ? ", projected" : "") + (relu ? ", relu" : "");
  }
};

std::vector<Network> networks() {
  std::vector<Network> all;
  for (const std::int64_t layers : {1, 2, 3})
    for (const bool bias : {true, false})
      for (const bool batch_first : {false, true})
        for (const bool bidirectional : {false, true})
          all.push_back({layers, bias, batch_first, bidirectional});
  return all;
}

template <class Options>
Options own_options(const Network& net) {
  Options options{.num_layers = net.layers,
                  .bias = net.bias,
                  .batch_first = net.batch_first,
                  .bidirectional = net.bidirectional};
  if constexpr (requires { options.proj_size; }) options.proj_size = net.proj_size;
  if constexpr (requires { options.nonlinearity; })
    if (net.relu) options.nonlinearity = nn::Nonlinearity::relu;
  return options;
}
template <class Options>
Options their_options(const Network& net) {
  Options options(features, units);
  options.num_layers(net.layers)
      .bias(net.bias)
      .batch_first(net.batch_first)
      .bidirectional(net.bidirectional);
  if constexpr (requires { options.proj_size(net.proj_size); }) options.proj_size(net.proj_size);
  if constexpr (requires { options.nonlinearity(torch::kReLU); })
    if (net.relu) options.nonlinearity(torch::kReLU);
  return options;
}

Ours flat(const xgrad::RNNOutput& all) { return {all.output, all.h_n}; }
Ours flat(const xgrad::LSTMOutput& all) { return {all.output, all.state.h, all.state.c}; }
Ours flat(const nn::PackedRNNOutput& all) {
  return {all.output.data, all.output.batch_sizes, all.h_n};
}
Ours flat(const nn::PackedLSTMOutput& all) {
  return {all.output.data, all.output.batch_sizes, all.state.h, all.state.c};
}
Theirs flat(const at::Tensor& x) { return {x}; }
Theirs flat(const torch::nn::utils::rnn::PackedSequence& x) { return {x.data(), x.batch_sizes()}; }
template <class A, class B>
Theirs flat(const std::tuple<A, B>& pair) {
  Theirs all = flat(std::get<0>(pair));
  for (const at::Tensor& x : flat(std::get<1>(pair))) all.push_back(x);
  return all;
}

/// An input, a state and a memory.
Inputs recurrent_inputs(const Network& net, std::int64_t batch) {
  const std::int64_t rows = net.layers * (net.bidirectional ? 2 : 1);
  const std::int64_t width = net.proj_size > 0 ? net.proj_size : units;
  if (batch == 0)
    return {random({5, features}), random({rows, width}, xgrad::float64, -1, 1, 2),
            random({rows, units}, xgrad::float64, -1, 1, 3)};
  return {random(net.batch_first ? Shape{batch, 5, features} : Shape{5, batch, features}),
          random({rows, batch, width}, xgrad::float64, -1, 1, 2),
          random({rows, batch, units}, xgrad::float64, -1, 1, 3)};
}

struct WithoutState {
  template <class Module, class T>
  auto operator()(Module& module, const std::vector<T>& x) const {
    return flat(module(x[0]));
  }
};
struct WithState {
  template <class Module>
  Ours operator()(Module& module, const Ours& x) const {
    if constexpr (Module::has_memory)
      return flat(module(x[0], {x[1], x[2]}));
    else
      return flat(module(x[0], x[1]));
  }
  Theirs operator()(torch::nn::LSTM& module, const Theirs& x) const {
    return flat(module(x[0], std::make_tuple(x[1], x[2])));
  }
  template <class Module>
  Theirs operator()(Module& module, const Theirs& x) const {
    return flat(module(x[0], x[1]));
  }
};

const std::vector<std::int64_t>& lengths(bool sorted) {
  static const std::vector<std::int64_t> falling{5, 3, 3}, mixed{2, 5, 3};
  return sorted ? falling : mixed;
}
/// Of packed sequences, of which h₀ is given.
struct Packed {
  bool batch_first, sorted;

  template <class Module>
  Ours operator()(Module& module, const Ours& x) const {
    const auto packed = nn::utils::rnn::pack_padded_sequence(
        x[0], lengths(sorted), {.batch_first = batch_first, .enforce_sorted = sorted});
    if constexpr (Module::has_memory)
      return flat(module(packed, {x[1], x[2]}));
    else
      return flat(module(packed, x[1]));
  }
  template <class Module>
  Theirs operator()(Module& module, const Theirs& x) const {
    const auto packed = torch::nn::utils::rnn::pack_padded_sequence(
        x[0], at::tensor(lengths(sorted)), batch_first, sorted);
    if constexpr (std::is_same_v<Module, torch::nn::LSTM>)
      return flat(module->forward_with_packed_input(packed, std::make_tuple(x[1], x[2])));
    else
      return flat(module->forward_with_packed_input(packed, x[1]));
  }
};

template <class Ours, class OurOptions, class Theirs, class TheirOptions>
void network(Modules& s, const std::string& module, const Network& net) {
  const auto ours = [=] { return Ours(features, units, own_options<OurOptions>(net)); };
  const auto theirs = [=] { return Theirs(their_options<TheirOptions>(net)); };
  for (const std::int64_t batch : {3, 1, 0}) {
    // Nothing has a batch first where there is none.
    if (batch == 0 && net.batch_first) continue;
    const Inputs inputs = recurrent_inputs(net, batch);
    const auto line = [&](const std::string& options, const Inputs& given) {
      Line one{module, options, given};
      if (batch > 0) return one;
      one.but = {Part::refusal};
      one.because = "recurrent layers: libtorch's C++ takes no input without a batch";
      return one;
    };
    compare(s, line(net.what() + ", no state", {inputs[0]}), ours, theirs, WithoutState());
    compare(s, line(net.what(), inputs), ours, theirs, WithState());
  }
  for (const bool sorted : {true, false})
    compare(s,
            {module, net.what() + (sorted ? ", packed" : ", packed out of order"),
             recurrent_inputs(net, 3)},
            ours, theirs, Packed{net.batch_first, sorted});
  const Inputs inputs = recurrent_inputs(net, 3);
  for (const Input& x :
       {random({5, 3, features + 1}), random({features}), random({5, 3, 2, features})})
    refuse(s, {module, net.what(), {x}}, ours, theirs, WithoutState());
  refuse(s,
         {module,
          net.what() + ", another batch",
          {inputs[0], recurrent_inputs(net, 2)[1], recurrent_inputs(net, 2)[2]}},
         ours, theirs, WithState());
}

void recurrent_layers(Modules& s) {
  std::vector<Network> all = networks();
  for (Network net : all) {
    network<nn::GRU, nn::GRUOptions, torch::nn::GRU, torch::nn::GRUOptions>(s, "GRU", net);
    network<nn::RNN, nn::RNNOptions, torch::nn::RNN, torch::nn::RNNOptions>(s, "RNN", net);
    network<nn::LSTM, nn::LSTMOptions, torch::nn::LSTM, torch::nn::LSTMOptions>(s, "LSTM", net);
    net.proj_size = 2;
    network<nn::LSTM, nn::LSTMOptions, torch::nn::LSTM, torch::nn::LSTMOptions>(s, "LSTM", net);
    net.proj_size = 0;
    net.relu = true;
    network<nn::RNN, nn::RNNOptions, torch::nn::RNN, torch::nn::RNNOptions>(s, "RNN", net);
  }
  for (const std::int64_t projected : {-1, 4, 5})
    refuse(
        s, {"LSTM", "proj_size " + std::to_string(projected), {random({5, 2, features})}},
        [=] { return nn::LSTM(features, units, {.proj_size = projected}); },
        [=] {
          return torch::nn::LSTM(torch::nn::LSTMOptions(features, units).proj_size(projected));
        },
        WithoutState());
}

// ---- cells

struct Cell {
  bool has_state;

  template <class Module>
  Ours operator()(Module& module, const Ours& x) const {
    if constexpr (std::is_same_v<Module, nn::LSTMCell>) {
      const xgrad::LSTMState after =
          has_state ? module(x[0], {x[1], x[2]}) : module(x[0], xgrad::LSTMState{});
      return {after.h, after.c};
    } else {
      return {has_state ? module(x[0], x[1]) : module(x[0], Tensor())};
    }
  }
  Theirs operator()(torch::nn::LSTMCell& module, const Theirs& x) const {
    return flat(has_state ? module(x[0], std::make_tuple(x[1], x[2])) : module(x[0]));
  }
  template <class Module>
  Theirs operator()(Module& module, const Theirs& x) const {
    return {has_state ? module(x[0], x[1]) : module(x[0])};
  }
};

template <class F, class G>
void cell(Modules& s, const std::string& module, const std::string& options, F f, G g) {
  for (const bool batched : {true, false}) {
    const Shape state = batched ? Shape{2, units} : Shape{units};
    const Inputs inputs{random(batched ? Shape{2, features} : Shape{features}),
                        random(state, xgrad::float64, -1, 1, 2),
                        random(state, xgrad::float64, -1, 1, 3)};
    const auto line = [&](const std::string& with, const Inputs& given) {
      Line one{module, options + with, given};
      if (batched) return one;
      one.but = {Part::refusal};
      one.because = "cells: libtorch's C++ takes no input without a batch";
      return one;
    };
    compare(s, line("", inputs), f, g, Cell{true});
    compare(s, line(", no state", {inputs[0]}), f, g, Cell{false});
  }
  const Inputs right{random({2, features}), random({2, units}), random({2, units})};
  for (const auto& [place, wrong] : {std::pair{0, random({2, features + 1})},
                                     {1, random({2, units + 1})},
                                     {1, random({3, units})},
                                     {0, random({2, 2, features})}}) {
    Inputs inputs = right;
    inputs[static_cast<std::size_t>(place)] = wrong;
    refuse(s, {module, options, inputs}, f, g, Cell{true});
  }
}

void cells(Modules& s) {
  for (const bool bias : {true, false}) {
    const std::string options = bias ? "" : "no bias";
    cell(
        s, "LSTMCell", options, [=] { return nn::LSTMCell(features, units, {.bias = bias}); },
        [=] {
          return torch::nn::LSTMCell(torch::nn::LSTMCellOptions(features, units).bias(bias));
        });
    cell(
        s, "GRUCell", options, [=] { return nn::GRUCell(features, units, {.bias = bias}); },
        [=] { return torch::nn::GRUCell(torch::nn::GRUCellOptions(features, units).bias(bias)); });
    cell(
        s, "RNNCell", options, [=] { return nn::RNNCell(features, units, {.bias = bias}); },
        [=] { return torch::nn::RNNCell(torch::nn::RNNCellOptions(features, units).bias(bias)); });
    cell(
        s, "RNNCell", options + " relu",
        [=] {
          return nn::RNNCell(features, units,
                             {.bias = bias, .nonlinearity = nn::Nonlinearity::relu});
        },
        [=] {
          return torch::nn::RNNCell(
              torch::nn::RNNCellOptions(features, units).bias(bias).nonlinearity(torch::kReLU));
        });
  }
}

}  // namespace

void recurrent_modules(Modules& s) {
  recurrent_layers(s);
  cells(s);
}

}  // namespace agreement
