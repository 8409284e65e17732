#include "agreement.hpp"

#include <xgrad/ops/operation.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>

#include <torch/csrc/autograd/autograd.h>

namespace agreement {
namespace {

using xgrad::DType;

constexpr std::pair<DType, at::ScalarType> dtypes[] = {
    {xgrad::float32, at::kFloat}, {xgrad::float64, at::kDouble}, {xgrad::bfloat16, at::kBFloat16},
    {xgrad::float16, at::kHalf},  {xgrad::int64, at::kLong},     {xgrad::int32, at::kInt},
    {xgrad::uint8, at::kByte},    {xgrad::boolean, at::kBool}};

at::ScalarType theirs(DType dtype) {
  return std::find_if(std::begin(dtypes), std::end(dtypes),
                      [&](const auto& pair) { return pair.first == dtype; })
      ->second;
}

std::vector<std::int64_t> list(const xgrad::detail::ShortList& x) { return {x.begin(), x.end()}; }

/// The bytes of x as they lie in memory, from its first element to its last.
const void* bytes(const xgrad::Tensor& x) { return x.impl()->data(); }

std::int64_t span(const xgrad::Tensor& x) {
  if (x.numel() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < x.shape().size(); ++i) last += (x.shape()[i] - 1) * x.strides()[i];
  return last + 1;
}

/// Up to twelve values, as exactly as they are.
std::string text(const xgrad::Tensor& x) {
  if (!x.defined()) return "undefined";
  std::string all(xgrad::name(x.dtype()));
  all += " " + xgrad::to_string(x.shape()) + " {";
  const auto add = [&](const auto& values, const char* format) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      char number[40];
      std::snprintf(number, sizeof number, format, values[i]);
      if (i == 12) return static_cast<void>(all += ", …");
      all += (i == 0 ? "" : ", ") + std::string(number);
    }
  };
  if (xgrad::is_floating(x.dtype()))
    add(x.to_vector<double>(), "%.17g");
  else
    add(x.to_vector<long>(), "%ld");
  return all + "}";
}

std::string text(const Ours& list) {
  std::string all;
  for (const xgrad::Tensor& x : list) all += (all.empty() ? "" : ", ") + text(x);
  return all;
}

/// The first line of a message.
std::string first_line(const std::string& message) { return message.substr(0, message.find('\n')); }

template <class T>
struct Attempt {
  T value;
  std::optional<std::string> error = {};
};

template <class F>
auto attempt(const F& f) -> Attempt<decltype(f())> {
  try {
    return {f()};
  } catch (const std::exception& error) {
    return {{}, first_line(error.what())};
  }
}

/// Weights of a result's elements, all different: what sums differ by shows which element it was.
xgrad::Tensor weights(const xgrad::Shape& shape, DType dtype) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0.5 + std::fmod(static_cast<double>(i + 1) * 0.6180339887498949, 1);
  return xgrad::from_vector(values, shape).to(dtype);
}

// One side of the comparison: derivatives of both are worked out by the same code.
struct Xgrad {
  using Tensor = xgrad::Tensor;
  static bool floating(const Tensor& x) { return xgrad::is_floating(x.dtype()); }
  static Tensor leaf(const Tensor& x) { return floating(x) ? x.detach().requires_grad_() : x; }
  static Tensor weights_like(const Tensor& y) { return weights(y.shape(), y.dtype()); }
  static Tensor zeros_like(const Tensor& x) { return xgrad::zeros_like(x.detach()); }
  static std::vector<Tensor> grad(const std::vector<Tensor>& y, const std::vector<Tensor>& x,
                                  const std::vector<Tensor>& dy, bool create_graph) {
    return xgrad::grad(y, x,
                       {.grad_outputs = dy, .create_graph = create_graph, .allow_unused = true});
  }
};

