#pragma once
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/muon.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

struct MuonWithAdamWOptions {
  MuonOptions muon;
  AdamWOptions adamw = {};
};

/// Muon for the weights of hidden layers and AdamW for all else: biases, gains, embeddings and the
/// last layer.
///
///     optim::MuonWithAdamW optimizer(hidden, others,
///                                    {.muon = {.lr = 0.02}, .adamw = {.lr = 3e-4}});
///
/// One optimiser to schedule and to save: its learning rates and momenta are those of Muon's
/// groups and then of AdamW's, its state has their names behind "muon." and "adamw.".
class MuonWithAdamW : public Optimizer {
 public:
  /// ValueError where a parameter stands in both lists; the errors of Muon and AdamW.
  MuonWithAdamW(std::vector<Tensor> muon_parameters, std::vector<Tensor> other_parameters,
                const MuonWithAdamWOptions& options);

  using Optimizer::step;
  void step() override;

  /// Each with its groups and their options.
  Muon& muon() noexcept { return muon_; }
  AdamW& adamw() noexcept { return adamw_; }

 protected:
  void visit(const std::function<void(Tensor&)>& f) override;
  void visit_rates(const std::function<void(double&)>& f) override;
  void visit_momenta(const std::function<void(double&)>& f) override;
  std::vector<detail::StateEntry> state() override;
  void require_ready() override;

 private:
  Muon muon_;
  AdamW adamw_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
