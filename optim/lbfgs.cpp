#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/kept.hpp>
#include <xgrad/optim/lbfgs.hpp>
#include <xgrad/optim/strong_wolfe.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const LBFGSOptions& o) {
  constexpr std::int64_t most = 10'000;
  detail::require_not_negative("LBFGS", "lr", o.lr);
  require<ValueError>(o.max_iter > 0, "LBFGS: max_iter is {}, it must be positive", o.max_iter);
  require<ValueError>(o.max_eval.value_or(1) > 0, "LBFGS: max_eval is {}, it must be positive",
                      o.max_eval.value_or(1));
  detail::require_not_negative("LBFGS", "tolerance_grad", o.tolerance_grad);
  detail::require_not_negative("LBFGS", "tolerance_change", o.tolerance_change);
  require<ValueError>(o.history_size > 0 && o.history_size <= most,
                      "LBFGS: history_size is {}, it must lie in [1, {}]", o.history_size, most);
}
#pragma GCC visibility pop

namespace {

Tensor number(double value) { return full({}, value, {.dtype = float64}); }
Tensor count(std::int64_t value) { return full({}, value, {.dtype = int64}); }

double largest(const Tensor& x) { return x.numel() == 0 ? 0 : amax(abs(x)).item(); }

/// As much as there are numbers for.
std::int64_t more_by_a_quarter(std::int64_t x) {
  const std::int64_t room = std::numeric_limits<std::int64_t>::max() - x;
  return x + std::min(x / 4, room);
}

std::size_t defined_of(const std::vector<Tensor>& list) {
  const auto end = std::ranges::find_if(list, [](const Tensor& x) { return !x.defined(); });
  return static_cast<std::size_t>(end - list.begin());
}

/// Behind those that are there; where none is free, the oldest goes.
void append(std::vector<Tensor>& list, const Tensor& x) {
  const std::size_t place = defined_of(list);
  if (place < list.size()) {
    list[place] = x;
    return;
  }
  std::rotate(list.begin(), list.begin() + 1, list.end());
  list.back() = x;
}

}  // namespace

LBFGS::LBFGS(std::vector<Tensor> parameters, const LBFGSOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  detail::check_parameters("LBFGS", {parameters_});
  require_valid(options_);
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    require<ValueError>(parameters_[i].dtype() == parameters_[0].dtype(),
                        "LBFGS: {} is {}, and {} {}; all must be of one dtype",
                        detail::called(parameters_[0], 0), parameters_[0].dtype(),
                        detail::called(parameters_[i], i), parameters_[i].dtype());
  const auto size = static_cast<std::size_t>(options_.history_size);
  state_.old_dirs.resize(size);
  state_.old_stps.resize(size);
  state_.ro.resize(size);
}

void LBFGS::visit(const std::function<void(Tensor&)>& f) {
  for (Tensor& x : parameters_) f(x);
}

void LBFGS::visit_rates(const std::function<void(double&)>& f) { f(options_.lr); }

std::int64_t LBFGS::numel() const {
  std::int64_t total = 0;
  for (const Tensor& x : parameters_) total += x.numel();
  return total;
}

std::vector<detail::StateEntry> LBFGS::state() {
  const Shape all{numel()};
  const DType dtype = parameters_.front().dtype();
  std::vector<detail::StateEntry> entries{
      {"n_iter", &state_.n_iter, {}, int64},
      {"d", &state_.d, all, dtype},
      {"t", &state_.t, {}, float64},
      {"prev_flat_grad", &state_.prev_flat_grad, all, dtype},
      {"prev_loss", &state_.prev_loss, {}, float64},
      {"H_diag", &state_.H_diag, {}, float64},
  };
  for (std::size_t i = 0; i < state_.ro.size(); ++i) {
    entries.push_back({fmt::format("old_dirs.{}", i), &state_.old_dirs[i], all, dtype});
    entries.push_back({fmt::format("old_stps.{}", i), &state_.old_stps[i], all, dtype});
    entries.push_back({fmt::format("ro.{}", i), &state_.ro[i], {}, float64});
  }
  return entries;
}

void LBFGS::require_ready() {
  require_gradients("LBFGS");
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].grad().defined()) detail::check_step("LBFGS", parameters_[i], i);
  check_state();
}

void LBFGS::check_state() const {
  const std::array<const Tensor*, 6> all{&state_.n_iter,         &state_.d,         &state_.t,
                                         &state_.prev_flat_grad, &state_.prev_loss, &state_.H_diag};
  const auto there = std::ranges::count_if(all, [](const Tensor* x) { return x->defined(); });
  const std::size_t pairs = defined_of(state_.ro);
  const auto is_whole = [pairs](const std::vector<Tensor>& list) {
    const auto defined = std::ranges::count_if(list, [](const Tensor& x) { return x.defined(); });
    return static_cast<std::size_t>(defined) == pairs && defined_of(list) == pairs;
  };
  if ((there != 0 && there != std::ssize(all)) || (there == 0 && pairs > 0) ||
      !is_whole(state_.old_dirs) || !is_whole(state_.old_stps) || !is_whole(state_.ro))
    raise<ValueError>(
        "LBFGS: the state that was loaded is not whole; load all that state_dict() "
        "gave");
  const Tensor& x = parameters_.front();
  if (state_.d.defined() && (state_.d.numel() != numel() || state_.d.dtype() != x.dtype()))
    raise<ValueError>(
        "LBFGS: the parameters are {} numbers {}, and were {} {} at the step before; make the "
        "optimiser anew",
        numel(), x.dtype(), state_.d.numel(), state_.d.dtype());
}

