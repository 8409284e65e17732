#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/masked.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <utility>

namespace xgrad {

using indexing::EllipsisIndex;
using indexing::Indices;
using indexing::Slice;
using indexing::TensorIndex;

TensorIndex::TensorIndex(const char* dots) : kind_(EllipsisIndex{}) {
  require<ValueError>(dots != nullptr && std::string_view(dots) == "...",
                      "index: '{}' is no index; the only string that is one is '...'",
                      dots == nullptr ? "" : dots);
}

namespace {

/// What indices make of a tensor: a view of it, and the tensors that index some axes of that.
class Chosen {
 public:
  /// The view is on the tape where x is.
  Chosen(const char* operation, const Tensor& x, const Indices& indices)
      : view(x), operation_(operation) {
    std::int64_t used = 0;
    std::int64_t ellipses = 0;
    for (const TensorIndex& index : indices) {
      used += axes_of(index);
      ellipses += std::holds_alternative<EllipsisIndex>(index.kind());
    }
    rest_ = x.dim() - used;
    require<ShapeError>(rest_ >= 0, "{}: {} indices for shape {}, which has {} axes", operation,
                        used, x.shape(), x.dim());
    require<ValueError>(ellipses <= 1, "{}: {} ellipses; there can be one", operation, ellipses);
    for (const TensorIndex& index : indices)
      std::visit([this](const auto& kind) { take(kind); }, index.kind());
    if (!tensors.empty()) broadcast_all();
  }

  bool are_adjacent() const {
    for (std::size_t i = 1; i < axes.size(); ++i)
      if (axes[i] != axes[i - 1] + 1) return false;
    return true;
  }

  Tensor view;
  std::vector<std::int64_t> axes;  ///< of the view, that tensors index
  std::vector<Tensor> tensors;     ///< of one shape, counted from the front
  Shape shape;                     ///< of each

 private:
  static std::int64_t axes_of(const TensorIndex& index) {
    if (const Tensor* const tensor = std::get_if<Tensor>(&index.kind())) {
      if (!tensor->defined()) detail::throw_undefined("index");
      return tensor->dtype() == boolean ? tensor->dim() : 1;
    }
    return std::holds_alternative<std::int64_t>(index.kind()) ||
           std::holds_alternative<Slice>(index.kind());
  }

  void take(std::int64_t place) {
    const std::int64_t extent = view.size(next_);
    require<ValueError>(place >= -extent && place < extent,
                        "{}: index {} is outside axis {}, which has {} elements", operation_, place,
                        axis_of_x_, extent);
    view = select(view, next_, place);
    ++axis_of_x_;
  }
  void take(const Slice& slice) {
    require<ValueError>(slice.step() > 0, "{}: a step of {}; it must be positive (see flip)",
                        operation_, slice.step());
    view = xgrad::slice(view, next_, slice.start(), slice.stop(), slice.step());
    advance(1);
  }
  void take(TensorIndex::NewAxis) { view = unsqueeze(view, next_++); }
  void take(EllipsisIndex) { advance(rest_); }
  void take(bool is_there) {
    take(TensorIndex::NewAxis{});
    add(next_ - 1, Tensor::empty({is_there ? 1 : 0}, int64).zero_());
  }
  void take(const Tensor& index) {
    if (index.dtype() == boolean) return take_mask(index);
    require<DTypeError>(index.dtype() == int64 || index.dtype() == int32,
                        "{}: an index is {}; it must be int64 or bool", operation_, index.dtype());
    const Tensor whole = detail::counted_from_front(operation_, index.detach().to(int64),
                                                    view.size(next_), axis_of_x_);
    if (index.dim() == 0) return take(whole.item<std::int64_t>());
    add(next_, whole);
    advance(1);
  }
  void take_mask(const Tensor& mask) {
    if (mask.dim() == 0) return take(mask.item<bool>());
    for (std::int64_t i = 0; i < mask.dim(); ++i)
      require<ShapeError>(mask.size(i) == view.size(next_ + i),
                          "{}: a mask {} for axes from {} on of a tensor that has {} there",
                          operation_, mask.shape(), axis_of_x_, view.size(next_ + i));
    for (const Tensor& column : xgrad::where(mask)) {
      add(next_, column);
      advance(1);
    }
  }

