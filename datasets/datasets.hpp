#pragma once
// Data sets and how they are fed to training.

#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/cifar10.hpp>
#include <xgrad/datasets/dataset.hpp>
#include <xgrad/datasets/image.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/datasets/mnist.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/datasets/views.hpp>
