#pragma once
// Gradients of functions, as functions:
//
//     const auto slope = xgrad::grad([](const Tensor& x) { return sin(x).sum(); });
//     slope(x);                  // cos(x)
//     xgrad::grad(slope)(x[0]);  // −sin(x[0])
//
//     const auto [gradients, loss] = xgrad::grad_and_value(loss_of)(net.state_dict(), x, labels);
//
// The function has any arguments and gives one value. An argument that it is differentiated in is a
// Tensor, a std::vector of them or names and tensors (NamedTensors), and so is its gradient; where
// the function does not depend on a tensor, that is 0. Like an operation's, the results are on the
// tape where recording is on and a tensor among the arguments requires a gradient: state_dict()
// gives a net's parameters without. Tensors that the function captures are constants.
//
// When called: ValueError where the function gives not one tensor or an undefined one, ShapeError
// where that has more than one element; ValueError, DTypeError where a tensor to differentiate in
// is undefined or not floating.

#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/func/evaluation.hpp>

#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// G: the gradient, in the form of its argument.
template <class G>
struct GradAndValue {
  G gradient;
  Tensor value;
};

namespace detail {

template <class X>
concept TensorLike = std::derived_from<X, Tensor>;
/// What a function may be differentiated in.
template <class X>
concept TensorsLike =
    TensorLike<X> || std::same_as<X, std::vector<Tensor>> || std::same_as<X, NamedTensors>;

/// A parameter's gradient is a tensor.
template <class X>
using FormOf = std::conditional_t<TensorLike<X>, Tensor, X>;

/// Calls f with each tensor, if there are any.
template <class X, class F>
void each_tensor(X& x, const F& f) {
  using Form = std::remove_const_t<X>;
  if constexpr (TensorLike<Form>) {
    f(x);
  } else if constexpr (std::same_as<Form, std::vector<Tensor>>) {
    for (auto& one : x) f(one);
  } else if constexpr (std::same_as<Form, NamedTensors>) {
    for (auto& named : x) f(named.second);
  }
}

template <class... X>
std::vector<Tensor> tensors_of(const X&... x) {
  std::vector<Tensor> list;
  (each_tensor(x, [&](const Tensor& one) { list.push_back(one); }), ...);
  return list;
}

/// Puts the tensors of a list in the places of those that are there.
template <class... X>
void exchange_tensors(const std::vector<Tensor>& list, X&... x) {
  std::size_t next = 0;
  (each_tensor(x, [&](Tensor& one) { one = list[next++]; }), ...);
}

/// Whether what is made of these is recorded.
bool is_recorded(const std::vector<Tensor>& arguments);
std::vector<Tensor> arguments(const char* operation, const std::vector<Tensor>& x,
                              bool create_graph);
/// In each x; `y` becomes the value.
std::vector<Tensor> gradients_of_value(const char* operation, std::vector<Tensor>& y,
                                       const std::vector<Tensor>& x, bool create_graph);

template <std::size_t... Numbers, class F, class... X>
auto grad_and_value(const char* operation, const F& f, const X&... given) {
  std::tuple<FormOf<X>...> all(given...);
  const bool create_graph = is_recorded(tensors_of(given...));
  const std::vector<Tensor> x =
      arguments(operation, tensors_of(std::get<Numbers>(all)...), create_graph);
  exchange_tensors(x, std::get<Numbers>(all)...);
  std::vector<Tensor> y;
  {
    const EnableGradGuard recording;
    y = as_list(std::apply(f, all));
  }
  exchange_tensors(gradients_of_value(operation, y, x, create_graph), std::get<Numbers>(all)...);
  const auto found = [&] {
    if constexpr (sizeof...(Numbers) == 1)
      return std::get<Numbers...>(all);
    else
      return std::tuple(std::get<Numbers>(all)...);
  }();
  return GradAndValue<std::remove_const_t<decltype(found)>>{found, y.front()};
}

template <class F, class... X>
inline constexpr bool accepts = std::invocable<const F&, FormOf<X>&...>;
template <class Arguments, std::size_t... Numbers>
inline constexpr bool has_numbers = ((Numbers < std::tuple_size_v<Arguments>)&&...);
template <class Arguments, std::size_t... Numbers>
concept TensorsAt = has_numbers<Arguments, Numbers...> &&
    (TensorsLike<std::tuple_element_t<Numbers, Arguments>>&&...);

/// A function's gradient in its arguments of these numbers.
template <class F, std::size_t... Numbers>
class Gradient {
 public:
  explicit Gradient(F f) : f_(std::move(f)) {}

