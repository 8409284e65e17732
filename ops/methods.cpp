// The methods of Tensor that compute: declared with the class, each the free function.

#include <xgrad/ops/ops.hpp>

namespace xgrad {

Tensor Tensor::to(DType dtype) const { return xgrad::to(*this, dtype); }
Tensor Tensor::clone() const { return xgrad::clone(*this); }
Tensor Tensor::contiguous() const { return xgrad::contiguous(*this); }
Tensor Tensor::reshape(const Shape& shape) const { return xgrad::reshape(*this, shape); }
Tensor Tensor::view(const Shape& shape) const { return xgrad::view(*this, shape); }
Tensor Tensor::flatten(std::int64_t start, std::int64_t end) const {
  return xgrad::flatten(*this, start, end);
}
Tensor Tensor::transpose(std::int64_t axis0, std::int64_t axis1) const {
  return xgrad::transpose(*this, axis0, axis1);
}
Tensor Tensor::t() const { return xgrad::transpose(*this, -2, -1); }
Tensor Tensor::permute(const Axes& axes) const { return xgrad::permute(*this, axes); }
Tensor Tensor::squeeze(const Axes& axes) const { return xgrad::squeeze(*this, axes); }
Tensor Tensor::unsqueeze(std::int64_t axis) const { return xgrad::unsqueeze(*this, axis); }
Tensor Tensor::expand(const Shape& shape) const { return xgrad::expand(*this, shape); }
Tensor Tensor::slice(std::int64_t axis, std::int64_t start, std::optional<std::int64_t> end,
                     std::int64_t step) const {
  return xgrad::slice(*this, axis, start, end, step);
}
Tensor Tensor::select(std::int64_t axis, std::int64_t index) const {
  return xgrad::select(*this, axis, index);
}
Tensor Tensor::operator[](std::int64_t index) const { return xgrad::select(*this, 0, index); }
std::vector<Tensor> Tensor::split(std::int64_t size, std::int64_t axis) const {
  return xgrad::split(*this, size, axis);
}
std::vector<Tensor> Tensor::chunk(std::int64_t chunks, std::int64_t axis) const {
  return xgrad::chunk(*this, chunks, axis);
}
Tensor Tensor::index_select(std::int64_t axis, const Tensor& index) const {
  return xgrad::index_select(*this, axis, index);
}
Tensor Tensor::gather(std::int64_t axis, const Tensor& index) const {
  return xgrad::gather(*this, axis, index);
}
Tensor Tensor::flip(const Axes& axes) const { return xgrad::flip(*this, axes); }
Tensor Tensor::repeat(const Shape& repeats) const { return xgrad::repeat(*this, repeats); }
Tensor Tensor::narrow(std::int64_t axis, std::int64_t start, std::int64_t length) const {
  return xgrad::narrow(*this, axis, start, length);
}
Tensor Tensor::roll(const Axes& shifts, const Axes& axes) const {
  return xgrad::roll(*this, shifts, axes);
}
Tensor Tensor::tril(std::int64_t diagonal) const { return xgrad::tril(*this, diagonal); }
Tensor Tensor::triu(std::int64_t diagonal) const { return xgrad::triu(*this, diagonal); }
Tensor Tensor::index(const indexing::Indices& indices) const {
  return xgrad::index(*this, indices);
}
Tensor Tensor::index_put_(const indexing::Indices& indices, const Tensor& values,
                          bool accumulate) const {
  return xgrad::index_put_(*this, indices, values, accumulate);
}
Tensor Tensor::index_put_(const indexing::Indices& indices, Scalar value, bool accumulate) const {
  return xgrad::index_put_(*this, indices, value, accumulate);
}
Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  return xgrad::masked_fill(*this, mask, value);
}
Tensor Tensor::masked_fill(const Tensor& mask, const Tensor& value) const {
  return xgrad::masked_fill(*this, mask, value);
}
Ranked Tensor::sort(std::int64_t axis, bool descending) const {
  return xgrad::sort(*this, axis, descending);
}
Tensor Tensor::argsort(std::int64_t axis, bool descending) const {
  return xgrad::argsort(*this, axis, descending);
}
Ranked Tensor::topk(std::int64_t k, std::int64_t axis, bool largest, bool sorted) const {
  return xgrad::topk(*this, k, axis, largest, sorted);
}

