#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/models/parts.hpp>
#include <xgrad/nn/models/unet.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/shape.hpp>

#include <vector>

namespace xgrad::nn::models {
namespace {

Sequential two_convolutions(std::int64_t in, std::int64_t out) {
  return Sequential{detail::conv_before_norm(in, out, 3),  BatchNorm2d{out}, ReLU{},
                    detail::conv_before_norm(out, out, 3), BatchNorm2d{out}, ReLU{}};
}

}  // namespace

UNet::UNet(const UNetOptions& options)
    : down(add("down", ModuleList<Sequential>{})),
      merge(add("merge", ModuleList<Sequential>{})),
      up(add("up", ModuleList<ConvTranspose2d>{})) {
  constexpr std::int64_t most = 16;
  require<ValueError>(options.depth > 0 && options.depth <= most,
                      "UNet: depth is {}, it must lie in 1 to {}", options.depth, most);
  require<ValueError>(options.width > 0 && options.width <= (1 << most),
                      "UNet: width is {}, it must lie in 1 to {}", options.width, 1 << most);
  std::int64_t in = options.in_channels;
  for (std::int64_t level = 0; level <= options.depth; ++level) {
    const std::int64_t width = options.width << level;
    down.push_back(two_convolutions(in, width));
    in = width;
  }
  for (std::int64_t level = options.depth - 1; level >= 0; --level) {
    const std::int64_t width = options.width << level;
    up.push_back(ConvTranspose2d{2 * width, width, 2, {.stride = 2}});
    merge.push_back(two_convolutions(2 * width, width));
  }
  out = add("out", Conv2d{options.width, options.out_channels, 1});
  detail::init_convolutions(*this);
}

Tensor UNet::forward(const Tensor& x) {
  const std::size_t depth = up.size();
  const xgrad::detail::Running running("UNet", x);
  const std::int64_t divisor = std::int64_t{1} << depth;
  require<ShapeError>(x.dim() == 4 && x.size(2) % divisor == 0 && x.size(3) % divisor == 0,
                      "UNet: input {} must be [batch, channels, height, width] with a height and a "
                      "width that {} divides",
                      x.shape(), divisor);
  std::vector<Tensor> levels;
  Tensor y = x;
  for (std::size_t level = 0; level < depth; ++level) {
    levels.push_back(down[level](std::move(y)));
    y = max_pool2d(levels.back(), 2);
  }
  y = down[depth](std::move(y));
  for (std::size_t i = 0; i < depth; ++i) {
    const Tensor above = up[i](std::move(y));
    y = merge[i](cat({levels[depth - 1 - i], above}, 1));
  }
  return out(std::move(y));
}

}  // namespace xgrad::nn::models
