#pragma once
#include <xgrad/nn/module.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct LinearOptions {
  bool bias = true;
};

/// y = x Wᵀ + b on the last axis: [..., in] to [..., out]. ValueError unless both are positive.
class Linear : public Module {
 public:
  /// Not usable before a made one is assigned.
  Linear() = default;
  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {});

  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< [out, in]
  Parameter bias;    ///< [out], or undefined
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