LBFGS::Evaluation LBFGS::evaluate(const Closure& closure) {
  const Tensor loss = loss_of("LBFGS", closure);
  require_ready();
  const double sign = options_.maximize ? -1 : 1;
  std::vector<Tensor> gradients;
  for (const Tensor& x : parameters_) {
    const Tensor g = detail::gradient_of(x);
    gradients.push_back(g.defined() ? flatten(g.detach())
                                    : zeros({x.numel()}, {.dtype = x.dtype()}));
  }
  return {loss, sign * loss.item(), cat(gradients) * sign, 1};
}

LBFGS::Evaluation LBFGS::evaluate_finite(const Closure& closure) {
  Evaluation now = evaluate(closure);
  const double most = largest(now.gradient);
  if (!std::isfinite(now.value) || !std::isfinite(most))
    raise<ValueError>(
        "LBFGS: the loss is {}, the largest number of its gradient {}: there is no direction to go",
        now.loss.item(), most);
  return now;
}

/// −H g, where H is the guess of the inverse Hessian.
Tensor LBFGS::direction(State& next, const Tensor& gradient) const {
  if (!next.n_iter.defined()) {
    next.H_diag = number(1);
    return -gradient;
  }
  const Tensor y = gradient - next.prev_flat_grad;
  const Tensor s = next.d * next.t.item();
  if (const double ys = dot(y, s).item(); ys > 1e-10) {
    append(next.old_dirs, y);
    append(next.old_stps, s);
    append(next.ro, number(1 / ys));
    next.H_diag = number(ys / dot(y, y).item());
  }
  const std::size_t pairs = defined_of(next.ro);
  std::vector<double> along(pairs);
  Tensor q = -gradient;
  for (std::size_t i = pairs; i-- > 0;) {
    along[i] = dot(next.old_stps[i], q).item() * next.ro[i].item();
    q = q - next.old_dirs[i] * along[i];
  }
  Tensor r = q * next.H_diag.item();
  for (std::size_t i = 0; i < pairs; ++i) {
    const double back = dot(next.old_dirs[i], r).item() * next.ro[i].item();
    r = r + next.old_stps[i] * (along[i] - back);
  }
  return r;
}

void LBFGS::move(const Tensor& d, double t) {
  std::int64_t begin = 0;
  for (Tensor& x : parameters_) {
    Tensor values = x.detach();
    values.copy_(values + reshape(narrow(d, 0, begin, x.numel()), x.shape()) * t);
    begin += x.numel();
  }
}

double LBFGS::search(const Closure& closure, const Tensor& d, double t, Evaluation& now) {
  const auto at = [&](double length) {
    const detail::Kept kept(parameters_);
    move(d, length);
    const Evaluation there = evaluate(closure);
    return detail::Point{length, there.value, dot(there.gradient, d).item(), there.gradient};
  };
  const detail::Point start{0, now.value, dot(now.gradient, d).item(), now.gradient};
  const auto found = detail::strong_wolfe(at, start, t, largest(d), options_.tolerance_change);
  now.value = found.point.loss;
  now.gradient = found.point.gradient;
  now.evaluations += found.evaluations;
  return found.point.t;
}

bool LBFGS::iterate(const Closure& closure, bool is_last, Evaluation& now) {
  State next = state_;
  const bool is_first = !next.n_iter.defined();
  next.d = direction(next, now.gradient);
  next.n_iter = count(is_first ? 1 : next.n_iter.item<std::int64_t>() + 1);
  next.prev_flat_grad = now.gradient;
  next.prev_loss = number(now.value);
  double t = options_.lr;
  if (is_first) t *= std::min(1., 1 / sum(abs(now.gradient)).item());
  const bool is_level = dot(now.gradient, next.d).item() > -options_.tolerance_change;
  const bool searches = options_.line_search_fn == LineSearch::strong_wolfe;
  if (!is_level && searches) t = search(closure, next.d, t, now);
  next.t = number(t);
  state_ = std::move(next);
  if (is_level) return false;
  move(state_.d, t);
  if (is_last) return false;
  if (!searches) {
    const std::int64_t before = now.evaluations;
    now = evaluate_finite(closure);
    now.evaluations += before;
  }
  return !is_flat(now) && largest(state_.d * t) > options_.tolerance_change &&
         std::abs(now.value - state_.prev_loss.item()) >= options_.tolerance_change;
}

bool LBFGS::is_flat(const Evaluation& now) const {
  return largest(now.gradient) <= options_.tolerance_grad;
}

Tensor LBFGS::step(const Closure& closure) {
  require_parameters("LBFGS");
  require_valid(options_);
  const NoGradGuard guard;
  Evaluation now = evaluate_finite(closure);
  Tensor first = now.loss;
  if (is_flat(now)) return first;
  const std::int64_t most = options_.max_eval.value_or(more_by_a_quarter(options_.max_iter));
  for (std::int64_t i = 1; i <= options_.max_iter; ++i)
    if (!iterate(closure, i == options_.max_iter, now) || now.evaluations >= most) break;
  return first;
}

void LBFGS::step() { throw_needs_closure("LBFGS"); }

}  // namespace xgrad::optim
