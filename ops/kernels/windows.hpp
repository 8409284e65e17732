#pragma once
// Internal: windows over planes of up to three axes, of any geometry: what pools do that pool.hpp
// has no faster form for, and their adjoints. Planes and results lie in rows.

#include <array>
#include <cstdint>

namespace xgrad::kernels {

/// `count` windows along an axis of `extent` values: each of `kernel` values, `dilation` apart, the
/// first of them `padding` before the axis begins. Without a kernel the axis is cut into `count`
/// windows as even as whole numbers are; they may overlap.
struct WindowAxis {
  std::int64_t extent = 1;
  std::int64_t count = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
};

/// What window `i` sees of its axis: every `dilation`-th of [begin, end), none where that is empty.
struct Seen {
  std::int64_t begin;
  std::int64_t end;
};
Seen seen(const WindowAxis& axis, std::int64_t i);

/// Axes that are not there have one value and one window.
struct Windows {
  std::int64_t planes;
  std::array<WindowAxis, 3> axes;

  /// Values of a plane, and windows over it.
  std::int64_t values() const { return axes[0].extent * axes[1].extent * axes[2].extent; }
  std::int64_t count() const { return axes[0].count * axes[1].count * axes[2].count; }
};

/// Whether `value` replaces the largest so far: the first NaN counts as larger than all. Written so
/// that it compiles without branches.
template <class T>
bool takes_over(T value, T best) {
  return !(value <= best) && best == best;
}

/// The largest value under each window and its position in its plane: the first of equal ones, the
/// first NaN. No window may be without values.
template <class T>
void largest_under(const Windows& w, const T* x, T* y, std::int64_t* position);
/// Its adjoint: each dy goes to where its value came from.
template <class T>
void largest_under_input(const Windows& w, const std::int64_t* position, const T* dy, T* dx);

/// What the sum under a window is divided by: `number` where that is not 0, else the number of its
/// values, with those of the padding where that counts. Windows that are cut short at the padding's
/// end have fewer.
struct Divisor {
  bool count_padding = false;
  std::int64_t number = 0;
};

/// Σ / divisor under each window, as accumulate.hpp adds up.
template <class T>
void mean_under(const Windows& w, const Divisor& divisor, const T* x, T* y);
/// Its adjoint.
template <class T>
void mean_under_input(const Windows& w, const Divisor& divisor, const T* dy, T* dx);

/// The values under each window of the last two axes, 0 in the padding, for each place in the
/// window in turn: [planes, kernel · kernel, count · count].
template <class T>
void unfold(const Windows& w, const T* x, T* columns);
/// Its adjoint: what comes from one place of the plane is added up there.
template <class T>
void fold(const Windows& w, const T* columns, T* x);

}  // namespace xgrad::kernels
