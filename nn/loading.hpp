#pragma once
// What Module::load_state_dict() is told, and what it tells.

#include <xgrad/autograd/tensor.hpp>

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct LoadOptions {
  /// Whether each tensor of the module must be given, and no other.
  bool strict = true;
  /// Names of what is loaded that begin with the first get the second in its place: {"backbone.",
  /// "features."} renames, {"module.", ""} takes away, {"", "net."} puts in front. Of several the
  /// first that fits is taken, once. ValueError where no name begins so.
  std::vector<std::pair<std::string, std::string>> prefixes = {};
  /// Leaves tensors of another shape or dtype out, and reports them; otherwise they are a
  /// ValueError, `strict` or not.
  bool skip_mismatched = false;
};

/// What was loaded and what was not.
struct LoadReport {
  struct Entry {
    std::string name;
    Shape shape;
  };
  struct Mismatch {
    std::string name;
    Shape own, given;
    DType own_dtype, given_dtype;
  };
  std::vector<std::string> loaded;   ///< as the module calls them
  std::vector<Entry> missing;        ///< of the module, not given
  std::vector<Entry> unexpected;     ///< given, not of the module, renamed by `prefixes`
  std::vector<Mismatch> mismatched;  ///< given, but of another shape or dtype
};

/// "loaded 60 of 62 tensors; missing: fc.weight [10, 512], fc.bias [10]; unexpected: …"
std::string to_string(const LoadReport& report);
std::ostream& operator<<(std::ostream& stream, const LoadReport& report);

}  // namespace xgrad::nn

#pragma GCC visibility pop
