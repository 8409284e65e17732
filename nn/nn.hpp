#pragma once
// Modules, layers, initialisers, saving and loading.

#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/adaptive_pool.hpp>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/distance.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/fold.hpp>
#include <xgrad/nn/functional_call.hpp>
#include <xgrad/nn/fusion.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/layer_norm.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/lookup.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/module_of.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/nn/packed.hpp>
#include <xgrad/nn/pad.hpp>
#include <xgrad/nn/parametrizations.hpp>
#include <xgrad/nn/pool.hpp>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/nn/resample.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/nn/shape.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/nn/utils.hpp>
#include <xgrad/ops/ops.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {
/// As PyTorch calls it: `namespace F = xgrad::nn::functional`, and F::relu is xgrad::relu.
namespace functional = ::xgrad;
}  // namespace xgrad::nn

#pragma GCC visibility pop