Tensor Tensor::neg() const { return xgrad::neg(*this); }
Tensor Tensor::abs() const { return xgrad::abs(*this); }
Tensor Tensor::exp() const { return xgrad::exp(*this); }
Tensor Tensor::log() const { return xgrad::log(*this); }
Tensor Tensor::sqrt() const { return xgrad::sqrt(*this); }
Tensor Tensor::square() const { return xgrad::square(*this); }
Tensor Tensor::reciprocal() const { return xgrad::reciprocal(*this); }
Tensor Tensor::rsqrt() const { return xgrad::rsqrt(*this); }
Tensor Tensor::log1p() const { return xgrad::log1p(*this); }
Tensor Tensor::expm1() const { return xgrad::expm1(*this); }
Tensor Tensor::sin() const { return xgrad::sin(*this); }
Tensor Tensor::cos() const { return xgrad::cos(*this); }
Tensor Tensor::tan() const { return xgrad::tan(*this); }
Tensor Tensor::floor() const { return xgrad::floor(*this); }
Tensor Tensor::ceil() const { return xgrad::ceil(*this); }
Tensor Tensor::round(std::int64_t decimals) const { return xgrad::round(*this, decimals); }
Tensor Tensor::tanh() const { return xgrad::tanh(*this); }
Tensor Tensor::sigmoid() const { return xgrad::sigmoid(*this); }
Tensor Tensor::relu() const { return xgrad::relu(*this); }
Tensor Tensor::pow(Scalar exponent) const { return xgrad::pow(*this, exponent); }
Tensor Tensor::pow(const Tensor& exponent) const { return xgrad::pow(*this, exponent); }
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return xgrad::clamp(*this, min, max);
}

Tensor Tensor::sum(const Axes& axes, bool keepdim) const {
  return xgrad::sum(*this, axes, keepdim);
}
Tensor Tensor::mean(const Axes& axes, bool keepdim) const {
  return xgrad::mean(*this, axes, keepdim);
}
Tensor Tensor::var(const Axes& axes, std::int64_t correction, bool keepdim) const {
  return xgrad::var(*this, axes, correction, keepdim);
}
Tensor Tensor::prod(const Axes& axes, bool keepdim) const {
  return xgrad::prod(*this, axes, keepdim);
}
Tensor Tensor::max(const Axes& axes, bool keepdim) const {
  return xgrad::max(*this, axes, keepdim);
}
Tensor Tensor::min(const Axes& axes, bool keepdim) const {
  return xgrad::min(*this, axes, keepdim);
}
Tensor Tensor::amax(const Axes& axes, bool keepdim) const {
  return xgrad::amax(*this, axes, keepdim);
}
Tensor Tensor::amin(const Axes& axes, bool keepdim) const {
  return xgrad::amin(*this, axes, keepdim);
}
Tensor Tensor::std(const Axes& axes, std::int64_t correction, bool keepdim) const {
  return xgrad::std(*this, axes, correction, keepdim);
}
Tensor Tensor::norm(Scalar p, const Axes& axes, bool keepdim) const {
  return xgrad::norm(*this, p, axes, keepdim);
}
Tensor Tensor::cumsum(std::int64_t axis) const { return xgrad::cumsum(*this, axis); }
Tensor Tensor::logsumexp(const Axes& axes, bool keepdim) const {
  return xgrad::logsumexp(*this, axes, keepdim);
}
Tensor Tensor::argmax(std::optional<std::int64_t> axis, bool keepdim) const {
  return xgrad::argmax(*this, axis, keepdim);
}
Tensor Tensor::argmin(std::optional<std::int64_t> axis, bool keepdim) const {
  return xgrad::argmin(*this, axis, keepdim);
}
Tensor Tensor::bernoulli(Generator* generator) const { return xgrad::bernoulli(*this, generator); }
Tensor Tensor::multinomial(std::int64_t num_samples, bool replacement, Generator* generator) const {
  return xgrad::multinomial(*this, num_samples, replacement, generator);
}
Tensor Tensor::softmax(std::int64_t axis) const { return xgrad::softmax(*this, axis); }
Tensor Tensor::log_softmax(std::int64_t axis) const { return xgrad::log_softmax(*this, axis); }
Tensor Tensor::matmul(const Tensor& other) const { return xgrad::matmul(*this, other); }
Tensor Tensor::any(const Axes& axes, bool keepdim) const {
  return xgrad::any(*this, axes, keepdim);
}
Tensor Tensor::all(const Axes& axes, bool keepdim) const {
  return xgrad::all(*this, axes, keepdim);
}
Tensor Tensor::isnan() const { return xgrad::isnan(*this); }
Tensor Tensor::mm(const Tensor& other) const { return xgrad::mm(*this, other); }
Tensor Tensor::bmm(const Tensor& other) const { return xgrad::bmm(*this, other); }
Tensor Tensor::dot(const Tensor& other) const { return xgrad::dot(*this, other); }

}  // namespace xgrad
