#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/lr_plateau.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::optim {
namespace {

constexpr const char* name = "ReduceLROnPlateau";

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, ReduceLROnPlateauOptions options)
    : SchedulerBase(optimizer), options_(std::move(options)) {
  const ReduceLROnPlateauOptions& o = options_;
  require<ValueError>(o.mode == "min" || o.mode == "max", "{}: mode '{}'; it is 'min' or 'max'",
                      name, o.mode);
  require<ValueError>(o.threshold_mode == "rel" || o.threshold_mode == "abs",
                      "{}: threshold_mode '{}'; it is 'rel' or 'abs'", name, o.threshold_mode);
  detail::require_fraction(name, "factor", o.factor);
  require<ValueError>(o.patience >= 0 && o.cooldown >= 0,
                      "{}: patience is {} and cooldown {}, they must not be negative", name,
                      o.patience, o.cooldown);
  detail::require_not_negative(name, "threshold", o.threshold);
  detail::require_not_negative(name, "eps", o.eps);
  min_lrs();
  constexpr double worst = std::numeric_limits<double>::infinity();
  best_ = o.mode == "min" ? worst : -worst;
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const bool falls = options_.mode == "min";
  const double by = falls ? -options_.threshold : options_.threshold;
  const bool first = std::isinf(best_);  // which times 1 − 1 would be NaN
  const double bound = first || options_.threshold_mode == "abs" ? best_ + by : best_ * (1 + by);
  return falls ? metric < bound : metric > bound;
}

// Of the groups that there are by now: one number is for all of them.
std::vector<double> ReduceLROnPlateau::min_lrs() const {
  return detail::for_groups(name, "min_lr", options_.min_lr, optimizer());
}

void ReduceLROnPlateau::step(double metric) {
  const std::vector<double> least = min_lrs();
  const bool better = is_better(metric);
  if (better) best_ = metric;
  bad_ = better ? 0 : bad_ + 1;
  if (cooldown_ > 0) {
    --cooldown_;
    bad_ = 0;
  }
  if (bad_ <= options_.patience) return;
  std::vector<double> rates = optimizer().learning_rates();
  for (std::size_t group = 0; group < rates.size(); ++group) {
    const double reduced = std::max(rates[group] * options_.factor, least[group]);
    if (rates[group] - reduced > options_.eps) rates[group] = reduced;
  }
  set_rates(rates);
  cooldown_ = options_.cooldown;
  bad_ = 0;
}

std::vector<detail::Remembered> ReduceLROnPlateau::state() {
  return {{"best", &best_}, {"num_bad_epochs", &bad_}, {"cooldown_counter", &cooldown_}};
}

}  // namespace xgrad::optim
