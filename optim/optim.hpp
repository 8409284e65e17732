#pragma once
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/average.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/optim/muon.hpp>
#include <xgrad/optim/optimizer.hpp>
#include <xgrad/optim/schedule.hpp>
#include <xgrad/optim/sgd.hpp>
