#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/packed_form.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/recurrence.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

namespace xgrad::nn {
namespace detail {
namespace {

using Kind = RecurrentForm::Kind;
using List = std::vector<Tensor>;

constexpr std::array operations{Op::lstm, Op::gru, Op::rnn_tanh, Op::rnn_relu};

Op operation_of(const RecurrentForm& form) {
  return operations[static_cast<std::size_t>(form.kind)];
}

std::int64_t gates_of(Kind kind) { return kind == Kind::lstm ? 4 : kind == Kind::gru ? 3 : 1; }

void require_sizes(const char* layer, std::int64_t input_size, std::int64_t hidden_size) {
  require<ValueError>(input_size > 0 && hidden_size > 0,
                      "{}: input_size {} and hidden_size {}; both must be positive", layer,
                      input_size, hidden_size);
}

void check(const RecurrentForm& form) {
  const auto& [layer, kind, input_size, hidden_size, o] = form;
  require_sizes(layer, input_size, hidden_size);
  constexpr std::int64_t most_layers = 10000;  // each takes memory before the next is asked for
  require<ValueError>(o.num_layers > 0 && o.num_layers <= most_layers,
                      "{}: num_layers is {}; it must lie in [1, {}]", layer, o.num_layers,
                      most_layers);
  require<ValueError>(o.dropout >= 0 && o.dropout <= 1, "{}: dropout is {}, it must lie in [0, 1]",
                      layer, o.dropout);
  require<ValueError>(o.proj_size >= 0 && o.proj_size < hidden_size,
                      "{}: proj_size is {}; it must lie in [0, {}), below hidden_size", layer,
                      o.proj_size, hidden_size);
}

/// The parameters of one direction of a layer, as PyTorch calls and orders them.
std::vector<std::pair<const char*, Shape>> parameters_of(const RecurrentForm& form,
                                                         std::int64_t layer) {
  const RecurrentOptions& o = form.options;
  const std::int64_t rows = (Size(gates_of(form.kind), form.layer) * form.hidden_size).value();
  const std::int64_t out = o.proj_size > 0 ? o.proj_size : form.hidden_size;
  const std::int64_t below = (Size(out, form.layer) * (o.bidirectional ? 2 : 1)).value();
  std::vector<std::pair<const char*, Shape>> all{
      {"weight_ih", {rows, layer == 0 ? form.input_size : below}}, {"weight_hh", {rows, out}}};
  if (o.has_biases) all.insert(all.end(), {{"bias_ih", {rows}}, {"bias_hh", {rows}}});
  if (o.proj_size > 0) all.push_back({"weight_hr", {out, form.hidden_size}});
  return all;
}

// ---- packed sequences

/// Steps that as many sequences have, one after the other.
struct Run {
  std::int64_t steps;
  std::int64_t batch;
};

std::vector<Run> runs_of(const std::vector<std::int64_t>& sizes) {
  std::vector<Run> runs;
  for (const std::int64_t size : sizes) {
    if (runs.empty() || runs.back().batch != size) runs.push_back({0, size});
    ++runs.back().steps;
  }
  return runs;
}

/// f of both parts of a state, where they are there.
template <class F>
LSTMState each(const F& f, const LSTMState& state) {
  return {state.h.defined() ? f(state.h) : Tensor(), state.c.defined() ? f(state.c) : Tensor()};
}

/// Pieces of a state [1, batch, …] by sequences.
std::vector<LSTMState> split_state(const LSTMState& state, const std::vector<std::int64_t>& sizes) {
  std::vector<LSTMState> pieces(sizes.size());
  const auto put = [&](const Tensor& x, Tensor LSTMState::*part) {
    if (!x.defined()) return;
    const List all = split(x, sizes, 1);
    for (std::size_t i = 0; i < all.size(); ++i) pieces[i].*part = all[i];
  };
  put(state.h, &LSTMState::h);
  put(state.c, &LSTMState::c);
  return pieces;
}

/// States of sequences one after the other.
LSTMState joined(const std::vector<LSTMState>& states) {
  const auto join = [&](Tensor LSTMState::*part) {
    if (!(states.front().*part).defined()) return Tensor();
    List all;
    for (const LSTMState& state : states) all.push_back(state.*part);
    return all.size() == 1 ? all[0] : cat(all, 1);
  };
  return {join(&LSTMState::h), join(&LSTMState::c)};
}

/// One direction of one layer: runs of steps with as many sequences are plain sequences, between
/// which the state loses the sequences that end, or gains, backward, those that begin.
class Direction {
 public:
  Direction(const RecurrentForm& form, const std::vector<Run>& runs, List params)
      : op_(operation_of(form)), runs_(runs), params_(std::move(params)), options_(form.options) {
    options_.num_layers = 1;
    options_.bidirectional = options_.batch_first = false;
  }

