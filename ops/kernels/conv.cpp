#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/norm.hpp>

#include <cstdlib>
#include <string_view>

namespace xgrad::kernels {
namespace {

enum class Choice { automatic, gemm, direct };

Choice choice() {
  static const Choice chosen = [] {
    const char* setting = std::getenv("XGRAD_CONV");
    const std::string_view name = setting == nullptr ? "auto" : setting;
    require<ValueError>(name == "auto" || name == "gemm" || name == "direct",
                        "XGRAD_CONV: '{}' is none of auto, gemm and direct", name);
    return name == "auto" ? Choice::automatic : name == "gemm" ? Choice::gemm : Choice::direct;
  }();
  return chosen;
}

/// Where Winograd's F(4x4, 3x3) does 2.25 times less work than it costs: measured on AVX-512, it is
/// 1.5 to 3 times faster than direct convolution from 64 channels on, and slower below.
bool winograd_pays(const ConvGeometry& g) {
  const bool plain3x3 = g.r == 3 && g.s == 3 && g.stride_h == 1 && g.stride_w == 1 &&
                        g.dilation_h == 1 && g.dilation_w == 1 && g.groups == 1;
  return plain3x3 && g.c >= 64 && g.k >= 64 && channel_block() == 16;
}

/// oneDNN is slower than tiles of matrix products for few channels on either side, but for first
/// layers, whose inputs need no gradient.
bool direct_pays(ConvDirection direction, const ConvGeometry& g) {
  if (g.k < 8 || g.groups != 1) return false;
  return g.c >= 8 || (g.c <= 4 && direction != ConvDirection::backward_input);
}

}  // namespace

ConvPlan plan_conv(ConvDirection direction, const ConvGeometry& g, DType dtype) {
  const Choice chosen = choice();
  if (dtype != float32 || chosen == Choice::gemm || g.n == 0) return {};
  const auto blocked = [](std::int64_t channels) {
    return channels % channel_block() == 0 ? Layout::blocked : Layout::plain;
  };
  ConvPlan plan{ConvKernel::direct, blocked(g.c), blocked(g.k)};
  if (chosen == Choice::direct) return onednn_can(direction, plan, g) ? plan : ConvPlan{};
  if (!direct_pays(direction, g)) return {};
  if (winograd_pays(g)) {
    ConvPlan winograd = plan;
    winograd.kernel = ConvKernel::winograd;
    if (onednn_can(direction, winograd, g)) return winograd;
  }
  return onednn_can(direction, plan, g) ? plan : ConvPlan{};
}

template <class T>
void conv(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
          const ConvOperands<T>& operands) {
  if constexpr (std::is_same_v<T, float>)
    if (plan.kernel != ConvKernel::gemm) return conv_onednn(direction, plan, g, operands);
  conv_gemm(direction, g, operands);
  if (direction == ConvDirection::backward_weight && operands.bias != nullptr)
    channel_sums<T>({g.n, g.k, g.oh * g.ow, 1}, operands.y, operands.bias);
}

template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&, const ConvOperands<float>&);
template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&,
                   const ConvOperands<double>&);

}  // namespace xgrad::kernels
