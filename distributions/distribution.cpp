#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <limits>

namespace xgrad::distributions {

using xgrad::detail::Running;

namespace {

std::string shown(const Tensor& one) {
  if (one.dtype() == float64) return fmt::format("{}", one.item<double>());
  if (is_floating(one.dtype())) return fmt::format("{}", one.item<float>());
  return fmt::format("{}", one.item<std::int64_t>());
}

/// Of place number `place` in row-major order.
Shape coordinates(std::int64_t place, const Shape& shape) {
  Shape at = shape;
  for (std::size_t axis = shape.size(); axis-- > 0; place /= shape[axis])
    at[axis] = place % shape[axis];
  return at;
}

}  // namespace

void require_all(const char* distribution, const std::string& what, const Tensor& holds,
                 const std::string& must, const Tensor& x) {
  if (all(holds).item<bool>()) return;
  const std::int64_t place = argmax(to(logical_not(holds), int64)).item<std::int64_t>();
  const Tensor first = select(reshape(expand(x.detach(), holds.shape()), {-1}), 0, place);
  raise<ValueError>(
      "{}: {} must {}: {}{}", distribution, what, must, shown(first),
      holds.dim() == 0 ? "" : fmt::format(" at {}", coordinates(place, holds.shape())));
}

void require_total_count(const char* distribution, std::int64_t total_count) {
  require<ValueError>(total_count >= 0, "{}: total_count must be 0 or more: {}", distribution,
                      total_count);
  require<ValueError>(total_count <= std::int64_t{1} << 53,
                      "{}: total_count must be at most 2^53: {}", distribution, total_count);
}

void require_few(const char* distribution, std::int64_t total_count) {
  require<ValueError>(total_count <= std::int64_t{1} << 24,
                      "{}: samples of a total_count above 2^24 would take too long: {}",
                      distribution, total_count);
}

Tensor as_tensor(const Value& value, DType dtype) {
  if (const auto& number = value.number()) {
    const bool is_lost = number->kind() == float64 && !is_floating(dtype);
    return full({}, *number, {.dtype = is_lost ? float64 : dtype});
  }
  return is_floating(value.tensor().dtype()) ? value.tensor() : to(value.tensor(), dtype);
}

Shape joined(const Shape& shape, const Shape& more) {
  Shape both = shape;
  for (const std::int64_t extent : more) both.push_back(extent);
  return both;
}

Shape part_of(const Shape& shape, std::size_t first, std::size_t last) {
  return Shape(std::span(shape.begin() + first, last - first));
}

namespace {

/// What numeric_limits have of the type that numbers of this dtype are worked out in.
template <class F>
double limit_of(DType dtype, const F& f) {
  return dtype == float64 ? f(std::numeric_limits<double>())
                          : static_cast<double>(f(std::numeric_limits<float>()));
}

}  // namespace

double smallest(DType dtype) {
  return limit_of(dtype, [](auto limits) { return limits.min(); });
}
double below_one(DType dtype) {
  return limit_of(dtype, [](auto limits) { return 1 - limits.epsilon() / 2; });
}
double lowest(DType dtype) {
  return limit_of(dtype, [](auto limits) { return limits.lowest(); });
}

Tensor open_uniform(const Shape& shape, DType dtype, Generator* generator) {
  // Half of the step between the numbers drawn stands for 0.
  const double least = dtype == float64 ? 0x1p-54 : 0x1p-25;
  return clamp(rand(shape, {.dtype = dtype, .generator = generator}), least);
}

Tensor xlog1py(const Tensor& a, const Tensor& x) {
  return a * log1p(where((a == 0) & (x == -1), 0, x));
}

Tensor sum_last(const Tensor& x, std::int64_t axes) {
  Tensor sum = x;
  for (std::int64_t i = 0; i < axes; ++i) sum = sum.sum(-1);
  return sum;
}

Tensor bounded(const Tensor& logarithms) {
  // A quarter: the difference of two is finite too.
  return clamp(logarithms, lowest(logarithms.dtype()) / 4);
}

void require_one(const char* distribution, const ProbsOrLogits& given) {
  require<ValueError>(given.probs.is_given() != given.logits.is_given(),
                      "{}: give either probs or logits", distribution);
}

void Distribution::take(std::initializer_list<Parameter> parameters) {
  const Running running(name_);
  std::optional<DType> dtype;
  for (const Parameter& parameter : parameters) {
    require<ValueError>(parameter.given.is_given(), "{}: {} is undefined", name_, parameter.name);
    if (parameter.given.number()) continue;
    const DType given = parameter.given.tensor().dtype();
    require<DTypeError>(!is_half(given), "{}: takes float32 and float64, not {}", name_, given);
    const DType own = is_floating(given) ? given : float32;
    dtype = dtype ? promote(*dtype, own) : own;
  }
  dtype_ = dtype.value_or(float32);
  for (const Parameter& parameter : parameters) {
    parameter.into = to(as_tensor(parameter.given, dtype_), dtype_);
    batch_shape_ = broadcast(batch_shape_, parameter.into.shape(), name_);
    if (validates_) require_all(name_, parameter.name, parameter.into, parameter.range);
  }
  for (const Parameter& parameter : parameters)
    if (parameter.into.shape() != batch_shape_)
      parameter.into = expand(parameter.into, batch_shape_);
}

void Distribution::shape_as(const Shape& batch, const Shape& event, DType dtype) {
  batch_shape_ = batch;
  event_shape_ = event;
  dtype_ = dtype;
}

void Distribution::shape_as_vectors() {
  const std::size_t axes = batch_shape_.size();
  if (axes == 0)
    raise<ShapeError>("{}: parameters must be [..., n], one for each place of an event: []", name_);
  event_shape_ = part_of(batch_shape_, axes - 1, axes);
  batch_shape_ = part_of(batch_shape_, 0, axes - 1);
}

Tensor Distribution::drawn(const Shape& shape, Generator* generator) const {
  if (std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 0; }))
    raise<ShapeError>("{}: samples of shape {}: no extent may be negative", name_, shape);
  return draw(joined(joined(shape, batch_shape_), event_shape_), generator);
}

