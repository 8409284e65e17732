#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/pad.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <array>

namespace xgrad {
namespace {

/// What comes before an axis and after it.
struct Border {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

/// One for each axis of x, from the first one on.
std::vector<Border> borders(const Tensor& x, const std::vector<std::int64_t>& padding) {
  require<ShapeError>(padding.size() % 2 == 0 && padding.size() / 2 <= x.shape().size(),
                      "pad: {} widths for shape {}; give a pair for each axis, from the last one",
                      padding.size(), x.shape());
  std::vector<Border> result(x.shape().size());
  for (std::size_t i = 0; i < padding.size() / 2; ++i)
    result[result.size() - 1 - i] = {padding[2 * i], padding[2 * i + 1]};
  return result;
}

/// x without what negative widths cut.
Tensor cut(Tensor x, const std::vector<Border>& widths) {
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto [before, after] = widths[i];
    if (before >= 0 && after >= 0) continue;
    const std::int64_t extent = x.shape()[i];
    const Size first = Size(0, "pad") - std::min<std::int64_t>(before, 0);
    const Size end = Size(extent, "pad") + std::min<std::int64_t>(after, 0);
    require<ShapeError>((end - first).value() >= 0,
                        "pad: widths {} and {} cut more of axis {} than the {} elements that it "
                        "has in shape {}",
                        before, after, i, extent, x.shape());
    x = slice(x, static_cast<std::int64_t>(i), first.value(), end.value());
  }
  return x;
}

// y = x with a border;  dL/dx = the middle of dL/dy
Tensor surrounded(const Tensor& x, const std::vector<Border>& widths, Scalar value) {
  Shape whole = x.shape();
  Shape before = x.shape();
  for (std::size_t i = 0; i < widths.size(); ++i) {
    before[i] = std::max<std::int64_t>(widths[i].before, 0);
    whole[i] =
        (Size(whole[i], "pad") + before[i] + std::max<std::int64_t>(widths[i].after, 0)).value();
  }
  bytes_of(whole, x.dtype());  // tells extents whose products overflow
  Tensor y = Tensor::empty(whole, x.dtype()).fill_(value.as(x.dtype(), "pad"));
  const Strides strides = row_major(whole);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) offset += before[i] * strides[i];
  detail::copy_values(x, y.alias(x.shape(), strides, x.numel() > 0 ? offset : 0));
  return record(Op::pad, y,
                wrt(x, linear_in(
                           [before, shape = x.shape()](const Tensor& dy) {
                             Tensor dx = dy;
                             for (std::size_t i = 0; i < shape.size(); ++i)
                               if (dx.shape()[i] != shape[i])
                                 dx = slice(dx, static_cast<std::int64_t>(i), before[i],
                                            before[i] + shape[i]);
                             return dx;
                           },
                           [widths](const Tensor& v) { return surrounded(v, widths, 0); })));
}

enum class Mode : std::uint8_t { constant, reflect, replicate, circular };

Mode mode_of(std::string_view word) {
  constexpr std::array<std::string_view, 4> words{"constant", "reflect", "replicate", "circular"};
  const auto* const found = std::ranges::find(words, word);
  require<ValueError>(found != words.end(),
                      "pad: mode '{}' is none of constant, reflect, replicate and circular", word);
  return static_cast<Mode>(found - words.begin());
}

/// Which of an axis' elements are seen in its padded axis, one after the other.
Tensor seen(Mode mode, std::int64_t extent, const Border& width) {
  const std::int64_t last = extent - 1;
  const auto place = [=](std::int64_t i) -> std::int64_t {
    if (mode == Mode::replicate) return std::clamp<std::int64_t>(i, 0, last);
    if (mode == Mode::circular) return (i + extent) % extent;
    return i < 0 ? -i : i > last ? 2 * last - i : i;
  };
  const std::int64_t count = (Size(extent, "pad") + width.before + width.after).value();
  Tensor index = Tensor::empty({count}, int64);
  auto* const to = index.mutable_data<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) to[i] = place(i - width.before);
  return index;
}

void check_width(Mode mode, std::string_view word, const Shape& shape, std::size_t axis,
                 const Border& width) {
  const std::int64_t extent = shape[axis];
  const std::int64_t most = std::max(width.before, width.after);
  require<ShapeError>(mode != Mode::reflect || most < extent,
                      "pad: widths {} and {} of axis {} must be less than its {} elements to "
                      "reflect them (shape {})",
                      width.before, width.after, axis, extent, shape);
  require<ShapeError>(
      mode != Mode::circular || most <= extent,
      "pad: widths {} and {} of axis {} must not be more than its {} elements to go "
      "round once (shape {})",
      width.before, width.after, axis, extent, shape);
  require<ShapeError>(extent > 0, "pad: axis {} of shape {} has no elements to {}", axis, shape,
                      word);
}

}  // namespace

Tensor pad(const Tensor& x, const std::vector<std::int64_t>& padding, Scalar value) {
  const detail::Running running("pad", x);
  const auto widths = borders(x, padding);
  const Tensor rest = cut(x, widths);
  // What only cuts copies all the same.
  return surrounded(rest, widths, value);
}

// One axis after the other: its elements as `seen` names them.
Tensor pad_by(const Tensor& x, const std::vector<std::int64_t>& padding, std::string_view word,
              Scalar value) {
  const detail::Running running("pad", x);
  const Mode mode = mode_of(word);
  if (mode == Mode::constant) return pad(x, padding, value);
  require<ValueError>(value.to<double>() == 0, "pad: value {} where the mode is {}; leave one out",
                      value, word);
  auto widths = borders(x, padding);
  const std::size_t axes = padding.size() / 2;
  const std::size_t more = x.shape().size() - axes;
  require<ShapeError>(axes >= 1 && axes <= 3 && (more == 1 || more == 2),
                      "pad: {} widths for shape {}: {} takes a pair for each axis but the first "
                      "one or two, for three axes at most",
                      padding.size(), x.shape(), word);
  Tensor y = x;
  if (mode == Mode::circular) {
    y = cut(y, widths);
    for (Border& width : widths)
      width = {std::max<std::int64_t>(width.before, 0), std::max<std::int64_t>(width.after, 0)};
  }
  for (std::size_t i = more; i < widths.size(); ++i)
    check_width(mode, word, y.shape(), i, widths[i]);
  cut(y, widths);  // tells what cuts too much
  for (std::size_t i = more; i < widths.size(); ++i)
    if (widths[i].before != 0 || widths[i].after != 0)
      y = index_select(y, static_cast<std::int64_t>(i), seen(mode, y.shape()[i], widths[i]));
  return y;
}

}  // namespace xgrad