  void add(std::int64_t axis, const Tensor& index) {
    axes.push_back(axis);
    tensors.push_back(index);
  }
  void advance(std::int64_t count) {
    next_ += count;
    axis_of_x_ += count;
  }
  void broadcast_all() {
    for (const Tensor& index : tensors) shape = broadcast(shape, index.shape(), operation_);
    for (Tensor& index : tensors) index = expand(index, shape);
  }

  const char* operation_;
  std::int64_t rest_ = 0;       // axes that an ellipsis stands for
  std::int64_t next_ = 0;       // axis of the view
  std::int64_t axis_of_x_ = 0;  // for messages
};

/// Σ index · step over the tensors of a choice, and an offset: int64, of their shape.
Tensor combined(const Chosen& chosen, const Strides& steps, std::int64_t offset) {
  Tensor sum = full({}, offset);
  for (std::size_t i = 0; i < chosen.tensors.size(); ++i) sum = sum + chosen.tensors[i] * steps[i];
  return sum;
}

/// The axes of the result, those of the indices at `first` and the others of the view in order.
std::size_t first_of(const Chosen& chosen) {
  return chosen.are_adjacent() ? static_cast<std::size_t>(chosen.axes.front()) : 0;
}

/// Where in memory, in elements from the start of x, the elements chosen of x lie: int64, in the
/// shape of the result. Of what is chosen of x alone, off the tape.
Tensor places_of(const Chosen& chosen, const Tensor& x) {
  const Tensor& view = chosen.view;
  const auto bytes = static_cast<std::int64_t>(view.impl()->offset - x.impl()->offset);
  const std::int64_t offset = bytes / static_cast<std::int64_t>(item_size(x.dtype()));
  const Strides strides = view.strides();
  Strides steps;
  for (const std::int64_t axis : chosen.axes)
    steps.push_back(strides[static_cast<std::size_t>(axis)]);
  const std::size_t first = chosen.axes.empty() ? 0 : first_of(chosen);
  const std::size_t others = view.shape().size() - chosen.axes.size();
  const std::size_t rank = others + chosen.shape.size();
  // Of extent 1 but for own axes, so that the sum broadcasts to all.
  const auto laid = [&](const Tensor& values, std::size_t at) {
    Shape shape;
    for (std::size_t i = 0; i < rank; ++i) shape.push_back(1);
    for (std::size_t i = 0; i < values.shape().size(); ++i) shape[at + i] = values.shape()[i];
    return reshape(values, shape);
  };
  Tensor sum = combined(chosen, steps, offset);
  sum = sum.dim() == 0 ? laid(sum, 0) : laid(sum, first);
  std::size_t to = 0;
  for (std::size_t axis = 0; axis < view.shape().size(); ++axis) {
    if (std::ranges::find(chosen.axes, static_cast<std::int64_t>(axis)) != chosen.axes.end())
      continue;
    const std::size_t at = to < first ? to : to + chosen.shape.size();
    sum = sum + laid(arange(view.shape()[axis]) * strides[axis], at);
    ++to;
  }
  return sum;
}

}  // namespace

// Along one axis that the indexed ones are made: what is left of it is index_select.
Tensor index(const Tensor& x, const Indices& indices) {
  const detail::Running running("index", x);
  const Chosen chosen("index", x, indices);
  if (chosen.tensors.empty()) return chosen.view;
  const std::size_t first = first_of(chosen);
  const auto count = static_cast<std::int64_t>(chosen.axes.size());
  Axes front;
  for (std::int64_t i = 0; i < count; ++i) front.push_back(i);
  Tensor view = chosen.are_adjacent()
                    ? chosen.view
                    : movedim(chosen.view, Axes(std::span<const std::int64_t>(chosen.axes)), front);
  Shape indexed;
  Shape shape = view.shape();
  for (std::int64_t i = 0; i < count; ++i) {
    indexed.push_back(shape[first]);
    shape.erase(first);
  }
  Shape flat = shape;
  flat.insert(first, indexed.numel());
  for (std::size_t i = 0; i < chosen.shape.size(); ++i) shape.insert(first + i, chosen.shape[i]);
  const Tensor places = reshape(combined(chosen, row_major(indexed), 0), {-1});
  const Tensor rows = index_select(reshape(view, flat), static_cast<std::int64_t>(first), places);
  return reshape(rows, shape);
}

namespace {

/// Values to put into places of x, in the shape of the places.
Tensor to_put(const char* operation, const Tensor& x, const Operand& values, const Shape& places) {
  if (!values.is_tensor()) {
    const Scalar number = values.scalar()->as(x.dtype(), operation);
    return expand(full({}, number, {.dtype = x.dtype()}), places);
  }
  const Tensor& given = values.tensor();
  require<DTypeError>(given.dtype() == x.dtype(), "{}: the values are {}, they must be {} as x is",
                      operation, given.dtype(), x.dtype());
  // As PyTorch's, axes of one element in front are left out.
  Shape shape = given.shape();
  while (shape.size() > places.size() && shape[0] == 1) shape.erase(0);
  require<ShapeError>(
      shape.size() <= places.size() && broadcast(shape, places, operation) == places,
      "{}: values {} for elements {}: they do not broadcast to them", operation, given.shape(),
      places);
  return expand(reshape(given, shape), places);
}

/// x with values put into, or added to, the places.
Tensor with_put(const char* operation, Tensor x, const Indices& indices, const Operand& values,
                bool accumulate) {
  const Tensor places = no_grad([&] {
    const Tensor rows = in_rows(x.detach());
    return places_of(Chosen(operation, rows, indices), rows);
  });
  const Tensor put = reshape(to_put(operation, x, values, places.shape()), {-1});
  const Shape shape = x.shape();
  Tensor flat = reshape(x, {-1});
  x = {};  // so that a temporary's memory can be taken
  const Tensor where = reshape(places, {-1});
  const Tensor y = accumulate ? index_add(std::move(flat), 0, where, put)
                              : scatter(std::move(flat), 0, where, put);
  return reshape(y, shape);
}

}  // namespace

Tensor index_put(Tensor x, const Indices& indices, const Operand& values, bool accumulate) {
  const detail::Running running("index_put", x);
  if (values.is_undefined()) detail::throw_undefined_argument("index_put", 3);
  return with_put("index_put", std::move(x), indices, values, accumulate);
}

Tensor index_put_(const Tensor& x, const Indices& indices, const Operand& values, bool accumulate) {
  const detail::Running running("index_put_", x);
  if (values.is_undefined()) detail::throw_undefined_argument("index_put_", 3);
  detail::require_changeable(x, "index_put_");
  require<GraphError>(!is_grad_enabled() || !values.is_tensor() || !values.tensor().requires_grad(),
                      "index_put_: the values require a gradient, and changes in place are not "
                      "recorded; use index_put, or put values.detach()");
  const NoGradGuard guard;
  const Tensor self = x.detach();
  if (accumulate) {
    self.copy_(with_put("index_put_", self, indices, values, true));
    return x;
  }
  const Chosen chosen("index_put_", self, indices);
  if (chosen.tensors.empty()) {
    const Shape& shape = chosen.view.shape();
    const auto put = [&](const Operand& given) {
      chosen.view.copy_(to_put("index_put_", x, given, shape));
    };
    if (values.is_tensor())
      put(values.tensor().to(x.dtype()));  // as copy_() converts
    else
      put(*values.scalar());
    return x;
  }
  const Tensor places = in_rows(places_of(chosen, self));
  const Tensor put = clone(to_put("index_put_", x, values, places.shape()));
  const profiler::Scope scope("index_put_", [&] { return profiler::work_on({&put, &places}); });
  const std::int64_t* const where = places.data<std::int64_t>();
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = put.data<T>();
    T* const to = reinterpret_cast<T*>(x.storage()->change() + x.impl()->offset);
    for (std::int64_t i = 0; i < places.numel(); ++i) to[where[i]] = from[i];
  });
  return x;
}

}  // namespace xgrad
