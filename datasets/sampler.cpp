#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/datasets/sampler.hpp>

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace xgrad::datasets {
namespace {

/// A seed of its own for every pair.
std::uint64_t mix(std::uint64_t seed, std::uint64_t number) {
  const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  const auto bits = philox({low(number), high(number), 0x5eed, 0}, {low(seed), high(seed)});
  return std::uint64_t{bits[1]} << 32 | bits[0];
}

void require_batch(const char* sampler, std::int64_t number, std::int64_t batches) {
  require<ValueError>(number >= 0 && number < batches, "{}: no batch {}, there are {}", sampler,
                      number, batches);
}

}  // namespace

EpochSampler::EpochSampler(std::int64_t examples, std::int64_t batch_size, bool shuffle,
                           bool drop_last)
    : examples_(examples), batch_size_(batch_size), shuffle_(shuffle), drop_last_(drop_last) {
  require<ValueError>(examples >= 0 && batch_size > 0,
                      "EpochSampler: {} examples in batches of {}; the former must not be "
                      "negative, the latter positive",
                      examples, batch_size);
}

std::int64_t EpochSampler::batches() const {
  return examples_ / batch_size_ + (!drop_last_ && examples_ % batch_size_ > 0 ? 1 : 0);
}

void EpochSampler::start(std::uint64_t seed, std::int64_t epoch) {
  if (order_.empty()) order_ = values_of<std::int64_t>(examples_, "EpochSampler");
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  if (!shuffle_) return;
  Generator generator(mix(seed, static_cast<std::uint64_t>(epoch)));
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[generator.below(i)]);
}

std::vector<std::int64_t> EpochSampler::batch(std::int64_t number) const {
  require_batch("EpochSampler", number, batches());
  require<ValueError>(!order_.empty(), "EpochSampler: batch {} of no epoch; call start() first",
                      number);
  const auto begin = number * batch_size_;
  const auto count = std::min(batch_size_, static_cast<std::int64_t>(order_.size()) - begin);
  return {order_.begin() + begin, order_.begin() + begin + count};
}

IndependentSampler::IndependentSampler(std::int64_t examples, std::int64_t batch_size,
                                       std::int64_t iterations)
    : examples_(examples), batch_size_(batch_size), iterations_(iterations) {
  require<ValueError>(examples >= 0 && batch_size > 0 && iterations >= 0,
                      "IndependentSampler: {} batches of {} from {} examples; a batch must have "
                      "one, and none of them be negative",
                      iterations, batch_size, examples);
  require<ValueError>(
      batch_size <= examples,
      "IndependentSampler: a batch of {} cannot be drawn without replacement from {} examples",
      batch_size, examples);
}

std::int64_t IndependentSampler::batches() const { return iterations_; }

void IndependentSampler::start(std::uint64_t seed, std::int64_t epoch) {
  key_ = mix(seed, static_cast<std::uint64_t>(epoch));
}

std::vector<std::int64_t> IndependentSampler::batch(std::int64_t number) const {
  require_batch("IndependentSampler", number, iterations_);
  Generator generator(mix(key_, static_cast<std::uint64_t>(number)));
  // Floyd's sampling: each set of batch_size_ examples is equally likely.
  std::unordered_set<std::int64_t> chosen;
  auto result = values_of<std::int64_t>(batch_size_, "IndependentSampler");
  std::int64_t j = examples_ - batch_size_;
  for (std::int64_t& example : result) {
    const auto draw = static_cast<std::int64_t>(generator.below(static_cast<std::uint64_t>(j) + 1));
    example = chosen.insert(draw).second ? draw : j;
    chosen.insert(example);
    ++j;
  }
  return result;
}

}  // namespace xgrad::datasets
