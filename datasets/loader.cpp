#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace xgrad::datasets {
namespace {

std::unique_ptr<Sampler> make_sampler(std::int64_t examples, const DataLoaderOptions& options) {
  if (options.independent_batches > 0)
    return std::make_unique<IndependentSampler>(examples, options.batch_size,
                                                options.independent_batches);
  return std::make_unique<EpochSampler>(examples, options.batch_size, options.shuffle,
                                        options.drop_last);
}

}  // namespace

/// One pass over the data: workers take batch numbers in turn and leave results for the reader,
/// who takes them in order.
class DataLoader::Epoch {
 public:
  /// Where in the training an epoch is.
  struct Place {
    std::uint64_t seed;
    std::int64_t epoch;
    std::int64_t first_batch;
  };

  Epoch(AnyDataset dataset, std::unique_ptr<Sampler> sampler, const DataLoaderOptions& options,
        const Place& place)
      : dataset_(std::move(dataset)),
        sampler_(std::move(sampler)),
        augment_(options.augment),
        part_(options.part),
        place_(place),
        ready_(slots(*sampler_, options)),
        taken_(place.first_batch),
        read_(place.first_batch) {
    try {
      start(options.workers);
    } catch (...) {
      stop();
      throw;
    }
  }

  ~Epoch() { stop(); }

  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// Whether its workers are another process's.
  bool is_of_parent() const noexcept {
    return !workers_.empty() && forks_ != xgrad::detail::fork_count();
  }

  std::optional<Batch> next() {
    if (read_ == sampler_->batches()) return {};
    if (workers_.empty()) return prepare(read_++);
    require<Error>(!is_of_parent(),
                   "DataLoader: this epoch began before the process was forked, and its workers "
                   "stayed with the parent; begin another");
    std::unique_lock lock(mutex_);
    Slot& slot = slot_of(read_);
    changed_.wait(lock, [&] { return slot.has_value(); });
    Result result = std::move(*slot);
    slot.reset();
    ++read_;
    lock.unlock();
    changed_.notify_all();
    if (result.error) std::rethrow_exception(result.error);
    return std::move(result.batch);
  }

 private:
  struct Result {
    Batch batch;
    std::exception_ptr error;
  };
  using Slot = std::optional<Result>;

  /// Batches wait here for the reader; all made beforehand, as a worker without memory could tell
  /// nobody.
  static std::size_t slots(const Sampler& sampler, const DataLoaderOptions& options) {
    if (options.workers == 0) return 0;
    return static_cast<std::size_t>(std::min<std::int64_t>(options.prefetch, sampler.batches()));
  }
  Slot& slot_of(std::int64_t number) {
    return ready_[static_cast<std::size_t>(number) % ready_.size()];
  }

  void start(int workers) {
    workers_.reserve(static_cast<std::size_t>(workers));
    try {
      for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      raise<Error>("DataLoader: cannot start worker {} of {}: {}", workers_.size() + 1, workers,
                   error.code().message());
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  Batch prepare(std::int64_t number) const {
    const NoGradGuard guard;
    std::vector<std::int64_t> examples = sampler_->batch(number);
    if (!part_.is_whole()) {
      const std::int64_t size = std::ssize(examples);
      examples.assign(examples.begin() + part_.begin(size), examples.begin() + part_.end(size));
    }
    Batch batch = dataset_->batch(examples);
    if (augment_) batch.data = augment_(batch.data, {place_.seed, place_.epoch, examples});
    return batch;
  }

  std::int64_t ahead() const { return static_cast<std::int64_t>(ready_.size()); }

  void work() {
    const kernels::SerialScope serial;
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopped_ || taken_ < read_ + ahead(); });
      if (stopped_ || taken_ == sampler_->batches()) return;
      const std::int64_t number = taken_++;
      lock.unlock();
      Result result;
      try {
        result.batch = prepare(number);
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      slot_of(number) = std::move(result);
      changed_.notify_all();
    }
  }

