#include <xgrad/func/jvp.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

using List = std::vector<Tensor>;

Tensor row(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return from_vector(values, Shape{1, n});
}
Tensor flat(std::vector<double> values) { return from_vector(values); }

/// A kind of network, all of which are called alike.
struct Kind {
  const char* name;
  std::int64_t gates;
  std::function<LSTMOutput(const Tensor&, const LSTMState&, const List&, const RecurrentOptions&)>
      sequence;
  std::function<LSTMState(const Tensor&, const LSTMState&, const List&)> cell;
};

template <class Sequence, class Cell>
Kind without_memory(const char* name, std::int64_t gates, Sequence sequence, Cell cell) {
  return {name, gates,
          [=](const Tensor& x, const LSTMState& s, const List& p, const RecurrentOptions& o) {
            const RNNOutput y = sequence(x, s.h, p, o);
            return LSTMOutput{y.output, {y.h_n, {}}};
          },
          [=](const Tensor& x, const LSTMState& s, const List& p) {
            return LSTMState{cell(x, s.h, p[0], p[1], p[2], p[3]), {}};
          }};
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{{"lstm", 4, lstm,
                                      [](const Tensor& x, const LSTMState& s, const List& p) {
                                        return lstm_cell(x, s, p[0], p[1], p[2], p[3]);
                                      }},
                                     without_memory("gru", 3, gru, gru_cell),
                                     without_memory("rnn_tanh", 1, rnn_tanh, rnn_tanh_cell),
                                     without_memory("rnn_relu", 1, rnn_relu, rnn_relu_cell)};
  return all;
}

/// Parameters of one direction of a layer, so large that no gate is shut.
List parameters(std::int64_t rows, std::int64_t features, std::int64_t units,
                std::uint64_t seed = 1) {
  const double scale = 1 / std::sqrt(static_cast<double>(units));
  return {normal({rows, features}, seed) * scale, normal({rows, units}, seed + 1) * scale,
          normal({rows}, seed + 2), normal({rows}, seed + 3)};
}

bool close(const Tensor& a, const Tensor& b, double tolerance) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() || allclose(a, b, 0, tolerance * (max(abs(b)).item() + 1));
}

List converted(const List& list, DType dtype) {
  List all;
  for (const Tensor& x : list) all.push_back(x.defined() ? x.to(dtype) : x);
  return all;
}

}  // namespace

TEST_CASE("cells by hand") {
  const double ln3 = std::log(3.0);  // whose sigmoid is 3/4
  const double c = 0.75 * 0.5 + 0.5 * 2;
  const auto [h, memory] = lstm_cell(
      row({1}), {row({7}), row({2})}, flat({ln3, 1, 0, 0}).reshape({4, 1}),
      zeros({4, 1}, {.dtype = float64}), flat({0, -1, std::atanh(0.5), 0}), flat({0, 0, 0, -ln3}));
  CHECK(allclose(memory, row({c}), 0, 1e-15));
  CHECK(allclose(h, row({0.25 * std::tanh(c)}), 0, 1e-15));

  // r = 1/2, z = 3/4 and n = tanh(0.1 + r (0.4 + 0.1 · 2))
  const Tensor gru_h = gru_cell(row({1}), row({2}), flat({0, 0, 0.1}).reshape({3, 1}),
                                flat({0, ln3 / 2, 0.1}).reshape({3, 1}), {}, flat({0, 0, 0.4}));
  CHECK(allclose(gru_h, row({0.25 * std::tanh(0.4) + 0.75 * 2}), 0, 1e-15));

  const Tensor w_ih = flat({1, 2, 3, 4}).reshape({2, 2});
  const Tensor w_hh = flat({0, 1, -9, 0}).reshape({2, 2});
  const Tensor x = row({0.1, -0.2}), before = row({0.5, 0.25});
  // 0.1 − 0.4 + 0.25 + 1 and 0.3 − 0.8 − 4.5
  CHECK(allclose(rnn_tanh_cell(x, before, w_ih, w_hh, flat({1, 0})),
                 row({std::tanh(0.95), std::tanh(-5.0)}), 0, 1e-15));
  CHECK(allclose(rnn_relu_cell(x, before, w_ih, w_hh, {}, flat({1, 0})), row({0.95, 0}), 0, 1e-15));
  CHECK(allclose(rnn_relu_cell(x[0], before[0], w_ih, w_hh, {}, flat({1, 0})), flat({0.95, 0}), 0,
                 1e-15));
  CHECK(allclose(rnn_tanh_cell(x, {}, w_ih, w_hh), row({std::tanh(-0.3), std::tanh(-0.5)}), 0,
                 1e-15));
}

