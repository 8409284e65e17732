#pragma once
// Memory for time: what a part of a network computed on the way is computed again in the backward
// pass instead of being kept.

#include <xgrad/autograd/tensor_function.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

namespace detail {

/// `call` now; what `keep` gives in the backward pass.
std::vector<Tensor> checkpoint(const TensorFunction& call,
                               const std::function<TensorFunction()>& keep,
                               const std::vector<Tensor>& x);

template <class F>
auto checkpoint(F&& f, const std::vector<Tensor>& x) {
  if (is_empty(f)) throw_empty_function("checkpoint");
  const TensorFunction call = [&f](const std::vector<Tensor>& given) {
    return as_list(call_with("checkpoint", f, given));
  };
  auto y = checkpoint(
      call, [&f] { return as_function("checkpoint", std::decay_t<F>(std::forward<F>(f))); }, x);
  if constexpr (std::is_same_v<GivenBy<F>, Tensor>)
    return std::move(y.front());
  else
    return y;
}

}  // namespace detail

/// f(x…), of which the tape keeps the inputs alone; the backward pass computes f again:
///
///     for (auto& block : blocks) x = xgrad::checkpoint(block, x);
///
/// A network of n blocks so holds one block's results and n inputs at once, in about 4/3 of the
/// time. f takes one to six tensors or a std::vector of them, and returns one or a vector. What it
/// captures and is trained (parameters of modules) gets its gradients as without; derivatives of
/// any order; checkpoints within each other. f is copied, with parameters shared; what it refers
/// to must live until the backward pass.
///
/// f must do the same again: with the same random numbers (those of default_generator() are,
/// others are not where another thread draws from it meanwhile), from what it captures; what it
/// changes, as batch norm's running statistics, is changed twice. A GraphError in the backward pass
/// says where an input was changed in place, or f gives other shapes or depends on other tensors
/// than before. Without recording it is f alone.
template <class F, std::derived_from<Tensor>... X>
requires(sizeof...(X) > 0) auto checkpoint(F&& f, const X&... x) {
  return detail::checkpoint(std::forward<F>(f), std::vector<Tensor>{x...});
}
template <class F>
auto checkpoint(F&& f, const std::vector<Tensor>& x) {
  return detail::checkpoint(std::forward<F>(f), x);
}

}  // namespace xgrad

#pragma GCC visibility pop