  /// Of data [rows, features] and the state [1, batch, …] before it.
  LSTMOutput operator()(const Tensor& data, const LSTMState& before, bool reverse) const {
    std::vector<std::int64_t> rows;
    for (const Run& run : runs_) rows.push_back(run.steps * run.batch);
    List pieces = split(data, rows);
    for (std::size_t i = 0; i < pieces.size(); ++i)
      pieces[i] = reshape(pieces[i], {runs_[i].steps, runs_[i].batch, data.size(1)});
    const LSTMState after = reverse ? backward(pieces, before) : forward(pieces, before);
    for (Tensor& piece : pieces) piece = flatten(piece, 0, 1);
    return {pieces.size() == 1 ? pieces[0] : cat(pieces), after};
  }

 private:
  /// The sequences that end with each run, first those that are left with the last one.
  std::vector<std::int64_t> ends() const {
    std::vector<std::int64_t> sizes{runs_.back().batch};
    for (std::size_t i = runs_.size() - 1; i-- > 0;)
      sizes.push_back(runs_[i].batch - runs_[i + 1].batch);
    return sizes;
  }

  LSTMState forward(List& pieces, LSTMState state) const {
    std::vector<LSTMState> ended;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      state = run(pieces[i], state, false);
      if (i + 1 == pieces.size()) break;
      const std::int64_t left = runs_[i + 1].batch;
      const std::vector<LSTMState> parts = split_state(state, {left, runs_[i].batch - left});
      ended.push_back(parts[1]);
      state = parts[0];
    }
    ended.push_back(state);
    std::ranges::reverse(ended);
    return joined(ended);
  }

  LSTMState backward(List& pieces, const LSTMState& before) const {
    const std::vector<LSTMState> begins = split_state(before, ends());
    LSTMState state = begins[0];
    for (std::size_t i = pieces.size(); i-- > 0;) {
      state = run(pieces[i], state, true);
      if (i > 0) state = joined({state, begins[pieces.size() - i]});
    }
    return state;
  }

  LSTMState run(Tensor& piece, const LSTMState& before, bool reverse) const {
    const LSTMOutput made = recur(op_, piece, before, params_, options_, reverse);
    piece = made.output;
    return made.state;
  }

