#pragma once
// Everything a program that builds and trains networks needs. Headers of the rooms can be included
// one by one as well: <xgrad/nn/linear.hpp>.

#include <xgrad/autograd/autograd.hpp>
#include <xgrad/datasets/datasets.hpp>
#include <xgrad/func/func.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/optim.hpp>
#include <xgrad/report/report.hpp>
