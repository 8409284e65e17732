#pragma once
// Functions of tensors as users write them, for what differentiates them: gradcheck, jvp, jacobian.

#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::detail {

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// In the name of `operation`.
[[noreturn]] void throw_empty_function(const char* operation);
[[noreturn]] void throw_wrong_arity(const char* operation, std::size_t given);

inline std::vector<Tensor> as_list(Tensor y) { return {std::move(y)}; }
inline std::vector<Tensor> as_list(std::vector<Tensor> ys) { return ys; }

template <std::size_t>
using AnotherTensor = const Tensor&;
template <class F, class Index>
inline constexpr bool takes_each = false;
template <class F, std::size_t... Index>
inline constexpr bool takes_each<F, std::index_sequence<Index...>> =
    std::invocable<F&, AnotherTensor<Index>...>;

/// How many tensors f takes, one to six; 0: a vector of them.
template <class F, std::size_t N = 1>
constexpr std::size_t arity_of() {
  if constexpr (takes_each<F, std::make_index_sequence<N>>) {
    return N;
  } else if constexpr (N < 6) {
    return arity_of<F, N + 1>();
  } else {
    static_assert(std::invocable<F&, const std::vector<Tensor>&>,
                  "the function takes one to six tensors, or a std::vector of them");
    return 0;
  }
}

/// f(x[0], x[1], …), or f(x) where it takes a vector.
template <class F>
decltype(auto) call_with(const char* operation, F& f, const std::vector<Tensor>& x) {
  constexpr std::size_t arity = arity_of<F>();
  if constexpr (arity == 0) {
    return f(x);
  } else {
    if (x.size() != arity) throw_wrong_arity(operation, x.size());
    return [&]<std::size_t... Index>(std::index_sequence<Index...>)->decltype(auto) {
      return f(x[Index]...);
    }
    (std::make_index_sequence<arity>());
  }
}

Tensor form_of(Tensor y);
std::vector<Tensor> form_of(std::vector<Tensor> ys);
/// What f gives: a Tensor or a std::vector of them.
template <class F>
using GivenBy = decltype(form_of(call_with("", std::declval<F&>(), {})));

template <class F>
bool is_empty(const F&) {
  return false;
}
template <class Signature>
bool is_empty(const std::function<Signature>& f) {
  return !f;
}

/// Wraps f, a function of one to six tensors or of a vector of them, that returns one or a vector.
template <class F>
TensorFunction as_function(const char* operation, F f) {
  if (is_empty(f)) throw_empty_function(operation);
  return [operation, f = std::move(f)](const std::vector<Tensor>& x) mutable {
    return as_list(call_with(operation, f, x));
  };
}

}  // namespace xgrad::detail

#pragma GCC visibility pop
