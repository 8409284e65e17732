#include <xgrad/optim/muon_with_adamw.hpp>

#include <array>
#include <utility>

namespace xgrad::optim {
namespace {

constexpr const char* name = "MuonWithAdamW";

/// The first of two lists that have nothing in common.
const std::vector<Tensor>& first_of(const std::vector<Tensor>& first,
                                    const std::vector<Tensor>& second) {
  detail::check_parameters(name, {first, second});
  return first;
}

}  // namespace

MuonWithAdamW::MuonWithAdamW(std::vector<Tensor> muon_parameters,
                             std::vector<Tensor> other_parameters,
                             const MuonWithAdamWOptions& options)
    : muon_(first_of(muon_parameters, other_parameters), options.muon),
      adamw_(std::move(other_parameters), options.adamw) {}

void MuonWithAdamW::require_ready() {
  require_gradients(name);
  for (Optimizer* part : std::array<Optimizer*, 2>{&muon_, &adamw_})
    if (has_gradient(*part)) require_inner_ready(*part);
}

void MuonWithAdamW::step() {
  require_ready();
  for (Optimizer* part : std::array<Optimizer*, 2>{&muon_, &adamw_})
    if (has_gradient(*part)) part->step();
}

void MuonWithAdamW::visit(const std::function<void(Tensor&)>& f) {
  visit_inner(muon_, f);
  visit_inner(adamw_, f);
}

void MuonWithAdamW::visit_rates(const std::function<void(double&)>& f) {
  visit_inner_rates(muon_, f);
  visit_inner_rates(adamw_, f);
}

void MuonWithAdamW::visit_momenta(const std::function<void(double&)>& f) {
  visit_inner_momenta(muon_, f);
  visit_inner_momenta(adamw_, f);
}

std::vector<detail::StateEntry> MuonWithAdamW::state() {
  std::vector<detail::StateEntry> entries = inner_state(muon_, "muon.");
  std::vector<detail::StateEntry> more = inner_state(adamw_, "adamw.");
  entries.insert(entries.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
  return entries;
}

}  // namespace xgrad::optim
