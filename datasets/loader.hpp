#pragma once
#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/dataset.hpp>
#include <xgrad/datasets/sampler.hpp>
#include <xgrad/nn/batch_parallel.hpp>

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

struct DataLoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;    ///< a new order every epoch
  bool drop_last = false;  ///< leaves out a last batch that is not full
  /// Of the shuffling; without one, drawn from the default generator when the loader is made.
  std::optional<std::uint64_t> seed = {};
  /// Threads that prepare batches ahead. The batches and their order are the same for any number;
  /// 0 prepares each when it is asked for.
  int workers = 1;
  int prefetch = 4;  ///< batches prepared ahead, at most
  /// If positive, an epoch is this many batches, each drawn without replacement from all examples,
  /// independently of the others (see IndependentSampler).
  std::int64_t independent_batches = 0;
  /// Changes the images of each batch, with random numbers of the seed, the epoch and the example.
  Augmentation augment = {};
  /// Of each batch this process's part alone, so that it reads no more: DataParallel::part(). The
  /// order and the random numbers are those of the whole batch; processes give one seed. ValueError
  /// where a batch is no multiple of the parts.
  nn::BatchPart part = {};
};

/// Batches of a dataset, epoch after epoch:
///
///     for (auto [images, labels] : loader) …
///
/// Every begin() starts the next epoch. An error while a batch is prepared is thrown where the
/// batch is fetched. ValueError for options out of range and for an empty dataset.
///
/// Several threads may begin epochs of one loader, each the next one, and read them: an iterator is
/// for one thread. Dataset and augmentation are called by several workers at once. In a forked
/// process the epochs of its parent have no workers: going on with one is an Error, a new one
/// works.
class DataLoader {
 public:
  class Epoch;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::shared_ptr<Epoch> epoch);
    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    /// ValueError at the end.
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.epoch_ == b.epoch_; }

   private:
    std::shared_ptr<Epoch> epoch_;  // none at the end
    Batch batch_;
  };

  DataLoader(AnyDataset dataset, const DataLoaderOptions& options);

  Iterator begin();
  Iterator end() const { return {}; }

  /// Batches in an epoch.
  std::int64_t size() const;
  const Dataset& dataset() const { return *dataset_; }
  /// The next begin() starts epoch number `epoch`, with the order that belongs to it, at its batch
  /// number `batch`: where a training that was stopped goes on. ValueError if there is no such
  /// batch.
  void set_epoch(std::int64_t epoch, std::int64_t batch = 0);

 private:
  void check_part() const;

  AnyDataset dataset_;
  DataLoaderOptions options_;
  std::uint64_t seed_;
  std::int64_t next_epoch_ = 0;
  std::int64_t next_batch_ = 0;
};

}  // namespace xgrad::datasets

#pragma GCC visibility pop
