#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad {
namespace {

Tensor make(const Shape& shape, const TensorOptions& options, DType fallback) {
  return Tensor::empty(shape, options.dtype.value_or(fallback));
}

Tensor finish(Tensor x, const TensorOptions& options) {
  if (options.requires_grad) x.requires_grad_();
  return x;
}

DType natural(Scalar value) { return value.kind() == float64 ? float32 : value.kind(); }

Generator& generator_of(const TensorOptions& options) {
  return options.generator ? *options.generator : default_generator();
}

/// x[i] = value(i), in x's type.
template <class F>
void generate(Tensor& x, F value) {
  dispatch(x.dtype(), [&]<class T>() {
    T* out = x.mutable_data<T>();
    for (std::int64_t i = 0; i < x.numel(); ++i) out[i] = static_cast<T>(value(i));
  });
}

template <class T>
std::span<T> values_of(Tensor& x) {
  return {x.mutable_data<T>(), static_cast<std::size_t>(x.numel())};
}

}  // namespace

Shape NestedList::shape() const {
  Shape result;
  for (const NestedList* level = this; level->is_list_; level = &level->items_.front()) {
    result.push_back(static_cast<std::int64_t>(level->items_.size()));
    if (level->items_.empty()) break;
  }
  return result;
}

DType NestedList::kind() const {
  if (!is_list_) return kind_;
  if (items_.empty()) return float32;
  DType result = boolean;
  for (const NestedList& item : items_) result = promote(result, item.kind());
  return result;
}

void NestedList::flatten_into(const Shape& shape, std::size_t axis,
                              std::vector<double>& values) const {
  const bool fits =
      is_list_ ? axis < shape.size() && static_cast<std::int64_t>(items_.size()) == shape[axis]
               : axis == shape.size();
  require<ShapeError>(fits, "tensor: the lists are ragged: not all at depth {} are alike", axis);
  if (!is_list_) values.push_back(value_);
  for (const NestedList& item : items_) item.flatten_into(shape, axis + 1, values);
}

Tensor tensor(const NestedList& values, const TensorOptions& options) {
  const Shape shape = values.shape();
  std::vector<double> flat;
  values.flatten_into(shape, 0, flat);
  Tensor x = make(shape, options, values.kind());
  generate(x, [&](std::int64_t i) { return flat[static_cast<std::size_t>(i)]; });
  return finish(x, options);
}

template <class T>
Tensor from_vector(const std::vector<T>& values, std::optional<Shape> shape,
                   const TensorOptions& options) {
  const Shape target = shape.value_or(Shape{static_cast<std::int64_t>(values.size())});
  require<ShapeError>(target.numel() == static_cast<std::int64_t>(values.size()),
                      "from_vector: {} values do not fill shape {}", values.size(), target);
  Tensor x = make(target, options, dtype_of<T>());
  generate(x, [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
  return finish(x, options);
}

template Tensor from_vector(const std::vector<float>&, std::optional<Shape>, const TensorOptions&);
template Tensor from_vector(const std::vector<double>&, std::optional<Shape>, const TensorOptions&);
template Tensor from_vector(const std::vector<std::int64_t>&, std::optional<Shape>,
                            const TensorOptions&);
template Tensor from_vector(const std::vector<bool>&, std::optional<Shape>, const TensorOptions&);

Tensor empty(const Shape& shape, const TensorOptions& options) {
  return finish(make(shape, options, float32), options);
}

Tensor zeros(const Shape& shape, const TensorOptions& options) {
  return finish(make(shape, options, float32).fill_(0), options);
}

Tensor ones(const Shape& shape, const TensorOptions& options) {
  return finish(make(shape, options, float32).fill_(1), options);
}

Tensor full(const Shape& shape, Scalar value, const TensorOptions& options) {
  return finish(make(shape, options, natural(value)).fill_(value), options);
}

Tensor zeros_like(const Tensor& x) { return Tensor::empty(x.shape(), x.dtype()).fill_(0); }
Tensor ones_like(const Tensor& x) { return Tensor::empty(x.shape(), x.dtype()).fill_(1); }
Tensor full_like(const Tensor& x, Scalar value) {
  return Tensor::empty(x.shape(), x.dtype()).fill_(value);
}

Tensor arange(Scalar end, const TensorOptions& options) { return arange(0, end, 1, options); }

Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options) {
  require<ValueError>(step.value() != 0, "arange: a step of 0 never arrives");
  const double count = std::ceil((end.value() - start.value()) / step.value());
  require<ValueError>(count >= 0, "arange: from {} to {} in steps of {} goes the wrong way",
                      start.value(), end.value(), step.value());
  const DType kind = promote(natural(start), promote(natural(end), natural(step)));
  Tensor x = make({static_cast<std::int64_t>(count)}, options, kind);
  generate(x,
           [&](std::int64_t i) { return start.value() + static_cast<double>(i) * step.value(); });
  return finish(x, options);
}

Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options) {
  require<ValueError>(steps >= 0, "linspace: {} steps", steps);
  Tensor x = make({steps}, options, float32);
  const double width = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  generate(x, [&](std::int64_t i) {
    return i + 1 == steps && steps > 1 ? end : start + static_cast<double>(i) * width;
  });
  return finish(x, options);
}

Tensor eye(std::int64_t n, std::optional<std::int64_t> m, const TensorOptions& options) {
  const std::int64_t columns = m.value_or(n);
  Tensor x = make({n, columns}, options, float32);
  generate(x, [&](std::int64_t i) { return i / columns == i % columns ? 1 : 0; });
  return finish(x, options);
}

Tensor rand(const Shape& shape, const TensorOptions& options) {
  Tensor x = make(shape, options, float32);
  dispatch_floating(x.dtype(), "rand",
                    [&]<class T>() { generator_of(options).fill_uniform(values_of<T>(x)); });
  return finish(x, options);
}

Tensor randn(const Shape& shape, const TensorOptions& options) {
  Tensor x = make(shape, options, float32);
  dispatch_floating(x.dtype(), "randn",
                    [&]<class T>() { generator_of(options).fill_normal(values_of<T>(x)); });
  return finish(x, options);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const TensorOptions& options) {
  require<ValueError>(low < high, "randint: no whole number lies in [{}, {})", low, high);
  Tensor x = make(shape, options, int64);
  Generator& generator = generator_of(options);
  const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  // Unsigned, as more than half of all whole numbers may lie between the two.
  generate(x, [&](std::int64_t) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + generator.below(range));
  });
  return finish(x, options);
}

Tensor randperm(std::int64_t n, const TensorOptions& options) {
  require<ValueError>(n >= 0, "randperm: {} elements", n);
  Tensor x = arange(n, {.dtype = options.dtype.value_or(int64)});
  Generator& generator = generator_of(options);
  dispatch(x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    for (std::int64_t i = n - 1; i > 0; --i)
      std::swap(values[i], values[generator.below(static_cast<std::uint64_t>(i) + 1)]);
  });
  return x;
}

}  // namespace xgrad
