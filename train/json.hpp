#pragma once
// Internal: JSON from files that anybody may have written.

#include <xgrad/autograd/error.hpp>

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xgrad::train {

/// IOError where it is nested deeper than anything of ours, which would take the stack of whoever
/// copies or prints it.
inline nlohmann::ordered_json parse_json(const std::string& text) {
  constexpr int deepest = 8;
  using Json = nlohmann::ordered_json;
  return Json::parse(text, [=](int depth, Json::parse_event_t, Json&) {
    if (depth > deepest) throw IOError(fmt::format("JSON nested deeper than {} levels", deepest));
    return true;
  });
}

}  // namespace xgrad::train
