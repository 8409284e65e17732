#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/pad.hpp>

#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// What is put on each side of the last axes: one number for all, or {before, after} of the last
/// axis, then of the last but one, and so on, as pad() has them: {left, right, top, bottom}.
/// Negative widths cut.
class PadWidths {
 public:
  PadWidths(std::int64_t all) : values_{all}, is_all_(true) {}             // NOLINT
  PadWidths(std::initializer_list<std::int64_t> each) : values_(each) {}   // NOLINT
  PadWidths(std::vector<std::int64_t> each) : values_(std::move(each)) {}  // NOLINT

  const std::vector<std::int64_t>& values() const noexcept { return values_; }
  bool is_all() const noexcept { return is_all_; }  ///< whether it is one number for all

 private:
  std::vector<std::int64_t> values_;
  bool is_all_ = false;
};

namespace detail {

/// pad() of the last `axes` axes.
class Pad : public Module {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  /// ValueError unless there are two widths for each axis. `mode` is a literal.
  Pad(const char* layer, std::size_t axes, const PadWidths& widths, const char* mode,
      Scalar value = 0);

 private:
  std::vector<std::int64_t> widths_;
  const char* mode_;
  Scalar value_;
};

}  // namespace detail

// pad() as layers. Errors are those of pad(); ValueError where the widths are not those of as many
// axes as the layer has.

/// Reflects the last axis.
struct ReflectionPad1d : detail::Pad {
  explicit ReflectionPad1d(const PadWidths& padding)
      : Pad("ReflectionPad1d", 1, padding, "reflect") {}
};
/// Reflects the last two axes.
struct ReflectionPad2d : detail::Pad {
  explicit ReflectionPad2d(const PadWidths& padding)
      : Pad("ReflectionPad2d", 2, padding, "reflect") {}
};
/// Reflects the last three axes.
struct ReflectionPad3d : detail::Pad {
  explicit ReflectionPad3d(const PadWidths& padding)
      : Pad("ReflectionPad3d", 3, padding, "reflect") {}
};

/// Repeats the border of the last axis.
struct ReplicationPad1d : detail::Pad {
  explicit ReplicationPad1d(const PadWidths& padding)
      : Pad("ReplicationPad1d", 1, padding, "replicate") {}
};
/// Repeats the border of the last two axes.
struct ReplicationPad2d : detail::Pad {
  explicit ReplicationPad2d(const PadWidths& padding)
      : Pad("ReplicationPad2d", 2, padding, "replicate") {}
};
/// Repeats the border of the last three axes.
struct ReplicationPad3d : detail::Pad {
  explicit ReplicationPad3d(const PadWidths& padding)
      : Pad("ReplicationPad3d", 3, padding, "replicate") {}
};

/// Goes round the last axis.
struct CircularPad1d : detail::Pad {
  explicit CircularPad1d(const PadWidths& padding) : Pad("CircularPad1d", 1, padding, "circular") {}
};
/// Goes round the last two axes.
struct CircularPad2d : detail::Pad {
  explicit CircularPad2d(const PadWidths& padding) : Pad("CircularPad2d", 2, padding, "circular") {}
};
/// Goes round the last three axes.
struct CircularPad3d : detail::Pad {
  explicit CircularPad3d(const PadWidths& padding) : Pad("CircularPad3d", 3, padding, "circular") {}
};

/// Zeros around the last axis.
struct ZeroPad1d : detail::Pad {
  explicit ZeroPad1d(const PadWidths& padding) : Pad("ZeroPad1d", 1, padding, "constant") {}
};
/// Zeros around the last two axes.
struct ZeroPad2d : detail::Pad {
  explicit ZeroPad2d(const PadWidths& padding) : Pad("ZeroPad2d", 2, padding, "constant") {}
};
/// Zeros around the last three axes.
struct ZeroPad3d : detail::Pad {
  explicit ZeroPad3d(const PadWidths& padding) : Pad("ZeroPad3d", 3, padding, "constant") {}
};

/// `value` around the last axis.
struct ConstantPad1d : detail::Pad {
  ConstantPad1d(const PadWidths& padding, Scalar value)
      : Pad("ConstantPad1d", 1, padding, "constant", value) {}
};
/// `value` around the last two axes.
struct ConstantPad2d : detail::Pad {
  ConstantPad2d(const PadWidths& padding, Scalar value)
      : Pad("ConstantPad2d", 2, padding, "constant", value) {}
};
/// `value` around the last three axes.
struct ConstantPad3d : detail::Pad {
  ConstantPad3d(const PadWidths& padding, Scalar value)
      : Pad("ConstantPad3d", 3, padding, "constant", value) {}
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
