#pragma once
// How well a function's derivatives agree with differences, in numbers to show.

#include <xgrad/autograd/tensor_function.hpp>

#include <cstdint>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// Errors are |d − r| / (|d| + |r| + 1e-8) of a derivative d and a central difference r.
struct Certificate {
  /// The worst element of an input.
  struct Worst {
    double error = 0;
    Shape at;             ///< its index
    double found = 0;     ///< d
    double expected = 0;  ///< r
  };
  /// The worst errors where differences are taken by this step: they fall with its square while
  /// the function's curvature makes them, and rise with its inverse where rounding does.
  struct Step {
    double step = 0;
    double first = 0;
    double second = 0;
    double forward = 0;
  };
  struct Input {
    std::size_t number = 0;  ///< of the function's arguments
    Shape shape;
    Worst first;    ///< reverse mode
    Worst second;   ///< reverse mode over reverse mode
    Worst forward;  ///< forward mode
    std::vector<Step> curve;
  };

  std::vector<Input> inputs;

  /// The largest of all errors but those of the curves; NaN where one is.
  double worst() const;
};

struct CertifyOptions {
  double eps = 1e-5;  ///< the step of what is not a curve
  std::vector<double> steps = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10};
};

namespace detail {
Certificate certify(const TensorFunction& f, const std::vector<Tensor>& inputs,
                    const CertifyOptions& options);
}  // namespace detail

/// Measures the derivatives of `f` at `inputs`: of one number that random weights make of its
/// results, and of one that they make of its gradient. In the inputs that require a gradient, or
/// all of float64 if none does; the tensors passed in are not changed. f must give the same result
/// for the same inputs, of float64, as gradcheck() has it; that says yes or no.
///
///     for (const auto& input : xgrad::certify(f, {x, w}).inputs) std::cout << input.first.error;
///
/// ValueError where no input is of float64, one is undefined or a step is not positive.
template <class F>
Certificate certify(F&& f, const std::vector<Tensor>& inputs, const CertifyOptions& options = {}) {
  return detail::certify(detail::as_function("certify", std::forward<F>(f)), inputs, options);
}

}  // namespace xgrad

#pragma GCC visibility pop