TEST_CASE("NaN stays, and of relu's kink the gradient is 0") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor one = ones({1, 1}, {.dtype = float64});
  Tensor x = flat({nan, 0, -1, 2}).reshape({4, 1}).requires_grad_();
  const Tensor y = rnn_relu_cell(x, {}, one, one);
  CHECK(std::isnan(y[0].item()));
  CHECK(values(y.slice(0, 1)) == std::vector<double>{0, 0, 2});
  y.sum().backward();
  CHECK(values(x.grad()) == std::vector<double>{1, 0, 0, 1});
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const List p = parameters(kind.gates, 1, 1);
    // From the step on that it came in by, in its own sequence alone.
    const Tensor out =
        kind.sequence(flat({1, 1, nan, 1, 1, 1}).reshape({3, 2, 1}), {}, p, {}).output;
    const std::vector<double> all = values(out);
    for (const std::size_t i : {0UL, 1UL, 3UL, 5UL}) CHECK(std::isfinite(all[i]));
    for (const std::size_t i : {2UL, 4UL}) CHECK(std::isnan(all[i]));
  }
}

TEST_CASE("a sequence is its cells, one after the other") {
  for (const Kind& kind : kinds())
    for (const bool reverse : {false, true}) {
      CAPTURE(kind.name);
      CAPTURE(reverse);
      const std::int64_t steps = 5, batch = 3, units = 37, features = 4;
      const List forward = parameters(kind.gates * units, features, units, 1);
      const List backward = parameters(kind.gates * units, features, units, 11);
      List both = forward;
      both.insert(both.end(), backward.begin(), backward.end());
      const Tensor x = normal({steps, batch, features}, 21);
      const LSTMState before{normal({2, batch, units}, 22),
                             kind.gates == 4 ? normal({2, batch, units}, 23) : Tensor()};
      const auto [output, after] = kind.sequence(x, before, both, {.bidirectional = true});
      const std::int64_t which = reverse ? 1 : 0;
      LSTMState state{before.h[which], kind.gates == 4 ? Tensor(before.c[which]) : Tensor()};
      for (std::int64_t k = 0; k < steps; ++k) {
        const std::int64_t t = reverse ? steps - 1 - k : k;
        state = kind.cell(x[t], state, reverse ? backward : forward);
        CHECK(close(output[t].slice(-1, which * units, (which + 1) * units), state.h, 1e-14));
      }
      CHECK(close(after.h[which], state.h, 1e-14));
      if (kind.gates == 4) CHECK(close(after.c[which], state.c, 1e-14));
    }
}

// Extents around the kernels' registers, tiles and blocks of terms; the rule of kernels gives what
// that of operations gives, on any number of threads the same bits.
TEST_CASE("gradients of recurrent networks by kernels are those by operations") {
  struct Case {
    std::int64_t steps, batch, units;
  };
  std::vector<Case> cases{{1, 1, 1},   {3, 1, 40}, {2, 13, 16},
                          {4, 17, 33}, {2, 25, 7}, {2, 30, 300}};
  for (const Kind& kind : kinds())
    for (const Case& each : cases)
      for (const bool both_directions : {false, true}) {
        const std::int64_t steps = each.steps;
        const std::int64_t batch = each.batch;
        const std::int64_t units = each.units;
        CAPTURE(kind.name);
        CAPTURE(steps);
        CAPTURE(batch);
        CAPTURE(units);
        CAPTURE(both_directions);
        const bool has_memory = kind.gates == 4;
        const std::int64_t directions = both_directions ? 2 : 1;
        List inputs{normal({steps, batch, 3}, 31), normal({directions, batch, units}, 32)};
        if (has_memory) inputs.push_back(normal({directions, batch, units}, 33));
        for (std::int64_t i = 0; i < directions; ++i)
          for (const Tensor& p :
               parameters(kind.gates * units, 3, units, static_cast<std::uint64_t>(40 + 10 * i)))
            inputs.push_back(p);
        const auto gradients = [&](DType dtype, bool by_operations, int threads) {
          const Threads these(threads);
          List x = converted(inputs, dtype);
          for (Tensor& leaf : x) leaf = leaf.clone().requires_grad_();
          const LSTMState before{x[1], has_memory ? x[2] : Tensor()};
          const List params(x.begin() + (has_memory ? 3 : 2), x.end());
          const auto [output, after] =
              kind.sequence(x[0], before, params, {.bidirectional = both_directions});
          List results{output, after.h},
              slopes{normal(output.shape(), 51).to(dtype), normal(after.h.shape(), 52).to(dtype)};
          if (has_memory) {
            results.push_back(after.c);
            slopes.push_back(normal(after.c.shape(), 53).to(dtype));
          }
          List found = grad(results, x, {.grad_outputs = slopes, .create_graph = by_operations});
          found.push_back(output.detach());
          return found;
        };
        const List right = gradients(float64, true, 1);
        const List fast = gradients(float64, false, 1);
        const List narrow = gradients(float32, false, 1);
        const List threaded = gradients(float32, false, 3);
        for (std::size_t i = 0; i < right.size(); ++i) {
          CAPTURE(i);
          CHECK(close(fast[i], right[i], 1e-12));
          // Roundings of 2⁻²⁴, of sums over units and of the few steps behind each other.
          CHECK(close(narrow[i].to(float64), right[i], 2e-5));
          CHECK(equal(narrow[i], threaded[i]));
        }
      }
}

