#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tangents.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>
#include <optional>

namespace xgrad::detail {
namespace {

struct Mismatch {
  std::size_t input;
  std::int64_t position;
  double analytic;
  std::optional<double> forward;
  double numeric;
  double error;
};

double relative_error(double d, double r) {
  return std::abs(d - r) / (std::abs(d) + std::abs(r) + 1e-8);
}

double worse(double error, double other) {
  return other > error || std::isnan(other) ? other : error;
}

Tensor leaf_copy(const Tensor& x, bool required) {
  Tensor copy = Tensor::empty(x.shape(), x.dtype());
  copy.copy_(x.detach());
  copy.requires_grad_(required);
  return copy;
}

// Private copies, so that the caller's tensors stay as they are; those to check are marked.
std::vector<Tensor> prepare(const std::vector<Tensor>& inputs) {
  const bool marked = std::ranges::any_of(inputs, &Tensor::requires_grad);
  std::vector<Tensor> copies;
  std::size_t checked = 0;
  for (const Tensor& x : inputs) {
    require<ValueError>(x.defined(), "gradcheck: input {} is undefined", copies.size());
    const bool check = marked ? x.requires_grad() : is_floating(x.dtype());
    require<DTypeError>(!check || x.dtype() == float64,
                        "gradcheck: input {} {} is {}; differences need float64, use "
                        "x.to(xgrad::float64)",
                        copies.size(), x.shape(), x.dtype());
    copies.push_back(leaf_copy(x, check));
    checked += check ? 1 : 0;
  }
  require<ValueError>(checked > 0, "gradcheck: no input can carry a gradient");
  return copies;
}

// The weights of the outputs in the one number that is differentiated.
std::vector<Tensor> random_weights(const std::vector<Tensor>& outputs) {
  Generator generator(17);
  std::vector<Tensor> weights;
  for (const Tensor& y : outputs) {
    require<DTypeError>(y.dtype() == float64, "gradcheck: the function gave {}, not float64",
                        y.dtype());
    Tensor w = Tensor::empty(y.shape(), float64);
    generator.fill_uniform(
        std::span(w.mutable_data<double>(), static_cast<std::size_t>(w.numel())));
    for (std::int64_t i = 0; i < w.numel(); ++i) w.mutable_data<double>()[i] += 0.5;
    weights.push_back(w);
  }
  return weights;
}

/// What the tape gives for the inputs to check, undefined where an output does not depend on them.
std::vector<Tensor> tape_gradients(const std::vector<Tensor>& outputs,
                                   const std::vector<Tensor>& weights,
                                   const std::vector<Tensor>& inputs, bool create_graph) {
  std::vector<Tensor> used;
  GradOptions options{.create_graph = create_graph, .allow_unused = true};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    used.push_back(outputs[i]);
    options.grad_outputs.push_back(weights[i]);
  }
  std::vector<Tensor> wanted;
  std::ranges::copy_if(inputs, std::back_inserter(wanted), &Tensor::requires_grad);
  return used.empty() ? std::vector<Tensor>(wanted.size()) : grad(used, wanted, options);
}

/// Σ ⟨tangent, weights⟩ for each entry of the inputs to check, by forward mode.
std::vector<std::vector<double>> forward_derivatives(const TensorFunction& f,
                                                     const std::vector<Tensor>& inputs,
                                                     const std::vector<Tensor>& weights) {
  Tangents tangents(f(inputs), false);
  std::vector<std::vector<double>> derivatives(inputs.size());
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    const Tensor& x = inputs[input];
    for (std::int64_t i = 0; x.requires_grad() && i < x.numel(); ++i) {
      Tensor direction = Tensor::empty(x.shape(), float64).zero_();
      direction.mutable_data<double>()[i] = 1;
      double sum = 0;
      const std::vector<Tensor> found = tangents.along({x}, {direction});
      for (std::size_t k = 0; k < found.size(); ++k) {
        if (!found[k].defined()) continue;
        const Tensor rows = in_rows(found[k]);
        for (std::int64_t at = 0; at < rows.numel(); ++at)
          sum += rows.data<double>()[at] * weights[k].data<double>()[at];
      }
      derivatives[input].push_back(sum);
    }
  }
  return derivatives;
}

// Differences are taken output by output before they are weighed: what an input does not touch
// cancels exactly instead of leaving rounding noise.
double weighted_difference(const std::vector<Tensor>& above, const std::vector<Tensor>& below,
                           const std::vector<Tensor>& weights) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double* a = above[k].data<double>();
    const double* b = below[k].data<double>();
    const double* w = weights[k].data<double>();
    for (std::int64_t i = 0; i < weights[k].numel(); ++i) sum += w[i] * (a[i] - b[i]);
  }
  return sum;
}

