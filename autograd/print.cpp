#include <xgrad/autograd/nan.hpp>
#include <xgrad/autograd/print.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>

namespace xgrad {
namespace {

constexpr std::int64_t summarize_beyond = 1000;
constexpr std::int64_t edge_items = 3;
constexpr std::size_t line_width = 80;

/// Prints one tensor: first finds the notation that suits all shown values, then the widest.
class Printer {
 public:
  explicit Printer(const Tensor& x)
      : x_(x), strides_(x.strides()), summarize_(x.numel() > summarize_beyond) {
    visit_shown(0, 0, [&](std::int64_t i) { note(value(i).to<double>()); });
    choose_notation();
    visit_shown(0, 0, [&](std::int64_t i) { width_ = std::max(width_, text(value(i)).size()); });
  }

  std::string body(std::size_t axis, std::int64_t start, std::size_t indent) const {
    if (axis == x_.shape().size()) return pad(text(value(start)));
    return axis + 1 == x_.shape().size() ? row(start, indent) : block(axis, start, indent);
  }

 private:
  /// Of place i in row-major order. Not of a copy in that order: an expanded tensor may be larger
  /// than memory.
  Scalar value(std::int64_t i) const {
    std::int64_t offset = 0;
    for (std::size_t axis = x_.shape().size(); axis-- > 0; i /= x_.shape()[axis])
      offset += i % x_.shape()[axis] * strides_[axis];
    return dispatch(x_.dtype(), [&]<class T>() {
      return Scalar(reinterpret_cast<const T*>(x_.impl()->data())[offset]);
    });
  }

  bool skips(std::size_t axis, std::int64_t i) const {
    const auto extent = x_.shape()[axis];
    return summarize_ && extent > 2 * edge_items && i >= edge_items && i < extent - edge_items;
  }

  /// What comes after position i of an axis, all of those left out counting as one.
  std::int64_t next(std::size_t axis, std::int64_t i) const {
    return skips(axis, i) ? x_.shape()[axis] - edge_items : i + 1;
  }

  std::int64_t stride(std::size_t axis) const {
    std::int64_t product = 1;
    for (std::size_t i = axis + 1; i < x_.shape().size(); ++i) product *= x_.shape()[i];
    return product;
  }

  template <class F>
  void visit_shown(std::size_t axis, std::int64_t start, F f) const {
    if (axis == x_.shape().size()) return f(start);
    for (std::int64_t i = 0; i < x_.shape()[axis]; i = next(axis, i))
      if (!skips(axis, i)) visit_shown(axis + 1, start + i * stride(axis), f);
  }

  void note(double v) {
    if (!std::isfinite(v)) return;
    whole_ = whole_ && v == std::ceil(v);
    if (v == 0) return;
    largest_ = std::max(largest_, std::abs(v));
    smallest_ = std::min(smallest_, std::abs(v));
  }

  void choose_notation() {
    if (largest_ == 0) return;
    scientific_ = largest_ / smallest_ > 1000 || largest_ > 1e8 || (!whole_ && smallest_ < 1e-4);
  }

  std::string text(Scalar number) const {
    if (x_.dtype() == boolean) return number.to<bool>() ? "True" : "False";
    if (is_integer(x_.dtype())) return fmt::format("{}", number.to<std::int64_t>());
    const auto v = number.to<double>();
    if (!std::isfinite(v)) return fmt::format("{}", unsigned_nan(v));
    if (scientific_) return fmt::format("{:.4e}", v);
    return whole_ ? fmt::format("{:.0f}.", v) : fmt::format("{:.4f}", v);
  }

  std::string pad(const std::string& s) const { return fmt::format("{:>{}}", s, width_); }

  std::string row(std::int64_t start, std::size_t indent) const {
    const std::size_t room = line_width > indent + 1 ? line_width - indent - 1 : 1;
    const std::size_t per_line = std::max<std::size_t>(1, room / (width_ + 2));
    std::string out = "[";
    std::size_t count = 0;
    const std::size_t axis = x_.shape().size() - 1;
    for (std::int64_t i = 0; i < x_.shape().back(); i = next(axis, i)) {
      if (skips(axis, i)) {
        out += ",  ...";
        ++count;
        continue;
      }
      if (i > 0)
        out += count % per_line == 0 ? ",\n" + std::string(indent + 1, ' ') : std::string(", ");
      out += pad(text(value(start + i)));
      ++count;
    }
    return out + "]";
  }

  std::string block(std::size_t axis, std::int64_t start, std::size_t indent) const {
    const std::size_t newlines = x_.shape().size() - 1 - axis;
    std::string gap = ",";
    gap.append(newlines, '\n').append(indent + 1, ' ');
    std::string out = "[";
    for (std::int64_t i = 0; i < x_.shape()[axis]; i = next(axis, i)) {
      if (skips(axis, i)) {
        out += gap + "...";
        continue;
      }
      if (i > 0) out += gap;
      out += body(axis + 1, start + i * stride(axis), indent + 1);
    }
    return out + "]";
  }

  const Tensor& x_;
  Strides strides_;
  bool summarize_;
  bool whole_ = true;
  bool scientific_ = false;
  double largest_ = 0;
  double smallest_ = std::numeric_limits<double>::infinity();
  std::size_t width_ = 0;
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return "tensor(undefined)";
  constexpr std::string_view head = "tensor(";
  std::string out(head);
  if (x.numel() == 0) {
    out += "[]";
    if (x.dim() != 1) out += fmt::format(", size={}", x.shape());
  } else {
    out += Printer(x).body(0, 0, head.size());
  }
  // Of values without a dtype, as they stand here, tensor() would make one of these.
  const bool is_natural = x.dtype() == float32 || x.dtype() == int64 || x.dtype() == boolean;
  if (!is_natural) out += fmt::format(", dtype={}", x.dtype());
  if (!x.is_leaf()) {
    out += fmt::format(", grad_fn=<{}>", x.grad_fn()->name());
  } else if (x.requires_grad()) {
    out += ", requires_grad=True";
  }
  return out + ")";
}

std::ostream& operator<<(std::ostream& stream, const Tensor& x) { return stream << to_string(x); }

}  // namespace xgrad
