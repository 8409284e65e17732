#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/module_state.hpp>
#include <xgrad/ops/arithmetic.hpp>

#include <algorithm>
#include <ostream>
#include <unordered_map>
#include <unordered_set>

namespace xgrad::nn {
namespace {

/// Whether files keep numbers of `to` as `from` to be small, so that each has its value there.
bool widens(DType from, DType to) {
  const bool small = is_half(from) || from == int32 || from == uint8;
  return small && is_floating(from) == is_floating(to) && promote(from, to) == to && to != boolean;
}

/// The values under the names that the prefixes make of theirs.
StateDict renamed(const StateDict& values, const LoadOptions& options) {
  StateDict result;
  std::vector<bool> fits(options.prefixes.size());
  for (const auto& [name, x] : values) {
    const auto found = std::ranges::find_if(
        options.prefixes,
        [&, &given = name](const auto& prefix) { return given.starts_with(prefix.first); });
    if (found == options.prefixes.end()) {
      result.emplace_back(name, x);
      continue;
    }
    fits[static_cast<std::size_t>(found - options.prefixes.begin())] = true;
    result.emplace_back(found->second + name.substr(found->first.size()), x);
  }
  for (std::size_t i = 0; i < fits.size(); ++i)
    if (!fits[i])
      raise<ValueError>("load_state_dict: no name is left that begins with the prefix '{}'; {}",
                        excerpt(options.prefixes[i].first),
                        values.empty() ? "nothing is given"
                                       : fmt::format("the first is {}", excerpt(values[0].first)));
  return result;
}

/// Values that are the module's own under other names, as where two layers change places, would
/// change on the way: those are copied first.
void keep_apart(std::vector<std::pair<Tensor, Tensor>>& pairs) {
  std::unordered_set<const void*> own;
  for (const auto& [mine, other] : pairs) own.insert(mine.storage().get());
  for (auto& [mine, other] : pairs)
    if (mine.storage() != other.storage() && own.contains(other.storage().get()))
      other = other.detach().clone();
}

/// What is given for which tensor of a module.
struct Match {
  std::vector<std::pair<Tensor, Tensor>> pairs;  // own, given
  LoadReport report;
  std::vector<std::string> problems;

  void compare(const std::string& name, const Tensor& own, const Tensor& given, bool skips) {
    const bool same_shape = given.shape() == own.shape();
    if (same_shape && (given.dtype() == own.dtype() || widens(given.dtype(), own.dtype()))) {
      pairs.emplace_back(own, given);
      report.loaded.push_back(name);
    } else if (skips) {
      report.mismatched.push_back({name, own.shape(), given.shape(), own.dtype(), given.dtype()});
    } else if (!same_shape) {
      problems.push_back(fmt::format("shape: {} is {} here and {} in what is loaded", name,
                                     own.shape(), given.shape()));
    } else {
      problems.push_back(fmt::format("dtype: {} is {} here and {} in what is loaded", name,
                                     own.dtype(), given.dtype()));
    }
  }
};

/// The first name of each tensor that has another, by the other.
std::unordered_map<std::string, std::string> other_names(const detail::ModuleState& state) {
  std::unordered_map<std::string, std::string> result;
  for (const auto kind : {detail::PartKind::parameter, detail::PartKind::buffer}) {
    std::unordered_map<const void*, std::string> first;
    for (const auto& [name, x] : state.collect_every(kind)) {
      const auto [known, is_new] = first.emplace(x.impl(), name);
      if (!is_new) result.emplace(name, known->second);
    }
  }
  return result;
}

bool are_equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         allclose(a.detach(), b.detach(), 0, 0, true);
}

/// The values with each tensor under the first of its names, as a state has it. Other programs save
/// a tied weight under both.
StateDict under_first_names(const detail::ModuleState& state, const StateDict& values,
                            std::vector<std::string>& problems) {
  const auto others = other_names(state);
  if (others.empty()) return values;
  std::unordered_map<std::string, const Tensor*> given;
  for (const auto& [name, x] : values)
    if (!others.contains(name)) given.emplace(name, &x);
  StateDict result;
  for (const auto& [name, x] : values) {
    const auto other = others.find(name);
    if (other == others.end()) {
      result.emplace_back(name, x);
    } else if (const auto [same, is_new] = given.emplace(other->second, &x); is_new) {
      result.emplace_back(other->second, x);
    } else if (!are_equal(*same->second, x)) {
      problems.push_back(fmt::format(
          "tied: {} and {} are one tensor here, and two in what is loaded", other->second, name));
    }
  }
  return result;
}

Match match(const StateDict& own, const StateDict& values, const LoadOptions& options,
            std::vector<std::string> problems) {
  Match result{.pairs = {}, .report = {}, .problems = std::move(problems)};
  std::unordered_map<std::string_view, const Tensor*> given;
  std::unordered_set<std::string_view> known;
  for (const auto& [name, x] : values) given.emplace(name, &x);
  for (const auto& [name, x] : own) {
    known.insert(name);
    if (const auto found = given.find(name); found != given.end()) {
      result.compare(name, x, *found->second, options.skip_mismatched);
      continue;
    }
    result.report.missing.push_back({name, x.shape()});
    if (options.strict) result.problems.push_back(fmt::format("missing: {} {}", name, x.shape()));
  }
  for (const auto& [name, x] : values) {
    if (!known.contains(name)) {
      result.report.unexpected.push_back({name, x.shape()});
      if (options.strict)
        result.problems.push_back(fmt::format("unexpected: {} {}", excerpt(name), x.shape()));
    }
    if (const auto first = given.find(name); first->second != &x)
      result.problems.push_back(fmt::format("twice: {} {}", excerpt(name), x.shape()));
  }
  return result;
}

}  // namespace

