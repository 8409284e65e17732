#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/optim/optimizer.hpp>

#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace xgrad::optim {
namespace detail {

void require_not_negative(const char* optimizer, const char* option, double value) {
  require<ValueError>(value >= 0 && std::isfinite(value),
                      "{}: {} is {}, it must be finite and not negative", optimizer, option, value);
}

void require_fraction(const char* optimizer, const char* option, double value) {
  require<ValueError>(value >= 0 && value < 1, "{}: {} is {}, it must lie in [0, 1)", optimizer,
                      option, value);
}

void require_betas(const char* optimizer, const std::array<double, 2>& betas) {
  for (const double beta : betas)
    require<ValueError>(beta >= 0 && beta < 1, "{}: betas are {} and {}, they must lie in [0, 1)",
                        optimizer, betas[0], betas[1]);
}

namespace {

void require_contiguous(const char* optimizer, const Tensor& x, std::size_t index) {
  if (x.is_contiguous()) return;
  raise<ValueError>(
      "{}: {} {} is a view whose values do not lie in row-major order (strides {}); train a "
      "clone() "
      "of it",
      optimizer, called(x, index), x.shape(), x.strides());
}

void require_wide(const char* optimizer, const Tensor& x, std::size_t index) {
  if (is_half(x.dtype()))
    raise<DTypeError>(
        "{}: {} is {}; optimisers take float32 and float64, in which steps are not lost", optimizer,
        called(x, index), x.dtype());
}

}  // namespace

// Only what is wrong is put into words: a step must not allocate.
void check_step(const char* optimizer, const Tensor& x, std::size_t index) {
  if (x.impl()->is_unique())
    raise<GraphError>(
        "{}: nobody but this optimiser has {} {} any more; where its module was "
        "replaced, make the optimiser anew, from the new module's parameters()",
        optimizer, called(x, index), x.shape());
  require_contiguous(optimizer, x, index);
  require_wide(optimizer, x, index);
  const Tensor g = x.grad();
  if (g.shape() != x.shape() || g.dtype() != x.dtype())
    raise<ValueError>("{}: {} is {} {}, its gradient {} {}; after set_data() call zero_grad()",
                      optimizer, called(x, index), x.dtype(), x.shape(), g.dtype(), g.shape());
}

void check_parameters(const char* optimizer, const std::vector<std::vector<Tensor>>& groups) {
  std::unordered_set<const void*> seen;
  for (const auto& group : groups)
    for (const Tensor& x : group) {
      require<ValueError>(x.defined(), "{}: parameter {} is undefined", optimizer, seen.size());
      require<GraphError>(
          x.is_leaf(), "{}: {} {} is a result of {}, not a leaf; its gradient would not be kept",
          optimizer, called(x, seen.size()), x.shape(), x.is_leaf() ? "" : x.grad_fn()->name());
      const std::size_t index = seen.size();
      require_contiguous(optimizer, x, index);
      require_wide(optimizer, x, index);
      require<ValueError>(seen.insert(x.impl()).second, "{}: {} {} is given twice", optimizer,
                          called(x, index), x.shape());
    }
  require<ValueError>(!seen.empty(),
                      "{}: no parameters to train; are the module's parts added with add()?",
                      optimizer);
}

NamedTensors state_of(const std::vector<StateEntry>& entries) {
  NamedTensors values;
  for (const StateEntry& entry : entries)
    if (entry.value->defined()) values.emplace_back(entry.name, *entry.value);
  return values;
}

void load_state(const char* owner, const std::vector<StateEntry>& entries,
                const NamedTensors& values) {
  std::unordered_map<std::string, const StateEntry*> by_name;
  for (const StateEntry& entry : entries) by_name.emplace(entry.name, &entry);
  std::vector<std::string> wrong;
  std::unordered_set<std::string_view> names;
  for (const auto& [name, value] : values) {
    const std::string shown = excerpt(name);
    if (!value.defined()) {
      wrong.push_back(fmt::format("undefined: {}", shown));
      continue;
    }
    if (!names.insert(name).second)
      wrong.push_back(fmt::format("twice: {} {}", shown, value.shape()));
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      wrong.push_back(fmt::format("unexpected: {} {}", shown, value.shape()));
      continue;
    }
    const StateEntry& entry = *found->second;
    if (value.shape() != entry.shape || value.dtype() != entry.dtype)
      wrong.push_back(fmt::format("different: {} is {} {}, expected {} {}", shown, value.dtype(),
                                  value.shape(), entry.dtype, entry.shape));
  }
  if (!wrong.empty())
    raise<ValueError>("{}: the state does not fit:{}", owner, xgrad::detail::lines(wrong));
  // All or nothing, where memory runs out on the way.
  std::vector<std::pair<Tensor*, Tensor>> loaded;
  for (const auto& [name, value] : values)
    loaded.emplace_back(by_name.at(name)->value, value.clone());
  for (const StateEntry& entry : entries) *entry.value = {};
  for (auto& [to, value] : loaded) *to = std::move(value);
}

}  // namespace detail

