#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/pool.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// xgrad::max_pool2d.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(Extents<2> kernel, const Pool2dOptions& options = {})
      : kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) override;

 private:
  Extents<2> kernel_;
  Pool2dOptions options_;
};

/// xgrad::avg_pool2d.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(Extents<2> kernel, const AvgPool2dOptions& options = {})
      : kernel_(kernel), options_(options) {}
  Tensor forward(const Tensor& x) override;

 private:
  Extents<2> kernel_;
  AvgPool2dOptions options_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
