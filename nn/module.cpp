#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/arithmetic.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>

#include <cxxabi.h>

namespace xgrad::nn {
namespace detail {

struct ModuleState {
  struct Child {
    std::string name;
    std::shared_ptr<Module> module;
    std::size_t size;  // of the module's own type
    Module::Copier copier;
  };

  NamedTensors parameters;
  NamedTensors buffers;
  std::vector<Child> children;
  HookList<ForwardHook> hooks;
  std::atomic<bool> training{true};
  // EvalGuards that live. They share it, not this: it is no handle to the module.
  std::shared_ptr<std::atomic<int>> guards = std::make_shared<std::atomic<int>>(0);
  std::size_t level = 0;                 // below the outermost module that it was ever added to
  std::weak_ptr<ModuleState> successor;  // what a handle to this was assigned last

  static ModuleState* of(const Module& module) { return module.state().get(); }

  bool is_training() const { return training && *guards == 0; }

  bool has(const std::string& name) const {
    const auto named = [&](const auto& entry) { return entry.first == name; };
    return std::ranges::any_of(parameters, named) || std::ranges::any_of(buffers, named) ||
           std::ranges::any_of(children, [&](const Child& child) { return child.name == name; });
  }

  /// Calls f(path, state) here and below, parents first.
  template <class F>
  void visit(const std::string& path, const F& f) const {
    f(path, *this);
    for (const Child& child : children) of(*child.module)->visit(path + child.name + '.', f);
  }

  /// How far below `level` the lowest module would be with this one there.
  std::size_t lowest_at(std::size_t at) const {
    std::size_t lowest = at;
    for (const Child& child : children)
      lowest = std::max(lowest, of(*child.module)->lowest_at(at + 1));
    return lowest;
  }
  void put_at(std::size_t at) {
    level = std::max(level, at);
    for (const Child& child : children) of(*child.module)->put_at(at + 1);
  }

  /// Whether this object, not just its state, is a part of what is here.
  bool has_part(const Module& module) const {
    return std::ranges::any_of(children, [&](const Child& child) {
      return child.module.get() == &module || of(*child.module)->has_part(module);
    });
  }

  /// Whether `wanted` is here or below.
  bool contains(const ModuleState* wanted) const {
    return this == wanted || std::ranges::any_of(children, [&](const Child& child) {
             return of(*child.module)->contains(wanted);
           });
  }

  /// Whether anything here or below is trained.
  bool is_trained() const {
    return std::ranges::any_of(parameters,
                               [](const auto& p) { return p.second.requires_grad(); }) ||
           std::ranges::any_of(children,
                               [](const Child& child) { return of(*child.module)->is_trained(); });
  }

  /// Where `wanted` stands below this module.
  std::optional<std::string> path_to(const ModuleState* wanted) const {
    for (const Child& child : children) {
      const ModuleState* state = of(*child.module);
      if (state == wanted) return child.name;
      if (const auto rest = state->path_to(wanted)) return child.name + '.' + *rest;
    }
    return {};
  }
};

namespace {

/// What was copied for what, so that sharing survives.
struct Clones {
  std::unordered_map<const void*, Tensor> tensors;
  std::unordered_map<const ModuleState*, std::shared_ptr<ModuleState>> states;

  Tensor copy(const Tensor& x) {
    if (!x.defined()) return x;
    Tensor& made = tensors[x.impl()];
    if (!made.defined()) {
      made = Tensor::empty(x.shape(), x.dtype());
      xgrad::detail::copy_values(x, made);
      made.set_name(x.name()).requires_grad_(x.requires_grad());
    }
    return made;
  }

