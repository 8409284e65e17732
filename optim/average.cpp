#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/average.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace xgrad::optim {

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

template <class F>
void MovingAverage::visit(const F& f) {
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
    dispatch_floating(tensors_[i].dtype(), "MovingAverage", [&]<class T>() {
      T* const x = tensors_[i].mutable_data<T>();
      T* const average = averages_[i].mutable_data<T>();
      kernels::parallel_for(tensors_[i].numel(), kernels::grain_of(0.2),
                            [&](std::int64_t begin, std::int64_t end) {
                              f(x + begin, average + begin, end - begin);
                            });
    });
  }
}

void MovingAverage::update(double decay) {
  require<ValueError>(decay >= 0 && decay <= 1, "MovingAverage: decay is {}, it must lie in [0, 1]",
                      decay);
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
  for (std::size_t i = 0; i < names_.size(); ++i)
    entries.push_back({names_[i], &averages_[i], tensors_[i].shape(), tensors_[i].dtype()});
  return entries;
}

void MovingAverage::load_state_dict(const NamedTensors& values) {
  require<ValueError>(values.size() == names_.size(),
                      "MovingAverage: the state has {} averages, {} are needed", values.size(),
                      names_.size());
  detail::load_state("MovingAverage", state(), values);
}

}  // namespace xgrad::optim
