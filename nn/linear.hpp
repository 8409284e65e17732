#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/module_of.hpp>

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

/// yₖ = x1ᵀ Wₖ x2 + bₖ on the last axes: [..., in1] and [..., in2] to [..., out], the axes in front
/// being the same. ValueError unless all three are positive.
class Bilinear : public ModuleOf<Bilinear> {
 public:
  /// Not usable before a made one is assigned.
  Bilinear() = default;
  Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options = {});

  Tensor forward(const Tensor& x1, const Tensor& x2);

  Parameter weight;  ///< [out, in1, in2]
  Parameter bias;    ///< [out], or undefined
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
