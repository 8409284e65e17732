#pragma once
#include <xgrad/autograd/tensor_function.hpp>

#include <iosfwd>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// What checks have measured.
struct GradcheckFigures {
  std::int64_t entries = 0;  ///< of inputs
  double largest_error = 0;  ///< |d − r| / (|d| + |r| + 1e-8)
};

struct GradcheckOptions {
  double eps = 1e-5;                    ///< step of the central difference
  double tolerance = 1e-5;              ///< of |d − r| / (|d| + |r| + 1e-8)
  std::ostream* report = nullptr;       ///< where mismatches are printed; nullptr means std::cerr
  GradcheckFigures* figures = nullptr;  ///< what is measured is added there
  bool check_forward_ad = false;        ///< forward mode too, against differences and reverse mode
};

namespace detail {

bool gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options);
bool gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options);

}  // namespace detail

/// Whether the gradients that the tape gives for `f` at `inputs` agree with central differences, in
/// every entry. Checks the inputs that require a gradient, or all of float64 if none does; the
/// tensors passed in are not changed. True or false; on false, prints the input, the index, both
/// values and the relative error of the worst entries.
///
///     CHECK(xgrad::gradcheck([](auto& x, auto& w) { return (x * w).tanh(); }, {x, w}));
///
/// With several outputs, or one of many elements, a random combination of them is differentiated.
/// With `check_forward_ad` an entry's error is the worst of those of reverse and forward mode
/// against the difference, and of one against the other.
/// f must give the same result for the same inputs. DTypeError where an input to check is not
/// float64: float32 has too few digits for differences; ValueError for an empty std::function.
template <class F>
bool gradcheck(F&& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {}) {
  return detail::gradcheck(detail::as_function("gradcheck", std::forward<F>(f)), inputs, options);
}

/// As gradcheck, for the second derivative: checks the gradient of the gradient, in the inputs and
/// in the gradient of the output. With `check_forward_ad` forward mode is that over reverse mode.
template <class F>
bool gradgradcheck(F&& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {}) {
  return detail::gradgradcheck(detail::as_function("gradgradcheck", std::forward<F>(f)), inputs,
                               options);
}

}  // namespace xgrad

#pragma GCC visibility pop
