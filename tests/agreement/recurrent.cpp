// recurrent.hpp, attention.hpp.
#include <cmath>

#include "kinds.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using xgrad::Tensor;

constexpr std::int64_t features = 3, units = 4;

Ours results_of(const xgrad::LSTMState& state) { return {state.h, state.c}; }

/// The operands of a cell of so many gates: input, state, memory, both weights and both biases.
std::vector<Inputs> cells(std::int64_t gates) {
  const auto of = [=](const Shape& x, const Shape& h, xgrad::DType dtype, double width) {
    return Inputs{random(x, dtype),
                  random(h, dtype, -1, 1, 2),
                  random(h, dtype, -1, 1, 3),
                  random({gates * units, features}, dtype, -width, width, 4),
                  random({gates * units, units}, dtype, -width, width, 5),
                  random({gates * units}, dtype, -width, width, 6),
                  random({gates * units}, dtype, -width, width, 7)};
  };
  const Inputs usual = of({2, features}, {2, units}, xgrad::float64, 1);
  std::vector<Inputs> all{usual, of({2, features}, {2, units}, xgrad::float64, 1000),
                          of({1, features}, {1, units}, xgrad::float64, 1),
                          of({0, features}, {0, units}, xgrad::float64, 1),
                          of({features}, {units}, xgrad::float64, 1)};
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back(of({2, features}, {2, units}, dtype, 1));
  const auto with = [&](std::size_t place, const Input& other) {
    Inputs changed = usual;
    changed[place] = other;
    all.push_back(changed);
  };
  for (const double value : {double(NAN), double(INFINITY), -double(INFINITY)}) {
    with(0, with_value(usual[0], 1, value));
    with(1, with_value(usual[1], 1, value));
  }
  with(0, random({2, features + 1}));
  with(0, random({3, features}));
  with(0, random({1, 2, features}));
  with(0, random({2, features}, xgrad::float32));
  with(1, random({2, units + 1}));
  with(1, random({units}));
  with(3, random({gates * units + 1, features}));
  with(4, random({gates * units, units + 1}));
  with(5, random({gates * units + 1}));
  with(6, random({1}));
  return all;
}

template <class F, class G>
void cell(Suite& s, const std::string& operation, std::int64_t gates, F f, G g) {
  for (const Inputs& inputs : cells(gates)) {
    check(
        s, operation, inputs, "", [=](const Ours& x) { return f(x, x[5], x[6]); },
        [=](const Theirs& x) { return g(x, x[5], x[6]); });
    check(
        s, operation, inputs, "without biases",
        [=](const Ours& x) { return f(x, Tensor(), Tensor()); },
        [=](const Theirs& x) { return g(x, at::Tensor(), at::Tensor()); });
  }
}

void of_cells(Suite& s) {
  cell(
      s, "lstm_cell", 4,
      [](const Ours& x, const Tensor& b, const Tensor& c) {
        return results_of(xgrad::lstm_cell(x[0], {x[1], x[2]}, x[3], x[4], b, c));
      },
      [](const Theirs& x, const at::Tensor& b, const at::Tensor& c) {
        return at::lstm_cell(x[0], {x[1], x[2]}, x[3], x[4], b, c);
      });
  const auto plain = [&](const std::string& operation, std::int64_t gates, auto f, auto g) {
    cell(
        s, operation, gates,
        [=](const Ours& x, const Tensor& b, const Tensor& c) {
          return f(x[0], x[1], x[3], x[4], b, c);
        },
        [=](const Theirs& x, const at::Tensor& b, const at::Tensor& c) {
          return g(x[0], x[1], x[3], x[4], b, c);
        });
  };
  plain("gru_cell", 3, xgrad::gru_cell, at::gru_cell);
  plain("rnn_tanh_cell", 1, xgrad::rnn_tanh_cell, at::rnn_tanh_cell);
  plain("rnn_relu_cell", 1, xgrad::rnn_relu_cell, at::rnn_relu_cell);
}

/// How a network is made, and what it is given besides its input.
struct Network {
  std::int64_t layers = 1;
  bool bidirectional = false, batch_first = false, biases = true;
  std::int64_t projected = 0;
  Shape input{5, 2, features};
  xgrad::DType dtype = xgrad::float64;

