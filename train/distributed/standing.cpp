#include <xgrad/distributed/standing.hpp>

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

namespace xgrad::distributed::detail {
namespace {

using Standings = std::vector<const Standing*>;

std::string name_of(const Standing& process) { return detail::name_of(process.rank, process.host); }

/// "1st", "2nd", "11th"
std::string ordinal(std::uint64_t number) {
  constexpr std::array endings{"th", "st", "nd", "rd"};
  const auto last = number % 10;
  const bool is_teen = number / 10 % 10 == 1;
  return fmt::format("{}{}", number, endings[is_teen || last > 3 ? 0 : last]);
}

/// Those of `all` that `waiter` waits for, who comes last first.
Standings missing(const Standing& waiter, const Standings& all) {
  Standings result;
  std::ranges::copy_if(all, std::back_inserter(result), [&](const Standing* process) {
    if (process == &waiter) return false;
    if (waiter.whom == for_all) return process->begun < waiter.begun;
    if (waiter.whom == for_some) return !process->waits() && !process->ended;
    return process->rank == waiter.whom;
  });
  // Who waits as well is held up by another.
  std::ranges::sort(result, {}, [](const Standing* process) {
    return std::tuple(process->waits(), process->begun, process->rank);
  });
  return result;
}

std::string missing_of_some(const Standing& waiter, const Standings& missed, double waited) {
  constexpr std::size_t most = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(missed.size(), most); ++i)
    names += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(*missed[i]));
  if (missed.size() > most) names += fmt::format(" and {} others", missed.size() - most);
  return fmt::format("{} has waited {:g} s in {} for others of a smaller group; {}",
                     name_of(waiter), waited, waiter.operation,
                     names.empty() ? "all others wait as well" : "not waiting: " + names);
}

std::string missing_of(const Standing& waiter, const Standings& missed, double waited) {
  if (waiter.whom == for_some) return missing_of_some(waiter, missed, waited);
  if (missed.empty())
    return fmt::format("{} has waited {:g} s in {}, to which all have come", name_of(waiter),
                       waited, waiter.operation);
  const Standing& first = *missed.front();
  const std::size_t more = missed.size() - 1;
  std::string result = name_of(first);
  if (more > 0) result += fmt::format(" and {} other{}", more, more == 1 ? "" : "s");
  result += fmt::format(" {} not come to {}, for which {} waited {:g} s", more > 0 ? "have" : "has",
                        waiter.operation,
                        waiter.whom == for_all ? "others have" : name_of(waiter) + " has", waited);
  if (waiter.whom == for_all)
    result +=
        fmt::format("; {} is at its {} operation, they at their {}", more > 0 ? "the first" : "it",
                    ordinal(first.begun), ordinal(waiter.begun));
  if (first.waits()) result += fmt::format("; it waits in {} itself", first.operation);
  return result;
}

}  // namespace

std::string name_of(int rank, const std::string& host) {
  return fmt::format("rank {} (host {})", rank, host);
}

std::string blame(const Standings& all, double silence, double patience) {
  const Standing* longest = nullptr;
  for (const Standing* const waiter : all) {
    if (waiter->waited < std::min(silence, patience)) continue;
    for (const Standing* const process : missing(*waiter, all))
      if (process->ended)
        return fmt::format("{} has ended its program, others still wait for it in {}",
                           name_of(*process), waiter->operation);
    if (waiter->waited < patience) continue;
    if (longest == nullptr || waiter->waited > longest->waited) longest = waiter;
  }
  if (longest == nullptr) return "";
  // Whoever is missing may wait for another itself; in a circle of those the first is named.
  const Standing* waiter = longest;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Standings missed = missing(*waiter, all);
    const bool waits_as_well = !missed.empty() && missed.front()->waits();
    if (!waits_as_well || missing(*missed.front(), all).empty())
      return missing_of(*waiter, missed, std::min(patience, waiter->waited));
    waiter = missed.front();
  }
  return missing_of(*longest, missing(*longest, all), patience);
}

}  // namespace xgrad::distributed::detail
