#include "modules.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>

#include "difference.hpp"
#include "sides.hpp"

namespace agreement {
namespace {

using xgrad::DType;
using xgrad::Tensor;

const char* part_name(Part part) {
  constexpr const char* names[] = {"refusal", "names", "start",    "loading",
                                   "outputs", "state", "gradients"};
  return names[static_cast<std::size_t>(part)];
}

using Named = xgrad::NamedTensors;

// ---- modules of both sides under the same names

Tensor as_ours(const Tensor& x) { return x.defined() ? x.detach().clone() : x; }
Tensor as_ours(const at::Tensor& x) { return ours(x); }

Named parameters(const nn::Module& module) { return module.named_parameters(); }
Named buffers(const nn::Module& module) { return module.named_buffers(); }

using TheirNamed = std::vector<std::pair<std::string, at::Tensor>>;

TheirNamed listed_of(const torch::OrderedDict<std::string, at::Tensor>& all) {
  TheirNamed list;
  for (const auto& item : all) list.emplace_back(item.key(), item.value());
  return list;
}
TheirNamed parameters(const torch::nn::Module& module) {
  return listed_of(module.named_parameters());
}
TheirNamed buffers(const torch::nn::Module& module) { return listed_of(module.named_buffers()); }

template <class Module>
Named state_of(const Module& module) {
  Named all;
  for (const auto& [key, value] : parameters(module)) all.emplace_back(key, as_ours(value));
  for (const auto& [key, value] : buffers(module)) all.emplace_back(key, as_ours(value));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

void convert(nn::Module& module, DType dtype) { module.to(dtype); }
/// libtorch's to() makes integer buffers floating too.
void convert(torch::nn::Module& module, DType dtype) {
  const auto type = dtype == xgrad::float64 ? at::kDouble : at::kFloat;
  for (const TheirNamed& all : {parameters(module), buffers(module)})
    for (const auto& [key, value] : all)
      if (value.is_floating_point()) value.set_data(value.to(type));
}

const Tensor* find(const Named& all, const std::string& key) {
  for (const auto& [own, value] : all)
    if (own == key) return &value;
  return nullptr;
}

void load(torch::nn::Module& module, const Named& state) {
  const at::NoGradGuard guard;
  for (const TheirNamed& all : {parameters(module), buffers(module)})
    for (const auto& [key, value] : all)
      if (const Tensor* const x = find(state, key)) value.copy_(theirs(*x));
}

/// Other numbers in the place of those a module starts with: variances stay positive.
Named scrambled(const nn::Module& module) {
  Named all;
  std::uint64_t seed = 100;
  for (const auto& [key, value] : module.named_parameters())
    all.emplace_back(key, random(value.shape(), value.dtype(), -0.7, 0.7, seed++).tensor);
  for (const auto& [key, value] : module.named_buffers())
    all.emplace_back(key, xgrad::is_floating(value.dtype())
                              ? random(value.shape(), value.dtype(), 0.5, 1.5, seed++).tensor
                              : value);
  return all;
}

// ---- what a module makes of inputs

struct Found {
  Named outputs = {}, state = {}, gradients = {};
  std::string refusal = {};
};

std::string message_of(const std::exception& error) {
  const std::string all = error.what();
  const std::string first = all.substr(0, all.find('\n'));
  return first.empty() ? "no message" : first;
}

Tensor given_to(const Tensor&, const Tensor& x) { return x; }
at::Tensor given_to(const at::Tensor&, const Tensor& x) { return theirs(x); }

template <class Side, class Made>
Found found_by(const Made& made, const Ours& given, std::size_t differentiable) {
  using T = typename Side::Tensor;
  Found all;
  try {
    std::vector<T> inputs, leaves;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < given.size(); ++i) {
      inputs.push_back(given_to(T(), given[i]));
      if (i >= differentiable || !Side::floating(inputs[i])) continue;
      inputs[i] = Side::leaf(inputs[i]);
      leaves.push_back(inputs[i]);
      names.push_back("input " + std::to_string(i));
    }
    for (const auto& [key, value] : parameters(*made.module)) {
      leaves.push_back(value);
      names.push_back(key);
    }
    const std::vector<T> y = made.call(inputs);
    for (std::size_t i = 0; i < y.size(); ++i)
      all.outputs.emplace_back("output " + std::to_string(i), as_ours(y[i]));
    all.state = state_of(*made.module);
    const std::vector<T> slopes = gradient<Side>(y, leaves, false);
    for (std::size_t i = 0; i < slopes.size(); ++i)
      all.gradients.emplace_back(names[i], as_ours(slopes[i]));
    std::sort(all.gradients.begin(), all.gradients.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  } catch (const std::exception& error) {
    all.refusal = message_of(error);
  }
  return all;
}

// ---- what differs

std::string described(const Tensor& x) {
  if (!x.defined()) return "undefined";
  return std::string(xgrad::name(x.dtype())) + " " + xgrad::to_string(x.shape());
}

std::string described(const Named& all) {
  std::string text;
  for (const auto& [key, value] : all)
    text += (text.empty() ? "" : ", ") + key + " " + described(value);
  return text.empty() ? "none" : text;
}

std::string form_difference(const Named& a, const Named& b) {
  const std::string x = described(a), y = described(b);
  return x == y ? "" : x + "; libtorch: " + y;
}

/// Derivatives may be sums that cancel, of terms as large as the others are.
double scale_of_all(const Named& all) {
  Ours tensors;
  for (const auto& [key, value] : all) tensors.push_back(value);
  return scale_of(tensors);
}

std::string difference_of(const Named& a, const Named& b, DType dtype, bool cancels) {
  const std::string form = form_difference(a, b);
  if (!form.empty()) return form;
  const double scale = cancels ? scale_of_all(b) : 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].second.defined()) continue;
    const std::string what =
        value_difference(a[i].second, b[i].second, dtype == xgrad::float64 ? 1e-9 : 1e-5, scale);
    if (!what.empty()) return a[i].first + ": " + what;
  }
  return "";
}

