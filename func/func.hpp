#pragma once
// Derivatives of functions.

#include <xgrad/func/certify.hpp>
#include <xgrad/func/checkpoint.hpp>
#include <xgrad/func/grad.hpp>
#include <xgrad/func/jacobian.hpp>
#include <xgrad/func/jvp.hpp>

// As PyTorch calls them.
namespace xgrad::autograd::functional {
using xgrad::hessian;
using xgrad::hvp;
using xgrad::jacobian;
using xgrad::jvp;
using xgrad::vhp;
}  // namespace xgrad::autograd::functional
