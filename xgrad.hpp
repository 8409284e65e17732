#pragma once
// Everything a program that builds and trains networks needs, as far as it is installed. Headers of
// the rooms can be included one by one as well: <xgrad/nn/linear.hpp>. Two rooms are not in it,
// which few programs need: <xgrad/distributions/distributions.hpp> and <xgrad/nn/models/…>.

#include <xgrad/autograd/autograd.hpp>
#include <xgrad/func/func.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/optim.hpp>
#if __has_include(<xgrad/datasets/datasets.hpp>)
#include <xgrad/datasets/datasets.hpp>
#endif
#if __has_include(<xgrad/report/report.hpp>)
#include <xgrad/report/report.hpp>
#endif
#if __has_include(<xgrad/train/train.hpp>)
#include <xgrad/train/train.hpp>
#endif
