// RNN, GRU, LSTM and their cells.

#include <xgrad/nn/nn.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

using Row = std::vector<double>;

std::vector<std::string> names_of(const nn::Module& net) {
  std::vector<std::string> names;
  for (const auto& [name, x] : net.state_dict()) names.push_back(name);
  return names;
}

/// The parameter of this name, as numbers.
Row numbers(const nn::Module& net, const std::string& name) {
  for (const auto& [own, x] : net.state_dict())
    if (own == name) return values(x);
  return {};
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

/// W x + b, W [rows, x.size()]; nothing for an empty b.
Row affine(const Row& w, const Row& x, const Row& b) {
  const std::size_t rows = w.size() / x.size();
  Row y(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    y[i] = b.empty() ? 0 : b[i];
    for (std::size_t j = 0; j < x.size(); ++j) y[i] += w[i * x.size() + j] * x[j];
  }
  return y;
}

struct State {
  Row h, c;
};

enum class Kind { lstm, gru, tanh, relu };

/// One step of one sequence by the formulas, of parameters ending in `which`.
State step(Kind kind, const nn::Module& net, const std::string& which, const Row& x,
           const State& before) {
  const Row a = affine(numbers(net, "weight_ih" + which), x, numbers(net, "bias_ih" + which));
  const Row b =
      affine(numbers(net, "weight_hh" + which), before.h, numbers(net, "bias_hh" + which));
  const std::size_t n = kind == Kind::lstm ? before.c.size() : before.h.size();
  State after{Row(n), before.c};
  for (std::size_t i = 0; i < n; ++i) {
    const auto sum = [&](std::size_t gate) { return a[gate * n + i] + b[gate * n + i]; };
    if (kind == Kind::lstm) {
      after.c[i] = sigma(sum(1)) * before.c[i] + sigma(sum(0)) * std::tanh(sum(2));
      after.h[i] = sigma(sum(3)) * std::tanh(after.c[i]);
    } else if (kind == Kind::gru) {
      const double z = sigma(sum(1));
      const double fresh = std::tanh(a[2 * n + i] + sigma(sum(0)) * b[2 * n + i]);
      after.h[i] = (1 - z) * fresh + z * before.h[i];
    } else {
      after.h[i] = kind == Kind::tanh ? std::tanh(sum(0)) : std::max(sum(0), 0.0);
    }
  }
  const Row projection = numbers(net, "weight_hr" + which);
  if (!projection.empty()) after.h = affine(projection, after.h, {});
  return after;
}

/// One direction over one sequence: h of each step, and the state after the last.
std::pair<std::vector<Row>, State> walk(Kind kind, const nn::Module& net, const std::string& which,
                                        const std::vector<Row>& x, State state, bool reverse) {
  std::vector<Row> h(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    const std::size_t t = reverse ? x.size() - 1 - k : k;
    state = step(kind, net, which, x[t], state);
    h[t] = state.h;
  }
  return {h, state};
}

/// x [steps, features] as rows.
std::vector<Row> rows_of(const Tensor& x) {
  std::vector<Row> rows;
  for (std::int64_t t = 0; t < x.size(0); ++t) rows.push_back(values(x[t]));
  return rows;
}

bool close(const Tensor& x, const Row& y) {
  return allclose(x.flatten(), from_vector(y), 1e-12, 1e-12);
}

/// In float64, of a stream of its own.
template <class Net>
Net wide(Net net) {
  net.to(float64);
  std::uint64_t seed = 100;
  for (const Tensor& p : net.parameters()) p.detach().copy_(normal(p.shape(), seed++) * 0.6);
  return net;
}

/// The parts of any of the three's results.
Tensor h_of(const LSTMOutput& y) { return y.state.h; }
Tensor h_of(const RNNOutput& y) { return y.h_n; }

/// One layer of one direction against the formulas, from zeros, for each sequence of a batch.
template <class Net>
void check_layer(Kind kind, Net net) {
  const Tensor x = normal({4, 3, 5});
  const auto y = net(x);
  CHECK(y.output.shape() == Shape{4, 3, 2});
  CHECK(h_of(y).shape() == Shape{1, 3, 2});
  for (std::int64_t b = 0; b < 3; ++b) {
    const State zeros{Row(2), Row(2)};
    const auto [h, last] = walk(kind, net, "_l0", rows_of(x.select(1, b)), zeros, false);
    for (std::int64_t t = 0; t < 4; ++t)
      CHECK(close(y.output[t][b], h[static_cast<std::size_t>(t)]));
    CHECK(close(h_of(y)[0][b], last.h));
    if constexpr (Net::has_memory) CHECK(close(y.state.c[0][b], last.c));
  }
}

template <class Net>
void check_variants(const Net& made) {
  Net net = made;
  const Tensor x = normal({4, 3, 5});
  const auto whole = net(x);
  // Without a batch.
  const auto single = net(x.select(1, 1));
  CHECK(allclose(single.output, whole.output.select(1, 1), 0, 1e-14));
  CHECK(allclose(h_of(single), h_of(whole).select(1, 1), 0, 1e-14));
  // Everything is trained, by every step.
  sum(square(whole.output)).backward();
  for (const Tensor& p : net.parameters()) {
    REQUIRE(p.grad().defined());
    CHECK(abs(p.grad()).max().item() > 0);
  }
  // A copy of its own.
  Net copy = nn::clone(net);
  const Tensor first = copy.weights[0];
  CHECK(equal(copy(x).output, whole.output));
  first.detach().zero_();
  CHECK(equal(net(x).output, whole.output));
  CHECK_FALSE(equal(copy(x).output, whole.output));
  copy.load_state_dict(net.state_dict());
  CHECK(equal(copy(x).output, whole.output));
}

/// Gradients of parameters and input against differences.
template <class Net>
bool gradients_are_right(Net net, const Tensor& x) {
  std::vector<Tensor> inputs{x};
  std::vector<std::string> names;
  for (const auto& [name, p] : net.named_parameters()) {
    names.push_back(name);
    inputs.push_back(p.detach());
  }
  return gradcheck(
      [&](const std::vector<Tensor>& all) {
        NamedTensors own;
        for (std::size_t i = 0; i < names.size(); ++i) own.emplace_back(names[i], all[i + 1]);
        const auto y = nn::functional_call(net, own, all[0]);
        return sum(square(y.output)) + sum(h_of(y));
      },
      inputs);
}

}  // namespace

