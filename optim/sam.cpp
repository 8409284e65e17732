#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/optim/kept.hpp>
#include <xgrad/optim/sam.hpp>

#include <cmath>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const SAMOptions& o) { detail::require_not_negative("SAM", "rho", o.rho); }
#pragma GCC visibility pop

SAM::SAM(Optimizer& base, const SAMOptions& options) : OptimizerAround(base), options_(options) {
  require_parameters("SAM");
  require_valid(options_);
}

namespace {

/// Moves the parameters to where the loss is larger.
void ascend(const SAMOptions& o, const std::vector<Tensor>& parameters) {
  double squares = 0;
  for (const Tensor& x : parameters) {
    const Tensor g = o.adaptive ? x.detach() * x.grad().detach() : x.grad().detach();
    squares += sum(square(g)).item();
  }
  const double norm = std::sqrt(squares);
  require<ValueError>(std::isfinite(norm),
                      "SAM: the norm of the gradients is {}; there is no direction to go", norm);
  const double length = (o.maximize ? -o.rho : o.rho) / (norm + 1e-12);
  for (const Tensor& parameter : parameters) {
    Tensor x = parameter.detach();
    const Tensor g = parameter.grad().detach();
    x.copy_(x + (o.adaptive ? square(x) * g : g) * length);
  }
}

}  // namespace

Tensor SAM::step(const Closure& closure) {
  require_parameters("SAM");
  require_valid(options_);
  const NoGradGuard guard;
  Tensor loss = loss_of("SAM", closure);
  require_gradients("SAM");
  require_ready();
  {
    std::vector<Tensor> parameters;
    visit([&](const Tensor& x) {
      if (x.grad().defined()) parameters.push_back(x);
    });
    const detail::Kept kept(parameters);
    ascend(options_, parameters);
    loss_of("SAM", closure);
  }
  base().step();
  return loss;
}

void SAM::step() { throw_needs_closure("SAM"); }

}  // namespace xgrad::optim
