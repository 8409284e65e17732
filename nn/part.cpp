// How a module's members come to be its parts, and stay so where they are moved, copied or
// assigned.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/module_state.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace xgrad::nn::detail {
namespace {

/// The name that the next part made of its source takes.
thread_local const Part* registered_source = nullptr;
thread_local ModuleState* registered_owner = nullptr;

/// Modules that were copied on this thread and await the copies of their members.
thread_local std::vector<std::weak_ptr<ModuleState>> copies;

}  // namespace

Part::Part(const Part& other) {
  if (registered_source == &other) {
    Registration::give_name(*this);
  } else {
    ModuleState::claim(other, *this);
  }
}

Part::Part(Part&& other) noexcept {
  if (registered_source == &other) {
    Registration::give_name(*this);
  } else if (other.owner_ != nullptr && other.tie_ != Tie::owned) {
    take_place_of(other);
  }
}

Part& Part::operator=(const Part& other) {
  if (this != &other && owner_ == nullptr) ModuleState::claim(other, *this);
  return *this;
}

Part& Part::operator=(Part&& other) noexcept {
  if (owner_ == nullptr && other.owner_ != nullptr && other.tie_ == Tie::loose)
    take_place_of(other);
  return *this;
}

Part::~Part() {
  if (owner_ != nullptr) owner_->lose(*this);
}

void Part::take_place_of(Part& other) noexcept {
  owner_ = std::exchange(other.owner_, nullptr);
  owner_->replace(other, this);
}

Registration::Registration(const Module& owner, const std::string& name, const Module& module)
    : Registration(owner, name, PartKind::module, module) {
  const std::size_t lowest = owner_->levels_above() + 1 + ModuleState::of(module)->levels();
  require<ValueError>(lowest <= Module::most_levels,
                      "add: '{}' would put a module {} levels deep; {} are the most", name, lowest,
                      Module::most_levels);
  // Full paths, for to_dot() and messages: "weight" becomes "conv1.weight".
  for (const auto& [path, parameter] : module.named_parameters())
    parameter.set_name(name + '.' + path);
}

Registration::Registration(const Module& owner, const std::string& name, PartKind kind,
                           const Part& source)
    : owner_(owner.state()), owner_before_(registered_owner), source_before_(registered_source) {
  require<ValueError>(!name.empty() && name.find('.') == std::string::npos,
                      "add: '{}' cannot name a part of {}: names are not empty and have no dot",
                      name, owner.type_name());
  ModuleState::Entry* const entry = owner_->find(name);
  // One that waits for a copy is made anew where a copy constructor of the user's does so.
  require<ValueError>(entry == nullptr || (entry->part == nullptr && entry->source != nullptr),
                      "add: {} has a part named '{}' already", owner.type_name(), name);
  if (entry != nullptr) std::erase_if(owner_->entries, [&](const auto& e) { return &e == entry; });
  owner_->entries.push_back({name, kind});
  registered_owner = owner_.get();
  registered_source = &source;
}

void Registration::give_name(Part& part) noexcept {
  part.owner_ = registered_owner;
  part.tie_ = Part::Tie::loose;
  registered_owner->entries.back().part = &part;
  registered_source = nullptr;
}

Registration::~Registration() {
  // Nothing was made of the source.
  if (registered_source != nullptr) owner_->entries.pop_back();
  registered_owner = owner_before_;
  registered_source = source_before_;
}

std::shared_ptr<ModuleState> ModuleState::copy_of(const std::shared_ptr<ModuleState>& from,
                                                  const Module* owner) {
  if (!from) return nullptr;
  auto made = std::make_shared<ModuleState>(owner);
  made->training = from->is_training();
  made->computes = from->computes;
  bool awaits = false;
  for (const Entry& entry : from->entries) {
    made->entries.push_back({entry.name, entry.kind});
    Entry& copy = made->entries.back();
    if (entry.owned) {
      copy.owned = entry.copier(*entry.owned);
      copy.copier = entry.copier;
      copy.part = copy.owned.get();
      copy.part->owner_ = made.get();
      copy.part->tie_ = Part::Tie::owned;
    } else {
      copy.source = entry.part;
      copy.source_owner = from;
      awaits |= entry.part != nullptr;
    }
  }
  if (awaits) copies.push_back(made);
  return made;
}

