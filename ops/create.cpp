#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/modular.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad {
namespace {

Tensor make(const char* operation, const Shape& shape, const TensorOptions& options,
            DType fallback) {
  const detail::Running running(operation);
  return Tensor::empty(shape, options.dtype.value_or(fallback));
}

Tensor finish(Tensor x, const TensorOptions& options) {
  if (options.requires_grad) x.requires_grad_();
  return x;
}

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

/// Copies numbers into x, in x's type.
template <class T>
void take_over(const std::vector<T>& values, Tensor& x, const char* operation) {
  dispatch(x.dtype(), [&]<class Own>() {
    std::ranges::transform(values, x.mutable_data<Own>(),
                           [&](const T& v) { return Scalar(v).to<Own>(operation); });
  });
}

/// The last of the whole numbers from 0 that a T tells apart.
template <class T>
consteval std::int64_t last_whole() {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(std::numeric_limits<T>::max());
  } else {
    constexpr int digits = std::is_same_v<T, BFloat16>  ? 8
                           : std::is_same_v<T, Float16> ? 11
                                                        : std::numeric_limits<T>::digits;
    return std::int64_t{1} << digits;
  }
}

/// DTypeError unless `dtype` tells all whole numbers from `first` to `last` apart.
void require_whole(const char* operation, DType dtype, std::int64_t first, std::int64_t last) {
  dispatch(dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, std::int64_t>) {
      constexpr auto most = static_cast<std::int64_t>(last_whole<T>());
      constexpr std::int64_t least =
          std::is_integral_v<T> ? static_cast<std::int64_t>(std::numeric_limits<T>::min()) : -most;
      require<DTypeError>(first >= least && last <= most,
                          "{}: {} does not tell all whole numbers from {} to {} apart, only those "
                          "from {} to {}; use int64",
                          operation, dtype, first, last, least, most);
    }
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

DType NestedList::dtype() const {
  if (!is_list_) return value_.natural_dtype();
  if (items_.empty()) return float32;
  DType result = boolean;
  for (const NestedList& item : items_) result = promote(result, item.dtype());
  return result;
}

void NestedList::flatten_into(const Shape& shape, std::size_t axis,
                              std::vector<Scalar>& values) const {
  const bool fits =
      is_list_ ? axis < shape.size() && static_cast<std::int64_t>(items_.size()) == shape[axis]
               : axis == shape.size();
  require<ShapeError>(fits, "tensor: the lists are ragged: not all at depth {} are alike", axis);
  if (!is_list_) values.push_back(value_);
  for (const NestedList& item : items_) item.flatten_into(shape, axis + 1, values);
}

Tensor tensor(const NestedList& values, const TensorOptions& options) {
  const Shape shape = values.shape();
  std::vector<Scalar> flat;
  values.flatten_into(shape, 0, flat);
  Tensor x = make("tensor", shape, options, values.dtype());
  take_over(flat, x, "tensor");
  return finish(x, options);
}

// Instances do not go by the visibility of the declaration.
#pragma GCC visibility push(default)
template <detail::Natural T>
Tensor detail::from_elements(const std::vector<T>& values, std::optional<Shape> shape,
                             const TensorOptions& options, const char* operation) {
  const detail::Running running(operation);
  const Shape target = shape.value_or(Shape{static_cast<std::int64_t>(values.size())});
  require<ShapeError>(target.numel() == static_cast<std::int64_t>(values.size()),
                      "{}: {} values do not fill shape {}", operation, values.size(), target);
  Tensor x = make(operation, target, options, dtype_of<T>());
  take_over(values, x, operation);
  return finish(x, options);
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template Tensor detail::from_elements(const std::vector<T>&, std::optional<Shape>, \
                                        const TensorOptions&, const char*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(bool)
#undef XGRAD_INSTANTIATE
#pragma GCC visibility pop

Tensor empty(const Shape& shape, const TensorOptions& options) {
  return finish(make("empty", shape, options, float32), options);
}

Tensor zeros(const Shape& shape, const TensorOptions& options) {
  return finish(make("zeros", shape, options, float32).fill_(0), options);
}

Tensor ones(const Shape& shape, const TensorOptions& options) {
  return finish(make("ones", shape, options, float32).fill_(1), options);
}

Tensor full(const Shape& shape, Scalar value, const TensorOptions& options) {
  Tensor x = make("full", shape, options, value.natural_dtype());
  return finish(x.fill_(value.as(x.dtype(), "full")), options);
}

Tensor zeros_like(const Tensor& x) {
  const detail::Running running("zeros_like", x);
  return Tensor::empty(x.shape(), x.dtype()).fill_(0);
}
Tensor ones_like(const Tensor& x) {
  const detail::Running running("ones_like", x);
  return Tensor::empty(x.shape(), x.dtype()).fill_(1);
}
Tensor full_like(const Tensor& x, Scalar value) {
  const detail::Running running("full_like", x);
  return Tensor::empty(x.shape(), x.dtype()).fill_(value.as(x.dtype(), "full_like"));
}

Tensor empty_like(const Tensor& x) {
  const detail::Running running("empty_like", x);
  return Tensor::empty(x.shape(), x.dtype());
}

Tensor from_blob(void* data, const Shape& shape, const TensorOptions& options) {
  return detail::from_blob(data, shape, nullptr, {}, options);
}
Tensor from_blob(void* data, const Shape& shape, const Strides& strides,
                 const TensorOptions& options) {
  return detail::from_blob(data, shape, &strides, {}, options);
}

Tensor detail::from_blob(void* data, const Shape& shape, const Strides* given,
                         std::function<void(void*)> deleter, const TensorOptions& options) {
  const detail::Running running("from_blob");
  const DType dtype = options.dtype.value_or(float32);
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  const bool is_empty = bytes_of(shape, dtype) == 0;
  const Strides strides = given ? *given : row_major(shape);
  require<ShapeError>(strides.size() == shape.size(), "from_blob: strides {} for shape {}", strides,
                      shape);
  Size count(1, "from_blob");
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    require<ValueError>(strides[axis] >= 0, "from_blob: strides {} go backwards", strides);
    if (!is_empty) count = count + Size(shape[axis] - 1, "from_blob") * strides[axis];
  }
  const std::int64_t bytes = is_empty ? 0 : (count * item).value();
  require<ValueError>(is_empty || data != nullptr, "from_blob: no memory for shape {}: nullptr",
                      shape);
  require<ValueError>(reinterpret_cast<std::uintptr_t>(data) % item_size(dtype) == 0,
                      "from_blob: the memory is not aligned to the {} bytes of {}", item, dtype);
  auto storage = Storage::around(data, static_cast<std::size_t>(bytes), std::move(deleter));
  return finish(detail::tensor_of(std::move(storage), 0, shape, strides, dtype), options);
}

Tensor arange(Scalar end, const TensorOptions& options) { return arange(0, end, 1, options); }

namespace {

/// How many of start, start + step, … come before end.
double count_of(double start, double end, double step) { return std::ceil((end - start) / step); }

double count_of(std::int64_t start, std::int64_t end, std::int64_t step) {
  // The distance of two int64 may not be one, that of their unsigned images is exact.
  const auto distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  if (start == end) return 0;
  if ((start < end) != (step > 0)) return -1;
  const std::uint64_t span = step > 0 ? distance(start, end) : distance(end, start);
  const std::uint64_t stride = step > 0 ? distance(0, step) : distance(step, 0);
  const std::uint64_t whole = (span - 1) / stride;
  return static_cast<double>(whole + 1);
}

/// Counted in T: int64 or double.
template <class T>
Tensor range(T start, T end, T step, const TensorOptions& options, DType dtype) {
  require<ValueError>(step != 0, "arange: a step of 0 never arrives");
  const double count = count_of(start, end, step);
  constexpr double most = 0x1p44;  // no machine has memory for more
  require<ValueError>(!std::isnan(count), "arange: from {} to {} in steps of {} is no range", start,
                      end, step);
  require<ValueError>(count >= 0, "arange: from {} to {} in steps of {} goes the wrong way", start,
                      end, step);
  require<ValueError>(count < most,
                      "arange: from {} to {} in steps of {} are {} elements; no memory holds them",
                      start, end, step, count);
  const detail::Running running("arange");
  Tensor x = Tensor::empty({static_cast<std::int64_t>(count)}, dtype);
  generate(x, [&](std::int64_t i) {
    return kernels::wrapping([i](auto from, auto by) { return from + decltype(by)(i) * by; }, start,
                             step);
  });
  return finish(x, options);
}

}  // namespace

Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options) {
  const DType kind =
      promote(start.natural_dtype(), promote(end.natural_dtype(), step.natural_dtype()));
  const DType dtype = options.dtype.value_or(kind);
  const auto counted = [&]<class T>(T) {
    return range(start.to<T>("arange"), end.to<T>("arange"), step.to<T>("arange"), options, dtype);
  };
  return is_floating(kind) && !is_integer(dtype) ? counted(double{}) : counted(std::int64_t{});
}

namespace {

/// i ↦ the value number i of `steps` from first to last.
auto spaced(double first, double last, std::int64_t steps) {
  const double width = steps > 1 ? (last - first) / static_cast<double>(steps - 1) : 0;
  return [=](std::int64_t i) {
    return i + 1 == steps && steps > 1 ? last : first + static_cast<double>(i) * width;
  };
}

}  // namespace

Tensor linspace(Scalar start, Scalar end, std::int64_t steps, const TensorOptions& options) {
  require<ValueError>(steps >= 0, "linspace: {} steps", steps);
  Tensor x = make("linspace", {steps}, options, float32);
  if (is_integer(x.dtype())) {
    __extension__ using Wide = __int128;
    const Wide first = start.to<std::int64_t>("linspace");
    const Wide last = end.to<std::int64_t>("linspace");
    const Wide gaps = std::max<std::int64_t>(steps - 1, 1);
    generate(x, [&](std::int64_t i) { return (first * (gaps - i) + last * i) / gaps; });
    return finish(x, options);
  }
  generate(x, spaced(start.to<double>(), end.to<double>(), steps));
  return finish(x, options);
}

Tensor logspace(Scalar start, Scalar end, std::int64_t steps, double base,
                const TensorOptions& options) {
  require<ValueError>(steps >= 0, "logspace: {} steps", steps);
  Tensor x = make("logspace", {steps}, options, float32);
  const auto exponent = spaced(start.to<double>(), end.to<double>(), steps);
  dispatch(x.dtype(), [&]<class T>() {
    T* const out = x.mutable_data<T>();
    for (std::int64_t i = 0; i < steps; ++i)
      out[i] = Scalar(std::pow(base, exponent(i))).to<T>("logspace");
  });
  return finish(x, options);
}

namespace {

/// A part of a matrix: `count` places, in the columns [begin, end) = columns(i) of the rows i from
/// first to before last.
struct Part {
  std::int64_t first, last, count;
};

template <class Columns>
Tensor places(const char* operation, const Part& part, std::int64_t largest,
              const TensorOptions& options, const Columns& columns) {
  if (part.count > 0) require_whole(operation, options.dtype.value_or(int64), 0, largest);
  Tensor x = make(operation, {2, part.count}, options, int64);
  dispatch(x.dtype(), [&]<class T>() {
    T* row = x.mutable_data<T>();
    T* column = row + part.count;
    for (std::int64_t i = part.first; i < part.last && part.count > 0; ++i) {
      const auto [begin, end] = columns(i);
      for (std::int64_t j = begin; j < end; ++j) {
        *row++ = static_cast<T>(i);
        *column++ = static_cast<T>(j);
      }
    }
  });
  return finish(x, options);
}

void require_extents(const char* operation, std::int64_t rows, std::int64_t columns) {
  require<ValueError>(rows >= 0 && columns >= 0, "{}: a [{}, {}] matrix", operation, rows, columns);
}

/// least + (least + 1) + …, so many numbers.
Size sum_from(const Size& least, std::int64_t numbers, const char* operation) {
  const std::int64_t more = std::max<std::int64_t>(numbers - 1, 0);
  // Of two neighbours one is even.
  const Size triangle =
      numbers % 2 == 0 ? Size(numbers / 2, operation) * more : Size(more / 2, operation) * numbers;
  return least * numbers + triangle;
}

}  // namespace

// Columns j ≤ i + offset of row i: more from row to row until all of them are kept.
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t given,
                    const TensorOptions& options) {
  require_extents("tril_indices", row, col);
  const Size offset(std::clamp(given, -row, col), "tril_indices");
  const std::int64_t first = std::max<std::int64_t>(0, -offset.value());
  const std::int64_t whole = std::clamp((Size(col) - offset - 1).value(), first, row);
  const Size count = sum_from(offset + first + 1, whole - first, "tril_indices") +
                     Size(row - whole, "tril_indices") * col;
  return places("tril_indices", {first, row, count.value()}, std::max(row, col) - 1, options,
                [&](std::int64_t i) {
                  return std::pair(std::int64_t{0}, std::min(col, i + offset.value() + 1));
                });
}

