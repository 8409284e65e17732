#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/strided.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/loops.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <type_traits>

namespace xgrad {
namespace {

/// Whether the matrices in the last two axes lie column by column.
bool lies_in_columns(const Tensor& x) {
  const Strides strides = x.strides();
  const std::size_t last = strides.size() - 1;
  return !x.is_contiguous() && strides[last - 1] == 1 && strides[last] >= x.shape()[last - 1];
}

/// A factor whose matrices, in the last two axes, lie row by row or column by column.
class Factor {
 public:
  explicit Factor(const Tensor& given) : x_(given), in_columns_(lies_in_columns(given)) {
    if (!in_columns_ && !lies_in_rows(x_)) x_ = in_rows(x_);
    const std::size_t matrix = x_.shape().size() - 2;
    for (std::size_t i = 0; i < matrix; ++i) {
      batch_.push_back(x_.shape()[i]);
      strides_.push_back(x_.strides()[i]);
    }
    rows_ = x_.shape()[matrix];
    columns_ = x_.shape()[matrix + 1];
    const std::int64_t apart = x_.strides()[in_columns_ ? matrix + 1 : matrix];
    step_ = std::max(apart, in_columns_ ? rows_ : columns_);
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  const Shape& batch() const { return batch_; }
  /// Of the batch, along the axes of what it is broadcast to.
  Strides strides(const Shape& batch) const {
    return kernels::broadcast_strides(batch, batch_, strides_);
  }
  /// Whether the matrices of the batch are one matrix of all their rows.
  bool is_one_matrix() const { return batch_.empty() || x_.is_contiguous(); }

  /// The matrix that starts `offset` elements on.
  template <class T>
  kernels::Matrix<T> matrix(std::int64_t offset = 0) const {
    return {reinterpret_cast<const T*>(x_.impl()->data()) + offset, step_, in_columns_};
  }

 private:
  static bool lies_in_rows(const Tensor& x) {
    const Strides strides = x.strides();
    const std::size_t last = strides.size() - 1;
    return x.is_contiguous() || (strides[last] == 1 && strides[last - 1] >= x.shape()[last]);
  }

  Tensor x_;
  bool in_columns_;
  Shape batch_;
  Strides strides_;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t step_ = 0;
};

template <class T>
void multiply(const Factor& a, const Factor& b, const Shape& batch, T* y) {
  const std::int64_t n = b.columns();
  const std::int64_t k = a.columns();
  if (b.batch().empty() && a.is_one_matrix())
    return kernels::gemm<T>(batch.numel() * a.rows(), n, k, a.matrix<T>(), b.matrix<T>(), y, n);

  const std::array strides{a.strides(batch), b.strides(batch)};
  const kernels::LoopNest nest(batch, strides);
  const std::int64_t size = a.rows() * n;
  const std::int64_t grain = kernels::grain_of(kernels::product_nanoseconds(a.rows(), n, k));
  kernels::parallel_for(batch.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    nest.for_elements(begin, end, [&](std::int64_t i, const auto& offsets) {
      kernels::gemm<T>(a.rows(), n, k, a.matrix<T>(offsets[0]), b.matrix<T>(offsets[1]),
                       y + i * size, n);
    });
  });
}

profiler::Work work_of(const Tensor& a, const Tensor& b, const Tensor& y, std::int64_t inner) {
  return profiler::work_on({&a, &b, &y}, 2.0 * static_cast<double>(inner));
}

Tensor turned(const Tensor& x) { return transpose(x, -2, -1); }

Tensor product(const Tensor& a, const Tensor& b);

/// a b, lying in columns if that is asked.
Tensor product_lying(bool in_columns, const Tensor& a, const Tensor& b) {
  return in_columns ? turned(product(turned(b), turned(a))) : product(a, b);
}

// y = A B;  dL/dA = dL/dy Bᵀ, dL/dB = Aᵀ dL/dy. Each gradient lies as its factor does: where that
// is a transpose, undoing it costs nothing.
Tensor product(const Tensor& a, const Tensor& b) {
  const Factor left(a);
  const Factor right(b);
  const Shape batch = broadcast(left.batch(), right.batch(), "matmul");
  Shape shape = batch;
  shape.push_back(left.rows());
  shape.push_back(right.columns());
  Tensor y = Tensor::empty(shape, a.dtype());
  {
    const profiler::Scope scope("matmul", [&] { return work_of(a, b, y, left.columns()); });
    dispatch_floating(a.dtype(), "matmul", [&]<class T>() {
      if (y.numel() > 0) multiply<T>(left, right, batch, y.mutable_data<T>());
    });
  }
  return record(
      Op::matmul, y,
      wrt(a, linear_in(summed_to(a,
                                 [b = saved(b), in_columns = lies_in_columns(a)](const Tensor& dy) {
                                   return product_lying(in_columns, dy, turned(b()));
                                 }),
                       [b = saved(b)](const Tensor& v) { return product(v, b()); })),
      wrt(b, linear_in(summed_to(b,
                                 [a = saved(a), in_columns = lies_in_columns(b)](const Tensor& dy) {
                                   return product_lying(in_columns, turned(a()), dy);
                                 }),
                       [a = saved(a)](const Tensor& v) { return product(a(), v); })));
}

void require_same_dtype(const char* operation, const Tensor& a, const Tensor& b) {
  require<DTypeError>(a.dtype() == b.dtype(), "{}: operands are {} and {}; convert one with x.to()",
                      operation, a.dtype(), b.dtype());
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  const detail::Running running("matmul", a, b);
  require<ShapeError>(a.dim() > 0 && b.dim() > 0,
                      "matmul: shapes {} and {}; both need an axis (multiply by a scalar with *)",
                      a.shape(), b.shape());
  require_same_dtype("matmul", a, b);
  const Tensor left = a.dim() == 1 ? unsqueeze(a, 0) : a;
  const Tensor right = b.dim() == 1 ? unsqueeze(b, 1) : b;
  require<ShapeError>(left.size(-1) == right.size(-2),
                      "matmul: shapes {} and {}: the left has {} columns, the right {} rows",
                      a.shape(), b.shape(), left.size(-1), right.size(-2));
  if (is_half(a.dtype())) return in_float32([](const auto&... x) { return matmul(x...); }, a, b);
  Tensor y = product(left, right);
  if (b.dim() == 1) y = squeeze(y, -1);
  return a.dim() == 1 ? squeeze(y, b.dim() == 1 ? -1 : -2) : y;
}

namespace {

/// Whether x·Wᵀ comes sooner as the transpose of W·xᵀ. oneDNN's product is up to twice as fast with
/// the many features as its rows and the small batch as its columns; below 16 columns its kernels
/// run partly empty and the plain order is better.
template <class T>
bool exchanging_pays(std::int64_t rows, std::int64_t out) {
  return std::is_same_v<T, float> && rows >= 16 && rows < out;
}

/// y = (W·xᵀ)ᵀ, with `shift` added to each row unless it is null.
template <class T>
void multiply_exchanged(const Factor& x, const Factor& weight, const T* shift, T* y) {
  const std::int64_t rows = x.rows();
  const std::int64_t out = weight.rows();
  Tensor columns = Tensor::empty({out, rows}, dtype_of<T>());
  T* const values = columns.mutable_data<T>();
  kernels::gemm<T>(out, rows, x.columns(), weight.matrix<T>(), x.matrix<T>().turned(), values,
                   rows);
  detail::copy_from({Shape{rows, out}, Strides{1, rows}}, sizeof(T), values, y);
  if (shift != nullptr)
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < out; ++j) y[i * out + j] += shift[j];
}

/// Each row of y becomes `row`.
template <class T>
void fill_rows(const T* row, std::int64_t rows, std::int64_t columns, T* y) {
  const std::int64_t grain = kernels::grain_of(3 + 0.3 * static_cast<double>(columns));
  kernels::parallel_for(rows, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) std::copy_n(row, columns, y + i * columns);
  });
}

