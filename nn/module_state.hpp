#pragma once
// Internal: what stands behind a module.

#include <xgrad/autograd/hooks.hpp>
#include <xgrad/nn/module.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xgrad::nn::detail {

/// What looks on at a module's calls.
struct Hooks {
  HookList<ForwardPreHook> before;
  HookList<CallHook> after;
  HookList<std::shared_ptr<const BackwardHook>> backward;

  bool empty() const { return before.empty() && after.empty() && backward.empty(); }
};

/// A call that hooks see; `state` is the module's.
void call_hooked(const Module& module, const std::shared_ptr<ModuleState>& state,
                 const std::function<void()>& forward, const std::function<void(Places&)>& inputs,
                 const std::function<void(Places&)>& outputs);

/// The parts of a module by their names, and its mode. It stays where it is while the module is
/// moved about; parts tell it where they go.
struct ModuleState {
  struct Entry {
    std::string name;
    PartKind kind;
    Part* part = nullptr;  // null: gone, or not there yet
    // Of a part that is no member.
    std::unique_ptr<Module> owned = nullptr;
    Module::Copier copier = nullptr;
    // What the part will be a copy of, and whose part that is.
    const Part* source = nullptr;
    std::weak_ptr<ModuleState> source_owner = {};
    Tensor computed = {};  // what a parametrisation put there
  };

  explicit ModuleState(const Module* owner) : module(owner) {}
  ~ModuleState() { release_parts(); }
  ModuleState(const ModuleState&) = delete;
  ModuleState& operator=(const ModuleState&) = delete;

  static ModuleState* of(const Module& module) { return module.state().get(); }
  /// To stay with it where the module ends or is assigned.
  static std::shared_ptr<ModuleState> shared_of(const Module& module) { return module.state(); }

  /// For a copy of the module: what it owns is copied, of its members the copies are awaited.
  static std::shared_ptr<ModuleState> copy_of(const std::shared_ptr<ModuleState>& from,
                                              const Module* owner);

  // ---- parts that come and go

  Entry* find(const std::string& name);
  /// The part is none any more.
  void lose(const Part& part) noexcept;
  void replace(const Part& part, Part* by) noexcept;
  void release_parts() noexcept;
  /// Lets go of their names whatever the parts are assigned to.
  void loosen_parts() noexcept;
  /// Makes `part`, a copy of `source`, what a module that is being copied on this thread awaits.
  static void claim(const Part& source, Part& part);

  /// Makes `module` a part of `owner` that it owns.
  template <std::derived_from<Module> M>
  static M& own(Module& owner, const std::string& name, M module) {
    return owner.add_owned(name, std::move(module));
  }
  /// No part any more, and gone, where the module owns it.
  void erase(const std::string& name);

  /// Puts into the members that are computed what their parametrisations make of their originals;
  /// those that change with each call in training (spectral norm) do so where `in_call`.
  void compute_parts(bool in_call);

  // ---- looking inside; GraphError where a part is gone

  void require_parts() const {
    for (const Entry& entry : entries) part_at(entry);
  }

  Module& module_at(const Entry& entry) const { return static_cast<Module&>(part_at(entry)); }
  Parameter& tensor_at(const Entry& entry) const { return static_cast<Parameter&>(part_at(entry)); }

  template <class F>
  void each_child(const F& f) const {
    for (const Entry& entry : entries)
      if (entry.kind == PartKind::module) f(entry.name, module_at(entry));
  }

  /// Calls f(path, state) here and below, parents first.
  template <class F>
  void visit(const std::string& path, const F& f) const {
    f(path, *this);
    each_child([&](const std::string& name, const Module& child) {
      of(child)->visit(path + name + '.', f);
    });
  }

  /// One kind of tensors here and below, by path, each once.
  NamedTensors collect(PartKind kind) const { return collect(kind, true); }
  /// The same, under each of its names.
  NamedTensors collect_every(PartKind kind) const { return collect(kind, false); }

  bool is_training() const { return training && *guards == 0; }
  /// Whether anything here or below is trained.
  bool is_trained() const;
  bool contains(const Module& wanted) const;
  /// Whether each trained parameter of `other` is one of this module's.
  bool trains_all_of(const ModuleState& other) const;
  /// Where `wanted` stands below this module.
  std::optional<std::string> path_to(const Module& wanted) const;
  /// Where this module stands in the outermost one, with a dot behind; empty for that one.
  std::string path() const;

  /// How many modules contain this one, and how many levels there are from here on.
  std::size_t levels_above() const;
  std::size_t levels() const;

  std::vector<Entry> entries;
  std::shared_ptr<Hooks> hooks = std::make_shared<Hooks>();
  bool computes = false;  // whether a part is computed
  std::atomic<bool> training{true};
  // EvalGuards that live. They share it, not this.
  std::shared_ptr<std::atomic<int>> guards = std::make_shared<std::atomic<int>>(0);
  const Module* module;

 private:
  NamedTensors collect(PartKind kind, bool once) const;
  Part& part_at(const Entry& entry) const;
};

}  // namespace xgrad::nn::detail
