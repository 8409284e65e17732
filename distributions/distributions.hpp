#pragma once
// Probability distributions.

#include <xgrad/distributions/categorical.hpp>
#include <xgrad/distributions/continuous.hpp>
#include <xgrad/distributions/discrete.hpp>
#include <xgrad/distributions/distribution.hpp>
#include <xgrad/distributions/gamma.hpp>
#include <xgrad/distributions/independent.hpp>
#include <xgrad/distributions/kl.hpp>
#include <xgrad/distributions/multivariate_normal.hpp>
#include <xgrad/distributions/normal.hpp>
