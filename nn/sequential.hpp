#pragma once
#include <xgrad/nn/module.hpp>

#include <concepts>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// Modules one after the other, named "0", "1", …, or as add() says.
///
///     nn::Sequential net{nn::Linear{784, 64}, nn::ReLU{}, nn::Linear{64, 10}};
///
/// In braces, the layers are made in the order in which they stand. In parentheses C++ leaves their
/// order to the compiler, and g++ and clang++ differ: the same seed would give other weights.
class Sequential : public Module {
 public:
  Sequential() = default;

  /// Two modules or more; a single one is added with push_back.
  template <std::derived_from<Module> First, std::derived_from<Module> Second,
            std::derived_from<Module>... Rest>
  Sequential(First first, Second second, Rest... rest) {
    push_back(std::move(first));
    push_back(std::move(second));
    (push_back(std::move(rest)), ...);
  }

  template <std::derived_from<Module> M>
  Sequential& push_back(M module) {
    return add(std::to_string(child_count()), std::move(module));
  }
  template <std::derived_from<Module> M>
  Sequential& add(const std::string& name, M module) {
    add_owned(name, std::move(module));
    return *this;
  }

  Module& operator[](std::size_t i) const { return child(i); }
  std::size_t size() const { return child_count(); }

  Tensor forward(const Tensor& x) override;
};

/// Modules of one type, or of any, that the module which has the list calls as it likes: named "0",
/// "1", … A copy of the list copies them.
///
///     nn::ModuleList<nn::Linear> layers = add("layers", nn::ModuleList<nn::Linear>{});
///     …
///     for (std::size_t i = 0; i < layers.size(); ++i) x = relu(layers[i](x));
template <std::derived_from<Module> M = Module>
class ModuleList : public Module {
 public:
  ModuleList() = default;

  template <std::derived_from<M> Added>
  ModuleList& push_back(Added module) {
    add_owned(std::to_string(child_count()), std::move(module));
    return *this;
  }
  /// ValueError where there are not so many.
  M& operator[](std::size_t i) const { return static_cast<M&>(child(i)); }
  std::size_t size() const { return child_count(); }
};

/// The same by names.
template <std::derived_from<Module> M = Module>
class ModuleDict : public Module {
 public:
  ModuleDict() = default;

  /// ValueError for a name that is taken, empty or has a dot.
  template <std::derived_from<M> Added>
  ModuleDict& add(const std::string& name, Added module) {
    add_owned(name, std::move(module));
    return *this;
  }
  bool contains(const std::string& name) const { return child_named(name) != nullptr; }
  /// ValueError where there is none of this name.
  M& operator[](const std::string& name) const { return static_cast<M&>(child(name)); }
  std::size_t size() const { return child_count(); }
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
