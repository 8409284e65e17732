#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/func/certify.hpp>
#include <xgrad/func/evaluation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/reduce.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::detail {
namespace {

constexpr const char* operation = "certify";

using List = std::vector<Tensor>;

/// Which inputs are measured.
std::vector<std::size_t> numbers_of(const List& inputs) {
  const bool marked = std::ranges::any_of(inputs, &Tensor::requires_grad);
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require<ValueError>(inputs[i].defined(), "{}: input {} is undefined", operation, i);
    if (marked ? inputs[i].requires_grad() : inputs[i].dtype() == float64) numbers.push_back(i);
    require<DTypeError>(!inputs[i].requires_grad() || inputs[i].dtype() == float64,
                        "{}: input {} is {}; differences need float64, use "
                        "x.to(xgrad::float64)",
                        operation, i, inputs[i].dtype());
  }
  require<ValueError>(!numbers.empty(), "{}: no input is float64", operation);
  return numbers;
}

/// In [0.5, 1.5), the same each time.
List random_weights(const List& like, std::uint64_t seed) {
  Generator generator(seed);
  List weights;
  for (const Tensor& x : like)
    weights.push_back(rand(x.shape(), {.dtype = float64, .generator = &generator}) + 0.5);
  return weights;
}

double weighted_sum(const List& weights, const List& values) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k)
    sum += (weights[k] * values[k].detach()).sum().item();
  return sum;
}

/// Copies of x, of which one has moved at one place.
List moved(const List& x, std::size_t input, std::int64_t place, double by) {
  List there;
  for (const Tensor& each : x) there.push_back(each.detach().clone());
  there[input].mutable_data<double>()[place] += by;
  return there;
}

/// Differences of Σ ⟨weights, f⟩ at each place of an input. What a result does not depend on
/// cancels before it is weighed.
std::vector<double> differences(const TensorFunction& f, const List& weights, const List& x,
                                std::size_t input, double step) {
  std::vector<double> quotients;
  for (std::int64_t place = 0; place < x[input].numel(); ++place) {
    List change = f(moved(x, input, place, step));
    const List below = f(moved(x, input, place, -step));
    for (std::size_t k = 0; k < change.size(); ++k)
      change[k] = change[k].detach() - below[k].detach();
    quotients.push_back(weighted_sum(weights, change) / (2 * step));
  }
  return quotients;
}

/// The same by forward mode.
std::vector<double> tangents(const Evaluation& at, const List& weights, std::size_t input) {
  std::vector<double> found;
  for (std::int64_t place = 0; place < at.inputs()[input].numel(); ++place) {
    List direction;
    for (const Tensor& x : at.inputs()) direction.push_back(zeros_like(x));
    direction[input].mutable_data<double>()[place] = 1;
    found.push_back(weighted_sum(weights, at.along(direction)));
  }
  return found;
}

Shape index_of(std::size_t place, const Shape& shape) {
  Shape index = shape;
  auto rest = static_cast<std::int64_t>(place);
  for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
    index[axis] = rest % shape[axis];
  return index;
}

Certificate::Worst worst_of(const std::vector<double>& found, const std::vector<double>& expected,
                            const Shape& shape) {
  Certificate::Worst worst;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double d = found[i], r = expected[i];
    const double error = std::abs(d - r) / (std::abs(d) + std::abs(r) + 1e-8);
    if (i > 0 && !(error > worst.error) && !(std::isnan(error) && !std::isnan(worst.error)))
      continue;
    worst = {.error = error, .at = index_of(i, shape), .found = d, .expected = r};
  }
  return worst;
}

/// What there is to compare of one input.
struct Derivatives {
  std::vector<double> first, second, forward;
};

/// A function, its gradient as another, and what weighs their results.
struct Measured {
  TensorFunction f, gradient;
  List weights, of_gradient;
  List x;
};

Certificate::Step errors_at(const Measured& m, const Derivatives& found, std::size_t input,
                            double step, Certificate::Input& worst) {
  const Shape& shape = m.x[input].shape();
  const auto first = differences(m.f, m.weights, m.x, input, step);
  const auto second = differences(m.gradient, m.of_gradient, m.x, input, step);
  worst.first = worst_of(found.first, first, shape);
  worst.second = worst_of(found.second, second, shape);
  worst.forward = worst_of(found.forward, first, shape);
  return {.step = step,
          .first = worst.first.error,
          .second = worst.second.error,
          .forward = worst.forward.error};
}

}  // namespace

Certificate certify(const TensorFunction& f, const List& inputs, const CertifyOptions& options) {
  const std::vector<std::size_t> numbers = numbers_of(inputs);
  require<ValueError>(options.eps > 0, "{}: eps is {}, it must be positive", operation,
                      options.eps);
  for (const double step : options.steps)
    require<ValueError>(step > 0, "{}: a step is {}, it must be positive", operation, step);

  Measured m;
  for (const std::size_t number : numbers) m.x.push_back(inputs[number].detach().clone());
  m.f = [&](const List& x) {
    List all;
    for (const Tensor& each : inputs) all.push_back(each.detach());
    for (std::size_t i = 0; i < x.size(); ++i) all[numbers[i]] = x[i];
    return f(all);
  };
  m.gradient = [&m](const List& x) {
    return Evaluation(operation, m.f, x, {.create_graph = true}).back(m.weights);
  };
  const Evaluation at(operation, m.f, m.x, {});
  for (const Tensor& y : at.results())
    require<DTypeError>(y.dtype() == float64, "{}: the function gave {}, not float64", operation,
                        y.dtype());
  m.weights = random_weights(at.results(), 17);
  m.of_gradient = random_weights(m.x, 18);
  const List first = at.back(m.weights);
  const List second = Evaluation(operation, m.gradient, m.x, {}).back(m.of_gradient);

  Certificate certificate;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Derivatives found{first[i].to_vector<double>(), second[i].to_vector<double>(),
                            tangents(at, m.weights, i)};
    Certificate::Input input;
    input.number = numbers[i];
    input.shape = m.x[i].shape();
    for (const double step : options.steps)
      input.curve.push_back(errors_at(m, found, i, step, input));
    errors_at(m, found, i, options.eps, input);
    certificate.inputs.push_back(std::move(input));
  }
  return certificate;
}

}  // namespace xgrad::detail

namespace xgrad {

double Certificate::worst() const {
  double largest = 0;
  for (const Input& input : inputs)
    for (const double error : {input.first.error, input.second.error, input.forward.error})
      largest = error > largest || std::isnan(error) ? error : largest;
  return largest;
}

}  // namespace xgrad
