#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/average.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace xgrad::optim {
namespace {

constexpr const char* count_name = "n_averaged";

}  // namespace

MovingAverage::MovingAverage(const NamedTensors& tensors) {
  std::unordered_set<std::string_view> names;
  for (const auto& [name, x] : tensors) {
    require<ValueError>(x.defined(), "MovingAverage: '{}' is undefined", name);
    if (!is_floating(x.dtype())) continue;
    require<ValueError>(x.is_contiguous(),
                        "MovingAverage: '{}' is a view whose values do not lie in row-major order; "
                        "give a clone() of it",
                        name);
    require<ValueError>(names.insert(name).second, "MovingAverage: two tensors are named '{}'",
                        name);
    names_.push_back(name);
    tensors_.push_back(x.detach());
    averages_.push_back(x.detach().clone());
  }
  require<ValueError>(!tensors_.empty(), "MovingAverage: no tensors to average");
}

void MovingAverage::require_usable() const {
  require<ValueError>(!tensors_.empty(), "MovingAverage: used after it was moved from");
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Storage& memory = *tensors_[i].storage();
    require<GraphError>(!memory.is_unique() && !memory.is_superseded(),
                        "MovingAverage: '{}' is not what it was: its module was converted or "
                        "replaced; make the average after that",
                        names_[i]);
    require<ValueError>(
        averages_[i].shape() == tensors_[i].shape() && averages_[i].dtype() == tensors_[i].dtype(),
        "MovingAverage: '{}' is {} {}, its average {} {}; set_data() changed what state_dict() "
        "gave",
        names_[i], tensors_[i].dtype(), tensors_[i].shape(), averages_[i].dtype(),
        averages_[i].shape());
  }
}

template <class F>
void MovingAverage::visit(const F& f) {
  require_usable();
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    dispatch_floating(tensors_[i].dtype(), "MovingAverage", [&]<class T>() {
      T* const x = tensors_[i].mutable_data<T>();
      T* const average = averages_[i].mutable_data<T>();
      kernels::parallel_for(tensors_[i].numel(), kernels::grain_of(0.2),
                            [&](std::int64_t begin, std::int64_t end) {
                              f(x + begin, average + begin, end - begin);
                            });
    });
}

void MovingAverage::update(double decay) {
  require<ValueError>(decay >= 0 && decay <= 1, "MovingAverage: decay is {}, it must lie in [0, 1]",
                      decay);
  if (decay == 0)
    return visit(
        []<class T>(const T* x, T* average, std::int64_t n) { std::copy_n(x, n, average); });
  visit([decay]<class T>(const T* x, T* average, std::int64_t n) {
    const T fresh = static_cast<T>(1 - decay);
    for (std::int64_t i = 0; i < n; ++i) average[i] += fresh * (x[i] - average[i]);
  });
}

void MovingAverage::copy_to_tensors() {
  visit([]<class T>(T* x, const T* average, std::int64_t n) { std::copy_n(average, n, x); });
}

void MovingAverage::swap() {
  visit([]<class T>(T* x, T* average, std::int64_t n) { std::swap_ranges(x, x + n, average); });
}

std::vector<detail::StateEntry> MovingAverage::state() {
  std::vector<detail::StateEntry> entries;
  if (n_averaged_.defined()) entries.push_back({count_name, &n_averaged_, {}, int64});
  for (std::size_t i = 0; i < names_.size(); ++i)
    entries.push_back({names_[i], &averages_[i], tensors_[i].shape(), tensors_[i].dtype()});
  return entries;
}

void MovingAverage::load_state_dict(const NamedTensors& values) {
  const std::vector<detail::StateEntry> entries = state();
  require<ValueError>(values.size() == entries.size(),
                      "MovingAverage: the state has {} averages, {} are needed", values.size(),
                      entries.size());
  detail::load_state("MovingAverage", entries, values);
}

bool MovingAverage::is_whole() const { return std::ranges::all_of(averages_, &Tensor::defined); }

MovingAverage MovingAverage::counted(const NamedTensors& tensors) {
  MovingAverage average(tensors);
  require<ValueError>(std::ranges::find(average.names_, count_name) == average.names_.end(),
                      "MovingAverage: a tensor is named '{}', as the count of updates is",
                      count_name);
  average.n_averaged_ = Tensor::empty({}, int64).fill_(0);
  return average;
}

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const EMAOptions& o) {
  require<ValueError>(o.decay >= 0 && o.decay <= 1, "EMA: decay is {}, it must lie in [0, 1]",
                      o.decay);
  for (const auto& [name, value] :
       {std::pair{"warmup_gamma", o.warmup_gamma}, std::pair{"warmup_power", o.warmup_power}})
    require<ValueError>(value > 0 && std::isfinite(value),
                        "EMA: {} is {}, it must be finite and positive", name, value);
}
#pragma GCC visibility pop

EMA::EMA(const NamedTensors& tensors, const EMAOptions& options)
    : MovingAverage(counted(tensors)), options_(options) {
  require_valid(options_);
}

void EMA::update() {
  update_by([o = options_](double before) {
    if (before == 0) return 0.;
    if (!o.warmup) return o.decay;
    return std::min(o.decay, 1 - std::pow(1 + before / o.warmup_gamma, -o.warmup_power));
  });
}

SWA::SWA(const NamedTensors& tensors) : MovingAverage(counted(tensors)) {}

void SWA::update() {
  update_by([](double before) { return before / (before + 1); });
}

AverageGuard::~AverageGuard() {
  try {
    restore();
  } catch (const Error&) {
    // There is nothing left to put back.
  }
}

void AverageGuard::restore() {
  if (MovingAverage* const average = std::exchange(average_, nullptr)) average->swap();
}

}  // namespace xgrad::optim
