#include <xgrad/distributions/location_scale.hpp>
#include <xgrad/distributions/parameters.hpp>

namespace xgrad::distributions {

LocationScale::LocationScale(const char* name, const Value& loc, const Value& scale,
                             const Options& options)
    : Distribution(name, options) {
  take({{"loc", loc, loc_, real}, {"scale", scale, scale_, positive}});
}

Tensor LocationScale::standard(const Tensor& x) const { return (x - loc_) / scale_; }

}  // namespace xgrad::distributions
