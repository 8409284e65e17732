#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// Decides which examples form the batches of an epoch. A pure function of its arguments, so that
/// the order depends on nothing but the seed.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Number of batches in an epoch.
  virtual std::int64_t batches() const = 0;
  /// Fixes the order of epoch number `epoch` under `seed`.
  virtual void start(std::uint64_t seed, std::int64_t epoch) = 0;
  /// The examples of batch `number` of the epoch last started. ValueError where there is no such
  /// batch.
  virtual std::vector<std::int64_t> batch(std::int64_t number) const = 0;
};

/// Every example once an epoch: in order, or shuffled anew each time.
class EpochSampler : public Sampler {
 public:
  /// ValueError for a negative number of examples, and unless `batch_size` is positive.
  EpochSampler(std::int64_t examples, std::int64_t batch_size, bool shuffle, bool drop_last);
  std::int64_t batches() const override;
  void start(std::uint64_t seed, std::int64_t epoch) override;
  std::vector<std::int64_t> batch(std::int64_t number) const override;

 private:
  std::int64_t examples_;
  std::int64_t batch_size_;
  bool shuffle_;
  bool drop_last_;
  std::vector<std::int64_t> order_;  // empty before the first start()
};

/// Each batch drawn without replacement from all examples, independently of the others: the course
/// assignment's way. An epoch is `iterations` batches.
class IndependentSampler : public Sampler {
 public:
  /// ValueError for negative numbers, and unless a batch has from 1 to `examples`.
  IndependentSampler(std::int64_t examples, std::int64_t batch_size, std::int64_t iterations);
  std::int64_t batches() const override;
  void start(std::uint64_t seed, std::int64_t epoch) override;
  std::vector<std::int64_t> batch(std::int64_t number) const override;

 private:
  std::int64_t examples_;
  std::int64_t batch_size_;
  std::int64_t iterations_;
  std::uint64_t key_ = 0;
};

}  // namespace xgrad::datasets

#pragma GCC visibility pop