/// What all of a tensor's values are, where they are one.
std::optional<double> constant(const Tensor& x) {
  if (!x.defined() || x.numel() < 2) return {};
  const std::vector<double> values = x.to(xgrad::float64).to_vector<double>();
  for (const double value : values)
    if (value != values[0]) return {};
  return values[0];
}

std::string start_difference(const Named& a, const Named& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (constant(a[i].second) != constant(b[i].second))
      return a[i].first + ": one of the two starts with one number, or with another";
  return "";
}

Ours in_dtype(const Inputs& inputs, DType dtype) {
  Ours all;
  for (const Input& one : inputs)
    all.push_back(xgrad::is_floating(one.tensor.dtype()) ? one.tensor.to(dtype) : one.tensor);
  return all;
}

}  // namespace

class Modules::Record {
 public:
  explicit Record(std::set<std::string> only) : only_(std::move(only)) {}

  bool wants(const std::string& module) const { return only_.empty() || only_.contains(module); }
  void no_counterpart(const std::string& module, const std::string& reason) {
    without_counterpart_[module] = reason;
  }

  /// A configuration's comparisons, as they come.
  class Of {
   public:
    Of(Record& record, const Line& line) : record_(record), line_(line) {
      ++record.counts_[line.module].configurations;
    }
    ~Of() {
      if (line_.because.empty() || expected_) return;
      ++record_.stale_;
      std::printf("%s: differs no longer, though it is told why:\n    %s\n", name().c_str(),
                  line_.because.c_str());
    }
    Of(const Of&) = delete;
    Of& operator=(const Of&) = delete;

