#pragma once
#include <xgrad/ops/arithmetic.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

// Some C headers have a macro of this name.
#pragma push_macro("None")
#undef None

#pragma GCC visibility push(default)

namespace xgrad {

// What stands between the brackets of x[…] in Python, spelt as in PyTorch's C++:
//
//     using namespace xgrad::indexing;
//     x.index({Slice(1, None, 2), 0, Ellipsis, mask})     // x[1::2, 0, ..., mask]
namespace indexing {

/// A new axis of one element; of a Slice, the bound that is not given.
inline constexpr std::nullopt_t None = std::nullopt;

struct EllipsisIndex {};
/// All axes that the other indices leave.
inline constexpr EllipsisIndex Ellipsis{};

/// Elements start, start + step, … before stop, as in Python. The step must be positive.
class Slice {
 public:
  using Bound = std::optional<std::int64_t>;
  Slice() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): {2} is meant to work
  Slice(Bound start, Bound stop = {}, Bound step = {}) : start_(start), stop_(stop), step_(step) {}

  std::int64_t start() const noexcept { return start_.value_or(0); }
  const Bound& stop() const noexcept { return stop_; }
  std::int64_t step() const noexcept { return step_.value_or(1); }

 private:
  Bound start_, stop_, step_;
};

/// One of them: an integer or a scalar int64 tensor (the axis disappears), a Slice, an int64 tensor
/// (the axis becomes its axes), a bool one (as many axes as it has become one, of the elements
/// where it holds), None, Ellipsis or "...", true or false.
class TensorIndex {
 public:
  TensorIndex(std::nullopt_t) : kind_(NewAxis{}) {}       // NOLINT: these convert
  TensorIndex(EllipsisIndex) : kind_(EllipsisIndex{}) {}  // NOLINT
  TensorIndex(Slice slice) : kind_(slice) {}              // NOLINT
  TensorIndex(const Tensor& index) : kind_(index) {}      // NOLINT
  TensorIndex(const char* dots);                          // NOLINT
  template <std::integral T>
  TensorIndex(T index) {  // NOLINT
    if constexpr (std::is_same_v<T, bool>)
      kind_ = index;
    else
      kind_ = static_cast<std::int64_t>(index);
  }

  struct NewAxis {};
  using Kind = std::variant<std::int64_t, bool, NewAxis, EllipsisIndex, Slice, Tensor>;
  const Kind& kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

using Indices = std::vector<TensorIndex>;

}  // namespace indexing

// Tensors among the indices broadcast together. Where they stand side by side their axes take the
// place of those that they index, otherwise they come first, as in PyTorch. Negative indices count
// from the back. ValueError for an index outside of its axis and a step that is not positive,
// ShapeError for too many indices and for masks of another shape, DTypeError for other dtypes.

/// The elements that `indices` name: a view of x where there are only integers, slices, None and
/// Ellipsis.
Tensor index(const Tensor& x, const indexing::Indices& indices);
/// x with `values`, broadcast and of x's dtype, in these elements, or added to them as often as
/// they are named. Where one is named twice the last of its values stays, and it alone has a
/// gradient.
Tensor index_put(Tensor x, const indexing::Indices& indices, const Operand& values,
                 bool accumulate = false);
/// Changes x itself, off the tape, as copy_() does; gives x.
Tensor index_put_(const Tensor& x, const indexing::Indices& indices, const Operand& values,
                  bool accumulate = false);

}  // namespace xgrad

#pragma GCC visibility pop
#pragma pop_macro("None")
