#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/summary.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace xgrad::nn {
namespace {

/// The training flags of a network, put back when it ends.
class EvalScope {
 public:
  explicit EvalScope(Module& net) : net_(net) {
    net.apply([&](Module& module) { training_.push_back(module.is_training()); });
    net.eval();
  }
  ~EvalScope() {
    // Children before parents, as apply() goes: train() of a parent must not undo a child's.
    std::vector<Module*> modules;
    net_.apply([&](Module& module) { modules.push_back(&module); });
    for (std::size_t i = modules.size(); i-- > 0;) modules[i]->train(training_[i]);
  }
  EvalScope(const EvalScope&) = delete;
  EvalScope& operator=(const EvalScope&) = delete;

 private:
  Module& net_;
  std::vector<bool> training_;
};

/// What the module holds itself, its children left out.
std::int64_t own_parameters(const Module& module) {
  std::int64_t count = 0;
  for (const auto& [name, x] : module.named_parameters())
    if (name.find('.') == std::string::npos) count += x.numel();
  return count;
}

/// Hooks the layers here and below, noting calls: modules without children, or with parameters.
void watch(Module& module, const std::string& path, Summary& result,
           std::vector<HookHandle>& handles) {
  const auto children = module.children();
  for (const auto& [name, child] : children)
    watch(*child, path.empty() ? name : path + '.' + name, result, handles);
  const std::int64_t parameters = own_parameters(module);
  if (!children.empty() && parameters == 0) return;
  handles.push_back(
      module.register_forward_hook([&result, parameters, name = path.empty() ? "net" : path](
                                       const Module& self, const Tensor&, const Tensor& y) {
        result.layers.push_back({name, self.type_name(), y.shape(), parameters});
      }));
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

}  // namespace

Summary summary(Module& net, const Shape& input_shape) {
  Summary result;
  const auto parameters = net.parameters();
  const bool wide = !parameters.empty() && parameters.front().dtype() == float64;
  const EvalScope eval(net);
  std::vector<HookHandle> handles;
  watch(net, "", result, handles);
  const auto run = [&] {
    return no_grad([&] { return net(zeros(input_shape, {.dtype = wide ? float64 : float32})); });
  };
  try {
    result.output = run().shape();
  } catch (...) {
    for (HookHandle& handle : handles) handle.remove();
    throw;
  }
  for (HookHandle& handle : handles) handle.remove();
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
    rows.push_back(
        {layer.path, layer.type, xgrad::to_string(layer.output), with_commas(layer.parameters)});
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
  out += fmt::format("{} parameters", with_commas(summary.parameters));
  if (summary.trainable != summary.parameters)
    out += fmt::format(", {} of them trained", with_commas(summary.trainable));
  return out + '\n';
}

std::ostream& operator<<(std::ostream& stream, const Summary& summary) {
  return stream << to_string(summary);
}

}  // namespace xgrad::nn
