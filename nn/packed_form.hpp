#pragma once
// Internal: what a PackedSequence says, checked.

#include <xgrad/nn/packed.hpp>

#include <cstdint>
#include <vector>

namespace xgrad::nn::utils::rnn {

struct PackedForm {
  std::vector<std::int64_t> sizes;  ///< how many sequences have each step
  std::vector<std::int64_t> order;  ///< which sequence is the longest, the next, …

  std::int64_t steps() const { return static_cast<std::int64_t>(sizes.size()); }
  std::int64_t batch() const { return sizes.front(); }
};

/// ShapeError, DTypeError or ValueError that say in the name of `operation` what is wrong.
PackedForm form_of(const char* operation, const PackedSequence& packed);

}  // namespace xgrad::nn::utils::rnn
