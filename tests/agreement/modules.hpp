#pragma once
// Our modules beside libtorch's: both are made with the same options, and given the same state and
// the same inputs. A family's file lists configurations, a line each.

#include <xgrad/nn/nn.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kinds.hpp"
#include <torch/nn.h>

namespace agreement {

namespace nn = xgrad::nn;

/// Where two modules may differ, in the order in which it is looked at.
enum class Part {
  refusal,   ///< one throws
  names,     ///< of parameters and buffers, and their shapes and dtypes
  start,     ///< values that one starts all parameters of a name with
  loading,   ///< ours does not take their state
  outputs,   ///< of a call
  state,     ///< parameters and buffers behind it
  gradients  ///< of a weighted sum of the outputs in the inputs and parameters
};

/// One configuration of a module.
struct Line {
  std::string module;
  std::string options;
  Inputs inputs;
  std::size_t differentiable = 9;  ///< derivatives are taken in so many of the first inputs
  bool in_training = true;         ///< false: what is drawn there is compared in evaluation alone
  std::vector<Part> but = {};      ///< what differs on purpose, and
  std::string because = {};        ///< why
};

/// A module, and how it is called.
template <class Module, class Tensor>
struct Made {
  std::shared_ptr<Module> module;
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> call;
};
using OurModule = Made<nn::Module, xgrad::Tensor>;
using TheirModule = Made<torch::nn::Module, at::Tensor>;

/// Compares and counts.
class Modules {
 public:
  /// Only modules of these names, or all.
  explicit Modules(std::set<std::string> only);
  ~Modules();

  /// In training and evaluation, with either's state, in float64 and once in float32.
  void run(const Line& line, const std::function<OurModule()>& ours,
           const std::function<TheirModule()>& theirs);
  /// Of options or shapes that both refuse.
  void refused(const Line& line, const std::function<OurModule()>& ours,
               const std::function<TheirModule()>& theirs);
  /// A module that libtorch has not.
  void no_counterpart(const std::string& module, const std::string& reason);
  /// Prints the counts; the program's exit code.
  int report();

 private:
  class Record;
  std::unique_ptr<Record> record_;
};

// ---- how they are called

template <std::size_t count>
struct Of {
  template <class Module, class Inputs>
  auto operator()(Module& module, const Inputs& x) const {
    return with(module, x, std::make_index_sequence<count>());
  }

 private:
  template <class Module, class Inputs, std::size_t... i>
  static auto with(Module& module, const Inputs& x, std::index_sequence<i...>) {
    return module(x[i]...);
  }
};

/// `make` gives a module of ours, `call` what it makes of a list of tensors.
template <class Make, class Call>
std::function<OurModule()> our_module(Make make, Call call) {
  return [=] {
    const auto module = std::make_shared<decltype(make())>(make());
    return OurModule{module, [=](const Ours& x) { return results(call(*module, x)); }};
  };
}
template <class Make, class Call>
std::function<TheirModule()> their_module(Make make, Call call) {
  return [=] {
    auto holder = make();
    const auto module = holder.ptr();
    return TheirModule{module, [=](const Theirs& x) mutable { return results(call(holder, x)); }};
  };
}

/// A line of modules that `f` and `g` make.
template <class F, class G, class C = Of<1>>
void compare(Modules& s, const Line& line, F f, G g, C call = {}) {
  s.run(line, our_module(f, call), their_module(g, call));
}
/// Where they are called otherwise.
template <class F, class G, class C, class D>
void compare(Modules& s, const Line& line, F f, G g, C ours, D theirs) {
  s.run(line, our_module(f, ours), their_module(g, theirs));
}
template <class F, class G, class C = Of<1>>
void refuse(Modules& s, const Line& line, F f, G g, C call = {}) {
  s.refused(line, our_module(f, call), their_module(g, call));
}
template <class F, class G, class C, class D>
void refuse(Modules& s, const Line& line, F f, G g, C ours, D theirs) {
  s.refused(line, our_module(f, ours), their_module(g, theirs));
}

// ---- families, each in its file

void layers(Modules& s);
void images(Modules& s);
void recurrent_modules(Modules& s);
void attention_modules(Modules& s);
void loss_modules(Modules& s);

}  // namespace agreement
