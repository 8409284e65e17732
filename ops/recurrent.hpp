#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

// Recurrent networks. Weights are as PyTorch's: w_ih [gates · units, features] multiplies what
// comes in, w_hh [gates · units, units] what comes back, b_ih and b_hh [gates · units] are added
// (undefined: 0); the gates are i, f, g, o of an LSTM and r, z, n of a GRU, in this order. All are
// floating and of one dtype; those of 16 bits are computed with as float32, and what comes back is
// not rounded between steps. ShapeError, DTypeError or ValueError that name what does not fit.

/// What an LSTM hands from step to step: what it gives out, and its memory. Undefined: zeros.
struct LSTMState {
  Tensor h;
  Tensor c;
};

// One step: input [batch, features] and the state [batch, units] before it, undefined for zeros, or
// both without a batch, give the state after it.

/// i, f, o = σ(W x + b + W h + b), g = tanh(…);  c ← f c + i g,  h ← o tanh c. Hochreiter and
/// Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; f is Gers, Schmidhuber and
/// Cummins', 2000.
LSTMState lstm_cell(const Tensor& input, const LSTMState& hx, const Tensor& w_ih,
                    const Tensor& w_hh, const Tensor& b_ih = {}, const Tensor& b_hh = {});

/// r, z = σ(W x + b + W h + b), n = tanh(W x + b + r (W h + b));  h ← (1 − z) n + z h. Cho et al.,
/// arXiv:1406.1078, with r behind the product.
Tensor gru_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih = {}, const Tensor& b_hh = {});

/// h ← tanh(W x + b + W h + b)
Tensor rnn_tanh_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih = {}, const Tensor& b_hh = {});
/// h ← max(W x + b + W h + b, 0)
Tensor rnn_relu_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih = {}, const Tensor& b_hh = {});

struct RecurrentOptions {
  bool has_biases = true;       ///< whether the parameters have b_ih and b_hh
  std::int64_t num_layers = 1;  ///< each works on what the one below gives
  double dropout = 0;           ///< of what each layer but the last gives
  bool training = true;         ///< otherwise nothing is dropped
  bool bidirectional = false;   ///< a second set of weights from the last step to the first
  bool batch_first = false;     ///< input and output are [batch, steps, …]
  std::int64_t proj_size =
      0;  ///< an LSTM's h is w_hr h, of so many values (Sak et al., arXiv:1402.1128); 0: not
  Generator* generator = nullptr;  ///< of dropout; nullptr: the default one
};

/// Of all steps, h of the last layer, that of both directions side by side; and after the last step
/// (the first, backward) h of all layers and directions, [layers · directions, batch, units].
struct RNNOutput {
  Tensor output;
  Tensor h_n;
};
struct LSTMOutput {
  Tensor output;
  LSTMState state;  ///< h_n and c_n
};

/// Whole sequences: input [steps, batch, features], or [steps, features] without a batch, of one
/// step at least. hx [layers · directions, batch, units] is the state before them, undefined for
/// zeros. params are w_ih, w_hh, b_ih, b_hh and an LSTM's w_hr [proj_size, units] (those that the
/// options ask for) of each layer, in each layer of each direction: PyTorch's flat list. With
/// proj_size, h has so many values in place of the units, w_hh as many columns.
LSTMOutput lstm(const Tensor& input, const LSTMState& hx, const std::vector<Tensor>& params,
                const RecurrentOptions& options = {});
RNNOutput gru(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
              const RecurrentOptions& options = {});
RNNOutput rnn_tanh(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
                   const RecurrentOptions& options = {});
RNNOutput rnn_relu(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
                   const RecurrentOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
