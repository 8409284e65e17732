#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/norm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <type_traits>
#include <vector>

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
/// layers, whose inputs need no gradient, and for a filter for each channel, of which a product of
/// matrices has one row.
bool direct_pays(ConvDirection direction, const ConvGeometry& g) {
  if (g.k < 8) return false;
  if (g.groups == 1) return g.c >= 8 || (g.c <= 4 && direction != ConvDirection::backward_input);
  const bool is_depthwise = g.group_channels() == 1 && g.group_filters() == 1;
  return is_depthwise || (g.group_channels() >= 16 && g.group_filters() >= 16);
}

/// Results that a kernel may sum over, of one filter, before it hands over the weight's gradient.
/// oneDNN adds them one after the other; the others add up blocks of some hundreds.
std::int64_t most_results(ConvKernel kernel) {
  return kernel == ConvKernel::direct ? 16384 : std::int64_t{1} << 20;
}

/// Adds its bias to each channel of x.
template <class T>
void add_bias(const ConvPlan& plan, const ConvGeometry& g, const ConvOperands<T>& operands) {
  const std::int64_t lanes = plan.x == Layout::blocked ? channel_block() : 1;
  const std::int64_t groups = g.c / lanes;
  const std::int64_t plane = g.inputs() * lanes;
  parallel_for(g.n * groups, grain_of(0.1 * static_cast<double>(plane)),
               [&, lanes](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   T* const x = operands.x + i * plane;
                   const T* const bias = operands.bias + i % groups * lanes;
                   if (lanes == 1) {
                     for (std::int64_t j = 0; j < plane; ++j) x[j] += *bias;
                   } else {
                     for (std::int64_t j = 0; j < plane; j += lanes)
                       for (std::int64_t lane = 0; lane < lanes; ++lane) x[j + lane] += bias[lane];
                   }
                 }
               });
}

template <class T>
void run_kernel(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
                const ConvOperands<T>& operands) {
  if (direction == ConvDirection::backward_input && operands.bias != nullptr) {
    run_kernel<T>(direction, plan, g, {operands.x, operands.weight, operands.y});
    return add_bias<T>(plan, g, operands);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (plan.kernel == ConvKernel::direct) return conv_onednn(direction, plan, g, operands);
    if (plan.kernel == ConvKernel::winograd) conv_winograd(direction, g, operands);
  }
  if (plan.kernel == ConvKernel::gemm) conv_gemm(direction, g, operands);
  if (direction == ConvDirection::backward_weight && operands.bias != nullptr) {
    const std::int64_t lanes = plan.y == Layout::blocked ? channel_block() : 1;
    channel_sums<T>({g.n, g.k / lanes, g.outputs(), lanes}, operands.y, operands.bias);
  }
}

/// The gradients of weight and bias from pieces of the batch, the sums of which are joined.
template <class T>
void differentiate_pieces(const ConvPlan& plan, const ConvGeometry& g,
                          const ConvOperands<T>& operands, std::int64_t pieces) {
  const std::int64_t weights = g.k * g.patch();
  const std::int64_t width = weights + (operands.bias == nullptr ? 0 : g.k);
  const auto size = static_cast<std::size_t>(width);
  std::vector<T> own(size);
  std::vector<Wide<T>> sums(size * static_cast<std::size_t>(1 + join_depth(pieces)));
  join_blocks(
      0, pieces, width,
      [&](std::int64_t piece, Wide<T>* to) {
        const std::int64_t first = g.n * piece / pieces;
        ConvGeometry part = g;
        part.n = g.n * (piece + 1) / pieces - first;
        run_kernel<T>(ConvDirection::backward_weight, plan, part,
                      {operands.x + first * g.c * g.inputs(), own.data(),
                       operands.y + first * g.k * g.outputs(),
                       operands.bias == nullptr ? nullptr : own.data() + weights});
        std::ranges::transform(own, to, [](T value) { return static_cast<Wide<T>>(value); });
      },
      std::plus<>(), sums.data(), sums.data() + size);
  const auto narrow = [](Wide<T> value) { return static_cast<T>(value); };
  std::transform(sums.data(), sums.data() + weights, operands.weight, narrow);
  std::transform(sums.data() + weights, sums.data() + width, operands.bias, narrow);
}

}  // namespace

ConvPlan plan_conv(ConvDirection direction, const ConvGeometry& g, DType dtype) {
  const Choice chosen = choice();
  if (dtype != float32 || chosen == Choice::gemm || g.n == 0 || g.c == 0) return {};
  const auto blocked = [&](std::int64_t channels) {
    return g.are_images && channels % channel_block() == 0 ? Layout::blocked : Layout::plain;
  };
  const bool is_free = chosen == Choice::automatic;
  if (is_free && g.are_images && winograd_can(direction, g) && winograd_pays(direction, g))
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
  if (direction == ConvDirection::backward_weight) {
    const std::int64_t most = std::max<std::int64_t>(most_results(plan.kernel) / g.outputs(), 1);
    if (g.n > most) return differentiate_pieces<T>(plan, g, operands, (g.n + most - 1) / most);
  }
  run_kernel<T>(direction, plan, g, operands);
}

template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&, const ConvOperands<float>&);
template void conv(ConvDirection, const ConvPlan&, const ConvGeometry&,
                   const ConvOperands<double>&);

}  // namespace xgrad::kernels
