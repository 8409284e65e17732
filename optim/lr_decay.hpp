#pragma once
#include <xgrad/optim/lr_scheduler.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

namespace detail {

/// Schedules whose factors are functions of the step.
class FunctionLR : public LRScheduler {
 public:
  using Factor = std::function<double(std::int64_t step)>;

 protected:
  FunctionLR(const char* name, Optimizer& optimizer, const Factor& factor);
  FunctionLR(const char* name, Optimizer& optimizer, std::vector<Factor> factors);
  double factor(std::int64_t step, std::size_t group) const { return factors_[group](step); }

 private:
  std::vector<Factor> factors_;  // of each group
};

}  // namespace detail

/// The base rate times a factor for each step, from 0 on. It sets the rates, the first at once.
class LambdaLR : public detail::FunctionLR {
 public:
  /// ValueError for an empty function.
  LambdaLR(Optimizer& optimizer, Factor factor);
  /// One for each group; ValueError for another number of them.
  LambdaLR(Optimizer& optimizer, std::vector<Factor> factors);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
};

/// The rate before times a factor for each step, from 1 on. In a sequence it goes on from the rate
/// that it finds.
class MultiplicativeLR : public detail::FunctionLR {
 public:
  /// ValueError for an empty function.
  MultiplicativeLR(Optimizer& optimizer, Factor factor);
  /// One for each group; ValueError for another number of them.
  MultiplicativeLR(Optimizer& optimizer, std::vector<Factor> factors);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
  void restart() override { begin(); }
};

struct StepLROptions {
  std::int64_t step_size;
  double gamma = 0.1;
};

/// Times `gamma` after every `step_size` steps.
class StepLR : public LRScheduler {
 public:
  /// ValueError unless step_size is positive and gamma finite and not negative.
  StepLR(Optimizer& optimizer, const StepLROptions& options);
  StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma = 0.1);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  StepLROptions options_;
};

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
};

/// Times `gamma` at every milestone, and as often as it stands there.
class MultiStepLR : public LRScheduler {
 public:
  /// ValueError where milestones fall or are negative, and unless gamma is finite and not negative.
  MultiStepLR(Optimizer& optimizer, MultiStepLROptions options);
  MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma = 0.1);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  MultiStepLROptions options_;
};

struct ConstantLROptions {
  double factor = 1. / 3;  ///< in [0, 1]
  std::int64_t total_iters = 5;
};

/// Times `factor` at once, until `total_iters` steps are done.
class ConstantLR : public LRScheduler {
 public:
  /// ValueError for options outside their ranges.
  explicit ConstantLR(Optimizer& optimizer, const ConstantLROptions& options = {});

 protected:
  /// Out of a factor of 0 it comes back to the base rate, whatever others made of it.
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  ConstantLROptions options_;
};

struct LinearLROptions {
  double start_factor = 1. / 3;  ///< in (0, 1]
  double end_factor = 1;         ///< in [0, 1]
  std::int64_t total_iters = 5;
};

/// Times `start_factor` at once, and straight to `end_factor` in `total_iters` steps: a warm-up in
/// front of another schedule, see SequentialLR.
class LinearLR : public LRScheduler {
 public:
  /// ValueError for options outside their ranges.
  explicit LinearLR(Optimizer& optimizer, const LinearLROptions& options = {});

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  LinearLROptions options_;
};

struct ExponentialLROptions {
  double gamma;
};

/// Times `gamma` after every step.
class ExponentialLR : public LRScheduler {
 public:
  /// ValueError unless gamma is finite and not negative.
  ExponentialLR(Optimizer& optimizer, const ExponentialLROptions& options);
  ExponentialLR(Optimizer& optimizer, double gamma);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  ExponentialLROptions options_;
};

struct PolynomialLROptions {
  std::int64_t total_iters = 5;
  double power = 1;  ///< at least 0
};

/// Times (1 − step / total_iters)^power, down to 0 after `total_iters` steps.
class PolynomialLR : public LRScheduler {
 public:
  /// ValueError for options outside their ranges.
  explicit PolynomialLR(Optimizer& optimizer, const PolynomialLROptions& options = {});

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  PolynomialLROptions options_;
};

struct CosineAnnealingLROptions {
  std::int64_t T_max;
  double eta_min = 0;
};

/// Half a cosine from the base rate down to `eta_min` in `T_max` steps (Loshchilov and Hutter,
/// arXiv:1608.03983, without restarts), and up again in as many.
class CosineAnnealingLR : public LRScheduler {
 public:
  /// ValueError unless T_max is positive and eta_min finite and not negative.
  CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options);
  CosineAnnealingLR(Optimizer& optimizer, std::int64_t T_max, double eta_min = 0);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;

 private:
  CosineAnnealingLROptions options_;
};

struct SWALROptions {
  PerGroup swa_lr;
  std::int64_t anneal_epochs = 10;      ///< 0 for at once
  std::string anneal_strategy = "cos";  ///< or "linear"
};

/// From the rate that it finds to `swa_lr`, which then stays, for an average of weights (Izmailov
/// et al., arXiv:1803.05407; MovingAverage). In a sequence it goes on from the rate that it finds,
/// and takes its first step at once.
class SWALR : public LRScheduler {
 public:
  /// ValueError for options outside their ranges.
  SWALR(Optimizer& optimizer, const SWALROptions& options);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
  void restart() override;

 private:
  SWALROptions options_;
  std::vector<double> swa_lrs_;  // of each group
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