  std::shared_ptr<ModuleState> copy(const std::shared_ptr<ModuleState>& state) {
    if (!state) return state;
    auto& made = states[state.get()];
    if (made) return made;
    made = std::make_shared<ModuleState>();
    const auto result = made;  // the map may move while children are copied
    result->training = state->is_training();
    result->level = state->level;
    for (const auto& [name, x] : state->parameters) result->parameters.emplace_back(name, copy(x));
    for (const auto& [name, x] : state->buffers) result->buffers.emplace_back(name, copy(x));
    for (const auto& child : state->children)
      result->children.push_back(
          {child.name, child.copier(*child.module), child.size, child.copier});
    return result;
  }
};

thread_local Clones* cloning = nullptr;  // a CloneScope's

}  // namespace

CloneScope::CloneScope() { delete std::exchange(cloning, new Clones); }
CloneScope::~CloneScope() { delete std::exchange(cloning, nullptr); }

void require_made(const Tensor& weight, const char* layer, const char* how) {
  require<ValueError>(weight.defined(), "{}: used before it was made; give it its sizes, as in {}",
                      layer, how);
}

}  // namespace detail

using detail::ModuleState;

/// The modules whose forward is running on this thread, innermost last.
class Call {
 public:
  explicit Call(const Module& module)
      : module_(module), state_(module.state()), caller_(std::exchange(innermost, this)) {}
  ~Call() { innermost = caller_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const ModuleState& state() const { return *state_; }

  std::string name() const {
    if (caller_ == nullptr) return "net";
    return path_from_caller().value_or("?");
  }

  void require_registered() const {
    if (caller_ == nullptr || !is_grad_enabled() || caller_->state_->contains(state_.get()) ||
        !state_->is_trained())
      return;
    raise<GraphError>(
        "{}: called inside {}, which does not contain it, so it would never be trained; make it a "
        "member with add(\"name\", …), or freeze it with requires_grad_(false)",
        module_.type_name(), caller_->module_.type_name());
  }

 private:
  std::optional<std::string> path_from_caller() const {
    if (state_ == caller_->state_) return "self";
    return caller_->state_->path_to(state_.get());
  }

  static thread_local const Call* innermost;
  const Module& module_;
  const std::shared_ptr<ModuleState> state_;  // stays, with the parts, where the module is assigned
  const Call* caller_;
};

thread_local const Call* Call::innermost = nullptr;

Parameter::Parameter(const Parameter& other)
    : Tensor(detail::cloning ? detail::cloning->copy(other) : static_cast<const Tensor&>(other)),
      owner_(detail::cloning ? detail::cloning->copy(other.owner_.lock()) : other.owner_.lock()) {}

// Where a module is assigned as a whole its base comes first, and has named the successor.
void Parameter::require_replaceable_by(const Parameter& other) const {
  const auto owner = owner_.lock();
  if (!owner || impl() == other.impl()) return;
  const auto successor = owner->successor.lock();
  const auto others = other.owner_.lock();
  if (successor && (others == successor || !other.defined())) return;
  raise<GraphError>(
      "{}: a module's parameter cannot be assigned: the module, its optimiser and state_dict() "
      "would go on with the one before; copy values with copy_() under no_grad, or share the "
      "whole module",
      name().empty() ? "parameter" : name());
}

Parameter& Parameter::operator=(const Parameter& other) {
  require_replaceable_by(other);
  Tensor::operator=(other);
  owner_ = other.owner_;
  return *this;
}

Parameter& Parameter::operator=(Parameter&& other) {
  require_replaceable_by(other);
  owner_ = std::move(other.owner_);
  Tensor::operator=(std::move(other));
  return *this;
}

Module::Module() : state_(std::make_shared<ModuleState>()) {}
Module::Module(const Module& other)
    : state_(detail::cloning ? detail::cloning->copy(other.state_) : other.state_) {}

Module& Module::operator=(const Module& other) {
  replace_state(other.state_);
  return *this;
}

Module& Module::operator=(Module&& other) {
  if (this == &other) return *this;
  replace_state(other.state_);  // where that throws, the other keeps it
  other.state_ = nullptr;
  return *this;
}

void Module::replace_state(std::shared_ptr<ModuleState> by) {
  if (by && by->has_part(*this))
    raise<ValueError>("{}: assigned a module that it is a part of, which would contain itself",
                      type_name());
  if (state_ && state_ != by) {
    state_->visit("", [&](const std::string& path, const ModuleState& part) {
      require<GraphError>(
          part.hooks.empty(),
          "{}: assigned another module while {} has forward hooks, which would see "
          "nothing any more; remove() them first",
          type_name(), path.empty() ? "it" : fmt::format("'{}'", path.substr(0, path.size() - 1)));
    });
    state_->successor = by;
  }
  state_ = std::move(by);
}

const std::shared_ptr<ModuleState>& Module::state() const {
  require<ValueError>(state_ != nullptr, "module: used after it was moved from");
  return state_;
}

Tensor Module::forward(const Tensor&) {
  raise<GraphError>("{} has no forward(const Tensor&); override it", type_name());
}

Tensor Module::operator()(const Tensor& x) {
  return call(x, [&] { return forward(x); });
}

Tensor Module::operator()(Tensor&& x) {
  if (!state()->hooks.empty()) return (*this)(std::as_const(x));  // they see the input afterwards
  return call(x, [&] { return forward_temporary(std::move(x)); });
}

template <class Forward>
Tensor Module::call(const Tensor& x, const Forward& forward) {
  const Call call(*this);
  try {
    call.require_registered();
    Tensor y = forward();
    call.state().hooks.each([&](const ForwardHook& hook) { hook(*this, x, y); });
    return y;
  } catch (Error& error) {
    error.leave_module(call.name(), type_name());
    throw;
  }
}

std::string Module::type_name() const {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), &std::free);
  const std::string full = status == 0 ? readable.get() : typeid(*this).name();
  const auto colon = full.rfind("::");
  return colon == std::string::npos ? full : full.substr(colon + 2);
}