  template <class... X>
  requires(TensorsAt<std::tuple<X...>, Numbers...>&& accepts<F, X...>) auto operator()(
      const X&... x) const {
    return grad_and_value<Numbers...>("grad", f_, x...).gradient;
  }

 private:
  F f_;
};

template <class F, std::size_t... Numbers>
class GradientAndValue {
 public:
  explicit GradientAndValue(F f) : f_(std::move(f)) {}

  template <class... X>
  requires(TensorsAt<std::tuple<X...>, Numbers...>&& accepts<F, X...>) auto operator()(
      const X&... x) const {
    return grad_and_value<Numbers...>("grad_and_value", f_, x...);
  }

 private:
  F f_;
};

/// How many examples there are in tensors that have an axis of them first.
std::int64_t example_count(const std::vector<Tensor>& batches);
/// A place for each example's gradient in each tensor.
std::vector<std::vector<Tensor>> places_of_examples(std::int64_t count,
                                                    const std::vector<Tensor>& x);
/// A batch of one.
Tensor example(const Tensor& batch, std::int64_t i);
/// Those of all examples by an axis of them; `x`: what they are the gradients of.
Tensor stack_examples(const std::vector<Tensor>& gradients, const Tensor& x);

template <class F>
class PerSampleGradient {
 public:
  explicit PerSampleGradient(F f) : f_(std::move(f)) {}
  template <TensorsLike X, TensorLike... Batch>
  FormOf<X> operator()(const X& x, const Batch&... batches) const {
    const std::int64_t count = example_count({batches...});
    FormOf<X> all = x;
    auto gradients = places_of_examples(count, tensors_of(x));
    for (std::int64_t i = 0; i < count; ++i) {
      const auto list =
          tensors_of(grad_and_value<0>("per_sample_grad", f_, x, example(batches, i)...).gradient);
      for (std::size_t k = 0; k < list.size(); ++k)
        gradients[k][static_cast<std::size_t>(i)] = list[k];
    }
    std::size_t next = 0;
    each_tensor(all, [&](Tensor& one) { one = stack_examples(gradients[next++], one); });
    return all;
  }

 private:
  F f_;
};

template <std::size_t... Numbers>
using FirstUnless = std::conditional_t<sizeof...(Numbers) == 0, std::index_sequence<0>,
                                       std::index_sequence<Numbers...>>;

template <template <class, std::size_t...> class Made, class F, std::size_t... Numbers>
Made<F, Numbers...> make_gradient(F f, std::index_sequence<Numbers...>) {
  return Made<F, Numbers...>(std::move(f));
}

template <class F>
concept IsFunction = !TensorsLike<F>;

}  // namespace detail

/// The function x… ↦ ∂f/∂x₀, or, as grad<0, 2>(f) says, its gradients in several arguments as a
/// std::tuple.
template <std::size_t... Numbers, detail::IsFunction F>
auto grad(F f) {
  return detail::make_gradient<detail::Gradient>(std::move(f), detail::FirstUnless<Numbers...>());
}

/// The same with f's value: `auto [g, y] = xgrad::grad_and_value(f)(x);`
template <std::size_t... Numbers, detail::IsFunction F>
auto grad_and_value(F f) {
  return detail::make_gradient<detail::GradientAndValue>(std::move(f),
                                                         detail::FirstUnless<Numbers...>());
}

/// The function (x, batches…) ↦ ∂f/∂x for each example by itself, x's shapes behind an axis of
/// examples:
///
///     const auto of_each = xgrad::per_sample_grad(loss_of)(net.state_dict(), images, labels);
///
/// f sees batches of one. An evaluation and a backward pass for each: what f shares among the
/// examples of a batch, as batch norm does, would make no sense. ShapeError where the batches do
/// not have as many examples.
template <detail::IsFunction F>
auto per_sample_grad(F f) {
  return detail::PerSampleGradient<F>(std::move(f));
}

}  // namespace xgrad

#pragma GCC visibility pop
