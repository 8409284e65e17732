#pragma once
// A recipe with the command line's word on top.

#include <xgrad/optim/sgd.hpp>
#include <xgrad/report/run.hpp>

#include "training.hpp"

namespace examples {

struct Plan {
  /// ValueError where the options do not fit each other, the recipe or the number of examples.
  Plan(const Recipe& recipe, const Options& options, const Data& data);

  std::vector<Part> parts(const xgrad::nn::Module& net) const;
  /// What a reader has to know of the run.
  xgrad::report::Configuration configuration() const;

  /// How much of the training is done, 0 to 1, when `seconds` were spent on `done` iterations, and
  /// half of the next is added: where that one stands in the schedules.
  double progress(std::int64_t done, double seconds) const;
  bool is_over(std::int64_t done, double seconds) const;
  /// How many iterations it will be; an estimate where there is a budget.
  std::int64_t total(std::int64_t done, double seconds) const;

  const Recipe& recipe;
  const Data& data;
  std::uint64_t seed;
  std::int64_t batch;
  std::int64_t iterations;       ///< to be done, where there is no budget
  std::optional<double> budget;  ///< seconds, instead of a number of iterations
  std::int64_t validate_every;   ///< iterations, where there is no budget
  xgrad::optim::SGDOptions sgd;  ///< where the recipe makes no optimisers itself
};

}  // namespace examples
