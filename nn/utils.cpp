#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/gradient.hpp>
#include <xgrad/nn/utils.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::nn {
namespace detail {

std::string called(const Tensor& parameter, std::size_t index) {
  const std::string name = parameter.name();
  return name.empty() ? fmt::format("parameter {}", index) : fmt::format("'{}'", name);
}

Tensor gradient_of(const Tensor& x) {
  Tensor g = x.grad();
  if (!g.defined() || g.is_contiguous()) return g;
  g = xgrad::detail::in_rows(g);
  x.set_grad(g);
  return g;
}

}  // namespace detail

namespace utils {
namespace {

/// Each parameter's gradient, undefined where there is none.
std::vector<Tensor> gradients_of(const char* function, const std::vector<Tensor>& parameters) {
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    require<ValueError>(parameters[i].defined(), "{}: parameter {} is undefined", function, i);
    gradients.push_back(parameters[i].grad());
  }
  return gradients;
}

/// The same, to be changed in place.
std::vector<Tensor> changeable_gradients_of(const char* function,
                                            const std::vector<Tensor>& parameters) {
  std::vector<Tensor> gradients = gradients_of(function, parameters);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    require<GraphError>(!gradients[i].requires_grad(),
                        "{}: the gradient of {} {} is on the tape (create_graph), where changes in "
                        "place are not recorded",
                        function, detail::called(parameters[i], i), parameters[i].shape());
    gradients[i] = detail::gradient_of(parameters[i]);
  }
  return gradients;
}

/// Changes every value v to f(v).
template <class F>
void change_each(const char* function, std::vector<Tensor>& gradients, const F& f) {
  const profiler::Scope scope(function, [&] {
    profiler::Work work;
    for (const Tensor& g : gradients)
      if (g.defined()) work.bytes += 2 * profiler::work_on({&g}).bytes;
    return work;
  });
  std::vector<void*> values(gradients.size());
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (Tensor& g = gradients[i]; g.defined())
      dispatch_floating(g.dtype(), function, [&]<class T>() { values[i] = g.mutable_data<T>(); });
  kernels::parallel_pieces(
      gradients.size(), kernels::grain_of(0.2),
      [&](std::size_t i) { return gradients[i].defined() ? gradients[i].numel() : 0; },
      [&](std::size_t i, std::int64_t begin, std::int64_t end) {
        dispatch_floating(gradients[i].dtype(), function, [&]<class T>() {
          T* const v = static_cast<T*>(values[i]);
          std::transform(v + begin, v + end, v + begin,
                         [f](T value) { return static_cast<T>(f(value)); });
        });
      });
}

/// Σ x²
double squares(const char* function, const Tensor& x) {
  // Blocks of one size, whatever the number of threads.
  constexpr std::int64_t size = kernels::terms_together;
  std::vector<double> sums(static_cast<std::size_t>((x.numel() + size - 1) / size));
  const Tensor rows = xgrad::detail::in_rows(x);
  dispatch_floating(x.dtype(), function, [&]<class T>() {
    const T* const values = rows.data<T>();
    kernels::parallel_for(std::ssize(sums), kernels::grain_of(0.15 * size),
                          [&](std::int64_t begin, std::int64_t end) {
                            for (std::int64_t block = begin; block < end; ++block)
                              kernels::sum_lanes<1, double>(
                                  std::min(size, x.numel() - block * size),
                                  &sums[static_cast<std::size_t>(block)],
                                  [from = values + block * size](std::int64_t i, std::size_t) {
                                    const double value = from[i];
                                    return value * value;
                                  });
                          });
  });
  double total = 0;
  kernels::sum_lanes<1, double>(std::ssize(sums), &total, [&](std::int64_t i, std::size_t) {
    return sums[static_cast<std::size_t>(i)];
  });
  return total;
}

/// The norm, and that no gradient is other than finite where `finite` asks for it.
double norm_of(const char* function, const std::vector<Tensor>& parameters,
               const std::vector<Tensor>& gradients, bool finite) {
  double sum = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const double square = squares(function, gradients[i]);
    require<ValueError>(!finite || std::isfinite(square),
                        "{}: the gradient of {} {} is not finite, its norm is {}; AnomalyMode "
                        "finds the operation that made it so",
                        function, detail::called(parameters[i], i), parameters[i].shape(),
                        std::sqrt(square));
    sum += square;
  }
  return std::sqrt(sum);
}

}  // namespace

double grad_norm(const std::vector<Tensor>& parameters) {
  constexpr const char* name = "grad_norm";
  return norm_of(name, parameters, gradients_of(name, parameters), false);
}

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm) {
  constexpr const char* name = "clip_grad_norm_";
  require<ValueError>(max_norm > 0, "{}: max_norm is {}, it must be positive", name, max_norm);
  std::vector<Tensor> gradients = changeable_gradients_of(name, parameters);
  const double norm = norm_of(name, parameters, gradients, true);
  if (norm > max_norm)
    change_each(name, gradients, [factor = max_norm / norm](double v) { return v * factor; });
  return norm;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double max_value) {
  constexpr const char* name = "clip_grad_value_";
  require<ValueError>(max_value > 0, "{}: max_value is {}, it must be positive", name, max_value);
  std::vector<Tensor> gradients = changeable_gradients_of(name, parameters);
  change_each(name, gradients,
              [max_value](double v) { return std::clamp(v, -max_value, max_value); });
}

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  constexpr const char* name = "parameters_to_vector";
  require<ValueError>(!parameters.empty(), "{}: there are no parameters", name);
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& x = parameters[i];
    require<ValueError>(x.defined(), "{}: parameter {} is undefined", name, i);
    if (x.dtype() != parameters[0].dtype())
      raise<DTypeError>("{}: {} is {}, {} is {}", name, detail::called(parameters[0], 0),
                        parameters[0].dtype(), detail::called(x, i), x.dtype());
    rows.push_back(x.reshape({-1}));
  }
  return cat(rows);
}

void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters) {
  constexpr const char* name = "vector_to_parameters";
  std::int64_t count = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    require<ValueError>(parameters[i].defined(), "{}: parameter {} is undefined", name, i);
    count += parameters[i].numel();
  }
  const xgrad::detail::Running running(name, vector);
  require<ShapeError>(vector.dim() == 1 && vector.size(0) == count,
                      "{}: a vector {} for parameters of {} values in all", name, vector.shape(),
                      count);
  const Tensor values = vector.detach();
  std::int64_t at = 0;
  for (const Tensor& x : parameters) {
    x.detach().copy_(values.slice(0, at, at + x.numel()).reshape(x.shape()));
    at += x.numel();
  }
}

}  // namespace utils
}  // namespace xgrad::nn
