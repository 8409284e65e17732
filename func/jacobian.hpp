#pragma once
// Whole matrices of derivatives, and second derivatives along a direction.

#include <xgrad/func/evaluation.hpp>

#include <concepts>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

enum class Strategy : std::uint8_t {
  automatic,     ///< whichever has fewer passes
  reverse_mode,  ///< a backward pass for each element of the results
  forward_mode,  ///< a forward pass for each element of the inputs
};

struct JacobianOptions {
  bool create_graph = false;  ///< put what is found on the tape, for higher derivatives
  bool strict = false;        ///< GraphError, not 0, where a result does not depend on an input
  Strategy strategy = Strategy::automatic;
};

/// A function's value and its second derivatives times a direction. X: a Tensor, or a std::vector
/// of them where the function was given that.
template <class X>
struct Hvp {
  Tensor value;
  X product;  ///< of the inputs' shapes
};

namespace detail {

using Blocks = std::vector<std::vector<Tensor>>;  // [result][input]

Blocks jacobian(const TensorFunction& f, const std::vector<Tensor>& x,
                const JacobianOptions& options);
Blocks hessian(const TensorFunction& f, const std::vector<Tensor>& x,
               const JacobianOptions& options);
Hvp<std::vector<Tensor>> hvp(const TensorFunction& f, const std::vector<Tensor>& x,
                             const std::vector<Tensor>& v, const DerivativeOptions& options);
Hvp<std::vector<Tensor>> vhp(const TensorFunction& f, const std::vector<Tensor>& x,
                             const std::vector<Tensor>& v, const DerivativeOptions& options);

/// One block for each result or input that was given as a list.
template <class Y, class X>
auto blocks_as_given(Blocks blocks) {
  if constexpr (!std::is_same_v<Y, Tensor> && !std::is_same_v<X, Tensor>) {
    return blocks;
  } else if constexpr (std::is_same_v<Y, Tensor>) {
    return as_given<X>(std::move(blocks.front()));
  } else {
    std::vector<Tensor> of_results;
    for (auto& row : blocks) of_results.push_back(std::move(row.front()));
    return of_results;
  }
}

template <class X>
Hvp<X> product_as_given(Hvp<std::vector<Tensor>> found) {
  return {std::move(found.value), as_given<X>(std::move(found.product))};
}

}  // namespace detail

// In all of these f takes one to six tensors or a std::vector of them. One tensor x may be given as
// it is, several as {x1, x2}. Other tensors that f uses are constants. Errors as those of jvp.

/// J[…, …] = ∂f(x)[…] / ∂x[…], of the result's shape followed by the input's:
///
///     const Tensor J = xgrad::jacobian(f, x);
///
/// A std::vector of these, by result or by input, where f gives several or x is a list, and one by
/// result of those by input where both are so.
template <class F, std::derived_from<Tensor> X>
auto jacobian(F&& f, const X& x, const JacobianOptions& options = {}) {
  return detail::blocks_as_given<detail::GivenBy<F>, Tensor>(
      detail::jacobian(detail::as_function("jacobian", std::forward<F>(f)), {x}, options));
}
template <class F>
auto jacobian(F&& f, const std::vector<Tensor>& x, const JacobianOptions& options = {}) {
  return detail::blocks_as_given<detail::GivenBy<F>, std::vector<Tensor>>(
      detail::jacobian(detail::as_function("jacobian", std::forward<F>(f)), x, options));
}

/// H[…, …] = ∂²f(x) / ∂x[…] ∂x[…] of a function of one value, of x's shape twice:
///
///     const Tensor H = xgrad::hessian(f, x);
///
/// Where x is a list, H[i][j] is that of inputs i and j. Columns by forward mode over the backward
/// pass, rows by reverse mode over it where `strategy` says so. ShapeError where f gives more than
/// one value.
template <class F, std::derived_from<Tensor> X>
Tensor hessian(F&& f, const X& x, const JacobianOptions& options = {}) {
  return detail::hessian(detail::as_function("hessian", std::forward<F>(f)), {x}, options)[0][0];
}
template <class F>
std::vector<std::vector<Tensor>> hessian(F&& f, const std::vector<Tensor>& x,
                                         const JacobianOptions& options = {}) {
  return detail::hessian(detail::as_function("hessian", std::forward<F>(f)), x, options);
}

/// f(x), of one value, and H v, by forward mode over the backward pass: the cost of a few gradients
/// however many inputs there are.
///
///     const auto [y, Hv] = xgrad::hvp(f, x, v);
template <class F, std::derived_from<Tensor> X, std::derived_from<Tensor> V>
Hvp<Tensor> hvp(F&& f, const X& x, const V& v, const DerivativeOptions& options = {}) {
  return detail::product_as_given<Tensor>(
      detail::hvp(detail::as_function("hvp", std::forward<F>(f)), {x}, {v}, options));
}
template <class F>
Hvp<std::vector<Tensor>> hvp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
                             const DerivativeOptions& options = {}) {
  return detail::hvp(detail::as_function("hvp", std::forward<F>(f)), x, v, options);
}

/// f(x) and vᵀ H, by a backward pass over the backward pass.
template <class F, std::derived_from<Tensor> X, std::derived_from<Tensor> V>
Hvp<Tensor> vhp(F&& f, const X& x, const V& v, const DerivativeOptions& options = {}) {
  return detail::product_as_given<Tensor>(
      detail::vhp(detail::as_function("vhp", std::forward<F>(f)), {x}, {v}, options));
}
template <class F>
Hvp<std::vector<Tensor>> vhp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
                             const DerivativeOptions& options = {}) {
  return detail::vhp(detail::as_function("vhp", std::forward<F>(f)), x, v, options);
}

}  // namespace xgrad

#pragma GCC visibility pop
