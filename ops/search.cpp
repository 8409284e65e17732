#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/search.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad {
namespace {

/// The first place of a sequence whose value does not come before `value`; `right`: that comes
/// after it. What compares false to NaN is passed over, so that NaN belongs at the end.
template <class T>
std::int64_t place_in(const T* sequence, std::int64_t n, T value, bool right) {
  const auto is_before = [=](T other) { return right ? !(other > value) : !(other >= value); };
  return std::partition_point(sequence, sequence + n, is_before) - sequence;
}

Tensor search(const char* operation, const Tensor& sequence, const Tensor& values, bool right) {
  Shape leading = values.shape();
  if (values.dim() > 0) leading.back() = sequence.size(-1);
  require<ShapeError>(sequence.dim() == 1 || sequence.shape() == leading,
                      "{}: values {} for a sequence {}: it has one axis, or all but the last of "
                      "theirs",
                      operation, values.shape(), sequence.shape());
  const std::int64_t n = sequence.size(-1);
  const std::int64_t row = sequence.dim() == 1 ? std::max<std::int64_t>(values.numel(), 1)
                                               : std::max<std::int64_t>(values.size(-1), 1);
  const double steps = std::log2(static_cast<double>(n) + 2);
  const auto kernel = [&]<class T>(const T* from, const T* sorted, std::int64_t* to) {
    kernels::parallel_for(values.numel(), kernels::grain_of(3 * steps),
                          [&](std::int64_t begin, std::int64_t end) {
                            for (std::int64_t i = begin; i < end; ++i)
                              to[i] = place_in(sorted + i / row * n, n, from[i], right);
                          });
  };
  return compute<Types::numeric, std::int64_t>(operation, values.shape(), kernel, values, sequence);
}

/// The same of a number or of values of the sequence's dtype.
Tensor search(const char* operation, const Tensor& sequence, const Operand& values,
              const SearchOptions& options) {
  require<ShapeError>(sequence.dim() > 0, "{}: the sequence is a scalar; it must have an axis",
                      operation);
  const auto sought = [&] {
    if (values.is_tensor()) return values.tensor().detach();
    const Scalar& number = *values.scalar();
    return full({}, number,
                {.dtype = is_floating(sequence.dtype()) ? sequence.dtype() : number.kind()});
  }();
  require<DTypeError>(!values.is_tensor() || sought.dtype() == sequence.dtype(),
                      "{}: the values are {}, they must be {} as the sequence is", operation,
                      sought.dtype(), sequence.dtype());
  // A bool is a number, and a fraction is sought among whole numbers in float64.
  const DType dtype = promote(sequence.dtype(), sought.dtype());
  const auto in = [dtype](const Tensor& x) { return to(x, dtype == boolean ? int64 : dtype); };
  return search(operation, in(sequence.detach()), in(sought), options.right);
}

}  // namespace

Tensor searchsorted(const Tensor& sequence, const Operand& values, SearchOptions options) {
  const detail::Running running("searchsorted", sequence);
  if (values.is_undefined()) detail::throw_undefined_argument("searchsorted", 2);
  return search("searchsorted", sequence, values, options);
}

Tensor bucketize(const Operand& values, const Tensor& boundaries, SearchOptions options) {
  if (values.is_undefined()) detail::throw_undefined_argument("bucketize", 1);
  if (!boundaries.defined()) detail::throw_undefined_argument("bucketize", 2);
  const detail::Running running("bucketize");
  require<ShapeError>(boundaries.dim() == 1,
                      "bucketize: the boundaries have shape {}; they must have one axis",
                      boundaries.shape());
  return search("bucketize", boundaries, values, options);
}

}  // namespace xgrad