TEST_CASE("each layer computes its formulas, step by step") {
  check_layer(Kind::lstm, wide(nn::LSTM{5, 2}));
  check_layer(Kind::gru, wide(nn::GRU{5, 2}));
  check_layer(Kind::tanh, wide(nn::RNN{5, 2}));
  check_layer(Kind::relu, wide(nn::RNN{5, 2, {.nonlinearity = nn::Nonlinearity::relu}}));
  check_layer(Kind::lstm, wide(nn::LSTM{5, 2, {.bias = false}}));
}

TEST_CASE("layers of both directions, from states that are given") {
  nn::LSTM net = wide(nn::LSTM{3, 4, {.num_layers = 2, .bidirectional = true, .proj_size = 2}});
  const Tensor x = normal({5, 1, 3}), h = normal({4, 1, 2}, 2), c = normal({4, 1, 4}, 3);
  const auto [output, state] = net(x, {h, c});
  std::vector<Row> below = rows_of(x.select(1, 0));
  for (const int layer : {0, 1}) {
    std::vector<Row> above(5);
    for (const int direction : {0, 1}) {
      const std::int64_t place = layer * 2 + direction;
      const std::string which = "_l" + std::to_string(layer) + (direction == 1 ? "_reverse" : "");
      const State before{values(h[place]), values(c[place])};
      const auto [hs, last] = walk(Kind::lstm, net, which, below, before, direction == 1);
      for (std::size_t t = 0; t < 5; ++t)
        above[t].insert(above[t].end(), hs[t].begin(), hs[t].end());
      CHECK(close(state.h[place], last.h));
      CHECK(close(state.c[place], last.c));
    }
    below = above;
  }
  for (std::size_t t = 0; t < 5; ++t) CHECK(close(output[static_cast<std::int64_t>(t)], below[t]));
}

TEST_CASE("batches, gradients and copies of all kinds") {
  check_variants(wide(nn::LSTM{5, 2, {.num_layers = 2, .bidirectional = true}}));
  check_variants(wide(nn::LSTM{5, 3, {.proj_size = 2}}));
  check_variants(wide(nn::GRU{5, 2, {.num_layers = 2}}));
  check_variants(wide(nn::RNN{5, 2, {.bidirectional = true}}));
}

