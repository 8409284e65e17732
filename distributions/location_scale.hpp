#pragma once
#include <xgrad/distributions/distribution.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// What loc + scale z makes of a z of one distribution. Both parameters broadcast; `scale` must be
/// positive.
class LocationScale : public Distribution {
 public:
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor mean() const override { return loc_; }
  Tensor mode() const override { return loc_; }

 protected:
  LocationScale(const char* name, const Value& loc, const Value& scale, const Options& options);
  /// (x − loc) / scale
  Tensor standard(const Tensor& x) const;

  Tensor loc_, scale_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
