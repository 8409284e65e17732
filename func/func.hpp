#pragma once
// Derivatives of functions.

#include <xgrad/func/certify.hpp>
#include <xgrad/func/checkpoint.hpp>
#include <xgrad/func/grad.hpp>
#include <xgrad/func/jacobian.hpp>
#include <xgrad/func/jvp.hpp>