// Copies, because a result may share the memory of an input that is about to change.
std::vector<Tensor> evaluate(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  auto outputs = f(inputs);
  for (Tensor& y : outputs) y = leaf_copy(y, false);
  return outputs;
}

double numeric_derivative(const TensorFunction& f, std::vector<Tensor>& inputs, Tensor& x,
                          std::int64_t position, const std::vector<Tensor>& weights, double eps) {
  const NoGradGuard guard;
  double& value = x.mutable_data<double>()[position];
  const double before = value;
  value = before + eps;
  const auto above = evaluate(f, inputs);
  value = before - eps;
  const auto below = evaluate(f, inputs);
  value = before;
  return weighted_difference(above, below, weights) / (2 * eps);
}

void print(std::vector<Mismatch> mismatches, const std::vector<Tensor>& inputs, std::int64_t count,
           const GradcheckOptions& options) {
  std::ostream& out = options.report ? *options.report : std::cerr;
  constexpr std::size_t shown = 5;
  std::ranges::sort(mismatches, std::greater(), &Mismatch::error);
  out << fmt::format("gradcheck: {} of {} entries differ by more than {}; the worst:\n",
                     mismatches.size(), count, options.tolerance);
  for (std::size_t i = 0; i < std::min(shown, mismatches.size()); ++i) {
    const auto& [input, position, analytic, forward, numeric, error] = mismatches[i];
    const Shape& shape = inputs[input].shape();
    Shape index = shape;
    auto rest = position;
    for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
      index[axis] = rest % shape[axis];
    out << fmt::format(
        "  input {} at {}: the tape gives {:.10g}, {}the difference {:.10g}, relative error "
        "{:.3g}\n",
        input, index, unsigned_nan(analytic),
        forward ? fmt::format("forward mode {:.10g}, ", unsigned_nan(*forward)) : "",
        unsigned_nan(numeric), unsigned_nan(error));
  }
}

}  // namespace

bool gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options) {
  auto copies = prepare(inputs);
  const EnableGradGuard recording;
  const auto outputs = f(copies);
  const auto weights = random_weights(outputs);
  const auto analytic = tape_gradients(outputs, weights, copies, false);
  const auto forward = options.check_forward_ad ? forward_derivatives(f, copies, weights)
                                                : std::vector<std::vector<double>>();

  std::vector<Mismatch> mismatches;
  std::int64_t count = 0;
  double largest = 0;
  std::size_t next = 0;
  for (std::size_t input = 0; input < copies.size(); ++input) {
    Tensor& x = copies[input];
    if (!x.requires_grad()) continue;
    const Tensor& gradient = analytic[next++];
    for (std::int64_t i = 0; i < x.numel(); ++i, ++count) {
      const double d = gradient.defined() ? gradient.data<double>()[i] : 0.0;
      const double r = numeric_derivative(f, copies, x, i, weights, options.eps);
      double error = relative_error(d, r);
      std::optional<double> tangent;
      if (options.check_forward_ad) {
        tangent = forward[input][static_cast<std::size_t>(i)];
        error = worse(worse(error, relative_error(*tangent, r)), relative_error(*tangent, d));
      }
      largest = std::max(largest, error);
      if (!(error <= options.tolerance)) mismatches.push_back({input, i, d, tangent, r, error});
    }
  }
  if (options.figures != nullptr) {
    options.figures->entries += count;
    options.figures->largest_error = std::max(options.figures->largest_error, largest);
  }
  if (mismatches.empty()) return true;
  print(std::move(mismatches), copies, count, options);
  return false;
}

bool gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options) {
  auto all = prepare(inputs);
  const std::size_t input_count = all.size();
  const auto weights = no_grad([&] { return random_weights(f(all)); });
  for (const Tensor& w : weights) all.push_back(leaf_copy(w, true));

  const TensorFunction gradient = [&f, input_count](const std::vector<Tensor>& x) {
    // The numeric side evaluates this under no_grad on tensors that it changes in place, so the
    // inner gradient works on copies of its own there.
    const bool outer = is_grad_enabled();
    const EnableGradGuard recording;
    std::vector<Tensor> own;
    for (const Tensor& value : x)
      own.push_back(outer ? value : leaf_copy(value, value.requires_grad()));
    const auto split = own.begin() + static_cast<std::ptrdiff_t>(input_count);
    const std::vector<Tensor> arguments(own.begin(), split);
    const std::vector<Tensor> own_weights(split, own.end());
    auto result = tape_gradients(f(arguments), own_weights, arguments, true);
    std::erase_if(result, [](const Tensor& g) { return !g.defined(); });
    return result;
  };
  return gradcheck(gradient, all, options);
}

}  // namespace xgrad::detail