void ModuleState::claim(const Part& source, Part& part) {
  for (std::size_t i = copies.size(); i-- > 0;) {
    const auto state = copies[i].lock();
    bool awaits = false;
    bool found = false;
    if (state)
      for (Entry& entry : state->entries) {
        if (!found && entry.source == &source && entry.source_owner.lock().get() == source.owner_) {
          entry.part = &part;
          entry.source = nullptr;
          part.owner_ = state.get();
          found = true;
        }
        awaits |= entry.source != nullptr;
      }
    if (!awaits) copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(i));
    if (found) return;
  }
}

ModuleState::Entry* ModuleState::find(const std::string& name) {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  return found == entries.end() ? nullptr : &*found;
}

void ModuleState::lose(const Part& part) noexcept { replace(part, nullptr); }

void ModuleState::replace(const Part& part, Part* by) noexcept {
  for (Entry& entry : entries)
    if (entry.part == &part) entry.part = by;
}

void ModuleState::erase(const std::string& name) {
  std::unique_ptr<Module> last;  // ends when it is no entry any more
  if (Entry* const entry = find(name)) last.swap(entry->owned);
  std::erase_if(entries, [&](const Entry& entry) { return entry.name == name; });
}

void ModuleState::release_parts() noexcept {
  for (Entry& entry : entries)
    if (entry.part != nullptr) std::exchange(entry.part, nullptr)->owner_ = nullptr;
}

void ModuleState::loosen_parts() noexcept {
  for (Entry& entry : entries)
    if (entry.part != nullptr && !entry.owned) entry.part->tie_ = Part::Tie::loose;
}

Part& ModuleState::part_at(const Entry& entry) const {
  if (entry.part == nullptr)
    raise<GraphError>(
        "{}: its part '{}' is gone: what add() gives is to be a member that is copied and moved "
        "with the module, as in nn::Linear fc = add(\"fc\", …); lists of modules are in a "
        "std::vector, or in nn::Sequential and nn::ModuleList",
        module->type_name(), entry.name);
  return *entry.part;
}

NamedTensors ModuleState::collect(PartKind kind, bool once) const {
  NamedTensors result;
  std::unordered_set<const void*> seen;
  visit("", [&](const std::string& path, const ModuleState& at) {
    for (const Entry& entry : at.entries) {
      if (entry.kind != kind) continue;
      const Tensor& x = at.tensor_at(entry);
      if (x.defined() && (seen.insert(x.impl()).second || !once))
        result.emplace_back(path + entry.name, x);
    }
  });
  return result;
}

bool ModuleState::is_trained() const {
  return std::ranges::any_of(entries, [this](const Entry& entry) {
    if (entry.kind == PartKind::module) return of(module_at(entry))->is_trained();
    return entry.kind == PartKind::parameter && tensor_at(entry).defined() &&
           tensor_at(entry).requires_grad();
  });
}

bool ModuleState::contains(const Module& wanted) const {
  return std::ranges::any_of(entries, [&](const Entry& entry) {
    return entry.part == &wanted ||
           (entry.kind == PartKind::module && of(module_at(entry))->contains(wanted));
  });
}

bool ModuleState::trains_all_of(const ModuleState& other) const {
  std::unordered_set<const void*> own;
  for (const auto& [path, x] : collect(PartKind::parameter)) own.insert(x.impl());
  return std::ranges::all_of(other.collect(PartKind::parameter), [&](const auto& named) {
    return !named.second.requires_grad() || own.contains(named.second.impl());
  });
}

std::optional<std::string> ModuleState::path_to(const Module& wanted) const {
  for (const Entry& entry : entries) {
    if (entry.kind != PartKind::module || entry.part == nullptr) continue;
    if (entry.part == &wanted) return entry.name;
    if (const auto rest = of(module_at(entry))->path_to(wanted)) return entry.name + '.' + *rest;
  }
  return {};
}

std::string ModuleState::path() const {
  const ModuleState* const above = module->owner_;
  if (above == nullptr) return "";
  for (const Entry& entry : above->entries)
    if (entry.part == module) return above->path() + entry.name + '.';
  return "";
}

std::size_t ModuleState::levels_above() const {
  return module->owner_ == nullptr ? 0 : 1 + module->owner_->levels_above();
}

std::size_t ModuleState::levels() const {
  std::size_t below = 0;
  each_child([&](const std::string&, const Module& child) {
    below = std::max(below, of(child)->levels());
  });
  return 1 + below;
}

}  // namespace xgrad::nn::detail
