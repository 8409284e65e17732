#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/lookahead.hpp>

namespace xgrad::optim {

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void require_valid(const LookaheadOptions& o) {
  require<ValueError>(o.k > 0, "Lookahead: k is {}, it must be positive", o.k);
  require<ValueError>(o.alpha >= 0 && o.alpha <= 1, "Lookahead: alpha is {}, it must lie in [0, 1]",
                      o.alpha);
}
#pragma GCC visibility pop

namespace {

NamedTensors named(const std::vector<Tensor>& parameters) {
  NamedTensors all;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    all.emplace_back(fmt::format("slow.{}", i), parameters[i]);
  return all;
}

}  // namespace

Lookahead::Lookahead(Optimizer& base, const LookaheadOptions& options)
    : OptimizerAround(base),
      options_(options),
      slow_(named(parameters_of(base))),
      steps_(Tensor::empty({}, int64).fill_(0)) {
  require_valid(options_);
}

std::vector<detail::StateEntry> Lookahead::state() {
  std::vector<detail::StateEntry> entries = OptimizerAround::state();
  entries.push_back({"steps", &steps_, {}, int64});
  for (detail::StateEntry& entry : slow_.state()) entries.push_back(std::move(entry));
  return entries;
}

void Lookahead::check_slow() {
  const std::size_t now = parameters_of(base()).size();
  if (now != slow_.size())
    raise<ValueError>(
        "Lookahead: the optimiser inside has {} parameters, and had {}; make this anew", now,
        slow_.size());
  if (!steps_.defined() || !slow_.is_whole())
    raise<ValueError>(
        "Lookahead: the state that was loaded is not whole; load all that state_dict() gave");
  slow_.require_usable();
}

void Lookahead::require_ready() {
  check_slow();
  OptimizerAround::require_ready();
}

void Lookahead::follow() {
  const std::int64_t steps = ++*steps_.mutable_data<std::int64_t>();
  if (steps % options_.k != 0) return;
  slow_.update(1 - options_.alpha);
  slow_.copy_to_tensors();
}

void Lookahead::step() {
  require_ready();
  base().step();
  follow();
}

Tensor Lookahead::step(const Closure& closure) {
  check_slow();
  Tensor loss = base().step(closure);
  follow();
  return loss;
}

}  // namespace xgrad::optim
