#pragma once
// Internal: what each place of an axis takes from the places of another axis, and how much of each.
// All interpolation along axes is that, and so is its adjoint.

#include <cstdint>
#include <span>
#include <vector>

namespace xgrad::kernels {

/// y[j] = Σₖ weight[start[j] + k] x[first[j] + k], k < start[j + 1] − start[j]: the places of x
/// that one place of y takes from lie side by side.
struct Runs {
  std::int64_t in = 0;
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> start;
  std::vector<double> weight;

  /// For `places` of y, to be added in their order, each of at most `most` weights. Throws
  /// MemoryError that names `operation` where there is no memory for them.
  Runs(std::int64_t extent, std::int64_t places, std::int64_t most, const char* operation);

  void add(std::int64_t from, std::span<const double> weights);
  /// After the last place.
  void finish() { weight.resize(static_cast<std::size_t>(start.back())); }

  std::int64_t out() const { return static_cast<std::int64_t>(first.size()); }
  std::int64_t count(std::int64_t place) const {
    const auto j = static_cast<std::size_t>(place);
    return start[j + 1] - start[j];
  }

 private:
  std::size_t added_ = 0;
};

/// The adjoint: x[i] = Σ over the places j that take from i.
Runs transposed(const Runs& runs, const char* operation);

/// y [planes, out…, lanes] from x [planes, in…, lanes], along each axis by its runs; nullptr leaves
/// an axis as it is, of extent `extents`.
template <class T>
void resample(std::int64_t planes, std::span<const Runs* const> axes,
              std::span<const std::int64_t> extents, std::int64_t lanes, const T* x, T* y);

}  // namespace xgrad::kernels
