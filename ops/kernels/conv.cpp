#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/norm.hpp>

#include <algorithm>
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

/// oneDNN is slower than tiles of matrix products for few channels on either side, but for first
/// layers, whose inputs need no gradient.
bool direct_pays(ConvDirection direction, const ConvGeometry& g) {
  if (g.k < 8 || g.groups != 1) return false;
  return g.c >= 8 || (g.c <= 4 && direction != ConvDirection::backward_input);
}

}  // namespace

ConvPlan plan_conv(ConvDirection direction, const ConvGeometry& g, DType dtype) {
  const Choice chosen = choice();
  if (dtype != float32 || chosen == Choice::gemm || g.n == 0 || g.c == 0) return {};
  const auto blocked = [](std::int64_t channels) {
    return channels % channel_block() == 0 ? Layout::blocked : Layout::plain;
  };
  const bool is_free = chosen == Choice::automatic;
  if (is_free && winograd_can(direction, g) && winograd_pays(direction, g))
    return {ConvKernel::winograd, Layout::blocked, Layout::blocked};
  const ConvPlan direct{ConvKernel::direct, blocked(g.c), blocked(g.k)};
  if (is_free && !direct_pays(direction, g)) return {};
  return onednn_can(direction, direct, g) ? direct : ConvPlan{};
}

template <class T>
void conv(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
          const ConvOperands<T>& operands) {
  if (g.n == 0) {  // extents without values may be too large for the kernels' own sizes
    if (direction != ConvDirection::backward_weight) return;
    std::fill_n(operands.weight, g.k * g.patch(), T(0));
    if (operands.bias != nullptr) std::fill_n(operands.bias, g.k, T(0));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (plan.kernel == ConvKernel::direct) return conv_onednn(direction, plan, g, operands);
    if (plan.kernel == ConvKernel::winograd) conv_winograd(direction, g, operands);
  }
  if (plan.kernel == ConvKernel::gemm) conv_gemm(direction, g, operands);
  if (direction == ConvDirection::backward_weight && operands.bias != nullptr) {
    const std::int64_t lanes = plan.y == Layout::blocked ? channel_block() : 1;
    channel_sums<T>({g.n, g.k / lanes, g.oh * g.ow, lanes}, operands.y, operands.bias);
  }
}

template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&, const ConvOperands<float>&);
template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&,
                   const ConvOperands<double>&);

}  // namespace xgrad::kernels
