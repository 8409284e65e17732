#pragma once
// All operations.

#include <xgrad/autograd/threads.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/conv.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/norm.hpp>
#include <xgrad/ops/peak.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>
