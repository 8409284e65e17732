#pragma once
#include <xgrad/nn/module.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

namespace detail {

/// Goes over the parts of a list, as `Part`s of it.
template <class Part>
class PartIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_cvref_t<Part>;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Part;

  PartIterator() = default;
  PartIterator(const Module& list, std::size_t at) : list_(&list), at_(at) {}

  Part operator*() const {
    if constexpr (std::is_reference_v<Part>)
      return static_cast<Part>(list_->child(at_));
    else
      return Part(list_->children()[at_].first,
                  static_cast<typename Part::second_type>(list_->child(at_)));
  }
  PartIterator& operator++() {
    ++at_;
    return *this;
  }
  PartIterator operator++(int) { return std::exchange(*this, {*list_, at_ + 1}); }
  bool operator==(const PartIterator&) const = default;

 private:
  const Module* list_ = nullptr;
  std::size_t at_ = 0;
};

}  // namespace detail

/// Modules one after the other, named "0", "1", …, or as add() says.
///
///     nn::Sequential net{nn::Linear{784, 64}, nn::ReLU{}, nn::Linear{64, 10}};
///     nn::Sequential named{{"fc1", nn::Linear{784, 64}}, {"act", nn::ReLU{}}};
///     for (nn::Module& layer : net) …
///
/// In braces, the layers are made in the order in which they stand. In parentheses C++ leaves their
/// order to the compiler, and g++ and clang++ differ: the same seed would give other weights.
class Sequential : public Module {
 public:
  /// A module and its name, in braces.
  class Named {
   public:
    template <std::derived_from<Module> M>
    Named(std::string name, M module)  // NOLINT: {"fc", nn::Linear{…}}
        : add_to_([name = std::move(name), held = std::make_shared<M>(std::move(module))](
                      Sequential& to) { to.add(name, std::move(*held)); }) {}

   private:
    friend class Sequential;
    std::function<void(Sequential&)> add_to_;
  };

  Sequential() = default;

  /// A single module. One that is a Sequential itself is copied, as values in braces are in C++,
  /// and not put into another: push_back() does that.
  template <std::derived_from<Module> Only>
  requires(!std::derived_from<Only, Sequential>) explicit Sequential(Only only) {
    push_back(std::move(only));
  }
  template <std::derived_from<Module> First, std::derived_from<Module> Second,
            std::derived_from<Module>... Rest>
  Sequential(First first, Second second, Rest... rest) {
    push_back(std::move(first));
    push_back(std::move(second));
    (push_back(std::move(rest)), ...);
  }
  /// ValueError for a name that comes twice, is empty or has a dot.
  Sequential(std::initializer_list<Named> modules) {
    for (const Named& module : modules) module.add_to_(*this);
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
  /// Puts it before number i, whose number grows as those behind it do. ValueError where there are
  /// not so many, or parts have names of their own.
  template <std::derived_from<Module> M>
  Sequential& insert(std::size_t i, M module) {
    require_numbered("insert", i);
    push_back(std::move(module));
    place_last(i);
    return *this;
  }
  /// Copies of the other's modules behind these, named by their numbers; parameters are shared.
  Sequential& extend(const Sequential& other) {
    add_copies_of(other);
    return *this;
  }

  Module& operator[](std::size_t i) const { return child(i); }
  std::size_t size() const { return child_count(); }
  auto begin() const { return detail::PartIterator<Module&>(*this, 0); }
  auto end() const { return detail::PartIterator<Module&>(*this, size()); }

  Tensor forward(const Tensor& x) override;
};

/// Modules of one type, or of any, that the module which has the list calls as it likes: named "0",
/// "1", … A copy of the list copies them.
///
///     nn::ModuleList<nn::Linear> layers = add("layers", nn::ModuleList<nn::Linear>{});
///     …
///     for (nn::Linear& layer : layers) x = relu(layer(x));
template <std::derived_from<Module> M = Module>
class ModuleList : public Module {
 public:
  ModuleList() = default;

  template <std::derived_from<M> Added>
  ModuleList& push_back(Added module) {
    add_owned(std::to_string(child_count()), std::move(module));
    return *this;
  }
  /// As of a Sequential.
  template <std::derived_from<M> Added>
  ModuleList& insert(std::size_t i, Added module) {
    require_numbered("insert", i);
    push_back(std::move(module));
    place_last(i);
    return *this;
  }
  ModuleList& extend(const ModuleList& other) {
    add_copies_of(other);
    return *this;
  }

  /// ValueError where there are not so many.
  M& operator[](std::size_t i) const { return static_cast<M&>(child(i)); }
  std::size_t size() const { return child_count(); }
  auto begin() const { return detail::PartIterator<M&>(*this, 0); }
  auto end() const { return detail::PartIterator<M&>(*this, size()); }
};

/// The same by names, `for (auto [name, module] : dict)`, in the order they were added.
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
  auto begin() const { return detail::PartIterator<std::pair<std::string, M&>>(*this, 0); }
  auto end() const { return detail::PartIterator<std::pair<std::string, M&>>(*this, size()); }
};

/// Parameters that the module which has the list uses as it likes: named "0", "1", …
class ParameterList : public Module {
 public:
  ParameterList() = default;
  ParameterList(std::initializer_list<Tensor> initial) {
    for (const Tensor& x : initial) push_back(x);
  }

  ParameterList& push_back(const Tensor& initial) {
    values_.push_back(add_parameter(std::to_string(size()), initial));
    return *this;
  }
  ParameterList& extend(const std::vector<Tensor>& initial) {
    for (const Tensor& x : initial) push_back(x);
    return *this;
  }

  /// ValueError where there are not so many.
  Parameter& operator[](std::size_t i);
  std::size_t size() const { return values_.size(); }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }

 private:
  std::vector<Parameter> values_;
};

/// The same by names, `for (auto& [name, x] : dict)`, in the order they were added.
class ParameterDict : public Module {
 public:
  ParameterDict() = default;
  ParameterDict(std::initializer_list<std::pair<std::string, Tensor>> initial) {
    for (const auto& [name, x] : initial) add(name, x);
  }

  /// ValueError for a name that is taken, empty or has a dot.
  ParameterDict& add(const std::string& name, const Tensor& initial) {
    values_.emplace_back(name, add_parameter(name, initial));
    return *this;
  }
  bool contains(const std::string& name) const;
  /// ValueError where there is none of this name.
  Parameter& operator[](const std::string& name);
  std::size_t size() const { return values_.size(); }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }

 private:
  std::vector<std::pair<std::string, Parameter>> values_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
