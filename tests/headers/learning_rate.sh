#!/usr/bin/env bash
# An optimiser without a learning rate does not compile, and the compiler says what is missing:
# tests/headers/learning_rate.sh COMPILER INCLUDE_DIRECTORY
set -eu
compiler=$1
include=$2
missing='lr, the learning rate, is missing and has no default; give it, as in {.lr = 0.1}'

compile() {
  printf '#include <xgrad/optim/optim.hpp>\nvoid f(std::vector<xgrad::Tensor> p) { %s; }\n' "$1" |
    LC_ALL=C "$compiler" -std=c++20 -fsyntax-only -w -I"$include" -xc++ - 2>&1
}

compile '
  xgrad::optim::SGD one(p, {.lr = 0.1, .momentum = 0.9});
  xgrad::optim::SGD two({{p, {.lr = 0.1}}, {p, {.lr = 1}}});
  xgrad::optim::Muon muon(p, {.lr = 0.1})'
while read -r given; do
  if said=$(compile "xgrad::optim::$given"); then
    echo "compiles without a learning rate: $given" >&2
    exit 1
  fi
  grep -qF "$missing" <<<"$said" || { echo "$given: does not name lr: $said" >&2; exit 1; }
done <<'CPP'
SGD sgd(p, {.momentum = 0.9})
SGD sgd({{p, {.momentum = 0.9}}})
Muon muon(p, {.steps = 3})
CPP