  Op op_;
  const std::vector<Run>& runs_;
  List params_;
  RecurrentOptions options_;
};

/// All layers, of a state [layers · directions, batch, …] in the order of `data`.
LSTMOutput run_packed(const RecurrentForm& form, const std::vector<Run>& runs, Tensor data,
                      const LSTMState& before, const List& params) {
  const RecurrentOptions& o = form.options;
  const std::int64_t directions = o.bidirectional ? 2 : 1;
  const auto count = static_cast<std::ptrdiff_t>(parameters_of(form, 0).size());
  List h, c;
  for (std::int64_t layer = 0; layer < o.num_layers; ++layer) {
    List outputs;
    for (std::int64_t direction = 0; direction < directions; ++direction) {
      const std::int64_t place = layer * directions + direction;
      const auto first = params.begin() + place * count;
      const auto own = [&](const Tensor& x) { return slice(x, 0, place, place + 1); };
      const LSTMOutput made = Direction(form, runs, List(first, first + count))(
          data, each(own, before), direction == 1);
      outputs.push_back(made.output);
      h.push_back(made.state.h);
      if (made.state.c.defined()) c.push_back(made.state.c);
    }
    data = outputs.size() == 1 ? outputs[0] : cat(outputs, -1);
    if (layer + 1 < o.num_layers)
      data = dropout(data, {.p = o.dropout, .training = o.training, .generator = o.generator});
  }
  return {data, {cat(h), c.empty() ? Tensor() : cat(c)}};
}

/// The state before, checked, in the order of what is packed; zeros where it is undefined.
LSTMState packed_state(const RecurrentForm& form, const PackedSequence& x, std::int64_t batch,
                       const LSTMState& given) {
  const RecurrentOptions& o = form.options;
  Shape shape{o.num_layers * (o.bidirectional ? 2 : 1), batch,
              o.proj_size > 0 ? o.proj_size : form.hidden_size};
  const auto checked = [&](const char* what, const Tensor& state) {
    if (!state.defined()) return zeros(shape, {.dtype = x.data.dtype()});
    require<ShapeError>(state.shape() == shape, "{}: {} is {}; expected {}", form.layer, what,
                        state.shape(), shape);
    require<DTypeError>(state.dtype() == x.data.dtype(),
                        "{}: {} is {}, the input {}; convert one with x.to()", form.layer, what,
                        state.dtype(), x.data.dtype());
    return x.sorted_indices.defined() ? index_select(state, 1, x.sorted_indices) : state;
  };
  if (form.kind != Kind::lstm) return {checked("hx", given.h), {}};
  const Tensor h = checked("hx.h", given.h);
  shape.back() = form.hidden_size;
  return {h, checked("hx.c", given.c)};
}

LSTMOutput call_packed(const RecurrentForm& form, const PackedSequence& x, const LSTMState& given,
                       const List& params) {
  const utils::rnn::PackedForm packed = utils::rnn::form_of(form.layer, x);
  require<ShapeError>(x.data.dim() == 2 && x.data.size(1) == form.input_size,
                      "{}: packed data {} must be [rows, {}]", form.layer, x.data.shape(),
                      form.input_size);
  const LSTMState before = packed_state(form, x, packed.batch(), given);
  const DType dtype = x.data.dtype();
  for (const Tensor& weight : params)
    require<DTypeError>(weight.dtype() == dtype,
                        "{}: weights are {}, the input {}; convert one with x.to()", form.layer,
                        weight.dtype(), dtype);
  // What comes back is not rounded between runs.
  const auto entered = [&](const Tensor& t) { return is_half(dtype) ? t.to(float32) : t; };
  List entered_params(params.size());
  std::ranges::transform(params, entered_params.begin(), entered);
  const LSTMOutput made = run_packed(form, runs_of(packed.sizes), entered(x.data),
                                     each(entered, before), entered_params);
  const auto left = [&](const Tensor& t) {
    return x.unsorted_indices.defined() ? index_select(t, 1, x.unsorted_indices).to(dtype)
                                        : t.to(dtype);
  };
  return {made.output.to(dtype), each(left, made.state)};
}

// ---- states of one tensor and of two

LSTMState as_lstm_state(const LSTMState& state) { return state; }
LSTMState as_lstm_state(const Tensor& state) { return {state, {}}; }

}  // namespace

template <class Self, class State>
Recurrent<Self, State>::Recurrent(const RecurrentForm& form) : form_(form) {
  check(form);
  const xgrad::detail::Running running(form.layer);
  const std::int64_t directions = form.options.bidirectional ? 2 : 1;
  for (std::int64_t layer = 0; layer < form.options.num_layers; ++layer)
    for (std::int64_t direction = 0; direction < directions; ++direction)
      for (const auto& [name, shape] : parameters_of(form, layer)) {
        const std::string full =
            fmt::format("{}_l{}{}", name, layer, direction == 1 ? "_reverse" : "");
        weights.push_back(
            this->add_parameter(full, init::default_(Tensor::empty(shape), form.hidden_size)));
      }
}

template <class Self, class State>
void Recurrent<Self, State>::require_weights() const {
  if (!weights.empty()) return;
  const std::string name = this->type_name();
  raise<ValueError>("{}: used before it was made; give it its sizes, as in nn::{}{{32, 64}}", name,
                    name);
}

template <class Self, class State>
auto Recurrent<Self, State>::forward(const Tensor& x, const State& before) -> Output {
  require_weights();
  const xgrad::detail::Running running(form_.layer, x);
  require<ShapeError>(x.dim() == 0 || x.size(-1) == form_.input_size,
                      "{}: input {} must have {} features in its last axis", form_.layer, x.shape(),
                      form_.input_size);
  RecurrentOptions options = form_.options;
  options.training = this->is_training();
  const LSTMOutput made = recur(operation_of(form_), x, as_lstm_state(before),
                                List(weights.begin(), weights.end()), options);
  if constexpr (has_memory)
    return made;
  else
    return {made.output, made.state.h};
}

template <class Self, class State>
auto Recurrent<Self, State>::forward(const PackedSequence& x, const State& before) -> PackedOutput {
  require_weights();
  RecurrentForm form = form_;
  form.options.training = this->is_training();
  const LSTMOutput made =
      call_packed(form, x, as_lstm_state(before), List(weights.begin(), weights.end()));
  PackedSequence output = x;
  output.data = made.output;
  if constexpr (has_memory)
    return {output, made.state};
  else
    return {output, made.state.h};
}

template class Recurrent<RNN, Tensor>;
template class Recurrent<GRU, Tensor>;
template class Recurrent<LSTM, LSTMState>;

template <class Self>
RecurrentCell<Self>::RecurrentCell(const char* layer, std::int64_t gates, std::int64_t input_size,
                                   std::int64_t hidden_size, bool bias) {
  require_sizes(layer, input_size, hidden_size);
  const xgrad::detail::Running running(layer);
  const std::int64_t rows = (Size(gates, layer) * hidden_size).value();
  const auto made = [&](const char* name, const Shape& shape) {
    return this->add_parameter(name, init::default_(Tensor::empty(shape), hidden_size));
  };
  weight_ih = made("weight_ih", {rows, input_size});
  weight_hh = made("weight_hh", {rows, hidden_size});
  if (!bias) return;
  bias_ih = made("bias_ih", {rows});
  bias_hh = made("bias_hh", {rows});
}

template class RecurrentCell<RNNCell>;
template class RecurrentCell<GRUCell>;
template class RecurrentCell<LSTMCell>;

}  // namespace detail

