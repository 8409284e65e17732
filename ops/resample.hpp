#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// A number for each spatial axis, or one for all of them; empty where it is not given.
template <class T>
class PerAxis {
 public:
  PerAxis() = default;
  template <Number U>
  PerAxis(U all) : values_{static_cast<T>(all)} {}                // NOLINT
  PerAxis(std::initializer_list<T> values) : values_(values) {}   // NOLINT
  PerAxis(std::vector<T> values) : values_(std::move(values)) {}  // NOLINT
  const std::vector<T>& values() const noexcept { return values_; }
  bool is_given() const noexcept { return !values_.empty(); }

 private:
  std::vector<T> values_;
};

/// Either size or scale_factor says how large the result is.
struct InterpolateOptions {
  PerAxis<std::int64_t> size = {};
  PerAxis<double> scale_factor = {};  ///< the size is rounded down
  /// "nearest", "nearest-exact" and "area" for any number of axes, "linear" for one, "bilinear" and
  /// "bicubic" for two, "trilinear" for three.
  std::string mode = "nearest";
  /// Whether the first and last places of both meet, not their borders; for the linear and cubic
  /// modes.
  std::optional<bool> align_corners = {};
  /// Whether to go by the two sizes where a scale_factor is given, instead of by the factor itself.
  std::optional<bool> recompute_scale_factor = {};
  bool antialias = false;  ///< for bilinear and bicubic: averages where the result is smaller
};

/// x [N, C, …] of one to three spatial axes in another size. Weights are PyTorch's: places lie at
/// the centres of equal pieces, cubic weights are those of Keys (1981) with a = −¾, or −½ with
/// antialias, beyond the border lies its value again; "nearest" takes the place at the piece's
/// start, "nearest-exact" at its centre, "area" averages adaptively. Integers and bools in the
/// nearest modes only (DTypeError). ShapeError for other axes or an empty spatial one, ValueError
/// for options that do not fit each other.
Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

/// [*, C r², H, W] to [*, C, H r, W r]: channels become finer pixels (Shi et al.,
/// arXiv:1609.05158). ShapeError where the channels are no multiple of r².
Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor);
/// Undoes it: [*, C, H r, W r] to [*, C r², H, W].
Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor);
/// Channels [N, g · k, …] counted as [k, g] instead of [g, k] (Zhang et al., arXiv:1707.01083).
Tensor channel_shuffle(const Tensor& x, std::int64_t groups);

struct GridSampleOptions {
  std::string mode = "bilinear";       ///< or "nearest", or for images "bicubic"
  std::string padding_mode = "zeros";  ///< what lies beyond: or "border", or "reflection"
  bool align_corners = false;          ///< whether −1 and 1 are the outer places' centres
};

/// x [N, C, H, W] at the places of grid [N, OH, OW, 2], which are (column, row), −1 at the one
/// border and 1 at the other: [N, C, OH, OW]. Or x [N, C, D, H, W] and grid [N, OD, OH, OW, 3].
/// NaN counts as −1. Differentiable in both; the grid's gradient is 0 in mode "nearest", and where
/// places beyond the border are put onto it.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options = {});

/// The grid for grid_sample that the affine maps theta [N, 2, 3] make of a result of size
/// [N, C, H, W], or [N, 3, 4] of [N, C, D, H, W].
Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners = false);

}  // namespace xgrad

#pragma GCC visibility pop