// Columns j ≥ i + offset of row i: all of them, then fewer from row to row.
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t given,
                    const TensorOptions& options) {
  require_extents("triu_indices", row, col);
  const Size offset(std::clamp(given, -row, col), "triu_indices");
  const std::int64_t last = std::min(row, (Size(col) - offset).value());
  const std::int64_t whole = std::clamp<std::int64_t>((1 - offset).value(), 0, last);
  const Size count = Size(whole, "triu_indices") * col +
                     sum_from(Size(col) - offset - (last - 1), last - whole, "triu_indices");
  return places("triu_indices", {0, last, count.value()}, std::max(row, col) - 1, options,
                [&](std::int64_t i) {
                  return std::pair(std::max<std::int64_t>(0, i + offset.value()), col);
                });
}

Tensor eye(std::int64_t n, std::optional<std::int64_t> m, const TensorOptions& options) {
  const std::int64_t columns = m.value_or(n);
  Tensor x = make("eye", {n, columns}, options, float32);
  x.fill_(0);
  dispatch(x.dtype(), [&]<class T>() {
    T* const out = x.mutable_data<T>();
    for (std::int64_t i = 0; i < std::min(n, columns); ++i)
      out[i * (columns + 1)] = static_cast<T>(1);
  });
  return finish(x, options);
}

