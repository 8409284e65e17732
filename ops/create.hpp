#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

struct TensorOptions {
  std::optional<DType> dtype = {};  ///< default: float32, or what the given values are
  bool requires_grad = false;
  Generator* generator = nullptr;  ///< of random values; nullptr: the default one
};

/// A number, or a list of such, to any depth: {{1, 2}, {3, 4}}.
class NestedList {
 public:
  template <Number T>
  NestedList(T value) : value_(value) {}       // NOLINT: {1, 2} is meant to work
  NestedList(Scalar value) : value_(value) {}  // NOLINT
  NestedList(std::initializer_list<NestedList> items) : items_(items), is_list_(true) {}

 private:
  friend Tensor tensor(const NestedList& values, const TensorOptions& options);
  Shape shape() const;
  DType dtype() const;
  void flatten_into(const Shape& shape, std::size_t axis, std::vector<Scalar>& values) const;

  std::vector<NestedList> items_;
  Scalar value_ = false;
  bool is_list_ = false;
};

/// A tensor of the values as written. Fractional numbers give float32, whole ones int64, truth
/// values bool, unless options say otherwise. ShapeError where the lists are ragged, ValueError
/// where int64 is asked for and does not hold a value.
Tensor tensor(const NestedList& values, const TensorOptions& options = {});

/// A copy of the values in row-major order: float32, float64 (for long double too), int64 (for
/// every integer) or bool, unless options say otherwise. Without a shape: one axis. ShapeError
/// where their number is not the shape's, ValueError where int64 does not hold a value.
template <Number T>
Tensor from_vector(const std::vector<T>& values, std::optional<Shape> shape = {},
                   const TensorOptions& options = {});

/// The values along one axis, in the dtype that a list of them would have: float32 for fractional
/// numbers, where from_vector() keeps double.
template <Number T>
Tensor tensor(const std::vector<T>& values, TensorOptions options = {});

Tensor empty(const Shape& shape, const TensorOptions& options = {});
Tensor zeros(const Shape& shape, const TensorOptions& options = {});
Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// dtype by default that of the number, float32 for fractional ones.
Tensor full(const Shape& shape, Scalar value, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor full_like(const Tensor& x, Scalar value);
Tensor empty_like(const Tensor& x);

namespace detail {
Tensor from_blob(void* data, const Shape& shape, const Strides* strides,
                 std::function<void(void*)> deleter, const TensorOptions& options);
}

/// A tensor that sees the caller's memory, `data`, in row-major order or by strides (in elements,
/// not negative). It must hold the values, aligned as their dtype is, for as long as a tensor sees
/// it: until `deleter`, which must not throw, is called with `data` by the last of them, on
/// whichever thread that is; without one, until the caller knows that none is left. Results of
/// operations have memory of their own; changes in place are made in the caller's. What the caller
/// changes himself the tape does not notice: not between a forward and its backward pass.
/// ValueError where `data` is nullptr or not aligned; the deleter is then not called.
Tensor from_blob(void* data, const Shape& shape, const TensorOptions& options = {});
Tensor from_blob(void* data, const Shape& shape, const Strides& strides,
                 const TensorOptions& options = {});
template <std::invocable<void*> Deleter>
Tensor from_blob(void* data, const Shape& shape, Deleter deleter,
                 const TensorOptions& options = {}) {
  return detail::from_blob(data, shape, nullptr, std::move(deleter), options);
}
template <std::invocable<void*> Deleter>
Tensor from_blob(void* data, const Shape& shape, const Strides& strides, Deleter deleter,
                 const TensorOptions& options = {}) {
  return detail::from_blob(data, shape, &strides, std::move(deleter), options);
}

/// 0, 1, …, end − 1, or start, start + step, … before end. int64 for whole numbers, else float32;
/// what is to be int64 is counted in it. ValueError where there is no end, or no memory for it.
Tensor arange(Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, Scalar step = 1, const TensorOptions& options = {});
/// `steps` values from start to end, both included. In int64 each is truncated from its exact
/// value.
Tensor linspace(Scalar start, Scalar end, std::int64_t steps, const TensorOptions& options = {});
/// base to the power of `steps` values from start to end. ValueError where int64 is asked for and
/// does not hold one.
Tensor logspace(Scalar start, Scalar end, std::int64_t steps, double base = 10,
                const TensorOptions& options = {});
/// Rows and columns [2, n] of what tril() and triu() keep of a [row, col] matrix, row by row; int64
/// by default. ValueError for negative extents.
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = {});
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = {});
/// Ones on the diagonal of an [n, n] or [n, m] matrix.
Tensor eye(std::int64_t n, std::optional<std::int64_t> m = {}, const TensorOptions& options = {});

/// Uniform in [0, 1).
Tensor rand(const Shape& shape, const TensorOptions& options = {});
/// Mean 0, deviation 1.
Tensor randn(const Shape& shape, const TensorOptions& options = {});
/// Whole numbers in [low, high), int64 by default, each equally likely however long the range.
/// ValueError unless low < high; DTypeError where the dtype cannot tell them apart (float32 does up
/// to ±2²⁴).
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const TensorOptions& options = {});
inline Tensor randint(std::int64_t high, const Shape& shape, const TensorOptions& options = {}) {
  return randint(0, high, shape, options);
}
/// 0..n−1 in random order. DTypeError as for randint.
Tensor randperm(std::int64_t n, const TensorOptions& options = {});

namespace detail {

/// The types that tensors of bare numbers have.
template <class T>
concept Natural = std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool>;

/// from_vector() for those; `operation` is what messages call it.
template <Natural T>
Tensor from_elements(const std::vector<T>& values, std::optional<Shape> shape,
                     const TensorOptions& options, const char* operation);

template <Number T>
Tensor from_numbers(const std::vector<T>& values, std::optional<Shape> shape,
                    const TensorOptions& options, const char* operation) {
  if constexpr (Natural<T>) {
    return from_elements(values, shape, options, operation);
  } else {
    using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
    std::vector<Wide> elements;
    elements.reserve(values.size());
    for (const T value : values) elements.push_back(Scalar(value).to<Wide>(operation));
    return from_elements(elements, shape, options, operation);
  }
}

}  // namespace detail

template <Number T>
Tensor from_vector(const std::vector<T>& values, std::optional<Shape> shape,
                   const TensorOptions& options) {
  return detail::from_numbers(values, shape, options, "from_vector");
}

template <Number T>
Tensor tensor(const std::vector<T>& values, TensorOptions options) {
  if (std::is_floating_point_v<T> && !options.dtype) options.dtype = float32;
  return detail::from_numbers(values, {}, options, "tensor");
}

/// There is none to set, which the compiler says.
template <class T>
void set_default_dtype(const T&) {
  static_assert(
      std::is_void_v<T>,
      "there is no default dtype to set; give {.dtype = xgrad::float64} where a tensor is "
      "made, and net.to(xgrad::float64)");
}

}  // namespace xgrad

#pragma GCC visibility pop
