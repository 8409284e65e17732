#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/functional_call.hpp>
#include <xgrad/nn/module_state.hpp>

#include <map>

namespace xgrad::nn::detail {
namespace {

/// Where a module keeps a tensor.
struct Place {
  std::shared_ptr<ModuleState> owner;
  std::string name;
  Tensor* tensor;
};

/// By path; tensors that a module does not have (no bias) are left out.
std::map<std::string, Place> places_of(const Module& net) {
  std::map<std::string, Place> places;
  ModuleState::of(net)->visit("", [&](const std::string& path, const ModuleState& at) {
    for (const ModuleState::Entry& entry : at.entries) {
      const bool is_own = entry.kind == PartKind::parameter || entry.kind == PartKind::buffer;
      if (!is_own || !at.tensor_at(entry).defined()) continue;
      places.emplace(path + entry.name,
                     Place{ModuleState::shared_of(*at.module), entry.name, &at.tensor_at(entry)});
    }
  });
  return places;
}

}  // namespace

ParametersScope::ParametersScope(const Module& net, const NamedTensors& values) {
  constexpr const char* operation = "functional_call";
  const std::map<std::string, Place> places = places_of(net);
  std::map<const void*, std::pair<std::string, Tensor>> by_own;  // what is given for which tensor
  for (const auto& [name, value] : values) {
    const auto place = places.find(name);
    require<ValueError>(place != places.end(), "{}: {} has no parameter or buffer {}", operation,
                        net.type_name(), excerpt(name));
    require<ValueError>(value.defined(), "{}: {} is undefined", operation, excerpt(name));
    const auto [before, is_new] =
        by_own.try_emplace(place->second.tensor->impl(), std::pair(name, value));
    require<ValueError>(is_new, "{}: {} and {} are one tensor of {}; give one of them", operation,
                        excerpt(before->second.first), excerpt(name), net.type_name());
  }
  for (const auto& [path, place] : places)
    if (by_own.contains(place.tensor->impl()))
      own_.push_back({place.owner, place.name, *place.tensor});
  // From here on nothing fails.
  for (const auto& [path, place] : places)
    if (const auto given = by_own.find(place.tensor->impl()); given != by_own.end())
      *place.tensor = given->second.second;
}

ParametersScope::~ParametersScope() {
  for (Own& own : own_) {
    const ModuleState::Entry* const entry = own.owner->find(own.name);
    if (entry == nullptr || entry->part == nullptr || entry->kind == PartKind::module) continue;
    static_cast<Tensor&>(own.owner->tensor_at(*entry)) = std::move(own.value);
  }
}

}  // namespace xgrad::nn::detail