Tensor Optimizer::loss_of(const char* optimizer, const Closure& closure) {
  require<ValueError>(static_cast<bool>(closure), "{}: the closure is empty", optimizer);
  const EnableGradGuard guard;
  Tensor loss = closure();
  if (!loss.defined() || loss.numel() != 1)
    raise<ValueError>("{}: the closure gives {}, it must give the loss, one number", optimizer,
                      loss.defined() ? to_string(loss.shape()) : "nothing");
  return loss.detach();
}

std::vector<Tensor> Optimizer::parameters_of(Optimizer& inner) {
  std::vector<Tensor> all;
  inner.visit([&all](const Tensor& x) { all.push_back(x); });
  return all;
}

bool Optimizer::has_gradient(Optimizer& inner) {
  bool any = false;
  inner.visit([&any](const Tensor& x) { any |= x.grad().defined(); });
  return any;
}

void Optimizer::throw_needs_closure(const char* optimizer) {
  raise<ValueError>(
      "{}: a step computes the loss more than once; call step(closure), with a function that calls "
      "zero_grad(), computes the loss, calls its backward() and returns it",
      optimizer);
}

Tensor Optimizer::step(const Closure& closure) {
  Tensor loss = loss_of("step", closure);
  step();
  return loss;
}

std::vector<detail::StateEntry> Optimizer::inner_state(Optimizer& inner, const char* prefix) {
  std::vector<detail::StateEntry> entries = inner.state();
  for (detail::StateEntry& entry : entries) entry.name = prefix + entry.name;
  return entries;
}

void Optimizer::require_parameters(const char* operation) {
  bool any = false;
  visit([&any](const Tensor&) { any = true; });
  require<ValueError>(any,
                      "{}: this optimiser has no parameters; it was moved from, or they were "
                      "taken out of its groups",
                      operation);
}

void Optimizer::set_lr(double lr) {
  require_parameters("set_lr");
  visit_rates([lr](double& rate) { rate = lr; });
}

std::vector<double> Optimizer::learning_rates() {
  std::vector<double> rates;
  visit_rates([&](double& rate) { rates.push_back(rate); });
  return rates;
}

void Optimizer::set_learning_rates(const std::vector<double>& rates) {
  require_parameters("set_learning_rates");
  const std::size_t groups = learning_rates().size();
  require<ValueError>(rates.size() == groups, "set_learning_rates: {} rates for {} groups",
                      rates.size(), groups);
  auto next = rates.begin();
  visit_rates([&](double& rate) { rate = *next++; });
}

double Optimizer::lr() {
  require_parameters("lr");
  return learning_rates().front();
}

std::vector<double> Optimizer::momenta() {
  std::vector<double> momenta;
  visit_momenta([&](double& momentum) { momenta.push_back(momentum); });
  return momenta;
}

void Optimizer::set_momenta(const std::vector<double>& given) {
  require_parameters("set_momenta");
  const std::size_t groups = momenta().size();
  require<ValueError>(given.size() == groups, "set_momenta: {} momenta for {} groups that have one",
                      given.size(), groups);
  auto next = given.begin();
  visit_momenta([&](double& momentum) { momentum = *next++; });
}

NamedTensors Optimizer::state_dict() {
  require<ValueError>(has_whole_state(),
                      "state_dict: other processes have a part of what this optimiser remembers; "
                      "call consolidate_state_dict() on all of them, then state_dict() on rank 0");
  return detail::state_of(state());
}

void Optimizer::load_state_dict(const NamedTensors& values) {
  require_parameters("load_state_dict");
  detail::load_state("load_state_dict", state(), values);
}

void Optimizer::require_gradients(const char* optimizer) {
  require_parameters(optimizer);
  struct {
    const char* optimizer;
    std::size_t parameters = 0;
    std::size_t lost = 0;
    bool any = false;
  } seen{optimizer};  // one capture, for which a std::function has room: a step must not allocate
  visit([&seen](const Tensor& x) {
    require<ValueError>(x.defined(), "{}: parameter {} is undefined", seen.optimizer,
                        seen.parameters);
    ++seen.parameters;
    seen.lost += x.impl()->is_unique() ? 1 : 0;
    seen.any |= x.grad().defined();
  });
  require<GraphError>(seen.any || seen.lost < seen.parameters,
                      "{}: nobody but this optimiser has its {} parameters any more; where their "
                      "module was replaced, make the optimiser anew, from the new one's "
                      "parameters()",
                      optimizer, seen.parameters);
  require<GraphError>(seen.any,
                      "{}: none of the {} parameters has a gradient; call loss.backward() before "
                      "step(), on a loss computed from them",
                      optimizer, seen.parameters);
}

void Optimizer::zero_grad() {
  require_parameters("zero_grad");
  visit([](Tensor& x) { x.set_grad({}); });
}

}  // namespace xgrad::optim
