// The calls of a module that hooks see.

#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/module_state.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace xgrad::nn {
namespace detail {

void Places::add(const Tensor& x) {
  copies_.push_back(std::make_unique<Tensor>(x));
  places_.push_back({copies_.back().get(), false});
}

std::vector<Tensor> Places::tensors() const {
  std::vector<Tensor> result;
  for (const Place& place : places_) result.push_back(*place.tensor);
  return result;
}

bool Places::replace(std::size_t i, const Tensor& by) {
  if (i >= places_.size() || !places_[i].is_open) return false;
  *places_[i].tensor = by;
  return true;
}

namespace {

/// What a hook gave, if it did, takes the place of the first tensor.
void replace_first(Places& places, const Tensor& by, const char* operation, const char* what) {
  if (by.defined() && !places.replace(0, by))
    raise<GraphError>("{}: a hook gave a tensor, but there is no {} whose place it could take",
                      operation, what);
}

/// The same tensors on the tape once more, as the results of a node of their own; `gradients` sees
/// theirs, and may change what is handed on.
std::vector<Tensor> pass_through(const char* name, const std::vector<Tensor>& xs, NodeHook hook) {
  std::vector<Tensor> same;
  std::vector<DType> dtypes;
  for (const Tensor& x : xs) {
    same.push_back(x.detach());
    dtypes.push_back(x.dtype());
  }
  same = record(name, std::move(same),
                wrt_all(std::span<const Tensor>(xs),
                        reusable([dtypes](std::span<Tensor> dys, const Needs& needs) {
                          std::vector<Tensor> dxs(dys.begin(), dys.end());
                          for (std::size_t i = 0; i < dxs.size(); ++i)
                            if (!dxs[i].defined() && needs[i])
                              dxs[i] = zeros(needs.shape(i), {.dtype = dtypes[i]});
                          return dxs;
                        })));
  same.front().grad_fn()->register_hook(std::move(hook));
  return same;
}

/// A call whose backward pass is seen. Inputs and outputs each pass a node: the one of the outputs
/// runs first and keeps their gradients for the other, which is where the hooks are called.
class BackwardCall : public std::enable_shared_from_this<BackwardCall> {
 public:
  explicit BackwardCall(const std::shared_ptr<ModuleState>& state)
      : module_(state), hooks_(state->hooks) {
    hooks_->backward.each([this](const auto& hook) { registered_.push_back(hook); });
  }

  bool is_seen() const { return !registered_.empty() && is_grad_enabled(); }

  void watch_inputs(Places& inputs) {
    inputs_ =
        watch(inputs, "module_input",
              [self = shared_from_this()](std::vector<Tensor>& gradients, std::span<const Tensor>) {
                std::vector<Tensor> outputs;
                if (self->take(outputs)) self->run(gradients, outputs);
              });
  }

  void watch_outputs(Places& outputs) {
    outputs_ =
        watch(outputs, "module_output",
              [self = shared_from_this()](std::vector<Tensor>&, std::span<const Tensor> gradients) {
                auto all = spread(gradients, self->outputs_);
                std::vector<Tensor> none;
                if (self->inputs_.on_tape.empty())
                  self->run(none, all);
                else
                  self->keep(std::move(all));
              });
  }

 private:
  /// Which of so many tensors are on the tape.
  struct Watched {
    std::size_t count = 0;
    std::vector<std::size_t> on_tape;
  };

  static Watched watch(Places& places, const char* name, NodeHook hook) {
    const std::vector<Tensor> all = places.tensors();
    Watched watched{.count = all.size(), .on_tape = {}};
    std::vector<Tensor> xs;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].defined() && all[i].requires_grad()) {
        watched.on_tape.push_back(i);
        xs.push_back(all[i]);
      }
    if (xs.empty()) return watched;
    const std::vector<Tensor> same = pass_through(name, xs, std::move(hook));
    for (std::size_t i = 0; i < same.size(); ++i) places.replace(watched.on_tape[i], same[i]);
    return watched;
  }

