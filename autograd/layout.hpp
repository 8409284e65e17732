#pragma once
// Internal: how operations keep images in blocks of channels from one to the next (see Storage).

#include <xgrad/autograd/tensor.hpp>

#include <cassert>
#include <cstdint>

namespace xgrad {

enum class Layout : std::uint8_t {
  plain,   ///< row-major
  blocked  ///< [N, C / block, H · W, block]
};

/// Whether images of this shape and dtype can lie in blocks: float32 [N, C, H, W], C a multiple of
/// channel_block(), not empty.
bool blockable(const Shape& shape, DType dtype);

/// How the values of x lie; those of a view that is not contiguous count as plain.
Layout layout_of(const Tensor& x);

/// The layout in which two of one shape meet: blocked if either is.
Layout common_layout(const Tensor& a, const Tensor& b);

/// Uninitialised values in the given layout; blocked only where blockable().
Tensor empty(const Shape& shape, DType dtype, Layout layout);

/// x with its values in the given layout, contiguous: x itself where they are. Off the tape.
Tensor arranged(const Tensor& x, Layout layout);
using detail::in_rows;

/// Whether equal positions in memory are equal positions in both, which have one shape; of x and x,
/// whether its values lie together.
bool lie_alike(const Tensor& a, const Tensor& b);

/// The values of a tensor in the layout it was made in or arranged() to.
template <class T>
const T* own_data(const Tensor& x) {
  assert(x.is_contiguous());
  return reinterpret_cast<const T*>(x.storage()->own() + x.impl()->offset);
}
template <class T>
T* own_data(Tensor& x) {
  return reinterpret_cast<T*>(x.storage()->own() + x.impl()->offset);
}
/// The same, to change values that others may have copied.
template <class T>
T* change_own_data(Tensor& x) {
  return reinterpret_cast<T*>(x.storage()->change_own() + x.impl()->offset);
}

}  // namespace xgrad
