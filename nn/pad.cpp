#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/pad.hpp>

namespace xgrad::nn::detail {

Pad::Pad(const char* layer, std::size_t axes, const PadWidths& widths, const char* mode,
         Scalar value)
    : widths_(widths.values()), mode_(mode), value_(value) {
  if (widths.is_all()) widths_.resize(2 * axes, widths_[0]);
  require<ValueError>(
      widths_.size() == 2 * axes,
      "{}: {} widths; give one, or {}: before and after of each axis, from the last "
      "one",
      layer, widths_.size(), 2 * axes);
}

Tensor Pad::forward(const Tensor& x) { return pad_by(x, widths_, mode_, value_); }

}  // namespace xgrad::nn::detail
