#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// Examples and what is to be learned of them, the first axis counting examples.
struct Batch {
  Tensor data;
  Tensor target;
};

/// A numbered collection of examples. Reading is const and may happen on several threads: so must a
/// transform of it. One's own says its size() and either batch() or get().
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// The examples of these numbers, in this order. ValueError for a number outside 0..size() − 1.
  /// Unless it says otherwise, what get() gives of each, stacked.
  virtual Batch batch(std::span<const std::int64_t> indices) const;
  /// The example of this number, without the batch axis. Error unless it is overridden; to read
  /// one of any dataset, there is operator[].
  virtual Batch get(std::int64_t index) const;

  /// One example, without the batch axis.
  Batch operator[](std::int64_t index) const;
};

/// Shared ownership of any dataset; any dataset converts to it by copying.
class AnyDataset {
 public:
  template <std::derived_from<Dataset> D>
  AnyDataset(D dataset) : dataset_(std::make_shared<D>(std::move(dataset))) {}  // NOLINT

  const Dataset& operator*() const { return get(); }
  const Dataset* operator->() const { return &get(); }

 private:
  const Dataset& get() const;  // ValueError where it was moved from

  std::shared_ptr<const Dataset> dataset_;
};

/// Tensors in memory. ShapeError unless both have the same number of examples.
class TensorDataset : public Dataset {
 public:
  TensorDataset(Tensor data, Tensor target);
  std::int64_t size() const override;
  Batch batch(std::span<const std::int64_t> indices) const override;

 private:
  Tensor data_;
  Tensor target_;
};

/// Some examples of another dataset.
class Subset : public Dataset {
 public:
  /// ValueError for an index that the dataset has not.
  Subset(AnyDataset dataset, std::vector<std::int64_t> indices);
  std::int64_t size() const override;
  Batch batch(std::span<const std::int64_t> indices) const override;

 private:
  AnyDataset dataset_;
  std::vector<std::int64_t> indices_;
};

/// Splits at random into subsets of the given sizes, which must add up to the size (ValueError).
/// The same seed gives the same subsets; without one the default generator decides.
std::vector<Subset> random_split(const AnyDataset& dataset, const std::vector<std::int64_t>& sizes,
                                 std::optional<std::uint64_t> seed = {});

namespace detail {

/// The sizes that fractions mean: each rounded down, and what is left goes to the first ones, one
/// example each. ValueError unless they lie in [0, 1] and add up to 1.
std::vector<std::int64_t> sizes_of(const std::vector<double>& fractions, std::int64_t size);

}  // namespace detail

/// The same of sizes in braces, or of fractions that add up to 1 (ValueError), as many subsets as
/// there are:
///
///     auto [train, test] = random_split(data, {0.8, 0.2});
template <Number T, std::size_t n>
std::array<Subset, n> random_split(const AnyDataset& dataset, const T (&parts)[n],
                                   std::optional<std::uint64_t> seed = {}) {
  std::vector<std::int64_t> sizes;
  if constexpr (std::floating_point<T>)
    sizes = detail::sizes_of({parts, parts + n}, dataset->size());
  else
    for (const T part : parts) sizes.push_back(static_cast<std::int64_t>(part));
  std::vector<Subset> subsets = random_split(dataset, sizes, seed);
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::array<Subset, n>{std::move(subsets[i])...};
  }
  (std::make_index_sequence<n>());
}

/// Changes the data of a batch on its way out.
using Transform = std::function<Tensor(const Tensor& batch)>;

/// Images as bytes, and the class of each.
struct Images {
  std::int64_t count = 0;
  std::int64_t channels = 1;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> pixels = {};  ///< [count, channels, height, width]
  std::vector<std::uint8_t> labels = {};  ///< [count]
};

/// Images in memory as bytes; batches are float32 in [0, 1], [N, C, H, W], then transformed, with
/// int64 classes [N]. ShapeError where there are not as many pixels or labels as `images` says.
class ImageDataset : public Dataset {
 public:
  ImageDataset(Images images, std::vector<std::string> classes, Transform transform = {});
  std::int64_t size() const override;
  Batch batch(std::span<const std::int64_t> indices) const override;

  /// ValueError where the dataset was moved from.
  const Images& images() const;
  /// The names of the classes.
  const std::vector<std::string>& classes() const noexcept { return classes_; }
  /// Replaces the transform, in this handle only.
  void set_transform(Transform transform) { transform_ = std::move(transform); }

 private:
  std::shared_ptr<const Images> images_;
  std::vector<std::string> classes_;
  Transform transform_;
};

}  // namespace xgrad::datasets

#pragma GCC visibility pop
