#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <functional>
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
};

namespace detail {

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

bool gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options);
bool gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options);
void require_function(bool given);
[[noreturn]] void throw_wrong_arity(std::size_t given);

inline std::vector<Tensor> as_list(Tensor y) { return {std::move(y)}; }
inline std::vector<Tensor> as_list(std::vector<Tensor> ys) { return ys; }

template <std::size_t N, class F>
std::vector<Tensor> call_with(F& f, const std::vector<Tensor>& x) {
  if (x.size() != N) throw_wrong_arity(x.size());
  return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    return as_list(f(x[Index]...));
  }
  (std::make_index_sequence<N>());
}

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
TensorFunction as_function(F f) {
  require_function(!is_empty(f));
  using T = const Tensor&;
  return [f = std::move(f)](const std::vector<Tensor>& x) mutable -> std::vector<Tensor> {
    if constexpr (std::invocable<F&, T>) {
      return call_with<1>(f, x);
    } else if constexpr (std::invocable<F&, T, T>) {
      return call_with<2>(f, x);
    } else if constexpr (std::invocable<F&, T, T, T>) {
      return call_with<3>(f, x);
    } else if constexpr (std::invocable<F&, T, T, T, T>) {
      return call_with<4>(f, x);
    } else if constexpr (std::invocable<F&, T, T, T, T, T>) {
      return call_with<5>(f, x);
    } else if constexpr (std::invocable<F&, T, T, T, T, T, T>) {
      return call_with<6>(f, x);
    } else {
      static_assert(std::invocable<F&, const std::vector<Tensor>&>,
                    "gradcheck: f takes one to six tensors, or a std::vector of them");
      return as_list(f(x));
    }
  };
}

}  // namespace detail

/// Whether the gradients that the tape gives for `f` at `inputs` agree with central differences, in
/// every entry. Checks the inputs that require a gradient, or all of float64 if none does; the
/// tensors passed in are not changed. True or false; on false, prints the input, the index, both
/// values and the relative error of the worst entries.
///
///     CHECK(xgrad::gradcheck([](auto& x, auto& w) { return (x * w).tanh(); }, {x, w}));
///
/// With several outputs, or one of many elements, a random combination of them is differentiated.
/// f must give the same result for the same inputs. DTypeError where an input to check is not
/// float64: float32 has too few digits for differences; ValueError for an empty std::function.
template <class F>
bool gradcheck(F&& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {}) {
  return detail::gradcheck(detail::as_function(std::forward<F>(f)), inputs, options);
}

/// As gradcheck, for the second derivative: checks the gradient of the gradient, in the inputs and
/// in the gradient of the output.
template <class F>
bool gradgradcheck(F&& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {}) {
  return detail::gradgradcheck(detail::as_function(std::forward<F>(f)), inputs, options);
}

}  // namespace xgrad

#pragma GCC visibility pop
