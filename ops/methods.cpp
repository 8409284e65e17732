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

Tensor Tensor::neg() const { return xgrad::neg(*this); }
Tensor Tensor::abs() const { return xgrad::abs(*this); }
Tensor Tensor::exp() const { return xgrad::exp(*this); }
Tensor Tensor::log() const { return xgrad::log(*this); }
Tensor Tensor::sqrt() const { return xgrad::sqrt(*this); }
Tensor Tensor::square() const { return xgrad::square(*this); }
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
Tensor Tensor::logsumexp(const Axes& axes, bool keepdim) const {
  return xgrad::logsumexp(*this, axes, keepdim);
}
Tensor Tensor::argmax(std::optional<std::int64_t> axis, bool keepdim) const {
  return xgrad::argmax(*this, axis, keepdim);
}
Tensor Tensor::argmin(std::optional<std::int64_t> axis, bool keepdim) const {
  return xgrad::argmin(*this, axis, keepdim);
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

}  // namespace xgrad
