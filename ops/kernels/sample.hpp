#pragma once
// Internal: sums over a few weighted values of a plane, which lie where a list says. The list and
// the weights are one for all channels.

#include <array>
#include <cstdint>

namespace xgrad::kernels {

/// x [batch, channels, in], y [batch, channels, out]; w and at [batch, out, taps]. Where `at` is −1
/// there is no value.
struct SampleExtents {
  std::int64_t batch, channels, in, out, taps;
};

/// y[p] = Σₖ w[p, k] x[at[p, k]]
template <class T>
void gather_sum(const SampleExtents& e, const T* x, const T* w, const std::int64_t* at, T* y);
/// Its adjoint: x[i] = Σ w[p, k] y[p] over all with at[p, k] = i.
template <class T>
void gather_sum_input(const SampleExtents& e, const T* y, const T* w, const std::int64_t* at, T* x);
/// w[p, k] = Σ y[p] x[at[p, k]] over the channels.
template <class T>
void gather_sum_weight(const SampleExtents& e, const T* x, const T* y, const std::int64_t* at,
                       T* w);

enum class Beyond : std::uint8_t {
  nothing,  ///< there is no value
  border,
  reflection
};

/// Which places of a plane of one to three axes are mixed where a position lies between them: of
/// each axis `taps` in a row, of 1 the nearest one, of 2 those around it, of 4 one more on each
/// side.
struct SamplePlaces {
  std::int64_t axes;
  std::array<std::int64_t, 3> extents;
  std::int64_t taps;
  Beyond beyond = Beyond::nothing;  ///< what stands for places outside the plane
  bool at_centres = false;          ///< they are reflected at the outer places' centres
};

/// at [count, tapsᵃˣᵉˢ] from positions [axes, count].
template <class T>
void sample_places(const SamplePlaces& places, std::int64_t count, const T* positions,
                   std::int64_t* at);

}  // namespace xgrad::kernels
