#pragma once
// Internal: groups of channels that are normalised by statistics of each image's own. Sums are
// accumulated as accumulate.hpp says.

#include <xgrad/ops/kernels/row_norm.hpp>

#include <algorithm>
#include <cstdint>

namespace xgrad::kernels {

/// Images [batch, groups · channels, plane], or [batch, groups · channels / lanes, plane, lanes] in
/// memory. Of channels and lanes one is a multiple of the other, and lanes divide all channels.
struct NormGroups {
  std::int64_t batch;
  std::int64_t groups;
  std::int64_t channels;  ///< of one group
  std::int64_t plane;
  std::int64_t lanes;
  double eps;

  std::int64_t all_channels() const { return groups * channels; }
  /// Values of one group.
  std::int64_t count() const { return channels * plane; }
};

/// y = x̂ w + b, w and b being of each channel; statistics [batch, groups].
template <class T>
void normalize_groups(const NormGroups& e, const T* x, const T* weight, const T* bias, T* y,
                      const NormStatistics<T>& to);

/// As normalize_rows_backward(), width being that of all channels.
template <class T>
void normalize_groups_backward(const NormGroups& e, const T* x, const T* dy, const T* weight,
                               const NormStatistics<const T>& of, const NormGradients<T>& to);

}  // namespace xgrad::kernels
