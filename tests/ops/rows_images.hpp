#pragma once
// Rows on images, in several files.

#include "ops/table.hpp"

namespace table::on_images {

constexpr std::int64_t batch = 4, channels = 32, height = 3, width = 6;
inline const Shape images{batch, channels, height, width};

using Function = std::function<Tensor(const Inputs&)>;

inline Row of(const char* name, const Inputs& inputs, const Function& f) {
  return {name, inputs, f};
}
inline Row of_images(const char* name, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(images)}, [f](const Inputs& x) { return f(x[0]); }};
}

/// What arranges and indexes, beyond views.
Rows arranged_images(Op op);
Rows conv_images(Op op);
/// Convolutions over one axis and three.
Rows axes_images(Op op);
Rows pool_images(Op op);
/// Pools of other kinds, and windows as columns.
Rows window_images(Op op);
Rows norm_images();

}  // namespace table::on_images
