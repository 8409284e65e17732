#pragma once
#include <xgrad/nn/module.hpp>

#include <cstddef>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad::nn::detail {

/// Arguments kept to be given again. With a std::tuple the pools' header takes three times as much
/// to compile.
template <std::size_t place, class T>
struct Argument {
  T value;
};
template <class Places, class... T>
struct Kept;
template <std::size_t... place, class... T>
struct Kept<std::index_sequence<place...>, T...> : Argument<place, T>... {
  template <class F>
  auto give(const F& f, const Tensor& x) const {
    return f(x, Argument<place, T>::value...);
  }
};

/// The base of a layer that is an operation of one tensor, with the arguments that it was made
/// with. The layer is a class of its own, for that is what it is called:
///
///     struct GLU : detail::Applied<glu, std::int64_t> {
///       explicit GLU(std::int64_t axis = -1) : Applied(axis) {}
///     };
template <auto operation, class... Arguments>
class Applied : public Module {
 public:
  Tensor forward(const Tensor& x) override { return apply(operation, x); }

 protected:
  explicit Applied(Arguments... arguments) : arguments_{{std::move(arguments)}...} {}

  /// Another operation with the same arguments.
  template <class F>
  auto apply(const F& other, const Tensor& x) const {
    return arguments_.give(other, x);
  }

  /// Has the operation say what it has against the arguments: on an input of no elements, so of
  /// this shape, to which it objects in nothing else.
  void try_on(const Shape& shape) { Applied::forward(Tensor::empty(shape)); }

 private:
  Kept<std::index_sequence_for<Arguments...>, Arguments...> arguments_;
};

/// The same of an operation that takes any shape, tried when the layer is made.
template <auto operation, class... Arguments>
class Pointwise : public Applied<operation, Arguments...> {
 protected:
  explicit Pointwise(Arguments... arguments)
      : Applied<operation, Arguments...>(std::move(arguments)...) {
    this->try_on({0});
  }
};

}  // namespace xgrad::nn::detail

#pragma GCC visibility pop
