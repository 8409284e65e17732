#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/module_state.hpp>
#include <xgrad/ops/arithmetic.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <unordered_map>

#include <cxxabi.h>

namespace xgrad::nn {
namespace detail {

namespace {

/// What was copied for what, so that sharing survives.
struct Clones {
  std::unordered_map<const void*, Tensor> tensors;

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
using detail::PartKind;

/// The modules whose forward is running on this thread, innermost last.
class Call {
 public:
  explicit Call(const Module& module)
      : module_(module), state_(module.state()), caller_(std::exchange(innermost, this)) {}
  ~Call() { innermost = caller_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::shared_ptr<ModuleState>& state() const { return state_; }

  std::string name() const {
    if (caller_ == nullptr) return "net";
    return path_from_caller().value_or("?");
  }

  void require_registered() const {
    state_->require_parts();
    if (caller_ == nullptr || !is_grad_enabled() || caller_->now().contains(module_) ||
        !state_->is_trained() || caller_->now().trains_all_of(*state_))
      return;
    raise<GraphError>(
        "{}: called inside {}, which does not contain it, so it would never be trained; make it a "
        "member with add(\"name\", …), or freeze it with requires_grad_(false)",
        module_.type_name(), caller_->module_.type_name());
  }

 private:
  /// The module may have been assigned since.
  const ModuleState& now() const { return *module_.state(); }

  std::optional<std::string> path_from_caller() const {
    if (state_ == caller_->state_) return "self";
    return caller_->state_->path_to(module_);
  }

  static thread_local const Call* innermost;
  const Module& module_;
  const std::shared_ptr<ModuleState> state_;  // stays, with the hooks, where the module ends
  const Call* caller_;
};

thread_local const Call* Call::innermost = nullptr;

Parameter::Parameter(const Parameter& other)
    : Tensor(detail::cloning ? detail::cloning->copy(other) : static_cast<const Tensor&>(other)),
      Part(other) {}

Module::Module() : state_(std::make_shared<ModuleState>(this)) {}
Module::~Module() = default;

Module::Module(const Module& other)
    : Part(other), state_(ModuleState::copy_of(other.state_, this)) {}

Module::Module(Module&& other) noexcept : Part(std::move(other)), state_(std::move(other.state_)) {
  if (state_) state_->module = this;
}

Module& Module::operator=(const Module& other) {
  if (this == &other) return *this;
  Part::operator=(other);
  take(ModuleState::copy_of(other.state_, this));
  return *this;
}

Module& Module::operator=(Module&& other) {
  if (this == &other) return *this;
  Part::operator=(std::move(other));
  const auto by = std::move(other.state_);
  if (by) by->loosen_parts();
  take(by);
  if (const std::string above = by ? by->path() : ""; !above.empty())
    for (const auto& [path, parameter] : named_parameters()) parameter.set_name(above + path);
  return *this;
}

// Members follow, each assigned by itself, and find their names here.
void Module::take(std::shared_ptr<ModuleState> by) {
  if (state_) state_->release_parts();
  if (state_ && by) {
    by->guards = state_->guards;
    if (!state_->hooks->empty()) by->hooks = state_->hooks;
  }
  state_ = std::move(by);
  if (state_) state_->module = this;
}

const std::shared_ptr<ModuleState>& Module::state() const {
  require<ValueError>(state_ != nullptr, "module: used after it was moved from");
  return state_;
}

Tensor Module::forward(const Tensor&) {
  raise<GraphError>("{} has no forward(const Tensor&); override it", type_name());
}

void Module::throw_takes_others() const {
  raise<GraphError>(
      "{}: its forward() does not take one tensor and give one; call it by itself, not through a "
      "Module or a Sequential",
      type_name());
}

Tensor Module::operator()(Tensor x) {
  Tensor y;
  const auto forward = [&] { y = forward_one(std::move(x)); };
  const auto inputs = [&](detail::Places& to) { to.add(x); };
  const auto outputs = [&](detail::Places& to) { to.add(y); };
  call(std::ref(forward), std::ref(inputs), std::ref(outputs));
  return y;
}

void Module::call(const std::function<void()>& forward,
                  const std::function<void(detail::Places&)>& inputs,
                  const std::function<void(detail::Places&)>& outputs) {
  const Call call(*this);
  try {
    call.require_registered();
    if (call.state()->computes) call.state()->compute_parts(true);
    if (call.state()->hooks->empty())
      forward();
    else
      call_hooked(*this, call.state(), forward, inputs, outputs);
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
  const std::string plain = full.substr(0, full.find('<'));
  const auto colon = plain.rfind("::");
  return colon == std::string::npos ? plain : plain.substr(colon + 2);
}

void Module::add_owned(const std::string& name, std::unique_ptr<Module> module, Copier copier) {
  const detail::Registration registration(*this, name, *module);
  ModuleState::Entry& entry = state_->entries.back();
  registration.give_name(*module);
  module->tie_ = Tie::owned;
  entry.owned = std::move(module);
  entry.copier = copier;
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
  Tensor leaf = initial.is_leaf() && !is_view(initial) ? initial : own_values(initial);
  Parameter made(leaf);
  const detail::Registration registration(*this, name, PartKind::parameter, made);
  leaf.requires_grad_().set_name(name);
  return Parameter(std::move(made));
}

Buffer Module::add_buffer(const std::string& name, const Tensor& initial) {
  Buffer made(own_values(initial));
  const detail::Registration registration(*this, name, PartKind::buffer, made);
  made.set_name(name);
  return Buffer(std::move(made));
}

NamedTensors Module::named_parameters() const { return state()->collect(PartKind::parameter); }
NamedTensors Module::named_buffers() const { return state()->collect(PartKind::buffer); }

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (const auto& [name, x] : named_parameters()) result.push_back(x);
  return result;
}

std::vector<Tensor> Module::buffers() const {
  std::vector<Tensor> result;
  for (const auto& [name, x] : named_buffers()) result.push_back(x);
  return result;
}

std::vector<std::pair<std::string, Module*>> Module::children() const {
  std::vector<std::pair<std::string, Module*>> result;
  state()->each_child(
      [&](const std::string& name, Module& child) { result.emplace_back(name, &child); });
  return result;
}

std::size_t Module::child_count() const {
  return static_cast<std::size_t>(
      std::ranges::count(state()->entries, PartKind::module, &ModuleState::Entry::kind));
}

Module& Module::child(std::size_t i) const {
  std::size_t before = 0;
  for (const auto& entry : state()->entries)
    if (entry.kind == PartKind::module && before++ == i) return state_->module_at(entry);
  raise<ValueError>("child: {} has no part {}, there are {}", type_name(), i, before);
}

Module* Module::child_named(const std::string& name) const {
  const ModuleState::Entry* const entry = state()->find(name);
  return entry == nullptr || entry->kind != PartKind::module ? nullptr : &state_->module_at(*entry);
}

Module& Module::child(const std::string& name) const {
  Module* const found = child_named(name);
  require<ValueError>(found != nullptr, "child: {} has no part '{}'", type_name(), name);
  return *found;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() const {
  std::vector<std::pair<std::string, Module*>> result;
  for (const auto& [name, child] : children()) {
    result.emplace_back(name, child);
    for (const auto& [path, module] : child->named_modules())
      result.emplace_back(name + '.' + path, module);
  }
  return result;
}

void Module::apply(const std::function<void(Module&)>& f) {
  require<ValueError>(static_cast<bool>(f), "apply: the function is empty");
  for (const auto& [name, child] : children()) child->apply(f);
  f(*this);
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

}  // namespace xgrad::nn
