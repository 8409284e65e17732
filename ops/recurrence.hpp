#pragma once
// Internal: recurrent networks by what they are called, for those of packed sequences.

#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/recurrent.hpp>

#include <vector>

namespace xgrad {

/// lstm(), gru(), rnn_tanh() or rnn_relu(); c is undefined but for the first. `reverse`: a single
/// direction, from the last step to the first.
LSTMOutput recur(Op op, const Tensor& input, const LSTMState& hx, const std::vector<Tensor>& params,
                 const RecurrentOptions& options, bool reverse = false);

}  // namespace xgrad
