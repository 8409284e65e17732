#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/broadcast.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/strided.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <type_traits>

namespace xgrad {
namespace {

/// The last two axes as they enter a product, and what stands before them.
struct Factor {
  std::int64_t rows;
  std::int64_t columns;
  Shape batch;

  Factor(const Shape& shape, bool transposed) : rows(*(shape.end() - 2)), columns(shape.back()) {
    if (transposed) std::swap(rows, columns);
    for (std::size_t i = 0; i + 2 < shape.size(); ++i) batch.push_back(shape[i]);
  }
};

template <class T>
void multiply(const Tensor& a, bool ta, const Tensor& b, bool tb, Tensor& y) {
  if (y.numel() == 0) return;
  Factor left(a.shape(), ta);
  const Factor right(b.shape(), tb);
  const T* pa = a.data<T>();
  const T* pb = b.data<T>();
  T* out = y.mutable_data<T>();
  const std::int64_t n = right.columns;
  const std::int64_t k = left.columns;
  const auto product = [&](std::int64_t m, std::int64_t at_a, std::int64_t at_b, T* c) {
    kernels::gemm<T>(m, n, k, {pa + at_a, a.shape().back(), ta}, {pb + at_b, b.shape().back(), tb},
                     c, n);
  };
  if (right.batch.empty() && !ta) return product(left.batch.numel() * left.rows, 0, 0, out);

  Shape batch;
  for (std::size_t i = 0; i + 2 < y.shape().size(); ++i) batch.push_back(y.shape()[i]);
  // One more axis, so that the plan's rows are the single matrices.
  const auto with_unit = [](Shape shape, std::int64_t extent) {
    shape.push_back(extent);
    return shape;
  };
  const Shape all = with_unit(batch, 2);
  const Shape of_a = with_unit(left.batch, 1);
  const Shape of_b = with_unit(right.batch, 1);
  const kernels::BroadcastPlan<2> plan(all, {&of_a, &of_b});
  const std::int64_t size = left.rows * n;
  const std::int64_t grain = kernels::worthwhile / (size * k / 8 + 1) + 1;
  kernels::parallel_for(plan.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    plan.for_rows(begin, end, [&](std::int64_t i, const std::array<std::int64_t, 2>& offset) {
      product(left.rows, offset[0] * left.rows * k, offset[1] * k * n, out + i * size);
    });
  });
}

profiler::Work work_of(const Tensor& a, const Tensor& b, const Tensor& y, std::int64_t inner) {
  return profiler::work_on({&a, &b, &y}, 2.0 * static_cast<double>(inner));
}

// y = A B, each factor transposed or not.  dL/dA = dL/dy Bᵀ, dL/dB = Aᵀ dL/dy; for a factor that
// enters transposed, the transpose of that.
Tensor product(const Tensor& a, bool ta, const Tensor& b, bool tb) {
  const Factor left(a.shape(), ta);
  const Factor right(b.shape(), tb);
  Shape shape = broadcast(left.batch, right.batch, "matmul");
  shape.push_back(left.rows);
  shape.push_back(right.columns);
  Tensor y = Tensor::empty(shape, a.dtype());
  {
    const profiler::Scope scope("matmul", [&] { return work_of(a, b, y, left.columns); });
    dispatch_floating(a.dtype(), "matmul", [&]<class T>() { multiply<T>(a, ta, b, tb, y); });
  }
  return record(Op::matmul, y,
                wrt(a, summed_to(a,
                                 [b = saved(b), ta, tb](const Tensor& dy) {
                                   return ta ? product(b(), tb, dy, true)
                                             : product(dy, false, b(), !tb);
                                 })),
                wrt(b, summed_to(b, [a = saved(a), ta, tb](const Tensor& dy) {
                      return tb ? product(dy, true, a(), ta) : product(a(), !ta, dy, false);
                    })));
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
  Tensor y = product(left, false, right, false);
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
void multiply_exchanged(const Tensor& x, const Tensor& weight, const T* shift, T* y) {
  const std::int64_t rows = x.size(0);
  const std::int64_t out = weight.size(0);
  const std::int64_t in = x.size(1);
  Tensor columns = Tensor::empty({out, rows}, x.dtype());
  T* const values = columns.mutable_data<T>();
  kernels::gemm<T>(out, rows, in, {weight.data<T>(), in}, {x.data<T>(), in, true}, values, rows);
  kernels::copy_from({.shape = {rows, out}, .strides = {1, rows}}, sizeof(T), values, y);
  if (shift != nullptr)
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < out; ++j) y[i * out + j] += shift[j];
}

// For rows x.  y = x Wᵀ + b;  dL/dx = dL/dy W, dL/dW = (dL/dy)ᵀ x, dL/db = Σ dL/dy over the rows
Tensor linear_rows(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::int64_t rows = x.size(0);
  const std::int64_t out = weight.size(0);
  Tensor y = Tensor::empty({rows, out}, x.dtype());
  const profiler::Scope scope("linear", [&] { return work_of(x, weight, y, x.size(1)); });
  dispatch_floating(x.dtype(), "linear", [&]<class T>() {
    T* const values = y.mutable_data<T>();
    const T* const shift = bias.defined() ? bias.data<T>() : nullptr;
    if (exchanging_pays<T>(rows, out)) {
      multiply_exchanged<T>(x, weight, shift, values);
      return;
    }
    if (shift != nullptr)
      for (std::int64_t i = 0; i < rows; ++i) std::copy_n(shift, out, values + i * out);
    kernels::gemm<T>(rows, out, x.size(1), {x.data<T>(), x.size(1)},
                     {weight.data<T>(), x.size(1), true}, values, out, shift != nullptr);
  });
  return record(
      Op::linear, y,
      wrt(x, [w = saved(weight)](const Tensor& dy) { return product(dy, false, w(), false); }),
      wrt(weight, [x = saved(x)](const Tensor& dy) { return product(dy, true, x(), false); }),
      wrt(bias, [](const Tensor& dy) { return sum(dy, 0); }));
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
  if (x.dim() == 2) return linear_rows(x, weight, bias);
  // Flat, so that the weight's gradient is one product and not a batch of them to be summed.
  Shape shape = x.shape();
  shape.back() = 1;
  const std::int64_t rows = shape.numel();
  shape.back() = weight.size(0);
  return reshape(linear_rows(reshape(x, {rows, weight.size(1)}), weight, bias), shape);
}

}  // namespace xgrad