TEST_CASE("results of recurrent networks without gradients have none") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Tensor x = normal({4, 2, 3}, 1);
    List p = parameters(kind.gates * 5, 3, 5);
    CHECK_FALSE(kind.sequence(x, {}, p, {}).output.requires_grad());
    p[1].requires_grad_();
    const LSTMOutput y = kind.sequence(x, {}, p, {});
    // Of the last state alone, and of that after the output.
    const Tensor last = grad(y.state.h.sum(), p[1], {.retain_graph = true});
    CHECK(close(last, grad(y.output[3].sum(), p[1]), 1e-14));
    if (kind.gates != 4) continue;
    const LSTMOutput again = kind.sequence(x, {}, p, {});
    const Tensor of_c = grad(again.state.c.sum(), p[1], {.retain_graph = true});
    CHECK(close(of_c, grad(again.state.c.sum(), p[1], {.create_graph = true}), 1e-13));
    CHECK_FALSE(close(of_c, last, 1e-3));
  }
}

TEST_CASE("an argument of a recurrent network that is made of another has its gradient twice") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const List p = parameters(kind.gates * 3, 3, 3);
    const auto f = [&](const Tensor& w) {
      return kind.sequence(tanh(w[0]).reshape({1, 1, 3}), {}, {w, w * 2, p[2], p[3]}, {}).output;
    };
    CHECK(gradcheck([&](const List& x) { return f(x[0]); }, {p[0]}));
    CHECK(gradgradcheck([&](const List& x) { return f(x[0]); }, {p[0]}));
  }
}