  /// A place for each tensor of the call, those off the tape undefined.
  static std::vector<Tensor> spread(std::span<const Tensor> gradients, const Watched& watched) {
    std::vector<Tensor> all(watched.count);
    for (std::size_t i = 0; i < gradients.size(); ++i) all[watched.on_tape[i]] = gradients[i];
    return all;
  }

  // A pass stays on its thread, and several may be under way.
  void keep(std::vector<Tensor> gradients) {
    const std::lock_guard lock(xgrad::detail::mutex_of(this));
    kept_[std::this_thread::get_id()].swap(gradients);
  }
  bool take(std::vector<Tensor>& to) {
    const std::lock_guard lock(xgrad::detail::mutex_of(this));
    const auto found = kept_.find(std::this_thread::get_id());
    if (found == kept_.end()) return false;
    to.swap(found->second);
    kept_.erase(found);
    return true;
  }

  void run(std::vector<Tensor>& gradients, std::span<const Tensor> outputs) const {
    const auto state = module_.lock();
    if (!state) return;
    std::vector<Tensor> inputs = spread(gradients, inputs_);
    hooks_->backward.each([&](const std::shared_ptr<const BackwardHook>& hook) {
      if (std::ranges::find(registered_, hook) == registered_.end()) return;
      (*hook)(*state->module, inputs, outputs);
      require<ValueError>(inputs.size() == inputs_.count,
                          "register_full_backward_hook: a hook of {} left {} gradients, it has {} "
                          "inputs",
                          state->module->type_name(), inputs.size(), inputs_.count);
    });
    for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = inputs[inputs_.on_tape[i]];
  }

  std::weak_ptr<ModuleState> module_;
  std::shared_ptr<Hooks> hooks_;
  std::vector<std::shared_ptr<const BackwardHook>> registered_;  // when the call was made
  Watched inputs_, outputs_;
  std::map<std::thread::id, std::vector<Tensor>> kept_;
};

}  // namespace

void call_hooked(const Module& module, const std::shared_ptr<ModuleState>& state,
                 const std::function<void()>& forward, const std::function<void(Places&)>& inputs,
                 const std::function<void(Places&)>& outputs) {
  const auto hooks = state->hooks;
  Places in;
  inputs(in);
  hooks->before.each([&](const ForwardPreHook& hook) {
    replace_first(in, hook(module, in.tensors()), "register_forward_pre_hook", "input");
  });
  const auto backward = std::make_shared<BackwardCall>(state);
  if (backward->is_seen()) backward->watch_inputs(in);
  const std::vector<Tensor> given = in.tensors();
  forward();
  Places out;
  outputs(out);
  hooks->after.each([&](const CallHook& hook) {
    replace_first(out, hook(module, given, out.tensors()), "register_forward_hook", "output");
  });
  if (backward->is_seen()) backward->watch_outputs(out);
}

}  // namespace detail

HookHandle Module::register_forward_hook(ForwardHook hook) {
  xgrad::detail::require_hook(static_cast<bool>(hook), "register_forward_hook");
  return register_call_hook([hook = std::move(hook)](const Module& module,
                                                     std::span<const Tensor> inputs,
                                                     std::span<const Tensor> outputs) {
    return hook(module, inputs.empty() ? Tensor() : inputs.front(),
                outputs.empty() ? Tensor() : outputs.front());
  });
}

HookHandle Module::register_call_hook(CallHook hook) {
  return state()->hooks->after.add("register_call_hook", std::move(hook));
}

HookHandle Module::register_forward_pre_hook(ForwardPreHook hook) {
  return state()->hooks->before.add("register_forward_pre_hook", std::move(hook));
}

HookHandle Module::register_full_backward_hook(BackwardHook hook) {
  constexpr const char* name = "register_full_backward_hook";
  xgrad::detail::require_hook(static_cast<bool>(hook), name);
  return state()->hooks->backward.add(name, std::make_shared<const BackwardHook>(std::move(hook)));
}

}  // namespace xgrad::nn