namespace {

/// Of 16 bits: what float32 gives, rounded.
template <class F>
Tensor drawn(const F& draw, const Shape& shape, const TensorOptions& options) {
  TensorOptions wide = options;
  wide.dtype = float32;
  wide.requires_grad = false;
  return finish(to(draw(shape, wide), *options.dtype), options);
}

bool are_half(const TensorOptions& options) { return options.dtype && is_half(*options.dtype); }

}  // namespace

Tensor rand(const Shape& shape, const TensorOptions& options) {
  if (are_half(options)) return drawn(rand, shape, options);
  Tensor x = make("rand", shape, options, float32);
  dispatch_floating(x.dtype(), "rand",
                    [&]<class T>() { generator_of(options).fill_uniform(values_of<T>(x)); });
  return finish(x, options);
}

Tensor randn(const Shape& shape, const TensorOptions& options) {
  if (are_half(options)) return drawn(randn, shape, options);
  Tensor x = make("randn", shape, options, float32);
  dispatch_floating(x.dtype(), "randn",
                    [&]<class T>() { generator_of(options).fill_normal(values_of<T>(x)); });
  return finish(x, options);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const TensorOptions& options) {
  const char* const operation = detail::running_or("randint");
  require<ValueError>(low < high, "{}: no whole number lies in [{}, {})", operation, low, high);
  require_whole(operation, options.dtype.value_or(int64), low, high - 1);
  Tensor x = make("randint", shape, options, int64);
  Generator& generator = generator_of(options);
  // Without a sign, in which the range may be twice as long as in int64.
  const auto start = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - start;
  generate(x,
           [&](std::int64_t) { return static_cast<std::int64_t>(start + generator.below(range)); });
  return finish(x, options);
}

Tensor randperm(std::int64_t n, const TensorOptions& options) {
  const detail::Running running("randperm");
  require<ValueError>(n >= 0, "randperm: {} elements", n);
  bytes_of({n}, options.dtype.value_or(int64));  // tells what no machine has memory for
  require_whole("randperm", options.dtype.value_or(int64), 0, n - 1);
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