struct Libtorch {
  using Tensor = at::Tensor;
  static bool floating(const Tensor& x) { return x.is_floating_point(); }
  static Tensor leaf(const Tensor& x) { return floating(x) ? x.detach().requires_grad_() : x; }
  static Tensor weights_like(const Tensor& y) {
    const auto sizes = y.sizes();
    return agreement::theirs(
               weights(xgrad::Shape(std::span(sizes.data(), sizes.size())), xgrad::float64))
        .to(y.scalar_type());
  }
  static Tensor zeros_like(const Tensor& x) { return at::zeros_like(x.detach()); }
  static std::vector<Tensor> grad(const std::vector<Tensor>& y, const std::vector<Tensor>& x,
                                  const std::vector<Tensor>& dy, bool create_graph) {
    return torch::autograd::grad(y, x, dy, create_graph, create_graph, true);
  }
};

/// The gradient of the weighted sum of all floating `y` that are recorded; zeros where there is
/// none.
template <class Side>
std::vector<typename Side::Tensor> gradient(const std::vector<typename Side::Tensor>& y,
                                            const std::vector<typename Side::Tensor>& x,
                                            bool create_graph) {
  std::vector<typename Side::Tensor> recorded, dy, gradients;
  for (const auto& one : y) {
    if (!one.defined() || !Side::floating(one) || !one.requires_grad()) continue;
    recorded.push_back(one);
    dy.push_back(Side::weights_like(one));
  }
  if (recorded.empty())
    gradients.resize(x.size());
  else
    gradients = Side::grad(recorded, x, dy, create_graph);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = Side::zeros_like(x[i]);
  return gradients;
}

template <class Tensor>
struct Derivatives {
  Attempt<std::vector<Tensor>> first, second;
};

template <class Side, class F>
Derivatives<typename Side::Tensor> derivatives_of(
    const F& f, const std::vector<typename Side::Tensor>& inputs) {
  std::vector<typename Side::Tensor> all, leaves;
  for (const auto& x : inputs) {
    all.push_back(Side::leaf(x));
    if (Side::floating(x)) leaves.push_back(all.back());
  }
  Derivatives<typename Side::Tensor> result;
  result.first = attempt([&] { return gradient<Side>(f(all), leaves, true); });
  if (!result.first.error)
    result.second = attempt([&] { return gradient<Side>(result.first.value, leaves, false); });
  return result;
}

Ours ours_of(const Theirs& list) {
  Ours all;
  for (const at::Tensor& x : list) all.push_back(ours(x));
  return all;
}

bool all_float64(const Ours& list) {
  return std::all_of(list.begin(), list.end(), [](const xgrad::Tensor& x) {
    return !xgrad::is_floating(x.dtype()) || x.dtype() == xgrad::float64;
  });
}

bool alike(double a, double b, double bound) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= bound;
}

/// What a relative measure has no digits for: numbers below the normal ones, of float16 a last
/// place or two.
double smallest(DType dtype) {
  if (dtype == xgrad::float64) return 4 * std::numeric_limits<double>::min();
  if (dtype == xgrad::float16) return 0x1p-23;
  return 4 * double{std::numeric_limits<float>::min()};
}

double largest_of(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  return largest;
}

}  // namespace

const char* name(Aspect aspect) {
  constexpr const char* names[] = {"refusal",  "results",          "dtype", "shape", "values",
                                   "gradient", "second derivative"};
  return names[static_cast<std::size_t>(aspect)];
}

at::Tensor theirs(const xgrad::Tensor& x) {
  const auto type = theirs(x.dtype());
  at::Tensor memory = at::empty({span(x)}, type);
  if (x.numel() > 0)
    std::memcpy(memory.data_ptr(), bytes(x), static_cast<std::size_t>(memory.nbytes()));
  if (x.is_contiguous()) return memory.reshape(list(x.shape()));
  return memory.as_strided(list(x.shape()), list(x.strides()));
}

