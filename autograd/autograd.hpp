#pragma once
// The whole floor: tensors, the tape, gradients and their check.

#include <xgrad/autograd/anomaly.hpp>
#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/dot.hpp>
#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/hooks.hpp>
#include <xgrad/autograd/print.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/scalar.hpp>
#include <xgrad/autograd/shape.hpp>
#include <xgrad/autograd/storage.hpp>
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/autograd/version.hpp>
