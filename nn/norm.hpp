#pragma once
#include <xgrad/nn/module.hpp>

#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// How fast the running statistics follow; none: they are the plain mean of all batches so far.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< whether it has a weight and a bias
  bool track_running_stats = true;  ///< without, eval() normalises by the batch's statistics too
};

/// xgrad::batch_norm with parameters and running statistics of its own. weight starts at 1, bias at
/// 0. Errors: those of xgrad::batch_norm; ShapeError where the input has other axes. A call in
/// training changes the running statistics, so it is for one thread at a time.
class BatchNorm : public Module {
 public:
  Tensor forward(const Tensor& x) override;

  Parameter weight;            ///< [channels], or undefined
  Parameter bias;              ///< [channels], or undefined
  Buffer running_mean;         ///< [channels], or undefined
  Buffer running_var;          ///< [channels], unbiased, or undefined
  Buffer num_batches_tracked;  ///< int64, scalar, or undefined

 protected:
  BatchNorm() = default;
  BatchNorm(std::int64_t channels, const BatchNormOptions& options);
  virtual void check_input(const Tensor& x) const = 0;

 private:
  BatchNormOptions options_;
};

/// Over [N, C] or [N, C, L].
class BatchNorm1d : public BatchNorm {
 public:
  BatchNorm1d() = default;
  explicit BatchNorm1d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(channels, options) {}

 protected:
  void check_input(const Tensor& x) const override;
};

/// Over [N, C, H, W].
class BatchNorm2d : public BatchNorm {
 public:
  BatchNorm2d() = default;
  explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(channels, options) {}

 protected:
  void check_input(const Tensor& x) const override;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
