#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/pool.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

// Windows, options and errors are those of the operations; those of which no input has any are
// refused when the layer is made.

namespace detail {

/// ValueError where no input has such windows.
template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel, const PoolOptions<rank>& options);
template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel,
                  const AvgPoolOptions<rank>& options);
template <int rank>
void check_window(const char* layer, const Extents<rank>& kernel,
                  const MaxUnpoolOptions<rank>& options);
template <int rank>
void check_window(const char* layer, double norm_type, const Extents<rank>& kernel,
                  const LpPoolOptions<rank>& options);

template <auto operation, class... Arguments>
class Pool : public Applied<operation, Arguments...> {
 protected:
  explicit Pool(const char* layer, const Arguments&... arguments)
      : Applied<operation, Arguments...>(arguments...) {
    check_window(layer, arguments...);
  }
};

template <auto operation, auto with_indices, int rank>
class MaxPool : public Pool<operation, Extents<rank>, PoolOptions<rank>> {
 public:
  /// The same, and where each value was, as the layer that undoes it takes it.
  Ranked forward_with_indices(const Tensor& x) { return this->apply(with_indices, x); }

 protected:
  MaxPool(const char* layer, Extents<rank> kernel, const PoolOptions<rank>& options)
      : Pool<operation, Extents<rank>, PoolOptions<rank>>(layer, kernel, options) {}
};

template <class Self, auto operation, int rank>
class MaxUnpool : public ModuleOf<Self> {
 public:
  /// `output_size` as in the options, which it goes before.
  Tensor forward(const Tensor& x, const Tensor& indices, const Shape& output_size = {}) {
    MaxUnpoolOptions<rank> options = options_;
    if (!output_size.empty()) options.output_size = output_size;
    return operation(x, indices, kernel_, options);
  }

 protected:
  MaxUnpool(const char* layer, Extents<rank> kernel, const MaxUnpoolOptions<rank>& options)
      : kernel_(kernel), options_(options) {
    check_window(layer, kernel, options);
  }

 private:
  Extents<rank> kernel_;
  MaxUnpoolOptions<rank> options_;
};

}  // namespace detail

/// xgrad::max_pool1d.
struct MaxPool1d : detail::MaxPool<max_pool1d, max_pool1d_with_indices, 1> {
  explicit MaxPool1d(Extents<1> kernel, const Pool1dOptions& options = {})
      : MaxPool("MaxPool1d", kernel, options) {}
};
/// xgrad::max_pool2d.
struct MaxPool2d : detail::MaxPool<max_pool2d, max_pool2d_with_indices, 2> {
  explicit MaxPool2d(Extents<2> kernel, const Pool2dOptions& options = {})
      : MaxPool("MaxPool2d", kernel, options) {}
};
/// xgrad::max_pool3d.
struct MaxPool3d : detail::MaxPool<max_pool3d, max_pool3d_with_indices, 3> {
  explicit MaxPool3d(Extents<3> kernel, const Pool3dOptions& options = {})
      : MaxPool("MaxPool3d", kernel, options) {}
};

/// xgrad::avg_pool1d.
struct AvgPool1d : detail::Pool<avg_pool1d, Extents<1>, AvgPool1dOptions> {
  explicit AvgPool1d(Extents<1> kernel, const AvgPool1dOptions& options = {})
      : Pool("AvgPool1d", kernel, options) {}
};
/// xgrad::avg_pool2d.
struct AvgPool2d : detail::Pool<avg_pool2d, Extents<2>, AvgPool2dOptions> {
  explicit AvgPool2d(Extents<2> kernel, const AvgPool2dOptions& options = {})
      : Pool("AvgPool2d", kernel, options) {}
};
/// xgrad::avg_pool3d.
struct AvgPool3d : detail::Pool<avg_pool3d, Extents<3>, AvgPool3dOptions> {
  explicit AvgPool3d(Extents<3> kernel, const AvgPool3dOptions& options = {})
      : Pool("AvgPool3d", kernel, options) {}
};

/// xgrad::lp_pool1d.
struct LPPool1d : detail::Pool<lp_pool1d, double, Extents<1>, LpPoolOptions<1>> {
  LPPool1d(double norm_type, Extents<1> kernel, const LpPoolOptions<1>& options = {})
      : Pool("LPPool1d", norm_type, kernel, options) {}
};
/// xgrad::lp_pool2d.
struct LPPool2d : detail::Pool<lp_pool2d, double, Extents<2>, LpPoolOptions<2>> {
  LPPool2d(double norm_type, Extents<2> kernel, const LpPoolOptions<2>& options = {})
      : Pool("LPPool2d", norm_type, kernel, options) {}
};
/// xgrad::lp_pool3d.
struct LPPool3d : detail::Pool<lp_pool3d, double, Extents<3>, LpPoolOptions<3>> {
  LPPool3d(double norm_type, Extents<3> kernel, const LpPoolOptions<3>& options = {})
      : Pool("LPPool3d", norm_type, kernel, options) {}
};

/// xgrad::max_unpool1d, of what MaxPool1d's forward_with_indices() gives.
struct MaxUnpool1d : detail::MaxUnpool<MaxUnpool1d, max_unpool1d, 1> {
  explicit MaxUnpool1d(Extents<1> kernel, const MaxUnpoolOptions<1>& options = {})
      : MaxUnpool("MaxUnpool1d", kernel, options) {}
};
/// xgrad::max_unpool2d, of what MaxPool2d's forward_with_indices() gives.
struct MaxUnpool2d : detail::MaxUnpool<MaxUnpool2d, max_unpool2d, 2> {
  explicit MaxUnpool2d(Extents<2> kernel, const MaxUnpoolOptions<2>& options = {})
      : MaxUnpool("MaxUnpool2d", kernel, options) {}
};
/// xgrad::max_unpool3d, of what MaxPool3d's forward_with_indices() gives.
struct MaxUnpool3d : detail::MaxUnpool<MaxUnpool3d, max_unpool3d, 3> {
  explicit MaxUnpool3d(Extents<3> kernel, const MaxUnpoolOptions<3>& options = {})
      : MaxUnpool("MaxUnpool3d", kernel, options) {}
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
