#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xgrad::nn {

class Module;
namespace detail {
struct ModuleState;
}

using xgrad::NamedTensors;

/// Names and values of a module's parameters and buffers, in the order they were added.
using StateDict = NamedTensors;

/// A tensor that belongs to a module: a trained parameter, or a buffer (state that is saved but not
/// trained). A handle like Tensor; a clone of its module gets a copy.
class Parameter : public Tensor {
 public:
  Parameter() = default;
  Parameter(const Parameter& other);
  Parameter(Parameter&&) noexcept = default;
  /// Only as a part of its module, as in `net = other`. `b.weight = a.weight` is a GraphError: b's
  /// optimiser, state_dict() and to() would go on with the tensor that b had before.
  Parameter& operator=(const Parameter& other);
  Parameter& operator=(Parameter&& other);
  ~Parameter() = default;

 private:
  friend class Module;
  Parameter(Tensor x, const std::shared_ptr<detail::ModuleState>& owner)
      : Tensor(std::move(x)), owner_(owner) {}
  void require_replaceable_by(const Parameter& other) const;

  std::weak_ptr<detail::ModuleState> owner_;
};
using Buffer = Parameter;

/// Sees a module, its input and its output after each call.
using ForwardHook = std::function<void(const Module&, const Tensor& input, const Tensor& output)>;

/// A part of a network: parameters, buffers and child modules, and how they turn an input into an
/// output. A handle: a copy shares all of them and the training flag; clone() copies. Fields that a
/// module declares besides, such as Dropout's p, belong to each handle: change them in the one that
/// is called.
///
///     struct Net : nn::Module {
///       nn::Linear fc1 = add("fc1", nn::Linear{784, 64});
///       nn::Linear fc2 = add("fc2", nn::Linear{64, 10});
///       Tensor forward(const Tensor& x) override { return fc2(relu(fc1(x))); }
///     };
///
/// add() names, makes and registers a member in one line. A module with trainable parameters that
/// was not added to the module that calls it would never be trained: that is a GraphError.
///
/// Members are made in the order in which they stand, so the same seed gives the same weights with
/// any compiler. Within one expression C++ leaves the order open: several modules made in the
/// arguments of one call, and calls that draw random numbers or keep statistics, as of dropout and
/// batch norm in `norm(a) - norm(b)`. Give each a statement of its own.
///
/// Errors from inside name the path: "net.features.3 (Linear): linear: input …".
///
/// Several threads may call one net, run backward passes through it (Tensor says what becomes of
/// the gradients), register and remove hooks, and hold EvalGuards. train() and eval() are seen by
/// all of them from their next layer on. Batch norm in training changes its running statistics at
/// each call: such a net is called by one thread at a time. What changes parameters or parts (an
/// optimiser's step, add(), to(), load_state_dict(), assigning) is for one thread while no other
/// uses the net.
class Module {
 public:
  Module();
  Module(const Module& other);
  Module(Module&&) noexcept = default;
  /// GraphError where this module or one below it has forward hooks: they would be lost in silence.
  /// ValueError where this module is a part of the other, which would contain itself.
  Module& operator=(const Module& other);
  Module& operator=(Module&& other);
  virtual ~Module() = default;

  /// The computation; written by each module, called through operator().
  virtual Tensor forward(const Tensor& x);

  Tensor operator()(const Tensor& x);
  Tensor operator()(Tensor&& x);

  /// "Linear", "Conv2d", "Net": the type's own name.
  std::string type_name() const;

  // ---- building

  /// How deep modules may lie within one another.
  static constexpr std::size_t most_levels = 1000;

