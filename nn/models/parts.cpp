#include <xgrad/nn/init.hpp>
#include <xgrad/nn/models/parts.hpp>

#include <cmath>

namespace xgrad::nn::models::detail {

Conv2d conv_before_norm(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                        std::int64_t groups) {
  return Conv2d{
      in, out, kernel, {.stride = stride, .padding = kernel / 2, .groups = groups, .bias = false}};
}

void init_convolutions(Module& model) {
  model.apply([](Module& part) {
    const auto* const conv = dynamic_cast<const Conv2d*>(&part);
    if (conv == nullptr) return;
    const auto fan_out = static_cast<double>(init::fans(conv->weight).out);
    init::normal_(conv->weight, 0, std::sqrt(2 / fan_out));
    if (conv->bias.defined()) init::zeros_(conv->bias);
  });
}

}  // namespace xgrad::nn::models::detail
