#pragma once
// The same inputs through xgrad and libtorch. A family's file lists its operations, a line each, by
// the kinds of kinds.hpp; difference.hpp has what is made of the answers, and deliberate.cpp what
// differs on purpose.

#include <xgrad/autograd/autograd.hpp>
#include <xgrad/ops/ops.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace agreement {

using Ours = std::vector<xgrad::Tensor>;
using Theirs = std::vector<at::Tensor>;

/// A tensor that both sides get, and how it is called in reports.
struct Input {
  std::string what;
  xgrad::Tensor tensor;
};
using Inputs = std::vector<Input>;

struct Case {
  std::string operation;
  std::string what;  ///< of the inputs and arguments
  Ours inputs;
  std::function<Ours(const Ours&)> ours;
  std::function<Theirs(const Theirs&)> theirs;
};

/// Runs cases and counts.
class Suite {
 public:
  /// Only operations of these names, or all; every difference is printed where `verbose`, else the
  /// first few of an operation.
  Suite(std::set<std::string> only, bool verbose);
  ~Suite();

  void run(const Case& one);
  /// An operation that libtorch has not.
  void no_counterpart(const std::string& operation, const std::string& reason);
  /// Prints the counts; the program's exit code.
  int report();

 private:
  class Record;
  std::unique_ptr<Record> record_;
};

/// xgrad's tensor as libtorch's: the same values, lying in memory in the same way.
at::Tensor theirs(const xgrad::Tensor& x);
/// libtorch's as xgrad's, off the tape; undefined where xgrad has no such dtype.
xgrad::Tensor ours(const at::Tensor& x);

// ---- arguments as libtorch has them

template <class T>
c10::optional<T> theirs_of(const std::optional<T>& value) {
  return value ? c10::optional<T>(*value) : c10::nullopt;
}
inline std::vector<std::int64_t> list(const xgrad::detail::ShortList& extents) {
  return {extents.begin(), extents.end()};
}

// ---- results of any form as lists of tensors

inline Ours results(const xgrad::Tensor& x) { return {x}; }
inline Ours results(const std::vector<xgrad::Tensor>& x) { return x; }
inline Ours results(const xgrad::Ranked& x) { return {x.values, x.indices}; }
inline Ours results(const xgrad::MinMax& x) { return {x.min, x.max}; }
inline Ours results(const std::pair<xgrad::Tensor, xgrad::Tensor>& x) {
  return {x.first, x.second};
}
inline Theirs results(const at::Tensor& x) { return {x}; }
inline Theirs results(const std::vector<at::Tensor>& x) { return x; }
template <class... T>
Theirs results(const std::tuple<T...>& x) {
  return std::apply([](const auto&... one) { return Theirs{one...}; }, x);
}

/// A case of f on our tensors and g on theirs, each called with the list of them.
template <class F, class G>
void check(Suite& suite, const std::string& operation, const Inputs& inputs,
           const std::string& with, F f, G g) {
  Case one{operation,
           "",
           {},
           [f](const Ours& x) { return results(f(x)); },
           [g](const Theirs& x) { return results(g(x)); }};
  for (const Input& input : inputs) {
    one.what += (one.what.empty() ? "" : "; ") + input.what;
    one.inputs.push_back(input.tensor);
  }
  if (!with.empty()) one.what += (one.what.empty() ? "" : "; ") + with;
  suite.run(one);
}
/// Where both are called alike: a generic lambda finds xgrad's function for our tensors and at's
/// for theirs by their arguments.
template <class F>
void check(Suite& suite, const std::string& operation, const Inputs& inputs, F f) {
  check(suite, operation, inputs, "", f, f);
}

/// The same, of arguments that are in f and told in `with`.
template <class F>
void check(Suite& suite, const std::string& operation, const Inputs& inputs,
           const std::string& with, F f) {
  check(suite, operation, inputs, with, f, f);
}

// ---- families, each in its file

void pointwise(Suite& suite);
void activations(Suite& suite);
void logic(Suite& suite);
void reductions(Suite& suite);
void statistics(Suite& suite);
void scans(Suite& suite);
void shapes(Suite& suite);
void arrangements(Suite& suite);
void indices(Suite& suite);
void sorting(Suite& suite);
void products(Suite& suite);
void matrices(Suite& suite);
void losses(Suite& suite);
void margin_losses(Suite& suite);
void normalisation(Suite& suite);
void convolutions(Suite& suite);
void pools(Suite& suite);
void resampling(Suite& suite);
void recurrent(Suite& suite);
void creation(Suite& suite);
void in_place(Suite& suite);
void schedulers(Suite& suite);
void optimizers(Suite& suite);

}  // namespace agreement
