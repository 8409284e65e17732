#pragma once
// What the derivatives of a function have in common: the function evaluated with its tape.

#include <xgrad/autograd/tensor_function.hpp>

#include <memory>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

struct DerivativeOptions {
  bool create_graph = false;  ///< put what is found on the tape, for higher derivatives
  bool strict = false;        ///< GraphError, not 0, where a result does not depend on an input
};

namespace detail {

/// What is multiplied by derivatives is as what they are of: there, of its shape and dtype.
void check_directions(const char* operation, const char* of, const std::vector<Tensor>& x,
                      const std::vector<Tensor>& v);

/// ValueError where a tensor is undefined, DTypeError where one is not floating.
void check_floating(const char* operation, const char* what, const std::vector<Tensor>& list);

/// A tensor of the same values to differentiate in: with the tape behind it where that is asked
/// for.
Tensor argument(const char* operation, const Tensor& x, bool create_graph);

/// A function at a point, ready for any number of directions. The messages speak in the name of
/// `operation`, a literal.
class Evaluation {
 public:
  /// ValueError where there are no inputs, one is undefined or a result is; DTypeError where one is
  /// not floating.
  Evaluation(const char* operation, const TensorFunction& f, const std::vector<Tensor>& x,
             const DerivativeOptions& options);

  /// What was differentiated in: the values of x, on the tape behind them where that is asked for.
  const std::vector<Tensor>& inputs() const noexcept { return x_; }
  const std::vector<Tensor>& results() const noexcept { return y_; }
  /// The results, off the tape unless they are to be on it.
  std::vector<Tensor> values() const;

  /// J v, of the results' shapes. The directions are checked; an undefined one is an error.
  std::vector<Tensor> along(const std::vector<Tensor>& v) const;
  /// Jᵀ u, of the inputs' shapes. Undefined entries of u are 1 for results of one element.
  std::vector<Tensor> back(const std::vector<Tensor>& u) const;

  // ---- the same unchecked: undefined is 0, and what does not depend on anything

  std::vector<Tensor> gradients(const std::vector<Tensor>& u) const;
  /// GraphError where that is not to be.
  void require_dependence(const Tensor& found, std::size_t result, std::size_t input) const;

  const char* operation() const noexcept { return operation_; }
  const DerivativeOptions& options() const noexcept { return options_; }

 private:
  const char* operation_;
  DerivativeOptions options_;
  std::vector<Tensor> x_;
  std::vector<Tensor> y_;
};

/// The result in the form that it was asked for in.
template <class Form>
Form as_given(std::vector<Tensor> list) {
  if constexpr (std::is_same_v<Form, Tensor>)
    return std::move(list.front());
  else
    return list;
}

template <class F>
std::shared_ptr<const Evaluation> evaluate(const char* operation, F&& f,
                                           const std::vector<Tensor>& x,
                                           const DerivativeOptions& options) {
  return std::make_shared<const Evaluation>(operation, as_function(operation, std::forward<F>(f)),
                                            x, options);
}

}  // namespace detail
}  // namespace xgrad

#pragma GCC visibility pop
