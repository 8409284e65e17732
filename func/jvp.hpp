#pragma once
// Forward mode: a function and its derivative along one direction, without a pass for every result.

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

struct JvpOptions {
  bool create_graph = false;  ///< put the tangents on the tape, for higher derivatives
};

/// The results of a function and how each changes along a direction.
struct Jvp {
  std::vector<Tensor> values;
  std::vector<Tensor> tangents;  ///< of the values' shapes and dtypes
};

namespace detail {
Jvp jvp(const TensorFunction& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
        const JvpOptions& options);
}  // namespace detail

/// f(x) and J v, J being the derivatives of f's results in x and v one direction for each x:
///
///     const auto [y, dy] = xgrad::jvp([](const Tensor& x) { return sin(x) * x; }, {x}, {v});
///
/// f takes one to six tensors or a std::vector of them, and returns one or a std::vector; other
/// tensors that it uses are constants. Each operation hands on tangents by its own backward rule:
/// that is linear in the gradient it is given, dx = Jᵀ u, so that the derivative of ⟨dx, v⟩ in u is
/// J v. So there is no second set of rules, and it costs about as much as three backward passes.
///
/// ValueError where x and v are not as many or one is undefined; ShapeError, DTypeError where a v
/// is not as its x; DTypeError where an x is not floating.
template <class F>
Jvp jvp(F&& f, const std::vector<Tensor>& x, const std::vector<Tensor>& v,
        const JvpOptions& options = {}) {
  return detail::jvp(detail::as_function(std::forward<F>(f)), x, v, options);
}

}  // namespace xgrad

#pragma GCC visibility pop
