#pragma once
#include <xgrad/nn/module.hpp>

#include <functional>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// How fast the running statistics follow; none: they are the plain mean of all batches so far.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< whether it has a weight and a bias
  bool track_running_stats = true;  ///< without, eval() normalises by the batch's statistics too
};

namespace detail {

/// What norms of channels keep. weight starts at 1, bias at 0.
class ChannelNorm : public Module {
 public:
  Parameter weight;            ///< [channels], or undefined
  Parameter bias;              ///< [channels], or undefined
  Buffer running_mean;         ///< [channels], or undefined
  Buffer running_var;          ///< [channels], unbiased, or undefined
  Buffer num_batches_tracked;  ///< int64, scalar, or undefined

 protected:
  ChannelNorm() = default;
  /// ValueError that names the layer unless there are channels.
  ChannelNorm(const char* layer, std::int64_t channels, bool affine, bool track_running_stats);
  /// ValueError that names the layer unless it lies in [0, 1].
  static void check_momentum(const char* layer, double momentum);
};

}  // namespace detail

/// xgrad::batch_norm with parameters and running statistics of its own. Errors: those of
/// xgrad::batch_norm; ShapeError where the input has other axes; ValueError for a negative eps and
/// a momentum outside [0, 1]. A call in training changes the running statistics, so it is for one
/// thread at a time.
class BatchNorm : public detail::ChannelNorm {
 public:
  Tensor forward(const Tensor& x) override;

  const BatchNormOptions& options() const { return options_; }

 protected:
  BatchNorm() = default;
  BatchNorm(std::int64_t channels, const BatchNormOptions& options);
  virtual void check_input(const Tensor& x) const = 0;
  /// In training, by the batch's statistics, which the running ones follow by `momentum`.
  virtual Tensor normalise(const Tensor& x, double momentum);

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

/// Over [N, C, D, H, W].
class BatchNorm3d : public BatchNorm {
 public:
  BatchNorm3d() = default;
  explicit BatchNorm3d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(channels, options) {}

 protected:
  void check_input(const Tensor& x) const override;
};

/// Over [N, C, …] of any axes. In training the statistics are those of the batches of all processes
/// that a distributed::DataParallel trains with; where there is none, batch norm. Sums are taken in
/// float32 for inputs of 16 bits.
class SyncBatchNorm : public BatchNorm {
 public:
  SyncBatchNorm() = default;
  explicit SyncBatchNorm(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(channels, options) {}

  /// Adds up a tensor over all processes, on the tape.
  using Sum = std::function<Tensor(const Tensor& x)>;
  /// Of all that take part; an empty one: this process is alone.
  void set_sum(Sum sum) { sum_ = std::move(sum); }

 protected:
  void check_input(const Tensor& x) const override;
  Tensor normalise(const Tensor& x, double momentum) override;

 private:
  Sum sum_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