  /// Registers `module` as a child and returns the handle to keep. ValueError if the name is taken,
  /// empty or has a dot, for a module that would contain itself, and beyond `most_levels`.
  template <std::derived_from<Module> M>
  M add(const std::string& name, M module) {
    add_child(name, std::make_shared<M>(module), sizeof(M), [](const Module& original) {
      return std::shared_ptr<Module>(std::make_shared<M>(static_cast<const M&>(original)));
    });
    return module;
  }
  /// Registers a trained tensor; it will require gradients.
  Parameter add_parameter(const std::string& name, const Tensor& initial);
  /// Registers state that is saved and converted with the parameters but not trained.
  Buffer add_buffer(const std::string& name, const Tensor& initial);

  // ---- looking inside

  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters() const;
  NamedTensors named_buffers() const;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children() const;
  std::size_t child_count() const;
  /// The i-th one added. ValueError where there are not so many.
  Module& child(std::size_t i) const;
  /// Every module below this one with its path, "features.0"; one that is there twice, once.
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> named_modules() const;
  /// Calls `f` for this module and every one below it, children first. GraphError where `f` changes
  /// a field of a child of which there is another handle, as the member that its owner calls: it
  /// would not see the change. Parts that `f` adds are not visited. ValueError for an empty `f`.
  void apply(const std::function<void(Module&)>& f);
  std::int64_t parameter_count() const;

  // ---- changing

  /// Sets the training flag here and below: dropout and the like differ by it.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool is_training() const;
  /// Converts floating parameters and buffers in place; gradients are dropped.
  Module& to(DType dtype);
  Module& requires_grad_(bool required = true);
  void zero_grad();

  /// Names and values, sharing memory with the module.
  StateDict state_dict() const;
  /// Copies values in. Names, shapes and dtypes must all match, but that those of 16 bits go into
  /// wider floating ones and int32 and uint8 into int64: a ValueError lists everything that is
  /// missing, unexpected, different or named twice, and nothing is changed.
  void load_state_dict(const StateDict& values);

  /// Calls `hook` after each call of this module. What it registers is called from the next call
  /// on, what it removes not any more. ValueError for an empty one.
  HookHandle register_forward_hook(ForwardHook hook);

 protected:
  /// The computation for an input that nobody needs any more; a module that can compute in its
  /// memory overrides this too.
  virtual Tensor forward_temporary(Tensor&& x) { return forward(x); }

 private:
  template <class Forward>
  Tensor call(const Tensor& x, const Forward& forward);
  using Copier = std::shared_ptr<Module> (*)(const Module&);
  void add_child(const std::string& name, std::shared_ptr<Module> module, std::size_t size,
                 Copier copier);
  void apply_below(const std::function<void(Module&)>& f);
  void replace_state(std::shared_ptr<detail::ModuleState> by);
  const std::shared_ptr<detail::ModuleState>& state() const;
  friend struct detail::ModuleState;
  friend class Call;

  std::shared_ptr<detail::ModuleState> state_;
};

/// Evaluation mode for a module and all that is below it now, on every thread, while one lives;
/// when the last of them is gone, in whatever order, each has its own mode back: the one that
/// train() or eval() gave it last. Parts that are added meanwhile keep theirs. The net may be
/// moved, assigned or destroyed before.
class EvalGuard {
 public:
  explicit EvalGuard(Module& net);
  ~EvalGuard();
  EvalGuard(const EvalGuard&) = delete;
  EvalGuard& operator=(const EvalGuard&) = delete;

 private:
  std::vector<std::shared_ptr<std::atomic<int>>> counts_;  // of the guards of each module
};

namespace detail {

/// While one lives, copies of modules and parameters on this thread are deep; what was shared stays
/// shared among the copies.
class CloneScope {
 public:
  CloneScope();
  ~CloneScope();
  CloneScope(const CloneScope&) = delete;
  CloneScope& operator=(const CloneScope&) = delete;
};

/// For a layer's use of its own weights: ValueError if the layer was only default-constructed.
void require_made(const Tensor& weight, const char* layer, const char* how);

}  // namespace detail

/// A copy with parameters, buffers and children of its own.
template <std::derived_from<Module> M>
M clone(const M& module) {
  const detail::CloneScope scope;
  return M(module);
}

}  // namespace xgrad::nn
