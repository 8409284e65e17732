#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/ops/windows.hpp>

namespace xgrad::nn {

Conv2d::Conv2d(std::int64_t in, std::int64_t out, Extents<2> kernel, const Conv2dOptions& options)
    : options_(options) {
  const std::int64_t groups = options.groups;
  require<ValueError>(in > 0 && out > 0 && at_least(1, kernel),
                      "Conv2d: {} input and {} output channels, kernel {}; all must be positive",
                      in, out, kernel);
  require<ValueError>(groups > 0 && in % groups == 0 && out % groups == 0,
                      "Conv2d: {} groups must divide {} input and {} output channels", groups, in,
                      out);
  const xgrad::detail::Running running("Conv2d");
  const Tensor values = Tensor::empty({out, in / groups, kernel[0], kernel[1]});
  const std::int64_t fan_in = values.numel() / out;
  weight = add_parameter("weight", init::default_(values, fan_in));
  if (options.bias) bias = add_parameter("bias", init::default_(Tensor::empty({out}), fan_in));
  options_.bias = true;  // a bias that is assigned later is used
}

Tensor Conv2d::forward(const Tensor& x) {
  detail::require_made(weight, "Conv2d", "nn::Conv2d{1, 16, 5}");
  return conv2d(x, weight, bias, options_);
}

}  // namespace xgrad::nn
