#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/kept.hpp>
#include <xgrad/optim/update_bn.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace xgrad::optim::detail {
namespace {

/// The means of one layer's statistics, in float64.
struct Means {
  nn::BatchNorm* layer;
  Tensor mean = {};
  Tensor var = {};
  std::int64_t batches = 0;

  void add(const Tensor& x) {
    const NoGradGuard guard;
    Axes axes;
    for (std::int64_t axis = 0; axis < x.dim(); ++axis)
      if (axis != 1) axes.push_back(axis);
    const Tensor values = x.detach().to(float64);
    const double part = 1 / static_cast<double>(++batches);
    const auto follow = [part](Tensor& average, const Tensor& now) {
      average = average.defined() ? average + (now - average) * part : now;
    };
    follow(mean, xgrad::mean(values, axes));
    follow(var, xgrad::var(values, axes));
  }

  void write() {
    if (batches == 0) return;
    layer->running_mean.copy_(mean.to(layer->running_mean.dtype()));
    layer->running_var.copy_(var.to(layer->running_var.dtype()));
    layer->num_batches_tracked.fill_(batches);
  }
};

}  // namespace

struct BatchNormStatistics::State {
  nn::Module& net;
  std::vector<std::pair<nn::Module*, bool>> modes = {};  // each module before those below it
  std::vector<Means> layers = {};
  std::vector<HookHandle> hooks = {};
  std::optional<Kept> before = {};
  std::int64_t batches = 0;
};

BatchNormStatistics::BatchNormStatistics(nn::Module& net) : state_(new State{net}) {
  State& s = *state_;
  s.modes.emplace_back(&net, net.is_training());
  for (const auto& [path, module] : net.named_modules())
    s.modes.emplace_back(module, module->is_training());
  std::vector<Tensor> running;
  for (const auto& [module, mode] : s.modes)
    if (auto* const layer = dynamic_cast<nn::BatchNorm*>(module);
        layer != nullptr && layer->running_mean.defined()) {
      s.layers.push_back({layer});
      running.insert(running.end(),
                     {layer->running_mean, layer->running_var, layer->num_batches_tracked});
    }
  s.before.emplace(running);
  for (Means& means : s.layers)
    s.hooks.push_back(means.layer->register_forward_hook(
        [&means](const nn::Module&, const Tensor& x, const Tensor&) { means.add(x); }));
  net.train();
}

BatchNormStatistics::~BatchNormStatistics() {
  for (HookHandle& hook : state_->hooks) hook.remove();
  for (const auto& [module, mode] : state_->modes) module->train(mode);
}

void BatchNormStatistics::add(const Tensor& batch) {
  const NoGradGuard guard;
  state_->net(batch);
  ++state_->batches;
}

void BatchNormStatistics::write() {
  require<ValueError>(state_->batches > 0, "update_bn: there are no batches");
  state_->before.reset();
  const NoGradGuard guard;
  for (Means& means : state_->layers) means.write();
}

}  // namespace xgrad::optim::detail