TEST_CASE("batch_first swaps the axes of input and output, not of the states") {
  nn::GRU plain = wide(nn::GRU{3, 4, {.bidirectional = true}});
  nn::GRU turned = wide(nn::GRU{3, 4, {.batch_first = true, .bidirectional = true}});
  turned.load_state_dict(plain.state_dict());
  const Tensor x = normal({5, 2, 3}), h0 = normal({2, 2, 4}, 2);
  const auto [a, h_a] = plain(x, h0);
  const auto [b, h_b] = turned(x.transpose(0, 1), h0);
  CHECK(equal(b.transpose(0, 1), a));
  CHECK(equal(h_a, h_b));
}

TEST_CASE("parameters have PyTorch's names, shapes and order") {
  const nn::LSTM lstm{3, 4, {.num_layers = 2, .bidirectional = true, .proj_size = 2}};
  std::vector<std::string> expected;
  for (const std::string end : {"_l0", "_l0_reverse", "_l1", "_l1_reverse"})
    for (const std::string what : {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"})
      expected.push_back(what + end);
  CHECK(names_of(lstm) == expected);
  CHECK(lstm.weights[0].shape() == Shape{16, 3});
  CHECK(lstm.weights[1].shape() == Shape{16, 2});
  CHECK(lstm.weights[3].shape() == Shape{16});
  CHECK(lstm.weights[4].shape() == Shape{2, 4});
  CHECK(lstm.weights[10].shape() == Shape{16, 4});  // of both directions below
  CHECK(lstm.weights[0].dtype() == float32);
  CHECK(names_of(nn::GRU{3, 4, {.bias = false}}) ==
        std::vector<std::string>{"weight_ih_l0", "weight_hh_l0"});
  CHECK(nn::GRU{3, 4}.weights[0].shape() == Shape{12, 3});
  CHECK(nn::RNN{3, 4}.weights[0].shape() == Shape{4, 3});
  CHECK(names_of(nn::LSTMCell{3, 4}) ==
        std::vector<std::string>{"weight_ih", "weight_hh", "bias_ih", "bias_hh"});
  CHECK(names_of(nn::GRUCell{3, 4, {.bias = false}}) ==
        std::vector<std::string>{"weight_ih", "weight_hh"});
}

TEST_CASE("they start uniform within 1 / √hidden_size") {
  const nn::LSTM lstm{40, 25};
  for (const Tensor& p : lstm.parameters()) {
    const double largest = abs(p).max().item();
    CHECK(largest <= 0.2);
    CHECK(largest > 0.18);
    CHECK(std::abs(p.mean().item()) < 0.06);
  }
  const nn::GRUCell cell{2, 100};
  CHECK(abs(cell.bias_hh).max().item() <= 0.1);
  CHECK(abs(cell.weight_ih).max().item() > 0.09);
}

TEST_CASE("dropout is between layers and in training alone") {
  nn::LSTM net{3, 8, {.num_layers = 2, .dropout = 0.5}};
  const Tensor x = normal({4, 2, 3}).to(float32);
  CHECK_FALSE(equal(net(x).output, net(x).output));
  net.eval();
  const Tensor y = net(x).output;
  CHECK(equal(net(x).output, y));
  nn::LSTM plain{3, 8, {.num_layers = 2}};
  plain.load_state_dict(net.state_dict());
  CHECK(equal(plain(x).output, y));
  // With all of it gone the second layer sees zeros.
  nn::RNN deaf{3, 8, {.num_layers = 2, .dropout = 1}};
  CHECK(equal(deaf(x).output, deaf(x * 2).output));
  CHECK_FALSE(equal(deaf(x).h_n[0], deaf(x * 2).h_n[0]));
}

TEST_CASE("cells compute one step") {
  const Tensor x = normal({2, 3}), h = normal({2, 4}, 2), c = normal({2, 4}, 3);
  nn::LSTMCell lstm = wide(nn::LSTMCell{3, 4});
  nn::GRUCell gru = wide(nn::GRUCell{3, 4});
  nn::RNNCell rnn = wide(nn::RNNCell{3, 4});
  nn::RNNCell relu = wide(nn::RNNCell{3, 4, {.nonlinearity = nn::Nonlinearity::relu}});
  const auto [h_n, c_n] = lstm(x, {h, c});
  for (std::int64_t b = 0; b < 2; ++b) {
    const State before{values(h[b]), values(c[b])};
    const State after = step(Kind::lstm, lstm, "", values(x[b]), before);
    CHECK(close(h_n[b], after.h));
    CHECK(close(c_n[b], after.c));
    CHECK(close(gru(x, h)[b], step(Kind::gru, gru, "", values(x[b]), before).h));
    CHECK(close(rnn(x, h)[b], step(Kind::tanh, rnn, "", values(x[b]), before).h));
    CHECK(close(relu(x[b], h[b]), step(Kind::relu, relu, "", values(x[b]), before).h));
  }
  CHECK(equal(lstm(x).h, lstm(x, {zeros_like(h), zeros_like(c)}).h));
  CHECK(equal(gru(x), gru(x, zeros_like(h))));
  sum(lstm(x).c).backward();
  CHECK(lstm.weight_ih.grad().defined());
}

TEST_CASE("gradients agree with differences") {
  const Tensor x = normal({3, 2, 2});
  CHECK(gradients_are_right(wide(nn::LSTM{2, 2, {.num_layers = 2, .bidirectional = true}}), x));
  CHECK(gradients_are_right(wide(nn::LSTM{2, 3, {.proj_size = 2}}), x));
  CHECK(gradients_are_right(wide(nn::GRU{2, 2, {.bidirectional = true}}), x));
  CHECK(gradients_are_right(wide(nn::RNN{2, 2}), x));
}

TEST_CASE("hooks see the input, the states before, and all that comes out") {
  nn::LSTM net{3, 4};
  std::size_t in = 0, out = 0;
  net.register_call_hook(
      [&](const nn::Module&, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
        in = inputs.size();
        out = outputs.size();
      });
  net(ones({2, 1, 3}), {zeros({1, 1, 4}), zeros({1, 1, 4})});
  CHECK(in == 3);
  CHECK(out == 3);
}

TEST_CASE("recurrent layers refuse what cannot be") {
  CHECK(message_of<ValueError>([] {
          nn::LSTM{0, 4};
        }) == "LSTM: input_size 0 and hidden_size 4; both must be positive");
  CHECK(message_of<ValueError>([] {
          nn::GRUCell{3, -1};
        }) == "GRUCell: input_size 3 and hidden_size -1; both must be positive");
  CHECK(message_of<ValueError>([] {
          nn::GRU{3, 4, {.num_layers = 0}};
        }) == "GRU: num_layers is 0; it must lie in [1, 10000]");
  CHECK(message_of<ValueError>([] {
          nn::RNN{3, 4, {.dropout = std::nan("")}};
        }) == "RNN: dropout is nan, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] {
          nn::LSTM{3, 4, {.proj_size = 4}};
        }) == "LSTM: proj_size is 4; it must lie in [0, 4), below hidden_size");
  CHECK(message_of<ValueError>([] {
          nn::LSTM()(ones({2, 1, 3}));
        }) ==
        "net (LSTM): LSTM: used before it was made; give it its sizes, as in nn::LSTM{32, 64}");
  CHECK(message_of<ValueError>([] {
          nn::LSTMCell()(ones({1, 3}));
        }) ==
        "net (LSTMCell): LSTMCell: used before it was made; give it its sizes, as in "
        "nn::LSTMCell{32, 64}");
  nn::LSTM net{3, 4};
  CHECK(message_of<ShapeError>([&] {
          net(ones({2, 1, 5}));
        }) == "net (LSTM): LSTM: input [2, 1, 5] must have 3 features in its last axis");
  CHECK(message_of<ShapeError>([&] {
          net(ones({2, 1, 3}), {zeros({1, 2, 4}), zeros({1, 1, 4})});
        }) == "net (LSTM): lstm: hx.h is [1, 2, 4]; expected [1, 1, 4]");
  CHECK(message_of<ValueError>([&] { net(Tensor()); }) ==
        "net (LSTM): LSTM: argument 1 is undefined: default-constructed, moved from, or the grad() "
        "of a tensor that no backward() has reached");
}
