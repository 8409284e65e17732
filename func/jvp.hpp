#pragma once
// Derivatives along directions: J v by forward mode, without a pass for every result; Jᵀ u by
// reverse mode, without one for every input.

#include <xgrad/func/evaluation.hpp>

#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// A function's value and how it changes along a direction. Y: a Tensor, or a std::vector of them
/// where the function gives that.
template <class Y>
struct Jvp {
  Y value;
  Y tangent;  ///< of the value's shape and dtype
};

/// A function's value and the gradient of ⟨value, u⟩. X: a Tensor, or a std::vector of them where
/// the function was given that.
template <class Y, class X>
struct Vjp {
  Y value;
  X gradient;
};

/// v ↦ J v, at the point where it was made.
template <class Y, class X>
class Pushforward {
 public:
  explicit Pushforward(std::shared_ptr<const detail::Evaluation> at) : at_(std::move(at)) {}
  Y operator()(const X& v) const { return detail::as_given<Y>(at_->along(detail::as_list(v))); }

 private:
  std::shared_ptr<const detail::Evaluation> at_;
};

/// u ↦ Jᵀ u, at the point where it was made.
template <class Y, class X>
class Pullback {
 public:
  explicit Pullback(std::shared_ptr<const detail::Evaluation> at) : at_(std::move(at)) {}
  X operator()(const Y& u) const { return detail::as_given<X>(at_->back(detail::as_list(u))); }

 private:
  std::shared_ptr<const detail::Evaluation> at_;
};

namespace detail {

template <class X, class F>
auto jvp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
         const DerivativeOptions& options) {
  using Y = GivenBy<F>;
  const auto at = evaluate("jvp", std::forward<F>(f), x, options);
  return Jvp<Y>{as_given<Y>(at->values()), as_given<Y>(at->along(v))};
}

template <class X, class F>
auto linearize(F&& f, const std::vector<Tensor>& x, const DerivativeOptions& options) {
  using Y = GivenBy<F>;
  const auto at = evaluate("linearize", std::forward<F>(f), x, options);
  return std::pair(as_given<Y>(at->values()), Pushforward<Y, X>(at));
}

template <class X, class F>
auto vjp(F&& f, const std::vector<Tensor>& x, const DerivativeOptions& options) {
  using Y = GivenBy<F>;
  const auto at = evaluate("vjp", std::forward<F>(f), x, options);
  return std::pair(as_given<Y>(at->values()), Pullback<Y, X>(at));
}

template <class X, class F>
auto vjp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& u,
         const DerivativeOptions& options) {
  using Y = GivenBy<F>;
  const auto at = evaluate("vjp", std::forward<F>(f), x, options);
  return Vjp<Y, X>{as_given<Y>(at->values()), as_given<X>(at->back(u))};
}

}  // namespace detail

// In all of these f takes one to six tensors or a std::vector of them, and returns one or a
// std::vector. One tensor x may be given as it is, several as {x1, x2}. Other tensors that f uses
// are constants. ValueError where something is undefined or directions are not as many as what
// they belong to; ShapeError, DTypeError where one is not as what it belongs to; DTypeError where
// an x or a result is not floating.

/// f(x) and J v, J being the derivatives of f's results in x and v one direction for each x:
///
///     const auto [y, dy] = xgrad::jvp([](const Tensor& x) { return sin(x) * x; }, x, v);
///
/// Each operation hands on tangents by its own backward rule: that is linear in the gradient it is
/// given, dx = Jᵀ u, so that the derivative of ⟨dx, v⟩ in u is J v. So there is no second set of
/// rules, and it costs about as much as three backward passes.
template <class F, std::derived_from<Tensor> X, std::derived_from<Tensor> V>
auto jvp(F&& f, const X& x, const V& v, const DerivativeOptions& options = {}) {
  return detail::jvp<Tensor>(std::forward<F>(f), {x}, {v}, options);
}
template <class F>
auto jvp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
         const DerivativeOptions& options = {}) {
  return detail::jvp<std::vector<Tensor>>(std::forward<F>(f), x, v, options);
}

/// f(x) and the function v ↦ J v, which computes f no more:
///
///     const auto [y, along] = xgrad::linearize(f, x);
///     const Tensor dy = along(v), other = along(w);
template <class F, std::derived_from<Tensor> X>
auto linearize(F&& f, const X& x, const DerivativeOptions& options = {}) {
  return detail::linearize<Tensor>(std::forward<F>(f), {x}, options);
}
template <class F>
auto linearize(F&& f, const std::vector<Tensor>& x, const DerivativeOptions& options = {}) {
  return detail::linearize<std::vector<Tensor>>(std::forward<F>(f), x, options);
}

/// f(x) and the function u ↦ Jᵀ u, one pass each; what f saved is kept as long as it lives:
///
///     const auto [y, pullback] = xgrad::vjp(f, x);
///     const Tensor dx = pullback(u);
///
/// An undefined u is 1 for a result of one element.
template <class F, std::derived_from<Tensor> X>
auto vjp(F&& f, const X& x, const DerivativeOptions& options = {}) {
  return detail::vjp<Tensor>(std::forward<F>(f), {x}, options);
}
template <class F>
auto vjp(F&& f, const std::vector<Tensor>& x, const DerivativeOptions& options = {}) {
  return detail::vjp<std::vector<Tensor>>(std::forward<F>(f), x, options);
}

/// f(x) and Jᵀ u at once: `const auto [y, dx] = xgrad::vjp(f, x, u);`
template <class F, std::derived_from<Tensor> X>
auto vjp(F&& f, const X& x, const detail::GivenBy<F>& u, const DerivativeOptions& options = {}) {
  return detail::vjp<Tensor>(std::forward<F>(f), {x}, detail::as_list(u), options);
}
template <class F>
auto vjp(F&& f, const std::vector<Tensor>& x, const detail::GivenBy<F>& u,
         const DerivativeOptions& options = {}) {
  return detail::vjp<std::vector<Tensor>>(std::forward<F>(f), x, detail::as_list(u), options);
}

}  // namespace xgrad

#pragma GCC visibility pop
