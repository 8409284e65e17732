#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace xgrad::nn {
namespace {

/// What the module holds itself, its children left out.
std::int64_t own_parameters(const Module& module) {
  std::int64_t count = 0;
  for (const auto& [name, x] : module.named_parameters())
    if (name.find('.') == std::string::npos) count += x.numel();
  return count;
}

/// Notes calls of a layer: a module without children, or with parameters of its own.
void watch(Module& module, const std::string& path, Summary& result, HookScope& hooks) {
  const std::int64_t parameters = own_parameters(module);
  if (!module.children().empty() && parameters == 0) return;
  hooks.add(module.register_forward_hook(
      [&result, parameters, path](const Module& self, const Tensor&, const Tensor& y) {
        result.layers.push_back({path, self.type_name(), y.shape(), parameters});
      }));
}

}  // namespace

std::string detail::with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::ptrdiff_t first = number < 0 ? 1 : 0;
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > first; i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  return digits;
}

Summary summary(Module& net, const Shape& input_shape) {
  Summary result;
  const auto parameters = net.parameters();
  const bool wide = !parameters.empty() && parameters.front().dtype() == float64;
  const EvalGuard eval(net);
  HookScope hooks;
  for (const auto& [path, module] : net.named_modules()) watch(*module, path, result, hooks);
  watch(net, "net", result, hooks);
  const Tensor input = zeros(input_shape, {.dtype = wide ? float64 : float32});
  result.output = no_grad([&] { return net(input); }).shape();
  result.input = input_shape;
  for (const Tensor& x : parameters) {
    result.parameters += x.numel();
    if (x.requires_grad()) result.trainable += x.numel();
  }
  return result;
}

std::string to_string(const Summary& summary) {
  using Row = std::array<std::string, 4>;
  std::vector<Row> rows{{"layer", "type", "output", "parameters"}};
  rows.push_back({"input", "", xgrad::to_string(summary.input), ""});
  for (const auto& layer : summary.layers)
    rows.push_back({layer.path, layer.type, xgrad::to_string(layer.output),
                    detail::with_commas(layer.parameters)});
  std::array<std::size_t, 4> width{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  const std::string rule(width[0] + width[1] + width[2] + width[3] + 6, '-');
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}\n", rows[i][0], width[0], rows[i][1],
                       width[1], rows[i][2], width[2], rows[i][3], width[3]);
    if (i == 0) out += rule + '\n';
  }
  out += rule + '\n';
  out += fmt::format("{} parameters", detail::with_commas(summary.parameters));
  if (summary.trainable != summary.parameters)
    out += fmt::format(", {} of them trained", detail::with_commas(summary.trainable));
  return out + '\n';
}

std::ostream& operator<<(std::ostream& stream, const Summary& summary) {
  return stream << to_string(summary);
}

}  // namespace xgrad::nn
