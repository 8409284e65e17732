#pragma once
// Recurrent networks as layers. Parameters have PyTorch's names and order, and start uniform within
// 1 / √hidden_size.

#include <xgrad/nn/module_of.hpp>
#include <xgrad/nn/packed.hpp>
#include <xgrad/ops/recurrent.hpp>

#include <cstdint>
#include <type_traits>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::LSTMOutput;
using xgrad::LSTMState;
using xgrad::RNNOutput;
using PackedSequence = utils::rnn::PackedSequence;

/// What an RNN computes of a step's sum.
enum class Nonlinearity { tanh, relu };

// Of all three:
//
//   num_layers     each works on what the one below gives
//   bias           whether there are bias_ih and bias_hh
//   batch_first    input and output are [batch, steps, …], the states are not
//   dropout        in training, of what each layer but the last gives
//   bidirectional  a second set of weights from the last step to the first

struct RNNOptions {
  std::int64_t num_layers = 1;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
};
struct GRUOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
};
struct LSTMOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  std::int64_t proj_size = 0;  ///< h is weight_hr h, of so many values; 0: not
};

/// Of packed sequences, in the order in which they came, but for the packed output.
struct PackedRNNOutput {
  PackedSequence output;
  Tensor h_n;
};
struct PackedLSTMOutput {
  PackedSequence output;
  LSTMState state;
};

namespace detail {

struct RecurrentForm {
  enum class Kind : std::uint8_t { lstm, gru, rnn_tanh, rnn_relu };

  const char* layer = "";
  Kind kind = Kind::lstm;
  std::int64_t input_size = 0;
  std::int64_t hidden_size = 0;
  RecurrentOptions options = {};
};

/// What RNN, GRU and LSTM are but for their options.
template <class Self, class State>
class Recurrent : public ModuleOf<Self> {
 public:
  static constexpr bool has_memory = std::is_same_v<State, LSTMState>;
  using Output = std::conditional_t<has_memory, LSTMOutput, RNNOutput>;
  using PackedOutput = std::conditional_t<has_memory, PackedLSTMOutput, PackedRNNOutput>;

  Output operator()(const Tensor& x, const State& before = {}) {
    return ModuleOf<Self>::operator()(x, before);
  }
  PackedOutput operator()(const PackedSequence& x, const State& before = {}) {
    return ModuleOf<Self>::operator()(x, before);
  }

  Output forward(const Tensor& x, const State& before = {});
  PackedOutput forward(const PackedSequence& x, const State& before = {});

  /// weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 and with proj_size weight_hr_l0, those of
  /// "l0_reverse" if bidirectional, of "l1", …: what xgrad::lstm and the like take.
  std::vector<Parameter> weights;

 protected:
  Recurrent() = default;
  explicit Recurrent(const RecurrentForm& form);

 private:
  void require_weights() const;

  RecurrentForm form_;
};

/// What the three cells are but for their options.
template <class Self>
class RecurrentCell : public ModuleOf<Self> {
 public:
  Parameter weight_ih;  ///< [gates · hidden_size, input_size]
  Parameter weight_hh;  ///< [gates · hidden_size, hidden_size]
  Parameter bias_ih;    ///< [gates · hidden_size], or undefined
  Parameter bias_hh;    ///< [gates · hidden_size], or undefined

 protected:
  RecurrentCell() = default;
  RecurrentCell(const char* layer, std::int64_t gates, std::int64_t input_size,
                std::int64_t hidden_size, bool bias);
};

}  // namespace detail

/// xgrad::rnn_tanh or rnn_relu with weights of its own:
///
///     auto [output, h_n] = rnn(x);        // or rnn(x, h0)
///
/// x is [steps, batch, input_size], or [steps, input_size] without a batch, or a PackedSequence:
/// then h_n is of the last step of each sequence, and backward each begins at its own last step.
/// ValueError for sizes that are not positive and for options out of range.
class RNN : public detail::Recurrent<RNN, Tensor> {
 public:
  /// Not usable before a made one is assigned.
  RNN() = default;
  RNN(std::int64_t input_size, std::int64_t hidden_size, const RNNOptions& options = {});
};

/// xgrad::gru, called as RNN is.
class GRU : public detail::Recurrent<GRU, Tensor> {
 public:
  /// Not usable before a made one is assigned.
  GRU() = default;
  GRU(std::int64_t input_size, std::int64_t hidden_size, const GRUOptions& options = {});
};

/// xgrad::lstm, called as RNN is but for its states:
///
///     auto [output, state] = lstm(x);     // or lstm(x, {h0, c0})
class LSTM : public detail::Recurrent<LSTM, LSTMState> {
 public:
  /// Not usable before a made one is assigned.
  LSTM() = default;
  LSTM(std::int64_t input_size, std::int64_t hidden_size, const LSTMOptions& options = {});
};

struct RNNCellOptions {
  bool bias = true;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
};
struct RecurrentCellOptions {
  bool bias = true;
};

/// One step, xgrad::rnn_tanh_cell or rnn_relu_cell: x [batch, input_size] or [input_size], and the
/// state before it, zeros where it is undefined. ValueError for sizes that are not positive.
class RNNCell : public detail::RecurrentCell<RNNCell> {
 public:
  RNNCell() = default;
  RNNCell(std::int64_t input_size, std::int64_t hidden_size, const RNNCellOptions& options = {});
  Tensor forward(const Tensor& x, const Tensor& before = {});

 private:
  Nonlinearity nonlinearity_ = Nonlinearity::tanh;
};

/// The same by xgrad::gru_cell.
class GRUCell : public detail::RecurrentCell<GRUCell> {
 public:
  GRUCell() = default;
  GRUCell(std::int64_t input_size, std::int64_t hidden_size,
          const RecurrentCellOptions& options = {});
  Tensor forward(const Tensor& x, const Tensor& before = {});
};

/// The same by xgrad::lstm_cell.
class LSTMCell : public detail::RecurrentCell<LSTMCell> {
 public:
  LSTMCell() = default;
  LSTMCell(std::int64_t input_size, std::int64_t hidden_size,
           const RecurrentCellOptions& options = {});
  LSTMState forward(const Tensor& x, const LSTMState& before = {});
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
