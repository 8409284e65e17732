#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/datasets/dataset.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

namespace xgrad::datasets {
namespace {

void check_indices(const char* dataset, std::span<const std::int64_t> indices, std::int64_t size) {
  for (auto index : indices)
    require<ValueError>(index >= 0 && index < size, "{}: no example {}, there are {}", dataset,
                        index, size);
}

Tensor to_tensor(std::span<const std::int64_t> indices) {
  return from_vector(std::vector<std::int64_t>(indices.begin(), indices.end()));
}

}  // namespace

Batch Dataset::get(std::int64_t) const {
  throw Error("Dataset: one's own overrides batch() or get()");
}

Batch Dataset::batch(std::span<const std::int64_t> indices) const {
  check_indices("Dataset", indices, size());
  std::vector<Tensor> data, target;
  for (const std::int64_t index : indices) {
    Batch one = get(index);
    data.push_back(std::move(one.data));
    target.push_back(std::move(one.target));
  }
  return {stack(data), stack(target)};
}

Batch Dataset::operator[](std::int64_t index) const {
  const Batch one = batch(std::span(&index, 1));
  return {squeeze(one.data, 0), squeeze(one.target, 0)};
}

const Dataset& AnyDataset::get() const {
  require<ValueError>(dataset_ != nullptr, "dataset: used after it was moved from");
  return *dataset_;
}

TensorDataset::TensorDataset(Tensor data, Tensor target)
    : data_(std::move(data)), target_(std::move(target)) {
  const xgrad::detail::Running running("TensorDataset", data_, target_);
  require<ShapeError>(data_.dim() > 0 && target_.dim() > 0 && data_.size(0) == target_.size(0),
                      "TensorDataset: data {} and target {} differ in their number of examples",
                      data_.shape(), target_.shape());
}

std::int64_t TensorDataset::size() const { return data_.size(0); }

Batch TensorDataset::batch(std::span<const std::int64_t> indices) const {
  check_indices("TensorDataset", indices, size());
  const Tensor index = to_tensor(indices);
  return {index_select(data_, 0, index), index_select(target_, 0, index)};
}

Subset::Subset(AnyDataset dataset, std::vector<std::int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  check_indices("Subset", indices_, dataset_->size());
}

std::int64_t Subset::size() const { return static_cast<std::int64_t>(indices_.size()); }

Batch Subset::batch(std::span<const std::int64_t> indices) const {
  check_indices("Subset", indices, size());
  std::vector<std::int64_t> inner;
  inner.reserve(indices.size());
  for (auto index : indices) inner.push_back(indices_[static_cast<std::size_t>(index)]);
  return dataset_->batch(inner);
}

std::vector<Subset> random_split(const AnyDataset& dataset, const std::vector<std::int64_t>& sizes,
                                 std::optional<std::uint64_t> seed) {
  const xgrad::detail::Running running("random_split");
  const std::int64_t total = dataset->size();
  std::int64_t rest = total;
  bool fit = true;
  for (auto size : sizes) {
    fit = fit && size >= 0 && size <= rest;
    if (fit) rest -= size;
  }
  require<ValueError>(fit && rest == 0, "random_split: sizes {} do not add up to the {} examples",
                      fmt::join(sizes, ", "), total);
  Generator generator(seed ? *seed : default_generator().next());
  const auto order = randperm(total, {.generator = &generator}).to_vector<std::int64_t>();
  std::vector<Subset> result;
  auto next = order.begin();
  for (auto size : sizes) {
    result.emplace_back(dataset, std::vector<std::int64_t>(next, next + size));
    next += size;
  }
  return result;
}

std::vector<std::int64_t> detail::sizes_of(const std::vector<double>& fractions,
                                           std::int64_t size) {
  double sum = 0;
  for (const double fraction : fractions) {
    require<ValueError>(fraction >= 0 && fraction <= 1,
                        "random_split: fraction {}, it must lie in [0, 1]", fraction);
    sum += fraction;
  }
  require<ValueError>(std::abs(sum - 1) < 1e-9, "random_split: fractions {} add up to {}, not 1",
                      fmt::join(fractions, ", "), sum);
  std::vector<std::int64_t> sizes;
  std::int64_t rest = size;
  for (const double fraction : fractions) {
    sizes.push_back(std::min(
        rest, static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(size)))));
    rest -= sizes.back();
  }
  for (std::size_t i = 0; rest > 0; i = (i + 1) % sizes.size(), --rest) ++sizes[i];
  return sizes;
}

ImageDataset::ImageDataset(Images images, std::vector<std::string> classes, Transform transform)
    : images_(std::make_shared<Images>(std::move(images))),
      classes_(std::move(classes)),
      transform_(std::move(transform)) {
  const Images& all = *images_;
  const Shape shape{all.count, all.channels, all.height, all.width};
  const auto bytes = static_cast<std::int64_t>(all.pixels.size());
  const auto labels = static_cast<std::int64_t>(all.labels.size());
  const xgrad::detail::Running running("ImageDataset");
  bytes_of(shape, float32);
  require<ShapeError>(shape.numel() == bytes && all.count == labels,
                      "ImageDataset: {} pixels and {} labels do not fill images {}", bytes, labels,
                      shape);
}

const Images& ImageDataset::images() const {
  require<ValueError>(images_ != nullptr, "ImageDataset: used after it was moved from");
  return *images_;
}

std::int64_t ImageDataset::size() const { return images().count; }

Batch ImageDataset::batch(std::span<const std::int64_t> indices) const {
  check_indices("ImageDataset", indices, size());
  const auto n = static_cast<std::int64_t>(indices.size());
  const std::int64_t each = images_->channels * images_->height * images_->width;
  Tensor data = Tensor::empty({n, images_->channels, images_->height, images_->width}, float32);
  Tensor target = Tensor::empty({n}, int64);
  float* out = data.mutable_data<float>();
  std::int64_t* classes = target.mutable_data<std::int64_t>();
  for (auto index : indices) {
    const std::uint8_t* pixels = images_->pixels.data() + index * each;
    for (std::int64_t i = 0; i < each; ++i) *out++ = static_cast<float>(pixels[i]) / 255.0f;
    *classes++ = images_->labels[static_cast<std::size_t>(index)];
  }
  return {transform_ ? transform_(data) : data, target};
}

}  // namespace xgrad::datasets
