#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/nn/loading.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

class Module;
namespace detail {
struct ModuleState;
/// `computed`: a tensor that a parametrisation makes anew before each call.
enum class PartKind : std::uint8_t { parameter, buffer, module, computed };

/// A member that a module knows by its name: a parameter, a buffer or another module. Both know
/// each other's place for as long as they live. The name goes with the member where it is moved, as
/// by a std::vector that grows; assigned to, a member stays the part that it is; where the module
/// is copied, the copies of its members are the copy's parts.
class Part {
 protected:
  Part() = default;
  Part(const Part& other);
  Part(Part&& other) noexcept;
  Part& operator=(const Part& other);
  Part& operator=(Part&& other) noexcept;
  ~Part();

 private:
  friend struct ModuleState;
  friend class Registration;
  friend class nn::Module;
  void take_place_of(Part& other) noexcept;

  /// Whether the name goes with what is moved away: never, where the module owns the part; to what
  /// is made of it; where it is new or its module is being assigned, to what is assigned too.
  enum class Tie : std::uint8_t { owned, firm, loose };

  ModuleState* owner_ = nullptr;
  Tie tie_ = Tie::firm;
};

/// While one lives, what is made of a part takes a name in a module.
class Registration {
 public:
  /// ValueError for a name or a depth that cannot be.
  Registration(const Module& owner, const std::string& name, const Module& module);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  friend class Part;
  friend class nn::Module;
  Registration(const Module& owner, const std::string& name, PartKind kind, const Part& source);
  static void give_name(Part& part) noexcept;  // that of the registration that is

  std::shared_ptr<ModuleState> owner_;
  ModuleState* owner_before_;
  const Part* source_before_;
};

}  // namespace detail

using xgrad::NamedTensors;

/// Names and values of a module's parameters and buffers, in the order they were added.
using StateDict = NamedTensors;

/// A tensor that belongs to a module: a trained parameter, or a buffer (state that is saved but not
/// trained). Assigned to, a module's parameter is another tensor from then on: `decoder.weight =
/// encoder.weight` shares one. nn::clone() of a module copies them.
class Parameter : public Tensor, public detail::Part {
 public:
  Parameter() = default;
  Parameter(const Parameter& other);
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(const Parameter&) = default;
  Parameter& operator=(Parameter&&) noexcept = default;
  ~Parameter() = default;

 private:
  friend class Module;
  explicit Parameter(Tensor x) : Tensor(std::move(x)) {}
};
using Buffer = Parameter;

namespace detail {

/// A function of these that gives nothing, or a tensor to put in the place of one that it saw; an
/// undefined one leaves it.
template <class... Arguments>
class ReplacingHook {
 public:
  ReplacingHook() = default;
  template <class F>
  requires(!std::derived_from<F, ReplacingHook> && std::invocable<F&, Arguments...>)
      ReplacingHook(F f) {  // NOLINT: a lambda is a hook
    if constexpr (requires { f.operator bool(); } || std::is_pointer_v<F>)
      if (!f) return;
    if constexpr (std::convertible_to<std::invoke_result_t<F&, Arguments...>, Tensor>)
      f_ = std::move(f);
    else
      f_ = [f = std::move(f)](Arguments... arguments) mutable {
        f(arguments...);
        return Tensor();
      };
  }

  Tensor operator()(Arguments... arguments) const { return f_(arguments...); }
  explicit operator bool() const { return static_cast<bool>(f_); }

 private:
  std::function<Tensor(Arguments...)> f_;
};

/// The tensors in what a module is given or gives, where they stand.
class Places {
 public:
  void add(Tensor& x) { places_.push_back({&x, true}); }
  /// A copy of it is seen, in whose stead nothing can be put.
  void add(const Tensor& x);

  std::size_t size() const { return places_.size(); }
  std::vector<Tensor> tensors() const;
  /// False where it cannot be.
  bool replace(std::size_t i, const Tensor& by);

 private:
  struct Place {
    Tensor* tensor;
    bool is_open;
  };
  std::vector<Place> places_;
  std::vector<std::unique_ptr<Tensor>> copies_;
};

}  // namespace detail