  std::string what() const {
    return std::to_string(layers) + " layers" + (bidirectional ? ", both ways" : "") +
           (batch_first ? ", batch first" : "") + (biases ? "" : ", no biases") +
           (projected > 0 ? ", projected" : "");
  }
  std::int64_t directions() const { return bidirectional ? 2 : 1; }
  std::int64_t given() const { return projected > 0 ? projected : units; }

  /// Input, state, memory, and then the parameters.
  Inputs inputs(std::int64_t gates) const {
    const std::int64_t batch = input.size() < 3 ? 1 : input[batch_first ? 0 : 1];
    Shape state{layers * directions(), batch, given()}, memory{layers * directions(), batch, units};
    if (input.size() < 3) {
      state.erase(1);
      memory.erase(1);
    }
    Inputs all{random(input, dtype), random(state, dtype, -1, 1, 2),
               random(memory, dtype, -1, 1, 3)};
    std::uint64_t seed = 4;
    const auto parameter = [&](const Shape& shape) {
      all.push_back(random(shape, dtype, -0.7, 0.7, seed++));
    };
    for (std::int64_t i = 0; i < layers; ++i)
      for (std::int64_t d = 0; d < directions(); ++d) {
        parameter({gates * units, i == 0 ? features : given() * directions()});
        parameter({gates * units, given()});
        if (biases) parameter({gates * units});
        if (biases) parameter({gates * units});
        if (projected > 0) parameter({projected, units});
      }
    return all;
  }
  xgrad::RecurrentOptions options() const {
    return {.has_biases = biases,
            .num_layers = layers,
            .bidirectional = bidirectional,
            .batch_first = batch_first,
            .proj_size = projected};
  }
};

std::vector<Network> networks(bool with_projected) {
  std::vector<Network> all;
  for (const std::int64_t layers : {1, 2, 3})
    for (const bool bidirectional : {false, true})
      for (const bool batch_first : {false, true})
        for (const bool biases : {true, false})
          for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
            all.push_back({layers, bidirectional, batch_first, biases, 0, {5, 2, features}, dtype});
  for (const Shape& shape : {Shape{1, 1, features}, Shape{5, 0, features}, Shape{0, 2, features},
                             Shape{5, features}, Shape{features}, Shape{5, 2, features + 1}})
    all.push_back({.layers = 2, .bidirectional = true, .input = shape});
  for (const xgrad::DType dtype : {xgrad::int64, xgrad::bfloat16, xgrad::float16})
    all.push_back({.dtype = dtype});
  if (!with_projected) return all;
  for (const bool bidirectional : {false, true})
    all.push_back({.layers = 2, .bidirectional = bidirectional, .projected = 2});
  return all;
}

template <class X>
std::vector<X> parameters(const std::vector<X>& x) {
  return {x.begin() + 3, x.end()};
}

template <class F, class G>
void network(Suite& s, const std::string& operation, std::int64_t gates, F f, G g) {
  for (const Network& net : networks(gates == 4))
    check(
        s, operation, net.inputs(gates), net.what(),
        [=](const Ours& x) { return f(x, parameters(x), net.options()); },
        [=](const Theirs& x) {
          return g(x, parameters(x), net.biases, net.layers, 0.0, true, net.bidirectional,
                   net.batch_first);
        });
}

void of_networks(Suite& s) {
  network(
      s, "lstm", 4,
      [](const Ours& x, const Ours& parameters, const xgrad::RecurrentOptions& options) {
        const xgrad::LSTMOutput all = xgrad::lstm(x[0], {x[1], x[2]}, parameters, options);
        return Ours{all.output, all.state.h, all.state.c};
      },
      [](const Theirs& x, const Theirs& parameters, auto... how) {
        return at::lstm(x[0], {x[1], x[2]}, parameters, how...);
      });
  const auto plain = [&](const std::string& operation, std::int64_t gates, auto f, auto g) {
    network(
        s, operation, gates,
        [=](const Ours& x, const Ours& parameters, const xgrad::RecurrentOptions& options) {
          const xgrad::RNNOutput all = f(x[0], x[1], parameters, options);
          return Ours{all.output, all.h_n};
        },
        [=](const Theirs& x, const Theirs& parameters, auto... how) {
          return g(x[0], x[1], parameters, how...);
        });
  };
  plain("gru", 3, xgrad::gru, [](auto&&... a) { return at::gru(a...); });
  plain("rnn_tanh", 1, xgrad::rnn_tanh, [](auto&&... a) { return at::rnn_tanh(a...); });
  plain("rnn_relu", 1, xgrad::rnn_relu, [](auto&&... a) { return at::rnn_relu(a...); });
}