namespace {

void check_name(const ModuleState& state, const std::string& name, const std::string& type) {
  require<ValueError>(!name.empty() && name.find('.') == std::string::npos,
                      "add: '{}' cannot name a part of {}: names are not empty and have no dot",
                      name, type);
  require<ValueError>(!state.has(name), "add: {} has a part named '{}' already", type, name);
}

}  // namespace

void Module::add_child(const std::string& name, std::shared_ptr<Module> module, std::size_t size,
                       Copier copier) {
  check_name(*state(), name, type_name());
  require<ValueError>(module->state() != state_ && !module->state()->path_to(state_.get()),
                      "add: '{}' would contain itself", name);
  const std::size_t lowest = module->state()->lowest_at(state_->level + 1);
  require<ValueError>(lowest < most_levels,
                      "add: '{}' would put a module {} levels deep; {} are the most", name,
                      lowest + 1, most_levels);
  module->state()->put_at(state_->level + 1);
  // Full paths, for to_dot() and messages: "weight" becomes "conv1.weight".
  for (auto& [path, parameter] : module->named_parameters()) parameter.set_name(name + '.' + path);
  state_->children.push_back({name, std::move(module), size, copier});
}

namespace {

/// Whether its values lie otherwise than in rows.
bool is_view(const Tensor& x) { return x.defined() && !x.is_contiguous(); }

/// x off the tape, as a module keeps it: contiguous.
Tensor own_values(const Tensor& x) {
  return is_view(x) ? xgrad::detail::in_rows(x.detach()) : x.detach();
}

}  // namespace

Parameter Module::add_parameter(const std::string& name, const Tensor& initial) {
  check_name(*state(), name, type_name());
  Tensor leaf = initial.is_leaf() && !is_view(initial) ? initial : own_values(initial);
  leaf.requires_grad_().set_name(name);
  state_->parameters.emplace_back(name, leaf);
  return {leaf, state_};
}

Buffer Module::add_buffer(const std::string& name, const Tensor& initial) {
  check_name(*state(), name, type_name());
  Tensor value = own_values(initial);
  value.set_name(name);
  state_->buffers.emplace_back(name, value);
  return {value, state_};
}

namespace {

/// One kind of tensors here and below, by path, each once.
NamedTensors collect(const ModuleState& root, NamedTensors ModuleState::*kind) {
  NamedTensors result;
  std::unordered_set<const void*> seen;
  root.visit("", [&](const std::string& path, const ModuleState& part) {
    for (const auto& [name, x] : part.*kind)
      if (seen.insert(x.impl()).second) result.emplace_back(path + name, x);
  });
  return result;
}

}  // namespace

NamedTensors Module::named_parameters() const {
  return collect(*state(), &ModuleState::parameters);
}

NamedTensors Module::named_buffers() const { return collect(*state(), &ModuleState::buffers); }

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (const auto& [name, x] : named_parameters()) result.push_back(x);
  return result;
}

std::vector<std::pair<std::string, std::shared_ptr<Module>>> Module::children() const {
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> result;
  for (const auto& child : state()->children) result.emplace_back(child.name, child.module);
  return result;
}

std::size_t Module::child_count() const { return state()->children.size(); }
Module& Module::child(std::size_t i) const {
  const auto& children = state()->children;
  if (i >= children.size())
    raise<ValueError>("child: {} has no part {}, there are {}", type_name(), i, children.size());
  return *children[i].module;
}

std::vector<std::pair<std::string, std::shared_ptr<Module>>> Module::named_modules() const {
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> result;
  std::unordered_set<const ModuleState*> seen;
  state()->visit("", [&](const std::string& prefix, const ModuleState& at) {
    for (const auto& child : at.children)
      if (seen.insert(ModuleState::of(*child.module)).second)
        result.emplace_back(prefix + child.name, child.module);
  });
  return result;
}

namespace {

/// The bytes of a module's object: what it shares lies elsewhere.
std::string fields_of(const Module& module, std::size_t size) {
  return {static_cast<const char*>(dynamic_cast<const void*>(&module)), size};
}

}  // namespace

void Module::apply(const std::function<void(Module&)>& f) {
  require<ValueError>(static_cast<bool>(f), "apply: the function is empty");
  apply_below(f);
  f(*this);
}

