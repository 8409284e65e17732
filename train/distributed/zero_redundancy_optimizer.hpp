#pragma once
// An optimiser whose memory several processes share:
//
//     optim::AdamW adamw(net.parameters(), {.lr = 1e-3});
//     distributed::ZeroRedundancyOptimizer optimizer(adamw, group);

#include <xgrad/distributed/group.hpp>
#include <xgrad/optim/optimizer_around.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::distributed {

/// Each process takes the steps of its share of the parameters, and keeps what is remembered of
/// these alone: of N processes each about 1/N (stage 1 of Rajbhandari et al., "ZeRO", SC 2020).
/// Then each gives all others what it has made of its share. The bits are those of the optimiser
/// without this.
///
/// All processes take each step, with the same gradients, as DataParallel leaves them. The one
/// inside must live as long as this, keep its parameters, and be stepped by this alone. ValueError
/// for one that remembers something of all parameters together, as Lookahead and LBFGS: give
/// Lookahead this one. ValueError, on all processes, where their parameters differ.
///
/// Before state_dict() on rank 0 all call consolidate_state_dict(); train::fit does. What is loaded
/// is the whole state, on all; each keeps its share from the next step on.
class ZeroRedundancyOptimizer final : public optim::OptimizerAround {
 public:
  ZeroRedundancyOptimizer(optim::Optimizer& base, const Group& group);

  using optim::Optimizer::step;
  void step() override;
  bool has_whole_state() const override;
  void consolidate_state_dict() override;

 protected:
  std::vector<optim::detail::StateEntry> state() override;

 private:
  void step_own();
  std::vector<optim::detail::StateEntry> inner_entries();
  bool is_own(std::size_t parameter) const { return owners_[parameter] == group_.rank(); }

  Group group_;
  std::vector<Tensor> parameters_;
  std::vector<int> owners_;      ///< the rank, of each parameter
  std::vector<int> entries_of_;  ///< the rank, of each entry of the state
  std::vector<Tensor> others_;   ///< entries of other processes, from a gathering or a loading
  std::vector<Tensor> kept_;     ///< gradients, during a step
  bool is_changed_ = false;      ///< since the state was whole here
};

}  // namespace xgrad::distributed

#pragma GCC visibility pop
