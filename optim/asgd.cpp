#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/asgd.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const ASGDOptions& o) {
  detail::require_not_negative("ASGD", "lr", o.lr);
  detail::require_not_negative("ASGD", "lambd", o.lambd);
  detail::require_not_negative("ASGD", "alpha", o.alpha);
  detail::require_not_negative("ASGD", "t0", o.t0);
  detail::require_not_negative("ASGD", "weight_decay", o.weight_decay);
}
#pragma GCC visibility pop

template class OptimizerOf<ASGDOptions>;

ASGD::ASGD(std::vector<Tensor> parameters, const ASGDOptions& options)
    : ASGD(std::vector<Group>{{std::move(parameters), options}}) {}
ASGD::ASGD(std::vector<Group> groups)
    : OptimizerOf("ASGD", std::move(groups), {step_count(), like_parameter("ax")}) {}

void ASGD::update(const ASGDOptions& o, Slot& slot) {
  const double before = static_cast<double>(slot.step()) - 1;
  const double rate = o.lr / std::pow(1 + o.lambd * o.lr * before, o.alpha);
  const double part = 1 / std::max(1., before - o.t0);
  const double shrink = 1 - o.lambd * rate;
  slot.each(
      [rate, part, shrink, decay = o.weight_decay]<class T>(T& x, T g, T& average) {
        g += static_cast<T>(decay) * x;
        x = static_cast<T>(shrink) * x - static_cast<T>(rate) * g;
        average = part == 1 ? x : average + static_cast<T>(part) * (x - average);
      },
      slot["ax"]);
}

}  // namespace xgrad::optim