using detail::RecurrentForm;
using Kind = RecurrentForm::Kind;

namespace {

/// What the options of the three have in common, as the operations take it.
template <class Options>
RecurrentOptions shared(const Options& o) {
  return {.has_biases = o.bias,
          .num_layers = o.num_layers,
          .dropout = o.dropout,
          .bidirectional = o.bidirectional,
          .batch_first = o.batch_first};
}

RecurrentOptions with_projection(const LSTMOptions& o) {
  RecurrentOptions all = shared(o);
  all.proj_size = o.proj_size;
  return all;
}

}  // namespace

RNN::RNN(std::int64_t input_size, std::int64_t hidden_size, const RNNOptions& options)
    : Recurrent({"RNN",
                 options.nonlinearity == Nonlinearity::relu ? Kind::rnn_relu : Kind::rnn_tanh,
                 input_size, hidden_size, shared(options)}) {}

GRU::GRU(std::int64_t input_size, std::int64_t hidden_size, const GRUOptions& options)
    : Recurrent({"GRU", Kind::gru, input_size, hidden_size, shared(options)}) {}

LSTM::LSTM(std::int64_t input_size, std::int64_t hidden_size, const LSTMOptions& options)
    : Recurrent({"LSTM", Kind::lstm, input_size, hidden_size, with_projection(options)}) {}

RNNCell::RNNCell(std::int64_t input_size, std::int64_t hidden_size, const RNNCellOptions& options)
    : RecurrentCell("RNNCell", 1, input_size, hidden_size, options.bias),
      nonlinearity_(options.nonlinearity) {}

Tensor RNNCell::forward(const Tensor& x, const Tensor& before) {
  detail::require_made(weight_ih, "RNNCell", "nn::RNNCell{32, 64}");
  const auto cell = nonlinearity_ == Nonlinearity::relu ? rnn_relu_cell : rnn_tanh_cell;
  return cell(x, before, weight_ih, weight_hh, bias_ih, bias_hh);
}

GRUCell::GRUCell(std::int64_t input_size, std::int64_t hidden_size,
                 const RecurrentCellOptions& options)
    : RecurrentCell("GRUCell", 3, input_size, hidden_size, options.bias) {}

Tensor GRUCell::forward(const Tensor& x, const Tensor& before) {
  detail::require_made(weight_ih, "GRUCell", "nn::GRUCell{32, 64}");
  return gru_cell(x, before, weight_ih, weight_hh, bias_ih, bias_hh);
}

LSTMCell::LSTMCell(std::int64_t input_size, std::int64_t hidden_size,
                   const RecurrentCellOptions& options)
    : RecurrentCell("LSTMCell", 4, input_size, hidden_size, options.bias) {}

LSTMState LSTMCell::forward(const Tensor& x, const LSTMState& before) {
  detail::require_made(weight_ih, "LSTMCell", "nn::LSTMCell{32, 64}");
  return lstm_cell(x, before, weight_ih, weight_hh, bias_ih, bias_hh);
}

}  // namespace xgrad::nn