LoadReport Module::load_state_dict(const StateDict& values, const LoadOptions& options) {
  const StateDict own = state_dict();
  std::vector<std::string> problems;
  const StateDict given = under_first_names(
      *state(), options.prefixes.empty() ? values : renamed(values, options), problems);
  Match found = match(own, given, options, std::move(problems));
  if (!found.problems.empty())
    raise<ValueError>("load_state_dict: {} does not match:{}", type_name(),
                      xgrad::detail::lines(found.problems));
  if (found.report.unexpected.size() == given.size() && !given.empty() && !own.empty())
    raise<ValueError>(
        "load_state_dict: none of the {} tensors given is one of {}'s {}; the first are '{}' and "
        "'{}'; prefixes rename what is given",
        given.size(), type_name(), own.size(), excerpt(given[0].first), own[0].first);
  keep_apart(found.pairs);
  for (const auto& [mine, other] : found.pairs) mine.copy_(other.detach());
  return std::move(found.report);
}

namespace {

/// "; title: a, b, c", and nothing where there are none; of many the first.
template <class Entries, class F>
std::string listed(const char* title, const Entries& entries, const F& shown) {
  constexpr std::size_t most = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(entries.size(), most); ++i)
    out += (i == 0 ? fmt::format("; {}: ", title) : ", ") + shown(entries[i]);
  if (entries.size() > most) out += fmt::format(", and {} more", entries.size() - most);
  return out;
}

}  // namespace

std::string to_string(const LoadReport& report) {
  const std::size_t all = report.loaded.size() + report.missing.size() + report.mismatched.size();
  const auto entry = [](const LoadReport::Entry& e) {
    return fmt::format("{} {}", excerpt(e.name), e.shape);
  };
  const auto mismatch = [](const LoadReport::Mismatch& m) {
    return m.own == m.given
               ? fmt::format("{} {} here, {} given", m.name, m.own_dtype, m.given_dtype)
               : fmt::format("{} {} here, {} given", m.name, m.own, m.given);
  };
  return fmt::format("loaded {} of {} tensors", report.loaded.size(), all) +
         listed("missing", report.missing, entry) + listed("unexpected", report.unexpected, entry) +
         listed("mismatched", report.mismatched, mismatch);
}

std::ostream& operator<<(std::ostream& stream, const LoadReport& report) {
  return stream << to_string(report);
}

}  // namespace xgrad::nn
