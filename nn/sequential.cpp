#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/module_state.hpp>
#include <xgrad/nn/sequential.hpp>

#include <algorithm>
#include <utility>

namespace xgrad::nn {

using detail::ModuleState;

void Module::require_numbered(const char* operation, std::size_t i) const {
  const auto& entries = state()->entries;
  require<ValueError>(i <= entries.size(), "{}: {} has {} parts, there is no place {} among them",
                      operation, type_name(), entries.size(), i);
  for (std::size_t at = 0; at < entries.size(); ++at)
    if (entries[at].name != std::to_string(at))
      raise<ValueError>(
          "{}: part {} of {} is named '{}'; a place among others is for parts that are named by "
          "their numbers",
          operation, at, type_name(), entries[at].name);
}

void Module::place_last(std::size_t i) {
  auto& entries = state()->entries;
  std::rotate(entries.begin() + static_cast<std::ptrdiff_t>(i), entries.end() - 1, entries.end());
  const std::string above = state_->path();
  for (std::size_t at = i; at < entries.size(); ++at) {
    entries[at].name = std::to_string(at);
    for (const auto& [path, x] : state_->module_at(entries[at]).named_parameters())
      x.set_name(above + entries[at].name + '.' + path);
  }
}

void Module::add_copies_of(const Module& other) {
  // Of one that is added to itself the parts there were.
  const std::shared_ptr<ModuleState> from = ModuleState::copy_of(other.state(), &other);
  for (ModuleState::Entry& entry : from->entries) {
    if (!entry.owned) continue;
    entry.part = nullptr;
    entry.owned->owner_ = nullptr;
    add_owned(std::to_string(child_count()), std::move(entry.owned), entry.copier);
  }
}

Parameter& ParameterList::operator[](std::size_t i) {
  require<ValueError>(i < size(), "ParameterList: there is no parameter {}, there are {}", i,
                      size());
  return values_[i];
}

namespace {

template <class Values>
auto place_of(Values& values, const std::string& name) {
  return std::ranges::find(values, name, [](const auto& entry) { return entry.first; });
}

}  // namespace

bool ParameterDict::contains(const std::string& name) const {
  return place_of(values_, name) != values_.end();
}

Parameter& ParameterDict::operator[](const std::string& name) {
  const auto found = place_of(values_, name);
  require<ValueError>(found != values_.end(), "ParameterDict: there is no parameter '{}'", name);
  return found->second;
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  const auto state = ModuleState::shared_of(*this);  // a part may change it
  for (std::size_t i = 0; i < state->entries.size(); ++i)
    if (state->entries[i].kind == detail::PartKind::module)
      y = state->module_at(state->entries[i])(std::move(y));
  return y;
}

}  // namespace xgrad::nn