  AnyDataset dataset_;
  std::unique_ptr<Sampler> sampler_;
  Augmentation augment_;
  nn::BatchPart part_;
  Place place_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> ready_;
  std::int64_t taken_;
  std::int64_t read_;
  bool stopped_ = false;
  std::uint64_t forks_ = xgrad::detail::fork_count();
  std::vector<std::thread> workers_;
};

DataLoader::Iterator::Iterator(std::shared_ptr<Epoch> epoch) : epoch_(std::move(epoch)) { ++*this; }

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  require<ValueError>(epoch_ != nullptr, "DataLoader: the iterator is at its end already");
  // The old batch goes first, so that its memory is there for the new one.
  batch_ = {};
  if (auto batch = epoch_->next()) {
    batch_ = std::move(*batch);
  } else {
    epoch_.reset();
  }
  return *this;
}

DataLoader::DataLoader(AnyDataset dataset, const DataLoaderOptions& options)
    : dataset_(std::move(dataset)),
      options_(options),
      seed_(options.seed ? *options.seed : default_generator().next()) {
  require<ValueError>(options.batch_size > 0, "DataLoader: batch_size is {}, it must be positive",
                      options.batch_size);
  require<ValueError>(options.workers >= 0 && options.prefetch > 0,
                      "DataLoader: {} workers and {} batches ahead; the former must not be "
                      "negative, the latter positive",
                      options.workers, options.prefetch);
  require<ValueError>(dataset_->size() > 0, "DataLoader: the dataset is empty");
  check_part();
  require<ValueError>(size() > 0,
                      "DataLoader: {} examples do not fill one batch of {}, and drop_last leaves "
                      "the rest out",
                      dataset_->size(), options.batch_size);
}

void DataLoader::check_part() const {
  const auto& [first, last, of] = options_.part;
  require<ValueError>(first >= 0 && first < last && last <= of,
                      "DataLoader: part is [{}, {}) of {}; it must be some of them", first, last,
                      of);
  const std::int64_t batch = options_.batch_size;
  require<ValueError>(batch % of == 0, "DataLoader: a batch of {} has no {} equal parts", batch,
                      of);
  const bool has_rest = !options_.drop_last && options_.independent_batches == 0;
  const std::int64_t rest = has_rest ? dataset_->size() % batch : 0;
  require<ValueError>(rest % of == 0,
                      "DataLoader: the last batch of {} has no {} equal parts; give .drop_last = "
                      "true",
                      rest, of);
}

std::int64_t DataLoader::size() const {
  return make_sampler(dataset_->size(), options_)->batches();
}

void DataLoader::set_epoch(std::int64_t epoch, std::int64_t batch) {
  constexpr std::int64_t last = INT64_MAX / 2;  // begin() counts on from there
  require<ValueError>(epoch >= 0 && epoch <= last && batch >= 0 && batch <= size(),
                      "set_epoch: no batch {} in epoch {}; an epoch has {}", batch, epoch, size());
  const std::lock_guard lock(xgrad::detail::mutex_of(this));
  next_epoch_ = epoch;
  next_batch_ = batch;
}

DataLoader::Iterator DataLoader::begin() {
  auto sampler = make_sampler(dataset_->size(), options_);
  const Epoch::Place place = [this] {
    const std::lock_guard lock(xgrad::detail::mutex_of(this));
    return Epoch::Place{seed_, next_epoch_++, std::exchange(next_batch_, 0)};
  }();
  sampler->start(place.seed, place.epoch);
  // In a forked process nobody can wait for the workers, nor tell what they were about.
  const auto end = [](Epoch* epoch) {
    if (!epoch->is_of_parent()) delete epoch;
  };
  return Iterator(
      std::shared_ptr<Epoch>(new Epoch(dataset_, std::move(sampler), options_, place), end));
}

}  // namespace xgrad::datasets
