// Losses.
#include "modules.hpp"

namespace agreement {
namespace {

using xgrad::Reduction;
using xgrad::Shape;
using xgrad::Tensor;

struct Reduced {
  Reduction ours;
  const char* name;
};
constexpr Reduced reductions[] = {
    {Reduction::mean, "mean"}, {Reduction::sum, "sum"}, {Reduction::none, "none"}};

template <class Options>
Options reduced(Options options, const Reduced& by) {
  if (by.ours == Reduction::mean) options.reduction(torch::kMean);
  if (by.ours == Reduction::sum) options.reduction(torch::kSum);
  if (by.ours == Reduction::none) options.reduction(torch::kNone);
  return options;
}
template <class Options>
Options reduced_ours(Options options, const Reduced& by) {
  options.reduction = by.ours;
  return options;
}

Input weighted(const Shape& shape) { return random(shape, xgrad::float64, 0.5, 2, 77); }
Input signs(const Shape& shape) {
  const Input bits = whole(shape, xgrad::float64, 0, 2, 5);
  return {"signs " + bits.what, bits.tensor * 2 - 1};
}
/// In (0, 1).
Input chances(const Shape& shape, std::uint64_t seed = 1) {
  return random(shape, xgrad::float64, 0.05, 0.95, seed);
}
Input log_chances(const Shape& shape) {
  const Input x = random(shape);
  if (shape.empty()) return x;
  return {"log_softmax of " + x.what, xgrad::log_softmax(x.tensor, shape.size() > 1 ? 1 : 0)};
}

/// A loss by each reduction and on each list of inputs, and not on the wrong ones.
template <class Ours, class Theirs, std::size_t count, class Call = Of<count>, class A, class B>
void loss_module(Modules& s, const std::string& module, const std::string& options,
                 const std::vector<Inputs>& inputs, const A& ours, const B& theirs,
                 const std::vector<Inputs>& wrong = {}, std::size_t differentiable = 9) {
  for (const Reduced& by : reductions) {
    const auto f = [=] { return Ours(reduced_ours(ours, by)); };
    const auto g = [=] { return Theirs(reduced(theirs, by)); };
    const std::string with = options + (options.empty() ? "" : ", ") + by.name;
    for (const Inputs& each : inputs)
      compare(s, {module, with, each, differentiable}, f, g, Call());
    for (const Inputs& each : wrong) refuse(s, {module, with, each}, f, g, Call());
  }
}

std::vector<Inputs> pairs() {
  std::vector<Inputs> all;
  for (const Shape& shape : {Shape{3, 4}, Shape{5}, Shape{}, Shape{2, 3, 4}, Shape{0, 3}})
    all.push_back({random(shape), random(shape, xgrad::float64, -3, 3, 2)});
  return all;
}
std::vector<Inputs> pairs_with(Input (*left)(const Shape&), Input (*right)(const Shape&)) {
  std::vector<Inputs> all;
  for (const Shape& shape : {Shape{3, 4}, Shape{5}, Shape{}, Shape{2, 3, 4}, Shape{0, 3}})
    all.push_back({left(shape), right(shape)});
  return all;
}
Input any(const Shape& shape) { return random(shape); }
Input chance(const Shape& shape) { return chances(shape); }
Input other_chance(const Shape& shape) { return chances(shape, 2); }
Input counts(const Shape& shape) { return whole(shape, xgrad::float64, 0, 6, 3); }

const std::vector<Inputs>& unlike() {
  static const std::vector<Inputs> all{{random({3, 4}), random({3, 5})},
                                       {random({3}), random({5})}};
  return all;
}

void of_numbers(Modules& s) {
  loss_module<nn::MSELoss, torch::nn::MSELoss, 2>(s, "MSELoss", "", pairs(), xgrad::LossOptions{},
                                                  torch::nn::MSELossOptions(), unlike());
  loss_module<nn::L1Loss, torch::nn::L1Loss, 2>(s, "L1Loss", "", pairs(), xgrad::LossOptions{},
                                                torch::nn::L1LossOptions(), unlike());
  for (const double beta : {1., 0.3, 0.}) {
    loss_module<nn::SmoothL1Loss, torch::nn::SmoothL1Loss, 2>(
        s, "SmoothL1Loss", "beta " + std::to_string(beta), pairs(),
        xgrad::SmoothL1LossOptions{.beta = beta}, torch::nn::SmoothL1LossOptions().beta(beta),
        unlike());
    if (beta > 0)
      loss_module<nn::HuberLoss, torch::nn::HuberLoss, 2>(
          s, "HuberLoss", "delta " + std::to_string(beta), pairs(),
          xgrad::HuberLossOptions{.delta = beta}, torch::nn::HuberLossOptions().delta(beta),
          unlike());
  }
  for (const bool log_target : {false, true}) {
    const auto ours = xgrad::KlDivOptions{.log_target = log_target};
    const auto theirs = torch::nn::KLDivLossOptions().log_target(log_target);
    const auto inputs = pairs_with(log_chances, log_target ? log_chances : other_chance);
    loss_module<nn::KLDivLoss, torch::nn::KLDivLoss, 2>(
        s, "KLDivLoss", log_target ? "log_target" : "", inputs, ours, theirs);
    compare(
        s, {"KLDivLoss", "batchmean", inputs[0]},
        [=] {
          return nn::KLDivLoss({.reduction = Reduction::batchmean, .log_target = log_target});
        },
        [=] {
          return torch::nn::KLDivLoss(
              torch::nn::KLDivLossOptions(theirs).reduction(torch::kBatchMean));
        },
        Of<2>());
  }
  for (const bool log_input : {true, false})
    for (const bool full : {false, true})
      loss_module<nn::PoissonNLLLoss, torch::nn::PoissonNLLLoss, 2>(
          s, "PoissonNLLLoss",
          std::string(log_input ? "log_input" : "rates") + (full ? ", full" : ""),
          pairs_with(log_input ? any : chance, counts),
          xgrad::PoissonNllLossOptions{.log_input = log_input, .full = full, .eps = 1e-4},
          torch::nn::PoissonNLLLossOptions().log_input(log_input).full(full).eps(1e-4), {}, 1);
  s.no_counterpart("GaussianNLLLoss", "not in C++");
}

void of_chances(Modules& s) {
  loss_module<nn::BCELoss, torch::nn::BCELoss, 2>(
      s, "BCELoss", "", pairs_with(chance, other_chance), xgrad::BinaryCrossEntropyOptions{},
      torch::nn::BCELossOptions(), unlike(), 1);
  loss_module<nn::BCEWithLogitsLoss, torch::nn::BCEWithLogitsLoss, 2>(
      s, "BCEWithLogitsLoss", "", pairs_with(any, other_chance),
      xgrad::BinaryCrossEntropyWithLogitsOptions{}, torch::nn::BCEWithLogitsLossOptions(),
      unlike());
  for (const Shape& shape : {Shape{3, 4}, Shape{4}, Shape{3, 1}}) {
    const Tensor weight = weighted(shape).tensor;
    const std::vector<Inputs> inputs{{chances({3, 4}), chances({3, 4}, 2)}};
    loss_module<nn::BCELoss, torch::nn::BCELoss, 2>(
        s, "BCELoss", "weight " + xgrad::to_string(shape), inputs,
        xgrad::BinaryCrossEntropyOptions{.weight = weight},
        torch::nn::BCELossOptions().weight(theirs(weight)), {}, 1);
    loss_module<nn::BCEWithLogitsLoss, torch::nn::BCEWithLogitsLoss, 2>(
        s, "BCEWithLogitsLoss", "weight " + xgrad::to_string(shape), inputs,
        xgrad::BinaryCrossEntropyWithLogitsOptions{.weight = weight},
        torch::nn::BCEWithLogitsLossOptions().weight(theirs(weight)));
    loss_module<nn::BCEWithLogitsLoss, torch::nn::BCEWithLogitsLoss, 2>(
        s, "BCEWithLogitsLoss", "pos_weight " + xgrad::to_string(shape), inputs,
        xgrad::BinaryCrossEntropyWithLogitsOptions{.weight = weight, .pos_weight = weight.clone()},
        torch::nn::BCEWithLogitsLossOptions().weight(theirs(weight)).pos_weight(theirs(weight)));
  }
}

/// Scores [N, 5, …] and classes [N, …].
std::vector<Inputs> classified(Input (*scores)(const Shape&)) {
  return {{scores({3, 5}), whole({3}, xgrad::int64, 0, 5)},
          {scores({5}), whole({}, xgrad::int64, 0, 5)},
          {scores({3, 5, 2}), whole({3, 2}, xgrad::int64, 0, 5)},
          {scores({3, 5, 2, 4}), whole({3, 2, 4}, xgrad::int64, 0, 5)}};
}

void of_classes(Modules& s) {
  const Tensor weight = weighted({5}).tensor;
  const std::vector<Inputs> wrong{{random({3, 5}), whole({4}, xgrad::int64, 0, 5)},
                                  {random({3, 5}), integers({0, 5, 1})},
                                  {random({3, 5}), integers({0, -1, 1})},
                                  {random({3, 5, 2}), whole({3, 3}, xgrad::int64, 0, 5)}};
  for (const bool weights : {false, true})
    for (const std::int64_t ignored : {-100, 2}) {
      const std::string options =
          std::string(weights ? "weight, " : "") + "ignore_index " + std::to_string(ignored);
      const Tensor ours = weights ? weight : Tensor();
      const at::Tensor own = weights ? theirs(weight) : at::Tensor();
      std::vector<Inputs> rows = classified(log_chances);
      const Inputs single = rows[1];
      rows.erase(rows.begin() + 1);
      loss_module<nn::NLLLoss, torch::nn::NLLLoss, 2>(
          s, "NLLLoss", options, rows,
          xgrad::NllLossOptions{.weight = ours, .ignore_index = ignored},
          torch::nn::NLLLossOptions().weight(own).ignore_index(ignored), wrong);
      compare(
          s,
          {.module = "NLLLoss",
           .options = options,
           .inputs = single,
           .but = {Part::refusal},
           .because = "NLLLoss: libtorch's C++ takes no example without a batch"},
          [=] { return nn::NLLLoss({.weight = ours, .ignore_index = ignored}); },
          [=] {
            return torch::nn::NLLLoss(
                torch::nn::NLLLossOptions().weight(own).ignore_index(ignored));
          },
          Of<2>());
      for (const double smoothing : {0., 0.2})
        loss_module<nn::CrossEntropyLoss, torch::nn::CrossEntropyLoss, 2>(
            s, "CrossEntropyLoss", options + ", label_smoothing " + std::to_string(smoothing),
            classified(any),
            xgrad::CrossEntropyOptions{
                .weight = ours, .ignore_index = ignored, .label_smoothing = smoothing},
            torch::nn::CrossEntropyLossOptions().weight(own).ignore_index(ignored).label_smoothing(
                smoothing),
            wrong);
    }
  const std::vector<Inputs> shares{{random({3, 5}), chances({3, 5})},
                                   {random({5}), chances({5})},
                                   {random({3, 5, 2}), chances({3, 5, 2})}};
  for (const double smoothing : {0., 0.2})
    for (const bool weights : {false, true})
      loss_module<nn::CrossEntropyLoss, torch::nn::CrossEntropyLoss, 2>(
          s, "CrossEntropyLoss", "of shares, label_smoothing " + std::to_string(smoothing), shares,
          xgrad::CrossEntropyOptions{.weight = weights ? weight : Tensor(),
                                     .label_smoothing = smoothing},
          torch::nn::CrossEntropyLossOptions()
              .weight(weights ? theirs(weight) : at::Tensor())
              .label_smoothing(smoothing));
  refuse(
      s, {"CrossEntropyLoss", "label_smoothing 2", classified(any)[0]},
      [] { return nn::CrossEntropyLoss({.label_smoothing = 2}); },
      [] {
        return torch::nn::CrossEntropyLoss(torch::nn::CrossEntropyLossOptions().label_smoothing(2));
      },
      Of<2>());
  s.no_counterpart("LinearCrossEntropyLoss", "not in PyTorch");
}

/// libtorch's derivatives are right behind log_softmax alone.
struct OfLogits {
  template <class Module, class Inputs>
  auto operator()(Module& module, const Inputs& x) const {
    return module(log_softmax(x[0], -1), x[1], x[2], x[3]);
  }
};

void of_alignments(Modules& s) {
  const Inputs padded{random({7, 3, 5}), whole({3, 4}, xgrad::int64, 1, 5), integers({7, 6, 5}),
                      integers({4, 2, 1})};
  const Inputs joined{padded[0], whole({7}, xgrad::int64, 1, 5), padded[2], padded[3]};
  const Inputs too_long{padded[0],
                        integers({1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 3, 4}, xgrad::int64, Shape{3, 4}),
                        integers({7, 6, 5}), integers({4, 4, 4})};
  const Inputs single{random({7, 5}), integers({1, 2, 1}), integers({7}, xgrad::int64, Shape{}),
                      integers({3}, xgrad::int64, Shape{})};
  for (const std::int64_t blank : {0, 4})
    for (const bool zero_infinity : {false, true}) {
      Inputs own = padded;
      if (blank == 4) own[1] = whole({3, 4}, xgrad::int64, 0, 4);
      std::vector<Inputs> inputs{own};
      if (blank == 0) {
        inputs.push_back(joined);
        inputs.push_back(single);
        if (zero_infinity) inputs.push_back(too_long);
      }
      loss_module<nn::CTCLoss, torch::nn::CTCLoss, 4, OfLogits>(
          s, "CTCLoss", "blank " + std::to_string(blank) + (zero_infinity ? ", zero_infinity" : ""),
          inputs, xgrad::CtcLossOptions{.blank = blank, .zero_infinity = zero_infinity},
          torch::nn::CTCLossOptions().blank(blank).zero_infinity(zero_infinity),
          {{padded[0], padded[1], integers({8, 6, 5}), padded[3]},
           {padded[0], padded[1], padded[2], integers({5, 2, 1})},
           {padded[0], padded[1], integers({7, 6}), padded[3]}});
    }
  refuse(
      s, {"CTCLoss", "blank 5", padded}, [] { return nn::CTCLoss({.blank = 5}); },
      [] { return torch::nn::CTCLoss(torch::nn::CTCLossOptions().blank(5)); }, Of<4>());
}

void of_margins(Modules& s) {
  loss_module<nn::SoftMarginLoss, torch::nn::SoftMarginLoss, 2>(
      s, "SoftMarginLoss", "", pairs_with(any, signs), xgrad::LossOptions{},
      torch::nn::SoftMarginLossOptions(), {}, 1);
  for (const double margin : {1., 0.3}) {
    const std::string options = "margin " + std::to_string(margin);
    loss_module<nn::HingeEmbeddingLoss, torch::nn::HingeEmbeddingLoss, 2>(
        s, "HingeEmbeddingLoss", options, pairs_with(any, signs),
        xgrad::HingeEmbeddingLossOptions{.margin = margin},
        torch::nn::HingeEmbeddingLossOptions().margin(margin), {}, 1);
    const Input a = random({3, 4}), b = random({3, 4}, xgrad::float64, -3, 3, 2),
                c = random({3, 4}, xgrad::float64, -3, 3, 3);
    loss_module<nn::MarginRankingLoss, torch::nn::MarginRankingLoss, 3>(
        s, "MarginRankingLoss", options,
        {{a, b, signs({3, 4})}, {random({5}), random({5}, xgrad::float64, -3, 3, 2), signs({5})}},
        xgrad::MarginLossOptions{.margin = margin},
        torch::nn::MarginRankingLossOptions().margin(margin), {{a, random({3, 5}), signs({3, 4})}},
        2);
    loss_module<nn::CosineEmbeddingLoss, torch::nn::CosineEmbeddingLoss, 3>(
        s, "CosineEmbeddingLoss", options,
        {{a, b, signs({3})}, {random({5}), random({5}, xgrad::float64, -3, 3, 2), signs({})}},
        xgrad::MarginLossOptions{.margin = margin},
        torch::nn::CosineEmbeddingLossOptions().margin(margin),
        {{a, random({3, 5}), signs({3})}, {a, b, signs({3, 4})}}, 2);
    for (const bool swap : {false, true}) {
      const std::string swapped = options + (swap ? ", swap" : "");
      for (const double p : {1., 2., 3.})
        loss_module<nn::TripletMarginLoss, torch::nn::TripletMarginLoss, 3>(
            s, "TripletMarginLoss", swapped + ", p " + std::to_string(p),
            {{a, b, c},
             {random({4}), random({4}, xgrad::float64, -3, 3, 2),
              random({4}, xgrad::float64, -3, 3, 3)}},
            xgrad::TripletMarginLossOptions{.margin = margin, .p = p, .eps = 1e-3, .swap = swap},
            torch::nn::TripletMarginLossOptions().margin(margin).p(p).eps(1e-3).swap(swap),
            {{a, b, random({3, 5})}});
      loss_module<nn::TripletMarginWithDistanceLoss, torch::nn::TripletMarginWithDistanceLoss, 3>(
          s, "TripletMarginWithDistanceLoss", swapped, {{a, b, c}},
          xgrad::TripletMarginWithDistanceLossOptions{.margin = margin, .swap = swap},
          torch::nn::TripletMarginWithDistanceLossOptions().margin(margin).swap(swap));
      loss_module<nn::TripletMarginWithDistanceLoss, torch::nn::TripletMarginWithDistanceLoss, 3>(
          s, "TripletMarginWithDistanceLoss", swapped + ", a distance", {{a, b, c}},
          xgrad::TripletMarginWithDistanceLossOptions{
              .distance_function = [](const Tensor& x,
                                      const Tensor& y) { return xgrad::sum(xgrad::abs(x - y), 1); },
              .margin = margin,
              .swap = swap},
          torch::nn::TripletMarginWithDistanceLossOptions()
              .distance_function(
                  [](const at::Tensor& x, const at::Tensor& y) { return (x - y).abs().sum(1); })
              .margin(margin)
              .swap(swap));
    }
  }
}

void of_several_classes(Modules& s) {
  const Tensor weight = weighted({5}).tensor;
  for (const std::int64_t p : {1, 2})
    for (const double margin : {1., 0.3})
      for (const bool weights : {false, true})
        loss_module<nn::MultiMarginLoss, torch::nn::MultiMarginLoss, 2>(
            s, "MultiMarginLoss",
            "p " + std::to_string(p) + ", margin " + std::to_string(margin) +
                (weights ? ", weight" : ""),
            {{random({3, 5}), whole({3}, xgrad::int64, 0, 5)},
             {random({5}), whole({}, xgrad::int64, 0, 5)}},
            xgrad::MultiMarginLossOptions{.p = static_cast<double>(p),
                                          .margin = margin,
                                          .weight = weights ? weight : Tensor()},
            torch::nn::MultiMarginLossOptions().p(p).margin(margin).weight(weights ? theirs(weight)
                                                                                   : at::Tensor()),
            {{random({3, 5}), whole({4}, xgrad::int64, 0, 5)},
             {random({3, 5}), integers({0, 5, 1})}});
  refuse(
      s, {"MultiMarginLoss", "p 3", {random({3, 5}), whole({3}, xgrad::int64, 0, 5)}},
      [] { return nn::MultiMarginLoss({.p = 3}); },
      [] { return torch::nn::MultiMarginLoss(torch::nn::MultiMarginLossOptions().p(3)); }, Of<2>());
  loss_module<nn::MultiLabelMarginLoss, torch::nn::MultiLabelMarginLoss, 2>(
      s, "MultiLabelMarginLoss", "",
      {{random({3, 4}),
        integers({1, 2, -1, 0, 3, -1, -1, 2, -1, 0, 0, 0}, xgrad::int64, Shape{3, 4})},
       {random({4}), integers({3, 0, -1, 1})}},
      xgrad::LossOptions{}, torch::nn::MultiLabelMarginLossOptions(),
      {{random({4}), integers({4, 0, -1, 1})}, {random({4}), integers({0, -1, 1})}});
  for (const bool weights : {false, true})
    loss_module<nn::MultiLabelSoftMarginLoss, torch::nn::MultiLabelSoftMarginLoss, 2>(
        s, "MultiLabelSoftMarginLoss", weights ? "weight" : "",
        {{random({3, 5}), chances({3, 5})}, {random({5}), chances({5})}},
        xgrad::BinaryCrossEntropyOptions{.weight = weights ? weight : Tensor()},
        torch::nn::MultiLabelSoftMarginLossOptions().weight(weights ? theirs(weight)
                                                                    : at::Tensor()));
}

}  // namespace

void loss_modules(Modules& s) {
  of_numbers(s);
  of_chances(s);
  of_classes(s);
  of_alignments(s);
  of_margins(s);
  of_several_classes(s);
}

}  // namespace agreement