// For rows x.  y = x Wᵀ + b;  dL/dx = dL/dy W, dL/dW = (dL/dy)ᵀ x, dL/db = Σ dL/dy over the rows
Tensor linear_rows(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::int64_t rows = x.size(0);
  const std::int64_t out = weight.size(0);
  const Factor from(x);
  const Factor by(weight);
  const Tensor added = bias.defined() ? in_rows(bias) : bias;
  Tensor y = Tensor::empty({rows, out}, x.dtype());
  const profiler::Scope scope("linear", [&] { return work_of(x, weight, y, x.size(1)); });
  dispatch_floating(x.dtype(), "linear", [&]<class T>() {
    T* const values = y.mutable_data<T>();
    const T* const shift = added.defined() ? added.data<T>() : nullptr;
    if (exchanging_pays<T>(rows, out)) {
      multiply_exchanged<T>(from, by, shift, values);
      return;
    }
    if (shift != nullptr) fill_rows(shift, rows, out, values);
    kernels::gemm<T>(rows, out, from.columns(), from.matrix<T>(), by.matrix<T>().turned(), values,
                     out, shift != nullptr);
  });
  return record(
      Op::linear, y,
      wrt(x, linear_in([w = saved(weight)](const Tensor& dy) { return product(dy, w()); },
                       [w = saved(weight)](const Tensor& v) { return linear_rows(v, w(), {}); })),
      wrt(weight, linear_in([x = saved(x)](const Tensor& dy) { return product(turned(dy), x()); },
                            [x = saved(x)](const Tensor& v) { return linear_rows(x(), v, {}); })),
      wrt(bias, linear_in([](const Tensor& dy) { return sum(dy, 0); },
                          [shape = y.shape()](const Tensor& v) { return expand(v, shape); })));
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const detail::Running running("linear", x, weight);
  require<ShapeError>(weight.dim() == 2 && x.dim() > 0 && x.size(-1) == weight.size(1),
                      "linear: input {} does not fit weight {}, which takes {} features in its "
                      "last axis",
                      x.shape(), weight.shape(),
                      weight.shape().empty() ? 0 : weight.shape().back());
  require_same_dtype("linear", x, weight);
  if (bias.defined()) {
    require<ShapeError>(bias.shape() == Shape{weight.size(0)},
                        "linear: bias {} does not fit weight {}; it must be [{}]", bias.shape(),
                        weight.shape(), weight.size(0));
    require_same_dtype("linear", x, bias);
  }
  if (is_half(x.dtype()))
    return in_float32([](const auto&... wide) { return linear(wide...); }, x, weight, bias);
  if (x.dim() == 2) return linear_rows(x, weight, bias);
  // Flat, so that the weight's gradient is one product and not a batch of them to be summed.
  Shape shape = x.shape();
  shape.back() = 1;
  const std::int64_t rows = shape.numel();
  shape.back() = weight.size(0);
  return reshape(linear_rows(reshape(x, {rows, weight.size(1)}), weight, bias), shape);
}

}  // namespace xgrad
