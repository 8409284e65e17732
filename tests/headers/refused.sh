#!/usr/bin/env bash
# What must not compile does not, and the compiler says why: tests/headers/refused.sh COMPILER
# INCLUDE_DIRECTORY
set -eu
compiler=$1
include=$2

prelude='
#include <xgrad/xgrad.hpp>
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
using xgrad::Tensor;
struct Net : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{4, 2});
  Tensor forward(const Tensor& x) override { return fc(x); }
};
void take(nn::Module) {}
Tensor x, y;
std::vector<Tensor> p;
'

compile() {
  printf '%s\n%s\n' "$prelude" "$1" |
    LC_ALL=C "$compiler" -std=c++20 -fsyntax-only -Werror=unused-result -I"$include" -xc++ - 2>&1
}

# What is right next to it compiles.
compile '
void right() {
  Net net;
  nn::Module& module = net;
  Net copy = net;
  optim::SGD one(p, {.lr = 0.1, .momentum = 0.9});
  optim::SGD two({{p, {.lr = 0.1}}, {p, {.lr = 1}}});
  optim::Muon muon(p, {.lr = 0.1});
  nn::Conv2d conv{3, 8, {3, 5}, {.stride = 2, .bias = false}};
  xgrad::gradcheck([](const Tensor& t) { return t.exp(); }, {x});
  for (auto& [name, part] : net.children()) part->eval();
}' || { echo "what is right does not compile" >&2; exit 1; }

# refused MESSAGE CODE: either compiler says MESSAGE, an expression for grep, of CODE.
failures=0
refused() {
  if said=$(compile "$2"); then
    echo "compiles: $2" >&2
    failures=1
  elif ! grep -qE -- "$1" <<<"$said"; then
    printf 'does not say "%s" of %s:\n%s\n' "$1" "$2" "$said" >&2
    failures=1
  fi
}

lr='lr, the learning rate, is missing and has no default; give it, as in \{\.lr = 0\.1\}'
refused "$lr" 'optim::SGD sgd(p, {.momentum = 0.9});'
refused "$lr" 'optim::SGD sgd({{p, {.momentum = 0.9}}});'
refused "$lr" 'optim::Muon muon(p, {.steps = 3});'
# Cutting a net off at its base class.
refused 'protected' 'void f(Net& net) { nn::Module cut = net; }'
refused 'protected' 'void f(Net& net) { take(net); }'
refused 'protected' 'void f(Net& net, nn::Module& m) { m = net; }'
# Parts that nobody keeps.
refused 'nodiscard' 'struct N : Net { N() { add("head", nn::Linear{2, 2}); } };'
refused 'nodiscard' 'struct N : Net { N() { add_parameter("w", x); } };'
refused 'nodiscard' 'struct N : Net { N() { add_buffer("w", x); } };'
refused 'derived_from' 'struct N : Net { int n = add("n", 3); };'
refused 'forward\(\) gives something' \
  'struct N : nn::ModuleOf<N> { void forward(int) {} }; void f(N& n) { n(1); }'
refused 'the function takes one to six tensors, or a std::vector of them' \
  'bool b = xgrad::gradcheck([](int) { return x; }, {x});'
refused 'holds numbers, by value, and not many' '
  struct O { double lr = 1; };
  struct Own : optim::OptimizerOf<O> {
    using OptimizerOf::OptimizerOf;
    void update(const O&, optim::Slot& slot) override {
      slot.each([name = std::string()]<class T>(T& v, T g) { v -= g; });
    }
  };
  Own own("own", {{p, {}}}, {});'
# Types that no tensor holds, numbers that are none, options that there are not.
refused 'Element' 'auto d = x.data<char>();'
refused 'narrowing|non-constant-expression|cannot be narrowed' 'nn::Conv2d c{3, 8, {1.5, 2}};'
refused 'AdamOptions' 'optim::Adam adam(p, {.learning_rate = 0.1});'
refused '.' 'nn::MaxPool2d pool;'
refused 'requires|constraint|no match|no viable|invalid operands' 'auto z = x + "one";'
refused 'there is no default dtype to set; give \{\.dtype = xgrad::float64\}' \
  'void f() { xgrad::set_default_dtype(xgrad::kFloat64); }'
exit $failures
