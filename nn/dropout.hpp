#pragma once
#include <xgrad/nn/module.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

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

#pragma GCC visibility pop
