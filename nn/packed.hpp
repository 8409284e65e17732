#pragma once
// Sequences of several lengths in one tensor.

#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn::utils::rnn {

/// Sequences one step after the other, at each step those that go on, the longest first: what
/// nn::RNN, LSTM and GRU work on without computing anything for padding. Made by the functions
/// below; one made by hand is checked where it is used.
struct PackedSequence {
  Tensor data;              ///< [sum of lengths, …]
  Tensor batch_sizes;       ///< int64 [steps]: how many sequences have this step
  Tensor sorted_indices;    ///< int64 [batch]: which sequence is the longest, the next, …
  Tensor unsorted_indices;  ///< undoes sorted_indices; both undefined: they came sorted
};

struct PackOptions {
  bool batch_first =
      false;  ///< whether the input is [batch, steps, …]; otherwise [steps, batch, …]
  bool enforce_sorted =
      true;  ///< ValueError unless the longest come first; otherwise they are sorted
};

/// The first lengths[i] steps of sequence i of x [steps, batch, …]. ShapeError for fewer than two
/// axes; ValueError unless there is a length for each sequence, in [1, steps]; DTypeError for
/// lengths that are not int64.
PackedSequence pack_padded_sequence(const Tensor& x, const std::vector<std::int64_t>& lengths,
                                    const PackOptions& options = {});
PackedSequence pack_padded_sequence(const Tensor& x, const Tensor& lengths,
                                    const PackOptions& options = {});

struct PackSequenceOptions {
  bool enforce_sorted = true;  ///< as above
};

/// Sequences [length, …] that differ in their length alone, one of them at least.
PackedSequence pack_sequence(const std::vector<Tensor>& sequences,
                             const PackSequenceOptions& options = {});

struct PadOptions {
  bool batch_first =
      false;  ///< whether the result is [batch, steps, …]; otherwise [steps, batch, …]
  Scalar padding_value = 0;
};

/// Sequences [length, …] side by side, as many steps as the longest has, those that a sequence has
/// not of padding_value: what pack_padded_sequence takes. Any dtype.
Tensor pad_sequence(const std::vector<Tensor>& sequences, const PadOptions& options = {});

struct PadPackedOptions {
  bool batch_first = false;
  Scalar padding_value = 0;
  std::optional<std::int64_t> total_length = {};  ///< steps of the result, none: of the longest
};

struct PaddedSequence {
  Tensor padded;
  Tensor lengths;  ///< int64 [batch]
};

/// Undoes pack_padded_sequence: sequences in the order in which they came. ValueError for a
/// total_length below the longest.
PaddedSequence pad_packed_sequence(const PackedSequence& packed,
                                   const PadPackedOptions& options = {});

}  // namespace xgrad::nn::utils::rnn

#pragma GCC visibility pop
