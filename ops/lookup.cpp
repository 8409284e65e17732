#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <utility>

namespace xgrad {
namespace {

/// `what` says it all but for the dtypes: "the index is", "the classes are".
void check_int64(const char* operation, std::string_view what, const Tensor& index) {
  require<DTypeError>(index.dtype() == int64, "{}: {} {}, {} must be int64", operation, what,
                      index.dtype(), what.ends_with("is") ? "it" : "they");
}

}  // namespace

Tensor detail::counted_from_front(const char* operation, const Tensor& index, std::int64_t extent,
                                  std::int64_t axis) {
  check_int64(operation, "the index is", index);
  Tensor result = Tensor::empty(index.shape(), int64);
  const Tensor rows = in_rows(index);
  const std::int64_t* const from = rows.data<std::int64_t>();
  std::int64_t* const to = result.mutable_data<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) {
    require<ValueError>(from[i] >= -extent && from[i] < extent,
                        "{}: index {} is outside axis {}, which has {} elements", operation,
                        from[i], axis, extent);
    to[i] = from[i] < 0 ? from[i] + extent : from[i];
  }
  return result;
}

Tensor take(const Tensor& x, const Tensor& index) {
  const detail::Running running("take", x, index);
  const Tensor places = detail::counted_from_front("take", index, x.numel(), 0);
  return reshape(index_select(reshape(x, {-1}), 0, reshape(places, {-1})), index.shape());
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<std::int64_t> which) {
  const detail::Running running("take_along_dim", x, index);
  check_int64("take_along_dim", "the index is", index);
  if (!which) return gather(reshape(x, {-1}), 0, reshape(index, {-1}));
  require<ShapeError>(x.dim() == index.dim(),
                      "take_along_dim: index {} for shape {}; it needs as many axes", index.shape(),
                      x.shape());
  const std::size_t axis = normalize_axis(*which, x.shape().size(), "take_along_dim");
  Shape of_x = x.shape(), of_index = index.shape();
  of_x[axis] = of_index[axis] = 1;
  of_x = of_index = broadcast(of_x, of_index, "take_along_dim");
  of_x[axis] = x.shape()[axis];
  of_index[axis] = index.shape()[axis];
  return gather(expand(x, of_x), *which, expand(index, of_index));
}

namespace {

/// An index of an axis as scatter() takes it: for a source that has the shape of x but for the
/// axis.
Tensor along(const char* operation, const Tensor& x, std::size_t axis, const Tensor& index) {
  check_int64(operation, "the index is", index);
  require<ShapeError>(index.dim() <= 1, "{}: the index has shape {}, it must have one axis",
                      operation, index.shape());
  Shape own;
  for (std::size_t i = 0; i < x.shape().size(); ++i) own.push_back(1);
  own[axis] = index.numel();
  Shape whole = x.shape();
  whole[axis] = index.numel();
  return expand(reshape(index, own), whole);
}

}  // namespace

Tensor index_copy(Tensor x, std::int64_t which, const Tensor& index, const Tensor& source) {
  const detail::Running running("index_copy", x, index, source);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "index_copy");
  const Tensor places = along("index_copy", x, axis, index);
  require<ShapeError>(source.shape() == places.shape(),
                      "index_copy: source {} for index {} of axis {} of shape {}: it must be {}",
                      source.shape(), index.shape(), which, x.shape(), places.shape());
  return scatter(std::move(x), which, places, source);
}

Tensor index_fill(Tensor x, std::int64_t which, const Tensor& index, const Operand& value) {
  const detail::Running running("index_fill", x, index);
  const std::size_t axis = normalize_axis(which, x.shape().size(), "index_fill");
  const Tensor places = along("index_fill", x, axis, index);
  if (!value.is_tensor()) {
    const Scalar number = value.scalar()->as(x.dtype(), "index_fill");
    return scatter(std::move(x), which, places, number);
  }
  const detail::Running again("index_fill", x, index, value.tensor());
  require<ShapeError>(value.tensor().dim() == 0,
                      "index_fill: the value has shape {}; it must be a number or a scalar (see "
                      "index_copy)",
                      value.tensor().shape());
  return scatter(std::move(x), which, places, expand(value.tensor(), places.shape()));
}

namespace {

std::size_t axis_or_flat(const Tensor& x, std::optional<std::int64_t> axis) {
  return axis ? normalize_axis(*axis, x.shape().size(), "repeat_interleave") : 0;
}

/// Numbers of repetitions, and their sum.
std::int64_t total_of(const Tensor& repeats) {
  check_int64("repeat_interleave", "the numbers are", repeats);
  require<ShapeError>(repeats.dim() <= 1,
                      "repeat_interleave: the numbers have shape {}; they must have one axis",
                      repeats.shape());
  Size total(0, "repeat_interleave");
  for (const std::int64_t times : repeats.to_vector<std::int64_t>()) {
    require<ValueError>(times >= 0, "repeat_interleave: {} times; it must not be negative", times);
    total = total + times;
  }
  return total.value();
}

}  // namespace