TEST_CASE("options of recurrent networks") {
  const Tensor x = normal({6, 2, 3}, 1);
  List layers = parameters(16, 3, 4, 1);
  const List above = parameters(16, 4, 4, 11);
  layers.insert(layers.end(), above.begin(), above.end());

  SUBCASE("layers") {
    const auto [low, low_state] = lstm(x, {}, List(layers.begin(), layers.begin() + 4));
    const auto [high, high_state] = lstm(low, {}, above);
    const auto [output, state] = lstm(x, {}, layers, {.num_layers = 2});
    CHECK(equal(output, high));
    CHECK(equal(state.h, cat({low_state.h, high_state.h})));
    CHECK(equal(state.c, cat({low_state.c, high_state.c})));
  }
  SUBCASE("batch first") {
    const auto [output, state] = lstm(x, {}, layers, {.num_layers = 2});
    const auto turned =
        lstm(transpose(x, 0, 1), {}, layers, {.num_layers = 2, .batch_first = true});
    CHECK(equal(transpose(turned.output, 0, 1), output));
    CHECK(equal(turned.state.h, state.h));
    const auto alone = lstm(x.slice(1, 0, 1).squeeze(1), {}, layers,
                            {.num_layers = 2, .batch_first = true});  // which no batch has
    CHECK(alone.output.shape() == Shape{6, 4});
    CHECK(alone.state.c.shape() == Shape{2, 4});
    CHECK(close(alone.output, output.slice(1, 0, 1).squeeze(1), 1e-15));
  }
  SUBCASE("no biases") {
    const Tensor none = zeros({16}, {.dtype = float64});
    const Tensor with = lstm(x, {}, {layers[0], layers[1], none, none}).output;
    CHECK(equal(lstm(x, {}, {layers[0], layers[1]}, {.has_biases = false}).output, with));
  }
  SUBCASE("dropout is between the layers, in training") {
    const auto run = [&](double p, bool training) {
      Generator generator(3);
      return lstm(x, {}, layers,
                  {.num_layers = 2, .dropout = p, .training = training, .generator = &generator})
          .output;
    };
    const Tensor plain = run(0, true);
    CHECK(equal(run(0.5, false), plain));
    CHECK_FALSE(equal(run(0.5, true), plain));
    CHECK(equal(run(0.5, true), run(0.5, true)));
    const Tensor dropped = lstm(zeros({6, 2, 4}, {.dtype = float64}), {}, above).output;
    CHECK(equal(run(1, true), dropped));
    const List one(layers.begin(), layers.begin() + 4);
    CHECK(equal(lstm(x, {}, one, {.dropout = 1}).output, lstm(x, {}, one).output));
  }
  SUBCASE("projection") {
    const List p{normal({16, 3}, 1), normal({16, 2}, 2), normal({16}, 3), normal({16}, 4),
                 normal({2, 4}, 5)};
    const auto [output, state] = lstm(x, {}, p, {.proj_size = 2});
    Tensor h = zeros({2, 2}, {.dtype = float64}), c = zeros({2, 4}, {.dtype = float64});
    for (std::int64_t t = 0; t < 6; ++t) {
      const List gate = chunk(linear(x[t], p[0], p[2]) + linear(h, p[1], p[3]), 4, -1);
      c = sigmoid(gate[1]) * c + sigmoid(gate[0]) * tanh(gate[2]);
      h = linear(sigmoid(gate[3]) * tanh(c), p[4]);
      CHECK(close(output[t], h, 1e-14));
    }
    CHECK(close(state.h[0], h, 1e-14));
    CHECK(close(state.c[0], c, 1e-14));
  }
  SUBCASE("16 bits are float32, rounded at the end") {
    for (const DType dtype : {bfloat16, float16}) {
      const Tensor narrow = x.to(dtype);
      const List params = converted(layers, dtype);
      const auto [output, state] = lstm(narrow, {}, params, {.num_layers = 2});
      const auto wide = lstm(narrow.to(float32), {}, converted(params, float32), {.num_layers = 2});
      CHECK(equal(output, wide.output.to(dtype)));
      CHECK(equal(state.c, wide.state.c.to(dtype)));
    }
  }
}

