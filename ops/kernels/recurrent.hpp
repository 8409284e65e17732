#pragma once
// Internal: the steps of recurrent layers, forward and backward, after their inputs' product with
// w_ih. Gates stand side by side in a row, `units` values of each, in PyTorch's order; w_hh has
// their rows, and `fed_back` columns. A gradient that is nullptr is 0.
//
// w_hh is packed once for all steps (Panels), and what a step's product makes is worked on while it
// is in the cache. Sums have no more terms than gates · units, in blocks of 256.

#include <cstdint>

namespace xgrad::kernels {

/// Sequences side by side, [steps, batch, units].
struct SequenceExtents {
  std::int64_t steps;
  std::int64_t batch;
  std::int64_t units;
  std::int64_t fed_back;  ///< what comes back from a step: the units; of one step, any number
  bool reverse;           ///< begins with the last step

  /// Where the step lies that is done at place `k`.
  std::int64_t time(std::int64_t k) const { return reverse ? steps - 1 - k : k; }
};

/// gates [steps, batch, 4 units] hold what the inputs bring, and become i, f, g and o; y and c are
/// [steps, batch, units].
template <class T>
void lstm(const SequenceExtents& e, const T* h0, const T* c0, const T* w_hh, T* gates, T* y, T* c);
/// The gradients of what the inputs brought, of h0 and of c0.
template <class T>
void lstm_input(const SequenceExtents& e, const T* c0, const T* w_hh, const T* gates, const T* c,
                const T* dy, const T* dc_n, T* dgates, T* dh0, T* dc0);

/// gates [steps, batch, 3 units] become r, z and n; `hidden` [steps, batch, units] is what h brings
/// to n, b_hh's part included (b_hh [3 units], never
/// nullptr).
template <class T>
void gru(const SequenceExtents& e, const T* h0, const T* w_hh, const T* b_hh, T* gates, T* hidden,
         T* y);
/// dgates: of what the inputs brought; dhidden: of what h brought, both [steps, batch, 3 units].
template <class T>
void gru_input(const SequenceExtents& e, const T* h0, const T* w_hh, const T* gates,
               const T* hidden, const T* y, const T* dy, T* dgates, T* dhidden, T* dh0);

enum class Activation : std::uint8_t { tanh, relu };

/// y [steps, batch, units] holds what the inputs bring, and becomes the result.
template <class T>
void rnn(Activation f, const SequenceExtents& e, const T* h0, const T* w_hh, T* y);
template <class T>
void rnn_input(Activation f, const SequenceExtents& e, const T* w_hh, const T* y, const T* dy,
               T* dgates, T* dh0);

}  // namespace xgrad::kernels