/// Sees a module and all tensors among its inputs before each call; a defined result takes the
/// place of the first.
using ForwardPreHook = detail::ReplacingHook<const Module&, std::span<const Tensor>>;
/// Sees a module, its first input and its first output after each call; a defined result takes the
/// place of the output.
using ForwardHook = detail::ReplacingHook<const Module&, const Tensor&, const Tensor&>;
/// The same for all tensors among its inputs and its outputs, the first of which it may replace.
using CallHook =
    detail::ReplacingHook<const Module&, std::span<const Tensor>, std::span<const Tensor>>;
/// Sees the gradients of a call's inputs, which it may change, and of its outputs; undefined where
/// a tensor requires none, or nothing depends on an output.
using BackwardHook = std::function<void(const Module&, std::vector<Tensor>& grad_input,
                                        std::span<const Tensor> grad_output)>;

/// A part of a network: parameters, buffers and child modules, and how they turn an input into an
/// output.
///
///     struct Net : nn::Module {
///       nn::Linear fc1 = add("fc1", nn::Linear{784, 64});
///       nn::Linear fc2 = add("fc2", nn::Linear{64, 10});
///       Tensor forward(const Tensor& x) override { return fc2(relu(fc1(x))); }
///     };
///
/// add() names, makes and registers a member in one line, and the member is the part: what is done
/// to one is done to the other. `net.fc2 = nn::Linear{64, 100}` replaces a head, apply() changes
/// the fields that forward() reads. Members may be plain ones, or in a std::optional, std::array or
/// std::vector. A module with trainable parameters that was not added to the module that calls it
/// would never be trained: that is a GraphError, as is a part that is no member any more.
///
/// A copy is a copy of the struct: fields are copied, parameters and buffers shared, as Tensors
/// are; nn::clone() copies these too. Hooks stay with the module they were registered for. A Module
/// by itself is not copied, which would cut off what makes it a Net: take a reference.
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
class Module : public detail::Part {
 public:
  Module();
  virtual ~Module();

  /// The computation; written by each module, called through operator().
  virtual Tensor forward(const Tensor& x);

  /// forward(x), guarded. ModuleOf has what takes other arguments.
  Tensor operator()(Tensor x);

  /// "Linear", "Conv2d", "Net": the type's own name.
  std::string type_name() const;

  // ---- building

  /// How deep modules may lie within one another.
  static constexpr std::size_t most_levels = 1000;

  /// Makes `module` the part of this name. What it gives is to be kept as a member. ValueError if
  /// the name is taken, empty or has a dot, and beyond `most_levels`.
  template <std::derived_from<Module> M>
  [[nodiscard]] M add(const std::string& name, M module) {
    const detail::Registration registration(*this, name, module);
    return M(std::move(module));  // in the member's own place
  }
  /// Makes a trained tensor a part; it will require gradients.
  [[nodiscard]] Parameter add_parameter(const std::string& name, const Tensor& initial);
  /// Makes a tensor a part that is saved and converted with the parameters but not trained.
  [[nodiscard]] Buffer add_buffer(const std::string& name, const Tensor& initial);

  // ---- looking inside

  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters() const;
  std::vector<Tensor> buffers() const;
  NamedTensors named_buffers() const;
  /// The modules that are parts of this one, with their names, in the order they were added.
  std::vector<std::pair<std::string, Module*>> children() const;
  std::vector<std::pair<std::string, Module*>> named_children() const { return children(); }
  std::size_t child_count() const;
  /// The i-th one added. ValueError where there are not so many.
  Module& child(std::size_t i) const;
  /// The one of this name; ValueError where there is none.
  Module& child(const std::string& name) const;
  /// The one of this name; null where there is none.
  Module* child_named(const std::string& name) const;
  /// Every module below this one with its path, "features.0", each before what is below it.
  std::vector<std::pair<std::string, Module*>> named_modules() const;
  /// Calls `f` for this module and every one below it, children first. Parts that `f` adds are not
  /// visited. ValueError for an empty `f`.
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