Tensor Distribution::sample(const Shape& shape, Generator* generator) const {
  const Running running(name_);
  const NoGradGuard guard;
  return drawn(shape, generator);
}

Tensor Distribution::rsample(const Shape& shape, Generator* generator) const {
  const Running running(name_);
  require<ValueError>(has_rsample(),
                      "{}: there is no rsample(): samples have no gradient; use sample() and "
                      "log_prob()",
                      name_);
  return drawn(shape, generator);
}

Tensor Distribution::as_value(const Value& given) const {
  require<ValueError>(given.is_given(), "{}: the value is undefined", name_);
  const Tensor x = as_tensor(given, dtype_);
  const std::size_t axes = x.shape().size();
  const std::size_t own = event_shape_.size();
  if (axes < own || part_of(x.shape(), axes - own, axes) != event_shape_)
    raise<ShapeError>("{}: a value {} must end in the event's shape {}", name_, x.shape(),
                      event_shape_);
  broadcast(part_of(x.shape(), 0, axes - own), batch_shape_, name_);
  return x;
}

Tensor Distribution::log_prob(const Value& value) const {
  const Running running(name_);
  const Tensor x = as_value(value);
  if (validates_) no_grad([&] { check_support(x); });
  return log_density(x);
}

Tensor Distribution::cdf(const Value& value) const {
  const Running running(name_);
  const Tensor x = as_value(value);
  if (validates_) no_grad([&] { check_support(x); });
  return cumulative(x);
}

Tensor Distribution::icdf(const Value& value) const {
  const Running running(name_);
  const Tensor p = as_value(value);
  if (validates_) require_all(name_, "a probability", p, probability);
  return quantile(p);
}

Tensor Distribution::stddev() const { return sqrt(variance()); }

void Distribution::check_support(const Tensor& value) const {
  require_all(name_, a_value, value, real);
}

Tensor Distribution::draw(const Shape& shape, Generator* generator) const {
  return quantile(open_uniform(shape, dtype_, generator));
}

namespace {

[[noreturn]] void raise_no(const char* what, const Distribution& distribution) {
  raise<ValueError>("{}: there is no {}() in closed form", distribution.name(), what);
}

}  // namespace

Tensor Distribution::cumulative(const Tensor&) const { raise_no("cdf", *this); }
Tensor Distribution::quantile(const Tensor&) const { raise_no("icdf", *this); }
Tensor Distribution::entropy() const { raise_no("entropy", *this); }
Tensor Distribution::mean() const { raise_no("mean", *this); }
Tensor Distribution::mode() const { raise_no("mode", *this); }
Tensor Distribution::variance() const { raise_no("variance", *this); }

}  // namespace xgrad::distributions