    /// Whether nothing differs.
    bool check(Part part, const std::string& how, const std::string& difference) {
      Counts& counts = record_.counts_[line_.module];
      if (difference.empty()) {
        ++counts.agree;
        return true;
      }
      if (std::find(line_.but.begin(), line_.but.end(), part) != line_.but.end()) {
        expected_ = true;
        ++counts.deliberate;
        ++record_.reasons_[line_.because];
        return false;
      }
      ++counts.differ;
      std::printf("%s: %s%s: %s\n", name().c_str(), part_name(part), how.c_str(),
                  difference.c_str());
      return false;
    }

   private:
    std::string name() const {
      std::string all = line_.module + " (" + line_.options + ")";
      for (const Input& one : line_.inputs) all += "; " + one.what;
      return all;
    }
    Record& record_;
    const Line& line_;
    bool expected_ = false;
  };

  int report() const;

 private:
  struct Counts {
    std::size_t configurations = 0, agree = 0, deliberate = 0, differ = 0;
  };
  std::set<std::string> only_;
  std::map<std::string, Counts> counts_;
  std::map<std::string, std::size_t> reasons_;
  std::map<std::string, std::string> without_counterpart_;
  std::size_t stale_ = 0;
};

int Modules::Record::report() const {
  Counts all;
  for (const auto& [module, counts] : counts_) {
    all.configurations += counts.configurations;
    all.agree += counts.agree;
    all.deliberate += counts.deliberate;
    all.differ += counts.differ;
    if (counts.differ > 0 || !only_.empty())
      std::printf("%-24s %4zu configurations: %5zu agree, %zu differ on purpose, %zu otherwise\n",
                  module.c_str(), counts.configurations, counts.agree, counts.deliberate,
                  counts.differ);
  }
  std::printf("\nOn purpose:\n");
  for (const auto& [reason, count] : reasons_) std::printf("%6zu  %s\n", count, reason.c_str());
  std::printf("\nNo counterpart in this libtorch:\n");
  for (const auto& [module, reason] : without_counterpart_)
    std::printf("        %s: %s\n", module.c_str(), reason.c_str());
  std::printf(
      "\n%zu modules, %zu configurations, %zu comparisons: %zu agree, %zu differ unexplained, %zu "
      "differ on purpose; %zu modules have no counterpart\n",
      counts_.size(), all.configurations, all.agree + all.deliberate + all.differ, all.agree,
      all.differ, all.deliberate, without_counterpart_.size());
  if (stale_ > 0)
    std::printf("%zu of the differences on purpose no longer occur: take them out\n", stale_);
  return all.differ > 0 || stale_ > 0 ? 1 : 0;
}

Modules::Modules(std::set<std::string> only) : record_(std::make_unique<Record>(std::move(only))) {}
Modules::~Modules() = default;

void Modules::no_counterpart(const std::string& module, const std::string& reason) {
  record_->no_counterpart(module, reason);
}
int Modules::report() { return record_->report(); }

