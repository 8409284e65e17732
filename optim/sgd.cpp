#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/sgd.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::optim {
namespace {

void check(const SGDOptions& o) {
  require<ValueError>(o.lr >= 0 && std::isfinite(o.lr),
                      "SGD: lr is {}, it must be finite and not negative",
                      static_cast<double>(o.lr));
  require<ValueError>(o.momentum >= 0 && o.momentum < 1,
                      "SGD: momentum is {}, it must lie in [0, 1)", o.momentum);
  require<ValueError>(std::isfinite(o.dampening), "SGD: dampening is {}, it must be finite",
                      o.dampening);
  require<ValueError>(o.weight_decay >= 0 && std::isfinite(o.weight_decay),
                      "SGD: weight_decay is {}, it must be finite and not negative",
                      o.weight_decay);
  require<ValueError>(
      !o.nesterov || (o.momentum > 0 && o.dampening == 0 && o.kind == Momentum::accumulated),
      "SGD: nesterov needs accumulated momentum above 0 and no dampening");
  require<ValueError>(o.kind == Momentum::accumulated || o.dampening == 0,
                      "SGD: dampening is for accumulated momentum; the averaged one has 1 − μ");
}

/// One step's numbers. The updates take them by value: through a reference the compiler would read
/// them again after every write.
template <class T>
struct Rates {
  T lr, momentum, fresh, decay;
};

template <class T>
void update_plain(std::int64_t n, Rates<T> r, const T* g, T* x) {
  for (std::int64_t i = 0; i < n; ++i) x[i] -= r.lr * (g[i] + r.decay * x[i]);
}

template <class T, bool Nesterov>
void update_accumulated(std::int64_t n, Rates<T> r, const T* g, T* v, T* x) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = g[i] + r.decay * x[i];
    v[i] = r.momentum * v[i] + r.fresh * d;
    x[i] -= r.lr * (Nesterov ? d + r.momentum * v[i] : v[i]);
  }
}

template <class T>
void update_averaged(std::int64_t n, Rates<T> r, const T* g, T* v, T* x) {
  for (std::int64_t i = 0; i < n; ++i) {
    v[i] = r.momentum * v[i] + r.fresh * g[i];
    x[i] -= r.lr * (v[i] + r.decay * x[i]);
  }
}

/// One parameter's update; v starts at 0.
struct Update {
  const SGDOptions* options;
  bool first;
  DType dtype;
  std::int64_t n;
  const void* gradient;
  void* velocity;  // null without momentum
  void* parameter;

  template <class T>
  void run(std::int64_t begin, std::int64_t end) const {
    const SGDOptions& o = *options;
    Rates<T> r{static_cast<T>(static_cast<double>(o.lr)), static_cast<T>(o.momentum), T(1),
               static_cast<T>(o.weight_decay)};
    if (o.kind == Momentum::averaged) {
      r.fresh = T(1) - r.momentum;
    } else if (!first) {
      r.fresh = static_cast<T>(1 - o.dampening);
    }
    const std::int64_t count = end - begin;
    const T* g = static_cast<const T*>(gradient) + begin;
    T* v = static_cast<T*>(velocity) + (velocity == nullptr ? 0 : begin);
    T* x = static_cast<T*>(parameter) + begin;
    if (velocity == nullptr) {
      update_plain(count, r, g, x);
    } else if (o.kind == Momentum::averaged) {
      update_averaged(count, r, g, v, x);
    } else if (o.nesterov) {
      update_accumulated<T, true>(count, r, g, v, x);
    } else {
      update_accumulated<T, false>(count, r, g, v, x);
    }
  }
};

/// Each parameter, its gradient and its velocity are read, two of them written.
profiler::Work work_of(const std::vector<SGD::Group>& groups) {
  profiler::Work work;
  for (const auto& group : groups)
    for (const Tensor& x : group.parameters) work.bytes += profiler::work_on({&x}).bytes * 5;
  return work;
}

}  // namespace

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options)
    : SGD(std::vector<Group>{{std::move(parameters), options}}) {}

SGD::SGD(std::vector<Group> groups) : groups_(std::move(groups)) {
  std::vector<std::vector<Tensor>> parameters;
  for (const Group& group : groups_) parameters.push_back(group.parameters);
  detail::check_parameters("SGD", parameters);
  for (const Group& group : groups_) {
    check(group.options);
    velocity_.emplace_back(group.parameters.size());
  }
}

void SGD::check_groups() const {
  const auto same = [](const Group& group, const std::vector<Tensor>& velocity) {
    return group.parameters.size() == velocity.size();
  };
  require<ValueError>(
      std::ranges::equal(groups_, velocity_, same),
      "SGD: parameters were added to its groups or taken out of them; make the optimiser anew");
}

void SGD::check_step() const {
  check_groups();
  std::size_t number = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    check(groups_[i].options);
    for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j, ++number) {
      const Tensor& x = groups_[i].parameters[j];
      if (x.grad().defined()) detail::check_step("SGD", x, velocity_[i][j], number);
    }
  }
}

void SGD::step() {
  require_gradients("SGD");
  check_step();
  const profiler::Scope scope("SGD", [&] { return work_of(groups_); });
  std::size_t most = 0;
  for (const Group& group : groups_) most += group.parameters.size();
  // From the pool, so that a step asks malloc for nothing.
  const Ref<Storage> room = Storage::allocate(most * sizeof(Update));
  auto* const updates = reinterpret_cast<Update*>(room->own());
  std::size_t count = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const SGDOptions& options = groups_[i].options;
    for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j) {
      Tensor& x = groups_[i].parameters[j];
      const Tensor g = detail::gradient_of(x);
      if (!g.defined()) continue;
      Tensor& v = velocity_[i][j];
      const bool keeps = options.momentum > 0 || options.kind == Momentum::averaged;
      const bool first = keeps && detail::prepare_state(v, x);
      dispatch_floating(x.dtype(), "SGD", [&]<class T>() {
        new (&updates[count++])
            Update{&options,           first,       x.dtype(),
                   x.numel(),          g.data<T>(), keeps ? v.mutable_data<T>() : nullptr,
                   x.mutable_data<T>()};
      });
    }
  }
  kernels::parallel_pieces(
      count, kernels::worthwhile, [&](std::size_t i) { return updates[i].n; },
      [&](std::size_t i, std::int64_t begin, std::int64_t end) {
        dispatch_floating(updates[i].dtype, "SGD",
                          [&]<class T>() { updates[i].run<T>(begin, end); });
      });
}

void SGD::visit(const std::function<void(Tensor&)>& f) {
  for (Group& group : groups_)
    for (Tensor& x : group.parameters) f(x);
}

void SGD::visit_rates(const std::function<void(Required&)>& f) {
  for (Group& group : groups_) f(group.options.lr);
}

std::vector<detail::StateEntry> SGD::state() {
  check_groups();
  std::vector<detail::StateEntry> entries;
  for (std::size_t i = 0; i < groups_.size(); ++i)
    for (std::size_t j = 0; j < velocity_[i].size(); ++j)
      entries.push_back(
          {fmt::format("velocity.{}.{}", i, j), &velocity_[i][j], &groups_[i].parameters[j]});
  return entries;
}

}  // namespace xgrad::optim
