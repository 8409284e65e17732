#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/masked.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad {
namespace {

void check_mask(const char* operation, const Tensor& mask) {
  require<DTypeError>(mask.dtype() == boolean,
                      "{}: the mask is {}, it must be bool; compare, as "
                      "in x > 0",
                      operation, mask.dtype());
}

/// x and its mask in the shape that they broadcast to.
struct Masked {
  Masked(const char* operation, const Tensor& given, const Tensor& mask) {
    check_mask(operation, mask);
    const Shape shape = broadcast(given.shape(), mask.shape(), operation);
    x = expand(given, shape);
    places = detail::places_of_nonzero(expand(mask.detach(), shape));
  }

  Tensor x;
  Tensor places;
};

}  // namespace

Tensor detail::places_of_nonzero(const Tensor& x) {
  const Tensor rows = in_rows(x.dtype() == boolean ? x : converted(x, boolean));
  const bool* const is_set = rows.data<bool>();
  const std::int64_t n = x.numel();
  Tensor places = Tensor::empty({std::count(is_set, is_set + n, true)}, int64);
  std::int64_t* to = places.mutable_data<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i)
    if (is_set[i]) *to++ = i;
  return places;
}

Tensor detail::coordinates(const Tensor& places, const Shape& shape) {
  const std::int64_t n = places.numel();
  Tensor result = Tensor::empty({static_cast<std::int64_t>(shape.size()), n}, int64);
  std::vector<std::int64_t> rest = places.to_vector<std::int64_t>();
  std::int64_t* const to = result.mutable_data<std::int64_t>();
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    std::int64_t* const row = to + static_cast<std::int64_t>(axis) * n;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      row[i] = rest[i] % shape[axis];
      rest[i] /= shape[axis];
    }
  }
  return result;
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value) {
  const detail::Running running("masked_fill", x, mask);
  check_mask("masked_fill", mask);
  broadcast(x.shape(), mask.shape(), "masked_fill");
  if (!value.is_tensor()) {
    const Tensor number =
        full({}, value.scalar()->as(x.dtype(), "masked_fill"), {.dtype = x.dtype()});
    return where(mask, number, x);
  }
  const detail::Running again("masked_fill", x, mask, value.tensor());
  require<ShapeError>(value.tensor().dim() == 0,
                      "masked_fill: the value has shape {}; it must be a number or a scalar (see "
                      "where)",
                      value.tensor().shape());
  return where(mask, to(value.tensor(), x.dtype()), x);
}

Tensor masked_select(const Tensor& given, const Tensor& mask) {
  const detail::Running running("masked_select", given, mask);
  const Masked chosen("masked_select", given, mask);
  return index_select(reshape(chosen.x, {-1}), 0, chosen.places);
}

Tensor masked_scatter(const Tensor& given, const Tensor& mask, const Tensor& source) {
  const detail::Running running("masked_scatter", given, mask, source);
  const Masked chosen("masked_scatter", given, mask);
  const std::int64_t n = chosen.places.numel();
  require<DTypeError>(source.dtype() == given.dtype(),
                      "masked_scatter: the source is {}, it must be {} as x is", source.dtype(),
                      given.dtype());
  require<ShapeError>(source.numel() >= n, "masked_scatter: a source of {} elements for {} places",
                      source.numel(), n);
  const Tensor y =
      scatter(reshape(chosen.x, {-1}), 0, chosen.places, slice(reshape(source, {-1}), 0, 0, n));
  return reshape(y, chosen.x.shape());
}

Tensor nonzero(const Tensor& x) {
  const detail::Running running("nonzero", x);
  const Tensor columns = detail::coordinates(detail::places_of_nonzero(x), x.shape());
  return in_rows(transpose(columns, 0, 1));
}

std::vector<Tensor> where(const Tensor& condition) {
  const detail::Running running("where", condition);
  const Tensor places = detail::places_of_nonzero(condition);
  return unbind(condition.dim() == 0 ? unsqueeze(places, 0)
                                     : detail::coordinates(places, condition.shape()));
}

}  // namespace xgrad
