#pragma once
#include <xgrad/nn/utils.hpp>

namespace xgrad::optim {

using nn::utils::clip_grad_norm_;
using nn::utils::clip_grad_value_;
using nn::utils::grad_norm;

}  // namespace xgrad::optim
