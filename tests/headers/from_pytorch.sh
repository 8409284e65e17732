#!/usr/bin/env bash
# What docs/from-pytorch.md says to type compiles: every middle cell of its tables.
# tests/headers/from_pytorch.sh COMPILER INCLUDE_DIRECTORY [PAGE]
set -eu
compiler=$1
include=$2
page=${3:-$(dirname "$0")/../../docs/from-pytorch.md}

prelude='
#include <xgrad/xgrad.hpp>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/zero_redundancy_optimizer.hpp>
#include <xgrad/distributions/distributions.hpp>
#include <xgrad/nn/models/gpt.hpp>
#include <xgrad/nn/models/lenet.hpp>
#include <xgrad/nn/models/mobilenet.hpp>
#include <xgrad/nn/models/resnet.hpp>
#include <xgrad/nn/models/unet.hpp>
#include <xgrad/nn/models/vgg.hpp>
#include <xgrad/nn/models/vit.hpp>
#include <iostream>
#include <utility>
namespace nn = xgrad::nn;
namespace F = xgrad::nn::functional;
namespace optim = xgrad::optim;
namespace datasets = xgrad::datasets;
namespace distributed = xgrad::distributed;
namespace transforms = xgrad::datasets::transforms;
using xgrad::Tensor;
struct Net : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{8, 2});
  Tensor forward(const Tensor& t) override { return fc(t); }
};
Tensor x, y, w, b, images, index, labels, mask, loss;
Net net;
optim::SGD optimizer({w}, {.lr = 0.1});
const auto group = distributed::Group::world();
distributed::DataParallel parallel(net, group);'

# The rows of tables of three columns, each a function of its own, in which messages name the page.
statements() {
  awk -v page="$page" '
    /^\|/ && !/^\| (PyTorch|---)/ {
      count = split($0, cell, "|")
      if (count != 5 || cell[3] !~ /^ `[^`]+` $/) {
        print page ":" NR ": a row is | PyTorch | `one piece of code` | note |" > "/dev/stderr"
        exit 1
      }
      print "#line " NR " \"" page "\""
      print "void row_" NR "() { " substr(cell[3], 3, length(cell[3]) - 4) "; }"
    }' "$page"
}

rows=$(statements)
[ "$(grep -c ^void <<<"$rows")" -ge 150 ] || { echo "$page: its tables are not found" >&2; exit 1; }
printf '%s\n%s\n' "$prelude" "$rows" | "$compiler" -std=c++20 -fsyntax-only -w -I"$include" -xc++ -