  /// Names and values, sharing memory with the module; what has several names, as a tied weight
  /// has, comes once, under the first.
  StateDict state_dict() const;
  /// Copies values in. Names, shapes and dtypes must all match, but that those of 16 bits go into
  /// wider floating ones and int32 and uint8 into int64: a ValueError lists everything that is
  /// missing, unexpected, different or named twice, and nothing is changed. A tied weight may be
  /// given under any of its names, or with the same values under several.
  ///
  /// With {.strict = false} what is missing or unexpected is left out and reported. Where no tensor
  /// at all is one of the module's, as with a forgotten prefix, that is a ValueError still.
  LoadReport load_state_dict(const StateDict& values, const LoadOptions& options = {});

  /// Calls `hook` after each call of this module. What it registers is called from the next call
  /// on, what it removes not any more. ValueError for an empty one; GraphError, at the call, where
  /// it replaces an output and there is none.
  HookHandle register_forward_hook(ForwardHook hook);
  /// The same for all inputs and outputs.
  HookHandle register_call_hook(CallHook hook);
  /// Calls `hook` before each call, likewise. GraphError where it replaces an input that forward()
  /// takes as a reference which is not const.
  HookHandle register_forward_pre_hook(ForwardPreHook hook);
  /// Calls `hook` in each pass over a call that is made from now on, once the gradients of all of
  /// the call's inputs are complete: those that come through this call, whoever else uses the
  /// inputs. Where no input requires a gradient, as in a first layer, it is called with those of
  /// the outputs. It is not called where no output requires one either; where a pass does not go on
  /// to the inputs, as grad() in the weights alone; where, as in a second derivative, it comes to
  /// the inputs by another way than the outputs; and where the module has ended or was assigned.
  /// What an input gets from several places in the module is summed before the rest, so that the
  /// last bits may differ. NodeHook (autograd/hooks.hpp) is the same for one operation.
  HookHandle register_full_backward_hook(BackwardHook hook);

 protected:
  // Of what derives from it alone.
  Module(const Module& other);
  Module(Module&& other) noexcept;
  Module& operator=(const Module& other);
  Module& operator=(Module&& other);  // NOLINT: may fail, as copying does

  /// Makes a module that is no member a part: one that this module owns, as a list does.
  template <std::derived_from<Module> M>
  M& add_owned(const std::string& name, M module) {
    auto owned = std::make_unique<M>(std::move(module));
    M& made = *owned;
    add_owned(name, std::move(owned), [](const Module& original) {
      return std::unique_ptr<Module>(std::make_unique<M>(static_cast<const M&>(original)));
    });
    return made;
  }

  /// ValueError where `operation` cannot put another part before number i: there are not so many,
  /// or they have other names than their numbers.
  void require_numbered(const char* operation, std::size_t i) const;
  /// Makes the part that was added last number i, and names it and those behind it anew.
  void place_last(std::size_t i);
  /// Copies of what the other owns, as a list does, behind this one's and named by their numbers.
  void add_copies_of(const Module& other);

  /// forward() of one tensor, whatever it is declared as.
  virtual Tensor forward_one(Tensor x) { return forward(x); }
  [[noreturn]] void throw_takes_others() const;

  /// Runs `forward` as this module's: errors get its path, and hooks see and change what stands in
  /// the places that `inputs` and `outputs` name.
  void call(const std::function<void()>& forward,
            const std::function<void(detail::Places&)>& inputs,
            const std::function<void(detail::Places&)>& outputs);

 private:
  using Copier = std::unique_ptr<Module> (*)(const Module&);
  void add_owned(const std::string& name, std::unique_ptr<Module> module, Copier copier);
  void take(std::shared_ptr<detail::ModuleState> by);
  const std::shared_ptr<detail::ModuleState>& state() const;
  friend struct detail::ModuleState;
  friend class detail::Registration;
  friend class Call;

  std::shared_ptr<detail::ModuleState> state_;  // null when it was moved from
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

/// While one lives, copies of parameters on this thread are deep; what was shared stays shared
/// among the copies.
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

#pragma GCC visibility pop