Tensor repeat_interleave(const Tensor& given, std::int64_t repeats,
                         std::optional<std::int64_t> which) {
  const detail::Running running("repeat_interleave", given);
  require<ValueError>(repeats >= 0, "repeat_interleave: {} times; it must not be negative",
                      repeats);
  const Tensor x = which ? given : reshape(given, {-1});
  const std::size_t axis = axis_or_flat(x, which);
  Shape whole = x.shape();
  whole[axis] = (Size(whole[axis], "repeat_interleave") * repeats).value();
  bytes_of(whole, x.dtype());  // tells extents whose products overflow
  std::int64_t outer = 1;
  for (std::size_t i = 0; i <= axis; ++i) outer *= x.shape()[i];
  const std::int64_t inner = x.numel() > 0 ? x.numel() / outer : 0;
  const Tensor y = expand(reshape(x, {x.numel() > 0 ? outer : 0, 1, inner}),
                          {x.numel() > 0 ? outer : 0, repeats, inner});
  return repeats == 1 ? clone(x) : reshape(y, whole);
}

Tensor repeat_interleave(const Tensor& repeats) {
  const detail::Running running("repeat_interleave", repeats);
  require<ShapeError>(repeats.dim() == 1,
                      "repeat_interleave: the numbers have shape {}; they must have one axis",
                      repeats.shape());
  Tensor index = Tensor::empty({total_of(repeats)}, int64);
  std::int64_t* to = index.mutable_data<std::int64_t>();
  std::int64_t element = 0;
  for (const std::int64_t times : repeats.to_vector<std::int64_t>())
    to = std::fill_n(to, times, element++);
  return index;
}

Tensor repeat_interleave(const Tensor& given, const Tensor& repeats,
                         std::optional<std::int64_t> which) {
  const detail::Running running("repeat_interleave", given, repeats);
  const Tensor x = which ? given : reshape(given, {-1});
  const std::size_t axis = axis_or_flat(x, which);
  const std::int64_t extent = x.shape()[axis];
  const std::int64_t total = total_of(repeats);
  if (repeats.numel() == 1) return repeat_interleave(x, total, static_cast<std::int64_t>(axis));
  require<ShapeError>(repeats.numel() == extent,
                      "repeat_interleave: {} numbers for axis {} of shape {}; give one for each "
                      "element",
                      repeats.numel(), axis, x.shape());
  return index_select(x, static_cast<std::int64_t>(axis), repeat_interleave(repeats));
}

Tensor one_hot(const Tensor& x, std::int64_t num_classes) {
  const detail::Running running("one_hot", x);
  check_int64("one_hot", "the classes are", x);
  const Tensor rows = in_rows(x);
  const std::int64_t* const classes = rows.data<std::int64_t>();
  const std::int64_t* const end = classes + x.numel();
  require<ValueError>(num_classes >= -1, "one_hot: {} classes; give a number of them, or -1",
                      num_classes);
  require<ValueError>(num_classes > 0 || x.numel() > 0,
                      "one_hot: {} classes of no elements; give the number of classes",
                      num_classes);
  const std::int64_t count = num_classes == -1
                                 ? (Size(*std::max_element(classes, end), "one_hot") + 1).value()
                                 : num_classes;
  const auto* const bad =
      std::find_if(classes, end, [count](auto c) { return c < 0 || c >= count; });
  if (bad != end) raise<ValueError>("one_hot: class {} of {}", *bad, count);
  Shape shape = x.shape();
  shape.push_back(count);
  Tensor y = zeros(shape, {.dtype = int64});
  std::int64_t* const to = y.mutable_data<std::int64_t>();
  for (std::int64_t i = 0; i < x.numel(); ++i) to[i * count + classes[i]] = 1;
  return y;
}

namespace {

/// The place of the row that gets no gradient.
std::optional<std::int64_t> padding_of(const Tensor& weight, std::optional<std::int64_t> given) {
  const std::int64_t rows = weight.size(0);
  if (!given) return {};
  require<ValueError>(*given >= -rows && *given < rows,
                      "embedding: padding_idx {} of a weight {}, which has {} rows", *given,
                      weight.shape(), rows);
  return *given < 0 ? *given + rows : *given;
}

}  // namespace

// y = W at i;  dL/dW = dL/dy added at i, but 0 in the padding row
Tensor embedding(const Tensor& weight, const Tensor& indices,
                 std::optional<std::int64_t> padding_idx) {
  const detail::Running running("embedding", weight, indices);
  require<ShapeError>(weight.dim() == 2, "embedding: the weight has shape {}; it is [rows, width]",
                      weight.shape());
  check_int64("embedding", "the indices are", indices);
  const auto padding = padding_of(weight, padding_idx);
  const Tensor index = reshape(in_rows(indices), {-1});
  Shape shape = indices.shape();
  shape.push_back(weight.size(1));
  const Tensor y = no_grad([&] { return reshape(index_select(weight, 0, index), shape); });
  return record(
      Op::embedding, y,
      wrt(weight, linear_in(
                      [index = saved(index), rows = weight.shape(), padding](const Tensor& dy) {
                        Tensor sums = index_add(zeros(rows, {.dtype = dy.dtype()}), 0, index(),
                                                reshape(dy, {index().numel(), rows[1]}));
                        if (!padding) return sums;
                        const Tensor none = zeros({rows[1]}, {.dtype = dy.dtype()});
                        return select_scatter(std::move(sums), none, 0, *padding);
                      },
                      [index = saved(index), shape, padding](const Tensor& v) {
                        const Tensor moved = reshape(index_select(v, 0, index()), shape);
                        if (!padding) return moved;
                        Shape places = shape;
                        places.back() = 1;
                        return where(reshape(index() == *padding, places), 0, moved);
                      })));
}

}  // namespace xgrad
