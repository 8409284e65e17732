#include "ops/table.hpp"

namespace table {
namespace {

/// Everything that a function gives, each part with a weight of its own.
Tensor joined(const Inputs& results) {
  Inputs parts;
  for (const Tensor& y : results)
    parts.push_back(flatten(y) * (1 + static_cast<double>(parts.size())));
  return cat(parts);
}
Tensor all_of(const Tensor& h) { return h; }
Tensor all_of(const LSTMState& s) { return joined({s.h, s.c}); }
Tensor all_of(const RNNOutput& y) { return joined({y.output, y.h_n}); }
Tensor all_of(const LSTMOutput& y) { return joined({y.output, y.state.h, y.state.c}); }

/// The state in the inputs, from place 1 on; none where it is not given.
template <class State>
constexpr std::size_t parts = std::is_same_v<State, LSTMState> ? 2 : 1;
template <class State>
State state_in(const Inputs& x, bool is_given) {
  if (!is_given) return {};
  if constexpr (parts<State> == 2)
    return {x[1], x[2]};
  else
    return x[1];
}

template <class State, class F>
Rows cell_rows(std::int64_t gates, const F& f) {
  const auto row = [&](const char* name, const Shape& in, const Shape& h, bool has_state,
                       bool has_biases) {
    const std::int64_t units = h.back(), rows = gates * units;
    Inputs inputs{normal(in)};
    for (std::size_t i = 0; has_state && i < parts<State>; ++i) inputs.push_back(normal(h, 2 + i));
    inputs.push_back(normal({rows, in.back()}, 4));
    inputs.push_back(normal({rows, units}, 5));
    for (std::uint64_t seed = 6; has_biases && seed < 8; ++seed)
      inputs.push_back(normal({rows}, seed));
    const std::size_t first = 1 + (has_state ? parts<State> : 0);
    return Row{name, inputs, [=](const Inputs& x) {
                 return all_of(f(x[0], state_in<State>(x, has_state), x[first], x[first + 1],
                                 has_biases ? x[first + 2] : Tensor(),
                                 has_biases ? x[first + 3] : Tensor()));
               }};
  };
  return {row("batch", {2, 3}, {2, 2}, true, true),
          row("one unit, no biases", {3, 2}, {3, 1}, true, false),
          row("no batch", {3}, {2}, true, true),
          row("no state before", {2, 1}, {2, 2}, false, true),
          row("an empty batch", {0, 3}, {0, 2}, true, true)};
}

template <class State, class F>
Rows sequence_rows(std::int64_t gates, const F& f) {
  const auto row = [&](const char* name, const Shape& in, std::int64_t units, bool has_state,
                       const RecurrentOptions& o) {
    const std::int64_t directions = o.bidirectional ? 2 : 1, rows = gates * units;
    const std::int64_t out = o.proj_size > 0 ? o.proj_size : units;
    Shape h{o.num_layers * directions, out};
    if (in.size() == 3) h.insert(1, in[o.batch_first ? 0 : 1]);
    Shape c = h;
    c.back() = units;
    Inputs inputs{normal(in)};
    for (std::size_t i = 0; has_state && i < parts<State>; ++i)
      inputs.push_back(normal(i == 0 ? h : c, 2 + i));
    const std::size_t first = inputs.size();
    const auto add = [&](const Shape& shape) {
      inputs.push_back(normal(shape, 4 + inputs.size()) * 0.5);
    };
    for (std::int64_t i = 0; i < o.num_layers * directions; ++i) {
      add({rows, i < directions ? in.back() : directions * out});
      add({rows, out});
      for (int bias = 0; o.has_biases && bias < 2; ++bias) add({rows});
      if (o.proj_size > 0) add({out, units});
    }
    return Row{name, inputs, [=](const Inputs& x) {
                 const Inputs params(x.begin() + static_cast<std::ptrdiff_t>(first), x.end());
                 return all_of(f(x[0], state_in<State>(x, has_state), params, o));
               }};
  };
  Rows rows{row("one step", {1, 2, 3}, 2, true, {}),
            row("steps", {3, 2, 3}, 2, true, {}),
            row("layers in both directions", {2, 1, 2}, 2, true,
                {.num_layers = 2, .bidirectional = true}),
            row("batch first, no biases, no state before", {2, 3, 1}, 1, false,
                {.has_biases = false, .num_layers = 2, .batch_first = true}),
            row("no batch", {3, 2}, 2, true, {.bidirectional = true}),
            row("an empty batch", {2, 0, 3}, 2, true, {})};
  if (gates == 4)
    rows.push_back(row("projection", {2, 2, 2}, 3, true, {.num_layers = 2, .proj_size = 2}));
  return rows;
}

}  // namespace

template <>
Rows rows<Op::lstm_cell>() {
  return cell_rows<LSTMState>(4, lstm_cell);
}
template <>
Rows rows<Op::gru_cell>() {
  return cell_rows<Tensor>(3, gru_cell);
}
template <>
Rows rows<Op::rnn_tanh_cell>() {
  return cell_rows<Tensor>(1, rnn_tanh_cell);
}
template <>
Rows rows<Op::rnn_relu_cell>() {
  return cell_rows<Tensor>(1, rnn_relu_cell);
}
template <>
Rows rows<Op::lstm>() {
  return sequence_rows<LSTMState>(4, lstm);
}
template <>
Rows rows<Op::gru>() {
  return sequence_rows<Tensor>(3, gru);
}
template <>
Rows rows<Op::rnn_tanh>() {
  return sequence_rows<Tensor>(1, rnn_tanh);
}
template <>
Rows rows<Op::rnn_relu>() {
  return sequence_rows<Tensor>(1, rnn_relu);
}

}  // namespace table
