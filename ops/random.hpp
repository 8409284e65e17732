#pragma once
#include <xgrad/ops/create.hpp>

#include <concepts>

#pragma GCC visibility push(default)

namespace xgrad {

// Random values beside those of create.hpp. The same seed gives the same bits, on any number of
// threads. None of it is recorded: what is drawn has no gradient.

/// In the shape and dtype of x, unless options say otherwise. DTypeError where rand_like and
/// randn_like would make other than floating numbers.
Tensor rand_like(const Tensor& x, const TensorOptions& options = {});
Tensor randn_like(const Tensor& x, const TensorOptions& options = {});
/// As randint().
Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high,
                    const TensorOptions& options = {});
inline Tensor randint_like(const Tensor& x, std::int64_t high, const TensorOptions& options = {}) {
  return randint_like(x, 0, high, options);
}

/// 1 with the probability that stands at each place, else 0, in the dtype of p. ValueError for a
/// probability outside [0, 1], DTypeError unless floating.
Tensor bernoulli(const Tensor& p, Generator* generator = nullptr);
/// The same with one probability, in the shape and dtype of x.
template <Number T>
Tensor bernoulli(const Tensor& x, T p, Generator* generator = nullptr);

/// num_samples categories of each row of weights [categories] or [rows, categories], which need not
/// add up to 1, in the order in which they are drawn: int64 [num_samples] or [rows, num_samples].
/// Without replacement each at most once, as if drawn one after the other from those that are left.
/// ShapeError for other axes; ValueError where a weight is negative, NaN or infinite, a row has no
/// positive one, or, without replacement, fewer than num_samples; DTypeError unless floating.
Tensor multinomial(const Tensor& weights, std::int64_t num_samples, bool replacement = false,
                   Generator* generator = nullptr);

/// Normal numbers of the given means and deviations, which broadcast. ValueError for a negative
/// deviation, DTypeError unless floating. (Templates, so that braces are no mean.)
template <std::convertible_to<Tensor> T>
Tensor normal(const T& mean, double std = 1, Generator* generator = nullptr);
template <std::convertible_to<Tensor> T>
Tensor normal(const T& mean, const Tensor& std, Generator* generator = nullptr);
Tensor normal(double mean, const Tensor& std, Generator* generator = nullptr);
Tensor normal(double mean, double std, const Shape& shape, const TensorOptions& options = {});

/// Numbers of events where so many are expected, in the dtype of the rates (Hörmann, "The
/// transformed rejection method for generating Poisson random variables", 1993). ValueError for a
/// rate that is negative or not finite, DTypeError unless floating.
Tensor poisson(const Tensor& rates, Generator* generator = nullptr);

namespace detail {

Tensor bernoulli_of(const Tensor& x, double p, Generator* generator);
Tensor normal_of(const Tensor& mean, const Tensor& std, Generator* generator);
Tensor normal_of(const Tensor& mean, double std, Generator* generator);

}  // namespace detail

template <Number T>
Tensor bernoulli(const Tensor& x, T p, Generator* generator) {
  return detail::bernoulli_of(x, static_cast<double>(p), generator);
}
template <std::convertible_to<Tensor> T>
Tensor normal(const T& mean, double std, Generator* generator) {
  return detail::normal_of(mean, std, generator);
}
template <std::convertible_to<Tensor> T>
Tensor normal(const T& mean, const Tensor& std, Generator* generator) {
  return detail::normal_of(mean, std, generator);
}

}  // namespace xgrad

#pragma GCC visibility pop