namespace {

/// A module of each side, or why there is none.
struct Pair {
  OurModule ours;
  TheirModule theirs;
  std::string our_refusal, their_refusal;
};

Pair made(const std::function<OurModule()>& ours, const std::function<TheirModule()>& theirs,
          DType dtype) {
  Pair pair;
  try {
    pair.ours = ours();
    convert(*pair.ours.module, dtype);
  } catch (const std::exception& error) {
    pair.our_refusal = message_of(error);
  }
  try {
    pair.theirs = theirs();
    convert(*pair.theirs.module, dtype);
  } catch (const std::exception& error) {
    pair.their_refusal = message_of(error);
  }
  return pair;
}

std::string told(const std::string& refusal) {
  return refusal.empty() ? "takes it" : "refuses (" + refusal + ")";
}

std::string refusal_difference(const std::string& ours, const std::string& theirs,
                               bool both_refuse) {
  if (ours.empty() != both_refuse && theirs.empty() != both_refuse) return "";
  return "xgrad " + told(ours) + ", libtorch " + told(theirs);
}

/// A call of both, in whichever mode they are; whether they take the inputs.
template <class Check>
bool call(const Line& line, const Pair& pair, DType dtype, const std::string& how, Check& check) {
  const Ours inputs = in_dtype(line.inputs, dtype);
  const Found a = found_by<Xgrad>(pair.ours, inputs, line.differentiable);
  const Found b = found_by<Libtorch>(pair.theirs, inputs, line.differentiable);
  const std::string refusal = refusal_difference(a.refusal, b.refusal, false);
  if (!refusal.empty()) return check.check(Part::refusal, how, refusal);
  check.check(Part::outputs, how, difference_of(a.outputs, b.outputs, dtype, false));
  if (!b.state.empty())
    check.check(Part::state, how, difference_of(a.state, b.state, dtype, false));
  if (!b.gradients.empty())
    check.check(Part::gradients, how, difference_of(a.gradients, b.gradients, dtype, true));
  return true;
}

/// In training, which may change the state, and then in evaluation.
template <class Check>
bool call_in_both_modes(const Line& line, const Pair& pair, DType dtype, const std::string& how,
                        Check& check) {
  for (const bool training : {true, false}) {
    if (training && !line.in_training) continue;
    pair.ours.module->train(training);
    pair.theirs.module->train(training);
    if (!call(line, pair, dtype, how + (training ? ", in training" : ", in evaluation"), check))
      return false;
  }
  return true;
}

std::string loading_refusal(nn::Module& module, const Named& state) {
  try {
    module.load_state_dict(state);
    return "";
  } catch (const std::exception& error) {
    return message_of(error);
  }
}

}  // namespace

void Modules::run(const Line& line, const std::function<OurModule()>& ours,
                  const std::function<TheirModule()>& theirs) {
  if (!record_->wants(line.module)) return;
  Record::Of check(*record_, line);
  for (const DType dtype : {xgrad::float64, xgrad::float32}) {
    const std::string in = dtype == xgrad::float64 ? "" : ", float32";
    const Pair pair = made(ours, theirs, dtype);
    const std::string refusal = refusal_difference(pair.our_refusal, pair.their_refusal, false);
    if (!refusal.empty()) {
      check.check(Part::refusal, in, refusal);
      return;
    }
    if (dtype == xgrad::float64) {
      const Named theirs_first = state_of(*pair.theirs.module);
      const Named ours_first = state_of(*pair.ours.module);
      if (!theirs_first.empty() || !ours_first.empty()) {
        if (check.check(Part::names, in, form_difference(ours_first, theirs_first)))
          check.check(Part::start, in, start_difference(ours_first, theirs_first));
        check.check(Part::loading, in, loading_refusal(*pair.ours.module, theirs_first));
        if (!call_in_both_modes(line, pair, dtype, in + ", with libtorch's state", check)) return;
      }
    }
    pair.ours.module->load_state_dict(scrambled(*pair.ours.module));
    load(*pair.theirs.module, state_of(*pair.ours.module));
    if (!call_in_both_modes(line, pair, dtype, in + ", with xgrad's state", check)) return;
  }
}

void Modules::refused(const Line& line, const std::function<OurModule()>& ours,
                      const std::function<TheirModule()>& theirs) {
  if (!record_->wants(line.module)) return;
  Record::Of check(*record_, line);
  Pair pair = made(ours, theirs, xgrad::float64);
  const Ours inputs = in_dtype(line.inputs, xgrad::float64);
  if (pair.our_refusal.empty())
    pair.our_refusal = found_by<Xgrad>(pair.ours, inputs, line.differentiable).refusal;
  if (pair.their_refusal.empty())
    pair.their_refusal = found_by<Libtorch>(pair.theirs, inputs, line.differentiable).refusal;
  check.check(Part::refusal, "", refusal_difference(pair.our_refusal, pair.their_refusal, true));
}

}  // namespace agreement
