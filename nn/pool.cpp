#include <xgrad/nn/pool.hpp>
#include <xgrad/ops/pooling.hpp>

// A template is as visible as its definition, not as its declaration.
#pragma GCC visibility push(default)

namespace xgrad::nn::detail {

template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel,
                  const PoolOptions<rank>& options) {
  xgrad::detail::check_window(layer, kernel, options);
}
template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel,
                  const AvgPoolOptions<rank>& options) {
  xgrad::detail::check_divisor(layer, options.divisor_override);
  const PoolOptions<rank> windows{.stride = options.stride, .padding = options.padding};
  xgrad::detail::check_window(layer, kernel, windows);
}
template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel,
                  const MaxUnpoolOptions<rank>& options) {
  xgrad::detail::check_window(layer, kernel, options);
}
template <int rank>
void check_window(const char* layer, double norm_type, const Extents<rank>& kernel,
                  const LpPoolOptions<rank>& options) {
  xgrad::detail::check_norm_type(layer, norm_type);
  xgrad::detail::check_window(layer, kernel, PoolOptions<rank>{.stride = options.stride});
}

template void check_window(const char*, const Extents<1>&, const PoolOptions<1>&);
template void check_window(const char*, const Extents<2>&, const PoolOptions<2>&);
template void check_window(const char*, const Extents<3>&, const PoolOptions<3>&);
template void check_window(const char*, const Extents<1>&, const AvgPoolOptions<1>&);
template void check_window(const char*, const Extents<2>&, const AvgPoolOptions<2>&);
template void check_window(const char*, const Extents<3>&, const AvgPoolOptions<3>&);
template void check_window(const char*, const Extents<1>&, const MaxUnpoolOptions<1>&);
template void check_window(const char*, const Extents<2>&, const MaxUnpoolOptions<2>&);
template void check_window(const char*, const Extents<3>&, const MaxUnpoolOptions<3>&);
template void check_window(const char*, double, const Extents<1>&, const LpPoolOptions<1>&);
template void check_window(const char*, double, const Extents<2>&, const LpPoolOptions<2>&);
template void check_window(const char*, double, const Extents<3>&, const LpPoolOptions<3>&);

}  // namespace xgrad::nn::detail

#pragma GCC visibility pop
