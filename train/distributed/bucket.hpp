#pragma once
// Internal: tensors that are added up together.

#include <xgrad/autograd/tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace xgrad::distributed::detail {

/// Tensors of one dtype as one row of numbers: those of each, then for each whether it was given,
/// so that a sum of rows has how many times it was, then zeros up to a multiple.
class Bucket {
 public:
  Bucket(DType dtype, std::int64_t multiple) : dtype_(dtype), multiple_(multiple) {}

  /// One more tensor; its number.
  std::size_t add(const Shape& shape);
  std::size_t count() const { return shapes_.size(); }
  DType dtype() const { return dtype_; }
  std::int64_t bytes() const;

  /// A new row, with nothing in it.
  void begin();
  /// A tensor that has not changed may be put as one that was not given.
  void put(std::size_t i, const Tensor& x, bool is_given = true);
  bool is_full() const { return missing_ == 0; }
  bool is_missing(std::size_t i) const { return !is_there_[i]; }
  /// With zeros where nothing was put.
  Tensor take();

  /// What a row, or a sum of rows, has of tensor i.
  Tensor part(const Tensor& row, std::size_t i) const;
  double times(const Tensor& row, std::size_t i) const;

 private:
  DType dtype_;
  std::int64_t multiple_;
  std::vector<Shape> shapes_ = {};
  std::vector<std::int64_t> offsets_ = {0};  // and the end
  Tensor row_ = {};
  std::vector<bool> is_there_ = {};
  std::size_t missing_ = 0;
};

}  // namespace xgrad::distributed::detail
