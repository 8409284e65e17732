#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/distributed/bucket.hpp>

#include <utility>

namespace xgrad::distributed::detail {

std::size_t Bucket::add(const Shape& shape) {
  shapes_.push_back(shape);
  offsets_.push_back(offsets_.back() + shape.numel());
  return shapes_.size() - 1;
}

std::int64_t Bucket::bytes() const {
  return offsets_.back() * static_cast<std::int64_t>(item_size(dtype_));
}

void Bucket::begin() {
  const std::int64_t used = offsets_.back() + static_cast<std::int64_t>(count());
  const std::int64_t whole = (used + multiple_ - 1) / multiple_ * multiple_;
  row_ = Tensor::empty({whole}, dtype_);
  row_.alias({whole - offsets_.back()}, offsets_.back()).zero_();
  is_there_.assign(count(), false);
  missing_ = count();
}

void Bucket::put(std::size_t i, const Tensor& x, bool is_given) {
  const NoGradGuard guard;
  part(row_, i).copy_(x);
  row_.alias({1}, offsets_.back() + static_cast<std::int64_t>(i)).fill_(is_given ? 1 : 0);
  is_there_[i] = true;
  --missing_;
}

Tensor Bucket::take() {
  for (std::size_t i = 0; i < count(); ++i)
    if (!is_there_[i]) part(row_, i).zero_();
  return std::exchange(row_, {});
}

Tensor Bucket::part(const Tensor& row, std::size_t i) const {
  return row.alias(shapes_[i], offsets_[i]);
}

double Bucket::times(const Tensor& row, std::size_t i) const {
  return row.alias({1}, offsets_.back() + static_cast<std::int64_t>(i)).item();
}

}  // namespace xgrad::distributed::detail
