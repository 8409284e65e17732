#pragma once
// Layers without parameters.

#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/pool.hpp>

namespace xgrad::nn {

class ReLU : public ModuleOf<ReLU> {
 public:
  Tensor forward(Tensor x);
};

/// xgrad::gelu.
class GELU : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(Extents<2> kernel, const Pool2dOptions& options = {})
      : kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) override;

 private:
  Extents<2> kernel_;
  Pool2dOptions options_;
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(Extents<2> kernel, const AvgPool2dOptions& options = {})
      : kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) override;

 private:
  Extents<2> kernel_;
  AvgPool2dOptions options_;
};

/// Merges axes start..end, by default all but the batch.
class Flatten : public Module {
 public:
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_(start), end_(end) {}
  Tensor forward(const Tensor& x) override;

 private:
  std::int64_t start_;
  std::int64_t end_;
};

/// Zeroes elements with probability p while training; passes its input on otherwise.
class Dropout : public Module {
 public:
  /// ValueError unless 0 ≤ p ≤ 1.
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
};

}  // namespace xgrad::nn
