#pragma once
// Opt-in: tensors as xtensor expressions and back. The only public header that includes xtensor;
// it does not switch on XTENSOR_USE_XSIMD, which is the including program's choice.

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#include <xgrad/autograd/tensor.hpp>

#include <vector>

namespace xgrad {

/// The tensor's own memory as an xtensor array of T, to read: no copy. It must not outlive the
/// tensor. DTypeError unless T is the tensor's type.
template <class T>
auto array(const Tensor& x) {
  const std::vector<std::size_t> shape(x.shape().begin(), x.shape().end());
  return xt::adapt(x.data<T>(), static_cast<std::size_t>(x.numel()), xt::no_ownership(), shape);
}

/// The same, to write; what the tape saved of this memory counts as changed.
template <class T>
auto mutable_array(Tensor& x) {
  const std::vector<std::size_t> shape(x.shape().begin(), x.shape().end());
  return xt::adapt(x.mutable_data<T>(), static_cast<std::size_t>(x.numel()), xt::no_ownership(),
                   shape);
}

/// Evaluates an xtensor expression into a new tensor of its shape. Its value type must be float,
/// double, std::int64_t or bool. What xtensor computes is not recorded on the tape.
template <class E>
Tensor from_xtensor(const xt::xexpression<E>& expression) {
  const E& values = expression.derived_cast();
  using T = std::decay_t<typename E::value_type>;
  Shape shape;
  for (const auto extent : values.shape()) shape.push_back(static_cast<std::int64_t>(extent));
  Tensor result = Tensor::empty(shape, dtype_of<T>());
  auto target = mutable_array<T>(result);
  xt::noalias(target) = values;
  return result;
}

}  // namespace xgrad
