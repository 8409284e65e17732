#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/sgd.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const SGDOptions& o) {
  detail::require_not_negative("SGD", "lr", o.lr);
  detail::require_fraction("SGD", "momentum", o.momentum);
  require<ValueError>(std::isfinite(o.dampening), "SGD: dampening is {}, it must be finite",
                      o.dampening);
  detail::require_not_negative("SGD", "weight_decay", o.weight_decay);
  require<ValueError>(
      !o.nesterov || (o.momentum > 0 && o.dampening == 0 && o.kind == Momentum::accumulated),
      "SGD: nesterov needs accumulated momentum above 0 and no dampening");
  require<ValueError>(o.kind == Momentum::accumulated || o.dampening == 0,
                      "SGD: dampening is for accumulated momentum; the averaged one has 1 − μ");
}
#pragma GCC visibility pop

template class OptimizerOf<SGDOptions>;

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options)
    : SGD(std::vector<Group>{{std::move(parameters), options}}) {}

SGD::SGD(std::vector<Group> groups)
    : OptimizerOf("SGD", std::move(groups), {like_parameter("velocity")}) {}

namespace {

/// Numbers of a step, in the type of what they multiply.
template <class T>
struct Rates {
  T lr, momentum, decay;

  explicit Rates(const SGDOptions& o)
      : lr(static_cast<T>(static_cast<double>(o.lr))),
        momentum(static_cast<T>(o.momentum)),
        decay(static_cast<T>(o.weight_decay)) {}
};

}  // namespace

void SGD::update(const SGDOptions& o, Slot& slot) {
  const bool averaged = o.kind == Momentum::averaged;
  if (o.momentum == 0 && !averaged)
    return slot.each([o]<class T>(T& x, T g) {
      const Rates<T> r(o);
      x -= r.lr * (g + r.decay * x);
    });
  const double fresh = slot.has("velocity") ? 1 - o.dampening : 1;
  const Tensor& velocity = slot["velocity"];
  if (averaged)
    return slot.each(
        [o]<class T>(T& x, T g, T& v) {
          const Rates<T> r(o);
          v = r.momentum * v + (1 - r.momentum) * g;
          x -= r.lr * (v + r.decay * x);
        },
        velocity);
  slot.each(
      [o, fresh]<class T>(T& x, T g, T& v) {
        const Rates<T> r(o);
        const T d = g + r.decay * x;
        v = r.momentum * v + static_cast<T>(fresh) * d;
        x -= r.lr * (o.nesterov ? d + r.momentum * v : v);
      },
      velocity);
}

}  // namespace xgrad::optim