xgrad::Tensor ours(const at::Tensor& x) {
  if (!x.defined()) return {};
  const auto* const pair = std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& one) {
    return one.second == x.scalar_type();
  });
  if (pair == std::end(dtypes)) return {};
  // Some zeros of libtorch's have no memory.
  const at::Tensor rows =
      x._is_zerotensor() ? at::zeros(x.sizes(), x.options()) : x.detach().contiguous();
  const auto sizes = rows.sizes();
  xgrad::Tensor result =
      xgrad::Tensor::empty(xgrad::Shape(std::span(sizes.data(), sizes.size())), pair->first);
  if (result.numel() > 0)
    std::memcpy(result.impl()->data(), rows.data_ptr(), static_cast<std::size_t>(rows.nbytes()));
  return result;
}

std::string difference(const xgrad::Tensor& a, const xgrad::Tensor& b, double tolerance) {
  if (!xgrad::is_floating(a.dtype()))
    return xgrad::equal(a, b) ? "" : text(a) + ", libtorch " + text(b);
  const std::vector<double> x = a.to(xgrad::float64).to_vector<double>();
  const std::vector<double> y = b.to(xgrad::float64).to_vector<double>();
  const double bound = tolerance * std::max(largest_of(x), largest_of(y)) + smallest(a.dtype());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (alike(x[i], y[i], bound)) continue;
    char place[120];
    std::snprintf(place, sizeof place, "element %zu is %.17g, libtorch's %.17g: ", i, x[i], y[i]);
    return place + text(a) + ", libtorch " + text(b);
  }
  return "";
}

Suite::Suite(std::set<std::string> only, bool verbose)
    : only_(std::move(only)),
      verbose_(verbose),
      deliberate_(deliberate_differences()),
      deliberate_counts_(deliberate_.size()) {}

void Suite::no_counterpart(const std::string& operation, const std::string& reason) {
  without_counterpart_[operation] = reason;
}

void Suite::differ(const Case& one, Aspect aspect, const std::string& what) {
  for (std::size_t i = 0; i < deliberate_.size(); ++i) {
    const Deliberate& on_purpose = deliberate_[i];
    const auto& names = on_purpose.operations;
    if (!on_purpose.aspects.contains(aspect)) continue;
    if (names.front() != "*" && std::find(names.begin(), names.end(), one.operation) == names.end())
      continue;
    if (!on_purpose.applies(one)) continue;
    ++deliberate_counts_[i];
    ++counts_[one.operation].deliberate;
    return;
  }
  constexpr std::size_t shown = 4;
  const std::size_t before = counts_[one.operation].differed++;
  if (!verbose_ && before > shown) return;
  if (!verbose_ && before == shown) {
    std::printf("%s: … (--verbose shows all)\n", one.operation.c_str());
    return;
  }
  std::printf("%s: %s: %s\n    of %s\n", one.operation.c_str(), name(aspect), what.c_str(),
              one.what.c_str());
}

bool Suite::compare(const Case& one, Aspect aspect, const Ours& a, const Ours& b) {
  if (a.size() != b.size()) {
    differ(one, Aspect::results,
           std::to_string(a.size()) + " results, libtorch " + std::to_string(b.size()));
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].defined() != b[i].defined()) {
      differ(one, Aspect::results, text(a[i]) + ", libtorch " + text(b[i]));
      return false;
    }
    if (!a[i].defined()) continue;
    const bool same_dtype = a[i].dtype() == b[i].dtype();
    if (!same_dtype || !(a[i].shape() == b[i].shape())) {
      differ(one, same_dtype ? Aspect::shape : Aspect::dtype,
             text(a[i]) + ", libtorch " + text(b[i]));
      return false;
    }
    const std::string what = difference(a[i], b[i], tolerance(one, aspect, a[i].dtype()));
    if (!what.empty()) {
      differ(one, aspect, what);
      return false;
    }
  }
  agree(one);
  return true;
}

