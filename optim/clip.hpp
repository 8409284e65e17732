#pragma once
#include <xgrad/nn/utils.hpp>

#pragma GCC visibility push(default)

namespace xgrad::optim {

using nn::utils::clip_grad_norm_;
using nn::utils::clip_grad_value_;
using nn::utils::grad_norm;

}  // namespace xgrad::optim

#pragma GCC visibility pop
