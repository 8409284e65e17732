// What differs on purpose, each with its reason, and tolerances other than the usual ones.
#include "agreement.hpp"

namespace agreement {
namespace {

/// Cases whose description has the text.
auto with(const std::string& text) {
  return [text](const Case& one) { return one.what.find(text) != std::string::npos; };
}
bool always(const Case&) { return true; }

}  // namespace

double tolerance(const Case&, Aspect, xgrad::DType dtype) {
  switch (dtype) {
    case xgrad::float64:
      return 1e-9;
    case xgrad::float32:
      return 1e-5;
    case xgrad::float16:
      return 0x1p-9;
    default:
      return 0x1p-6;
  }
}

std::vector<Deliberate> deliberate_differences() { return {}; }

}  // namespace agreement
