#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/fold.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::FoldOptions;

// Errors are those of the operations; windows that no image has are refused when the layer is made.

namespace detail {

/// The one of the two operations of this name that is of images.
inline constexpr auto unfold_images =
    static_cast<Tensor (*)(const Tensor&, Extents<2>, const FoldOptions&)>(unfold);

}  // namespace detail

/// The values under each window as columns: xgrad::unfold of images.
struct Unfold : detail::Applied<detail::unfold_images, Extents<2>, FoldOptions> {
  explicit Unfold(Extents<2> kernel, const FoldOptions& options = {});
};

/// xgrad::fold.
struct Fold : detail::Applied<fold, Extents<2>, Extents<2>, FoldOptions> {
  Fold(Extents<2> output_size, Extents<2> kernel, const FoldOptions& options = {});
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