/// Query, key, value.
std::vector<Inputs> attended() {
  const auto of = [](const Shape& q, const Shape& k, const Shape& v,
                     xgrad::DType dtype = xgrad::float64) {
    return Inputs{random(q, dtype), random(k, dtype, -3, 3, 2), random(v, dtype, -3, 3, 3)};
  };
  std::vector<Inputs> all{of({2, 3, 5, 4}, {2, 3, 6, 4}, {2, 3, 6, 2}),
                          of({5, 4}, {6, 4}, {6, 4}),
                          of({3, 5, 4}, {3, 5, 4}, {3, 5, 4}),
                          of({1, 1, 4}, {1, 1, 4}, {1, 1, 4}),
                          of({2, 5, 4}, {6, 4}, {6, 3}),
                          of({2, 1, 5, 4}, {1, 3, 6, 4}, {1, 3, 6, 4}),
                          of({2, 0, 4}, {2, 6, 4}, {2, 6, 4}),
                          of({0, 5, 4}, {0, 6, 4}, {0, 6, 4}),
                          of({2, 5, 4}, {2, 0, 4}, {2, 0, 4}),
                          of({2, 5, 0}, {2, 6, 0}, {2, 6, 4}),
                          of({2, 5, 4}, {2, 6, 3}, {2, 6, 4}),
                          of({2, 5, 4}, {2, 6, 4}, {2, 5, 4}),
                          of({4}, {6, 4}, {6, 4})};
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back({whole({2, 5, 4}, dtype, 0, 4), whole({2, 6, 4}, dtype, 0, 4, 2),
                   whole({2, 6, 4}, dtype, 0, 4, 3)});
  Inputs mixed = all[2];
  mixed[2] = random({3, 5, 4}, xgrad::float32);
  all.push_back(mixed);
  for (const double value : {double(NAN), double(INFINITY), 1e200}) {
    Inputs awkward = all[2];
    for (Input& one : awkward) {
      one = with_value(one, 1, value);
      all.push_back(awkward);
    }
  }
  return all;
}

void attention(Suite& s) {
  for (const Inputs& inputs : attended())
    for (const bool causal : {false, true})
      check(
          s, "scaled_dot_product_attention", inputs, causal ? "causal" : "",
          [=](const Ours& x) {
            return xgrad::scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = causal});
          },
          [=](const Theirs& x) {
            return std::get<0>(
                at::_scaled_dot_product_attention(x[0], x[1], x[2], {}, 0, false, causal));
          });
  const Inputs usual = attended()[1];
  for (const Input& mask :
       {random({5, 6}), random({6}), random({5, 1}), random({2, 5, 6}), random({}),
        filled({5, 6}, -INFINITY), with_value(random({5, 6}), 7, -INFINITY),
        with_value(random({5, 6}), 7, NAN), random({5, 5}), random({5, 6}, xgrad::float32),
        whole({5, 6}, xgrad::int64, 0, 2), whole({5, 6}, xgrad::boolean, 0, 2),
        filled({5, 6}, 1, xgrad::boolean), filled({5, 6}, 0, xgrad::boolean)}) {
    Inputs masked = usual;
    masked.push_back(mask);
    check(
        s, "scaled_dot_product_attention", masked, "masked",
        [=](const Ours& x) {
          return xgrad::scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3]});
        },
        [=](const Theirs& x) {
          return std::get<0>(at::_scaled_dot_product_attention(x[0], x[1], x[2], x[3]));
        });
  }
}

}  // namespace

void recurrent(Suite& s) {
  of_cells(s);
  of_networks(s);
  attention(s);
}

}  // namespace agreement
