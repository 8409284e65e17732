#pragma once
// Internal: the page of a run.

#include <xgrad/report/run.hpp>

#include <string>
#include <vector>

namespace xgrad::report::detail {

/// `files` are the names of those that lie beside the page, to be linked.
std::string page(const Run& run, const std::vector<std::string>& files,
                 const WriteOptions& options);

}  // namespace xgrad::report::detail