void Suite::run(const Case& one) {
  if (!only_.empty() && !only_.contains(one.operation)) return;
  Theirs inputs;
  for (const xgrad::Tensor& x : one.inputs) inputs.push_back(agreement::theirs(x));
  const auto a = attempt([&] { return one.ours(one.inputs); });
  const auto b = attempt([&] { return one.theirs(inputs); });
  if (a.error.has_value() != b.error.has_value()) {
    differ(one, Aspect::refusal,
           a.error ? "refused (" + *a.error + "), libtorch gives " + text(ours_of(b.value))
                   : text(a.value) + ", libtorch refuses: " + *b.error);
    return;
  }
  if (a.error) return agree(one);
  if (compare(one, Aspect::values, a.value, ours_of(b.value))) derivatives(one);
}

void Suite::derivatives(const Case& one) {
  Theirs inputs;
  bool any_floating = false;
  for (const xgrad::Tensor& x : one.inputs) {
    inputs.push_back(agreement::theirs(x));
    any_floating = any_floating || xgrad::is_floating(x.dtype());
  }
  if (!any_floating) return;
  const auto a = derivatives_of<Xgrad>(one.ours, one.inputs);
  const auto b = derivatives_of<Libtorch>(one.theirs, inputs);
  // What libtorch cannot differentiate is nothing to compare with.
  if (b.first.error) return;
  if (a.first.error) {
    differ(one, Aspect::gradient,
           "refused (" + *a.first.error + "), libtorch gives " + text(ours_of(b.first.value)));
    return;
  }
  if (!compare(one, Aspect::gradient, a.first.value, ours_of(b.first.value))) return;
  if (!all_float64(one.inputs) || b.second.error) return;
  if (a.second.error) {
    differ(one, Aspect::second,
           "refused (" + *a.second.error + "), libtorch gives " + text(ours_of(b.second.value)));
    return;
  }
  compare(one, Aspect::second, a.second.value, ours_of(b.second.value));
}

int Suite::report() {
  Counts all;
  std::size_t operations = 0, at_odds = 0;
  for (const auto& [operation, counts] : counts_) {
    ++operations;
    all.agreed += counts.agreed;
    all.differed += counts.differed;
    all.deliberate += counts.deliberate;
    if (counts.differed > 0) {
      ++at_odds;
      std::printf("%-32s %6zu agree, %zu differ\n", operation.c_str(), counts.agreed,
                  counts.differed);
    }
  }
  std::printf("\nOn purpose:\n");
  std::size_t stale = 0;
  for (std::size_t i = 0; i < deliberate_.size(); ++i) {
    std::string names;
    for (const std::string& one : deliberate_[i].operations)
      names += (names.empty() ? "" : ", ") + one;
    std::printf("%6zu  %s: %s\n", deliberate_counts_[i], names.c_str(),
                deliberate_[i].reason.c_str());
    if (deliberate_counts_[i] == 0) ++stale;
  }
  std::printf("\nNo counterpart in this libtorch:\n");
  for (const auto& [operation, reason] : without_counterpart_)
    std::printf("        %s: %s\n", operation.c_str(), reason.c_str());
  std::string missing;
  for (const char* const one : xgrad::operation_names)
    if (!counts_.contains(one) && !without_counterpart_.contains(one))
      missing += (missing.empty() ? "" : ", ") + std::string(one);
  if (only_.empty() && !missing.empty())
    std::printf("\nNot compared: no line in tests/agreement yet:\n        %s\n", missing.c_str());
  std::printf(
      "\n%zu operations, %zu comparisons: %zu agree, %zu differ unexplained (in %zu "
      "operations), %zu differ on purpose; %zu operations have no counterpart\n",
      operations, all.agreed + all.differed + all.deliberate, all.agreed, all.differed, at_odds,
      all.deliberate, without_counterpart_.size());
  if (only_.empty() && stale > 0)
    std::printf("%zu of the differences on purpose no longer occur: take them out\n", stale);
  return all.differed > 0 || (only_.empty() && stale > 0) ? 1 : 0;
}

}  // namespace agreement