TEST_CASE("errors of recurrent networks name the parameter") {
  const auto of = [](const Shape& shape) { return zeros(shape); };
  const Tensor x = of({7, 2, 3});
  const List good{of({20, 3}), of({20, 5}), of({20}), of({20})};
  const auto with = [&](std::size_t place, const Tensor& p) {
    List list = good;
    list[place] = p;
    return list;
  };
  const auto shape_error = [](const auto& f) { return message_of<ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<ValueError>(f); };
  const auto dtype_error = [](const auto& f) { return message_of<DTypeError>(f); };

  CHECK(shape_error([&] {
          lstm(x, {}, with(0, of({20, 4})));
        }) == "lstm: w_ih_l0 is [20, 4]; expected [4 · units, 3]");
  CHECK(shape_error([&] {
          lstm(x, {}, with(0, of({18, 3})));
        }) == "lstm: w_ih_l0 is [18, 3]; expected [4 · units, 3]");
  CHECK(shape_error([&] {
          rnn_tanh(x, {}, {of({0, 3}), of({0, 0}), of({0}), of({0})});
        }) == "rnn_tanh: w_ih_l0 is [0, 3]; expected [units, 3]");
  CHECK(shape_error([&] {
          lstm(x, {}, with(1, of({20, 4})));
        }) == "lstm: w_hh_l0 is [20, 4]; expected [20, 5]");
  CHECK(shape_error([&] { lstm(x, {}, with(3, of({5}))); }) ==
        "lstm: b_hh_l0 is [5]; expected [20]");
  List more = good;
  more.insert(more.end(), {of({20, 5}), of({20, 7}), of({20}), of({20})});
  CHECK(shape_error([&] { lstm(x, {}, more, {.num_layers = 2}); }) ==
        "lstm: w_hh_l1 is [20, 7]; expected [20, 5]");
  CHECK(shape_error([&] { lstm(x, {}, more, {.bidirectional = true}); }) ==
        "lstm: w_ih_l0_reverse is [20, 5]; expected [20, 3]");
  CHECK(value_error([&] { lstm(x, {}, with(2, {})); }) == "lstm: b_ih_l0 is undefined");
  CHECK(value_error([&] { gru(x, {}, {Tensor(), x, x, x}); }) == "gru: w_ih_l0 is undefined");
  CHECK(dtype_error([&] {
          lstm(x, {}, with(1, of({20, 5}).to(float64)));
        }) == "lstm: w_hh_l0 is float64, the input float32; convert one with x.to()");
  CHECK(value_error([&] { lstm(x, {}, good, {.num_layers = 2, .bidirectional = true}); }) ==
        "lstm: 4 parameters; 2 layers in 2 directions have 16, 4 each");
  CHECK(value_error([&] { lstm(x, {}, good, {.num_layers = 0}); }) ==
        "lstm: num_layers is 0; it must be positive");
  CHECK(value_error([&] { lstm(x, {}, good, {.dropout = 1.5}); }) ==
        "lstm: dropout is 1.5, it must lie in [0, 1]");
  CHECK(value_error([&] { gru(x, {}, good, {.proj_size = 2}); }) ==
        "gru: proj_size is 2; lstm alone has projections");
  CHECK(value_error([&] { lstm(x, {}, good, {.proj_size = -1}); }) ==
        "lstm: proj_size is -1; it must not be negative");
  CHECK(value_error([&] { lstm(x, {}, good, {.proj_size = 2}); }) ==
        "lstm: 4 parameters; 1 layers in 1 directions with proj_size 2 have 5, 5 each");
  CHECK(dtype_error([&] {
          gru_cell(x[0], {}, of({15, 3}).to(float64), of({15, 5}));
        }) == "gru_cell: w_ih is float64, the input float32; convert one with x.to()");
  List projecting = good;
  projecting.push_back(of({5, 5}));
  CHECK(value_error([&] { lstm(x, {}, projecting, {.proj_size = 5}); }) ==
        "lstm: proj_size is 5; it must be below the 5 units");
  projecting[1] = of({20, 2});
  CHECK(shape_error([&] { lstm(x, {}, projecting, {.proj_size = 2}); }) ==
        "lstm: w_hr_l0 is [5, 5]; expected [2, 5]");

  CHECK(shape_error([&] { lstm(of({3}), {}, good); }) ==
        "lstm: input [3] must be [steps, batch, features], or [steps, features]");
  CHECK(shape_error([&] {
          lstm(of({1, 1, 1, 3}), {}, good, {.batch_first = true});
        }) == "lstm: input [1, 1, 1, 3] must be [batch, steps, features], or [steps, features]");
  CHECK(shape_error([&] {
          lstm(of({0, 2, 3}), {}, good);
        }) == "lstm: input [0, 2, 3] has no steps");
  CHECK(shape_error([&] {
          lstm(of({2, 0, 3}), {}, good, {.batch_first = true});
        }) == "lstm: input [2, 0, 3] has no steps");
  CHECK(dtype_error([&] { lstm(x.to(int64), {}, good); }) ==
        "lstm: takes floating tensors, got int64");
  CHECK(shape_error([&] {
          lstm(x, {of({2, 5}), {}}, good);
        }) == "lstm: hx.h is [2, 5]; expected [1, 2, 5]");
  CHECK(shape_error([&] {
          lstm(x, {{}, of({1, 2, 4})}, good);
        }) == "lstm: hx.c is [1, 2, 4]; expected [1, 2, 5]");
  CHECK(shape_error([&] {
          lstm(x[0], {of({1, 1, 5}), {}}, good);
        }) == "lstm: hx.h is [1, 1, 5]; expected [1, 5]");
  CHECK(dtype_error([&] {
          lstm(x, {of({1, 2, 5}).to(float64), {}}, good);
        }) == "lstm: hx.h is float64, the input float32; convert one with x.to()");

  CHECK(shape_error([&] {
          gru_cell(x[0], of({2, 4}), of({15, 3}), of({15, 5}));
        }) == "gru_cell: hx is [2, 4]; expected [2, 5]");
  CHECK(shape_error([&] {
          gru_cell(x[0], {}, of({15, 3}), of({15, 5}), {}, of({5}));
        }) == "gru_cell: b_hh is [5]; expected [15]");
  CHECK(shape_error([&] {
          rnn_relu_cell(x[0], {}, of({5, 2}), of({5, 5}));
        }) == "rnn_relu_cell: w_ih is [5, 2]; expected [units, 3]");
  CHECK(shape_error([&] { lstm_cell(x, {}, good[0], good[1]); }) ==
        "lstm_cell: input [7, 2, 3] must be [batch, features] or [features]");
  CHECK(value_error([&] { lstm_cell({}, {}, good[0], good[1]); }) ==
        "lstm_cell: argument 1 is undefined: default-constructed, moved from, or the grad() of a "
        "tensor that no backward() has reached");
}
