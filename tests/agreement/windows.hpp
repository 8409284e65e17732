#pragma once
// What convolutions and pools have in common: numbers for each axis of a window, given for three
// axes, of which those with fewer take the last.

#include <string>
#include <vector>

#include "kinds.hpp"

namespace agreement {

using PerAxis = std::array<std::int64_t, 3>;

template <int rank>
std::vector<std::int64_t> list(const PerAxis& all) {
  return {all.end() - rank, all.end()};
}

template <int rank>
xgrad::Extents<rank> extents(const PerAxis& all) {
  xgrad::Extents<rank> own = 0;
  for (std::size_t i = 0; i < rank; ++i) own[i] = all[i + 3 - rank];
  return own;
}

/// Axes of other kinds, and then those of the images.
template <int rank>
xgrad::Shape shape_of(std::vector<std::int64_t> extents, const PerAxis& images) {
  extents.insert(extents.end(), images.end() - rank, images.end());
  return xgrad::Shape(std::span(extents));
}

/// "conv2d"
template <int rank>
std::string over_axes(const std::string& operation, const std::string& behind = "") {
  return operation + std::to_string(rank) + "d" + behind;
}

/// "stride 1, 2, 1"
inline std::string text(const std::string& what, const PerAxis& all) {
  return what + " " + std::to_string(all[0]) + ", " + std::to_string(all[1]) + ", " +
         std::to_string(all[2]);
}

/// The one of three that is of a rank: functions for one, two and three axes.
template <int rank, class One, class Two, class Three>
constexpr auto of_rank([[maybe_unused]] One one, [[maybe_unused]] Two two,
                       [[maybe_unused]] Three three) {
  if constexpr (rank == 1)
    return one;
  else if constexpr (rank == 2)
    return two;
  else
    return three;
}

}  // namespace agreement
