#pragma once
#include <xgrad/nn/module.hpp>

#include <string>

namespace xgrad::nn {

/// Modules one after the other, named "0", "1", …
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
    add(std::to_string(children().size()), std::move(module));
    return *this;
  }

  Tensor forward(const Tensor& x) override;
};

}  // namespace xgrad::nn