void Module::apply_below(const std::function<void(Module&)>& f) {
  const auto children = state()->children;  // f may add some
  for (const auto& [name, module, size, copier] : children) {
    module->apply_below(f);
    const bool has_other_handles = module->state_.use_count() > 1;
    const std::string before = fields_of(*module, size);
    f(*module);
    require<GraphError>(!has_other_handles || before == fields_of(*module, size),
                        "apply: the function changed a field of '{}' ({}) that other handles of "
                        "that module do not see, such as the member that its owner calls: handles "
                        "share parameters, buffers and the training flag; change the member itself",
                        name, module->type_name());
  }
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Tensor& x : parameters()) count += x.numel();
  return count;
}

Module& Module::train(bool on) {
  apply([on](Module& module) { module.state()->training = on; });
  return *this;
}

bool Module::is_training() const { return state()->is_training(); }

// Counted, not kept aside and put back: guards on several threads end in any order.
EvalGuard::EvalGuard(Module& net) {
  ModuleState::of(net)->visit(
      "", [this](const std::string&, const ModuleState& part) { counts_.push_back(part.guards); });
  for (const auto& count : counts_) ++*count;
}

EvalGuard::~EvalGuard() {
  for (const auto& count : counts_) --*count;
}

Module& Module::to(DType dtype) {
  require<DTypeError>(is_floating(dtype),
                      "to: a module's parameters are float32 or float64, not {}", dtype);
  auto tensors = named_parameters();
  for (const auto& buffer : named_buffers()) tensors.push_back(buffer);
  std::erase_if(tensors, [](const auto& entry) { return !is_floating(entry.second.dtype()); });
  // All or nothing, where memory runs out on the way.
  std::vector<Tensor> converted;
  for (const auto& [name, x] : tensors) converted.push_back(xgrad::to(x.detach(), dtype));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Tensor& x = tensors[i].second;
    if (x.dtype() != dtype) x.storage()->supersede();
    x.set_data(converted[i]);
    x.set_grad({});
  }
  return *this;
}

Module& Module::requires_grad_(bool required) {
  for (const Tensor& x : parameters()) x.requires_grad_(required);
  return *this;
}

void Module::zero_grad() {
  for (const Tensor& x : parameters()) x.set_grad({});
}

StateDict Module::state_dict() const {
  StateDict result;
  for (const auto& [name, x] : named_parameters()) result.emplace_back(name, x.detach());
  for (const auto& [name, x] : named_buffers()) result.emplace_back(name, x.detach());
  return result;
}

namespace {

/// Whether files keep numbers of `to` as `from` to be small, so that each has its value there.
bool widens(DType from, DType to) {
  const bool small = is_half(from) || from == int32 || from == uint8;
  return small && is_floating(from) == is_floating(to) && promote(from, to) == to && to != boolean;
}

}  // namespace

void Module::load_state_dict(const StateDict& values) {
  StateDict own = state_dict();
  std::unordered_map<std::string_view, const Tensor*> given;
  std::unordered_set<std::string_view> known;
  for (const auto& [name, x] : values) given.emplace(name, &x);
  std::vector<std::string> problems;
  for (const auto& [name, x] : own) {
    known.insert(name);
    const auto found = given.find(name);
    const Tensor* other = found == given.end() ? nullptr : found->second;
    if (other == nullptr) {
      problems.push_back(fmt::format("missing: {} {}", name, x.shape()));
    } else if (other->shape() != x.shape()) {
      problems.push_back(fmt::format("shape: {} is {} here and {} in what is loaded", name,
                                     x.shape(), other->shape()));
    } else if (other->dtype() != x.dtype() && !widens(other->dtype(), x.dtype())) {
      problems.push_back(fmt::format("dtype: {} is {} here and {} in what is loaded", name,
                                     x.dtype(), other->dtype()));
    }
  }
  for (const auto& [name, x] : values) {
    if (!known.contains(name))
      problems.push_back(fmt::format("unexpected: {} {}", excerpt(name), x.shape()));
    if (const auto first = given.find(name); first->second != &x)
      problems.push_back(fmt::format("twice: {} {}", excerpt(name), x.shape()));
  }
  if (!problems.empty())
    raise<ValueError>("load_state_dict: {} does not match:{}", type_name(),
                      xgrad::detail::lines(problems));
  for (auto& [name, x] : own) x.copy_(given.at(name)->detach());
}

HookHandle Module::register_forward_hook(ForwardHook hook) {
  return state()->hooks.add("register_forward_hook", std::move(hook));
}

}  // namespace xgrad::nn
