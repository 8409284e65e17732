#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

/// Of unfold() and fold(); in PyTorch's order.
struct FoldOptions {
  Extents<2> dilation = 1;  ///< how far apart the values of a window are
  Extents<2> padding = 0;   ///< zeros on each side
  Extents<2> stride = 1;
};

/// The values under each window of images x [N, C, H, W] as columns, [N, C·R·S, L] for a window of
/// R x S that has L places: torch.nn.functional.unfold, also called im2col. Without N alike; x may
/// have no images, but has channels, rows and columns, and is floating. The other unfold(x, axis,
/// size, step) is the tensor's method in PyTorch. ShapeError or ValueError where the window does
/// not fit.
Tensor unfold(const Tensor& x, Extents<2> kernel, const FoldOptions& options = {});

/// Its adjoint, also called col2im: columns x [N, C·R·S, L], or without N, to images of
/// `output_size`, in which values that were of several windows are added up.
Tensor fold(const Tensor& x, Extents<2> output_size, Extents<2> kernel,
            const FoldOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
