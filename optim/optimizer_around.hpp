#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// An optimiser around another, whose parameters, rates, momenta and state are its own. The one
/// inside must live as long as this.
class OptimizerAround : public Optimizer {
 public:
  bool has_whole_state() const override { return base_.has_whole_state(); }
  void consolidate_state_dict() override { base_.consolidate_state_dict(); }

 protected:
  explicit OptimizerAround(Optimizer& base) : base_(base) {}

  Optimizer& base() const noexcept { return base_; }
  void visit(const std::function<void(Tensor&)>& f) override { visit_inner(base_, f); }
  void visit_rates(const std::function<void(double&)>& f) override { visit_inner_rates(base_, f); }
  void visit_momenta(const std::function<void(double&)>& f) override {
    visit_inner_momenta(base_, f);
  }
  std::vector<detail::StateEntry> state() override { return inner_state(base_); }
  void require_ready() override { require_inner_ready(base_); }

 private:
  Optimizer& base_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
