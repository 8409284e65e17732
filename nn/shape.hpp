#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/ops/arrange.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// Merges axes start..end, by default all but the batch.
class Flatten : public Module {
 public:
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_(start), end_(end) {}
  Tensor forward(const Tensor& x) override;

 private:
  std::int64_t start_;
  std::int64_t end_;
};

/// xgrad::unflatten: makes several axes of one.
struct Unflatten : detail::Applied<unflatten, std::int64_t, Shape> {
  Unflatten(std::int64_t axis, const Shape& sizes) : Applied(axis, sizes) {}
};

/// Gives what it is given: in a Sequential, in the place of a layer that is left out.
class Identity : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
