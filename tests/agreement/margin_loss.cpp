// loss.hpp and distance.hpp: losses of margins, of distances, of distributions, of sequences.
#include <cmath>

#include "kinds.hpp"
#include <torch/nn/functional/loss.h>

namespace agreement {
namespace {

namespace functional = torch::nn::functional;
using xgrad::Reduction;
using xgrad::Shape;
using xgrad::Tensor;

/// A reduction as functions of torch::nn have it.
functional::TripletMarginWithDistanceLossFuncOptions::reduction_t reduction_of(std::int64_t r) {
  if (r == at::Reduction::Mean) return torch::kMean;
  if (r == at::Reduction::Sum) return torch::kSum;
  return torch::kNone;
}

/// Three tensors of one shape, and some that are not.
std::vector<Inputs> triples() {
  std::vector<Inputs> all;
  const auto add = [&](const Shape& a, const Shape& b, const Shape& c,
                       xgrad::DType dtype = xgrad::float64) {
    all.push_back(
        {random(a, dtype, -3, 3, 1), random(b, dtype, -3, 3, 2), random(c, dtype, -3, 3, 3)});
  };
  for (const Shape& shape : shapes()) add(shape, shape, shape);
  for (const xgrad::DType dtype : all_dtypes) add({2, 3}, {2, 3}, {2, 3}, dtype);
  add({2, 3}, {3}, {2, 3});
  add({2, 3}, {1, 3}, {2, 1});
  add({2, 3}, {2, 3}, {2, 4});
  all.push_back({filled({2, 3}, 1), filled({2, 3}, 1), filled({2, 3}, 1)});
  const Inputs usual = all[5];
  for (const double value : {double(NAN), double(INFINITY), 1e200})
    for (std::size_t i = 0; i < 3; ++i) {
      Inputs awkward = usual;
      awkward[i] = with_value(awkward[i], 1, value);
      all.push_back(awkward);
    }
  const Inputs views = lying_otherwise(random({4, 6}));
  all.push_back(views);
  return all;
}

void of_distances(Suite& s) {
  for (const Inputs& x : triples())
    for (const double p : {2.0, 1.0, 3.0, 0.5, double(INFINITY), 0.0, -1.0})
      for (const bool kept : {false, true})
        check(
            s, "pairwise_distance", {x[0], x[1]}, "p " + std::to_string(p) + (kept ? " kept" : ""),
            [=](const Ours& x) { return xgrad::pairwise_distance(x[0], x[1], p, 1e-6, kept); },
            [=](const Theirs& x) { return at::pairwise_distance(x[0], x[1], p, 1e-6, kept); });
  for (const bool swap : {false, true})
    for (const double margin : {1.0, 0.1, 0.0, 30.0}) {
      for (const double p : {2.0, 1.0})
        loss(
            s, "triplet_margin_loss", triples(),
            [=](const Ours& x, Reduction r) {
              return xgrad::triplet_margin_loss(
                  x[0], x[1], x[2], {.margin = margin, .p = p, .swap = swap, .reduction = r});
            },
            [=](const Theirs& x, std::int64_t r) {
              return at::triplet_margin_loss(x[0], x[1], x[2], margin, p, 1e-6, swap, r);
            });
      loss(
          s, "triplet_margin_with_distance_loss", triples(),
          [=](const Ours& x, Reduction r) {
            return xgrad::triplet_margin_with_distance_loss(
                x[0], x[1], x[2],
                {.distance_function =
                     [](const Tensor& a, const Tensor& b) {
                       return xgrad::sum(xgrad::abs(a - b), -1);
                     },
                 .margin = margin,
                 .swap = swap,
                 .reduction = r});
          },
          [=](const Theirs& x, std::int64_t r) {
            return functional::detail::triplet_margin_with_distance_loss(
                x[0], x[1], x[2],
                {[](const at::Tensor& a, const at::Tensor& b) { return at::abs(a - b).sum(-1); }},
                margin, swap, reduction_of(r));
          });
    }
}

void of_cosines(Suite& s) {
  std::vector<Inputs> inputs;
  for (const auto& [a, b, t] :
       std::vector<std::tuple<Shape, Shape, Shape>>{{{4, 3}, {4, 3}, {4}},
                                                    {{3}, {3}, {}},
                                                    {{0, 3}, {0, 3}, {0}},
                                                    {{4, 0}, {4, 0}, {4}},
                                                    {{1, 3}, {1, 3}, {1}},
                                                    {{4, 3}, {4, 3}, {}},
                                                    {{4, 3}, {4, 3}, {3}},
                                                    {{4, 3}, {4, 3}, {4, 1}},
                                                    {{4, 3}, {3}, {4}},
                                                    {{2, 4, 3}, {2, 4, 3}, {2}}})
    for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32}) {
      const Tensor signs = 2 * whole(t, xgrad::int64, 0, 2, 3).tensor - 1;
      inputs.push_back({random(a, dtype, -3, 3, 1), random(b, dtype, -3, 3, 2), {"±1", signs}});
      inputs.push_back(
          {random(a, dtype, -3, 3, 1), random(b, dtype, -3, 3, 2), {"±1", signs.to(dtype)}});
    }
  const Input signs = integers({1, -1, 1, 0});
  const Input some = random({4, 3});
  inputs.push_back({some, some, signs});
  inputs.push_back({some, filled({4, 3}, 0), signs});
  for (const double value : {double(NAN), double(INFINITY), 1e200})
    inputs.push_back({some, with_value(some, 1, value), signs});
  for (const xgrad::DType dtype : all_dtypes)
    inputs.push_back({whole({4, 3}, dtype, 0, 5), whole({4, 3}, dtype, 0, 5, 2), signs});
  for (const double margin : {0.0, 0.5, -0.5, 2.0})
    loss(
        s, "cosine_embedding_loss", inputs,
        [=](const Ours& x, Reduction r) {
          return xgrad::cosine_embedding_loss(x[0], x[1], x[2].detach(),
                                              {.margin = margin, .reduction = r});
        },
        [=](const Theirs& x, std::int64_t r) {
          return at::cosine_embedding_loss(x[0], x[1], x[2].detach(), margin, r);
        });
}

/// Scores, classes and their weights, the classes of one kind of target or the other.
std::vector<Inputs> classified(bool several) {
  const Input scores = random({3, 4});
  const Input weight = random({4}, xgrad::float64, 0.1, 2, 3);
  std::vector<Inputs> all;
  if (several) {
    const Shape shape{3, 4};
    all = {
        {scores, integers({0, 2, -1, 1, 3, -1, 0, 0, -1, 0, 0, 0}, xgrad::int64, shape), weight},
        {scores, integers({0, 1, 2, 3, 3, 3, -1, 0, 1, 0, 2, -1}, xgrad::int64, shape), weight},
        {scores, integers({0, 4, -1, 1, 3, -1, 0, 0, -1, 0, 0, 0}, xgrad::int64, shape), weight},
        {scores, integers({0, -2, -1, 1, 3, -1, 0, 0, -1, 0, 0, 0}, xgrad::int64, shape), weight},
        {random({4}), integers({2, -1, 0, 0}), weight},
        {random({}), integers({0}, xgrad::int64, Shape{}), random({1})},
        {random({0, 4}), integers({}, xgrad::int64, Shape{0, 4}), weight},
        {random({3, 4}), integers({2, -1, 0, 0}), weight},
        {random({2, 1}), integers({0, -1}, xgrad::int64, Shape{2, 1}), random({1})}};
  } else {
    all = {{scores, integers({0, 2, 1}), weight},
           {scores, integers({0, 4, 1}), weight},
           {scores, integers({0, -1, 1}), weight},
           {scores, integers({0, 1}), weight},
           {scores, integers({0, 2, 1}), random({3})},
           {scores, integers({0, 2, 1}, xgrad::int32), weight},
           {scores, listed({0, 2, 1}), weight},
           {random({4}), integers({1}, xgrad::int64, Shape{}), weight},
           {random({4}), integers({1}), weight},
           {random({0, 4}), integers({}), weight},
           {random({}), integers({0}, xgrad::int64, Shape{}), random({1})},
           {random({2, 1}), integers({0, 0}), random({1})},
           {random({2, 3, 4}), integers({0, 1}), weight}};
  }
  const Input target = all[0][1];
  for (const double value : {double(NAN), double(INFINITY), 1e200})
    all.push_back({with_value(scores, 1, value), target, weight});
  all.push_back({filled({3, 4}, 0), target, weight});
  all.push_back({whole({3, 4}, xgrad::float64, 0, 3), target, weight});
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back({whole({3, 4}, dtype, 0, 5), target, whole({4}, dtype, 0, 3)});
  return all;
}

void of_classes(Suite& s) {
  for (const double p : {1.0, 2.0, 3.0})
    for (const double margin : {1.0, 0.25, 0.0, -1.0})
      for (const bool weighted : {false, true})
        loss(
            s, "multi_margin_loss", classified(false),
            [=](const Ours& x, Reduction r) {
              return xgrad::multi_margin_loss(x[0], x[1],
                                              {.p = p,
                                               .margin = margin,
                                               .weight = weighted ? x[2].detach() : Tensor(),
                                               .reduction = r});
            },
            [=](const Theirs& x, std::int64_t r) {
              return at::multi_margin_loss(x[0], x[1], p, margin,
                                           weighted ? x[2].detach() : at::Tensor(), r);
            });
  loss(
      s, "multilabel_margin_loss", classified(true),
      [](const Ours& x, Reduction r) {
        return xgrad::multilabel_margin_loss(x[0], x[1], {.reduction = r});
      },
      [](const Theirs& x, std::int64_t r) { return at::multilabel_margin_loss(x[0], x[1], r); });
  for (const bool weighted : {false, true})
    loss(
        s, "multilabel_soft_margin_loss", loss_inputs(0, 1),
        [=](const Ours& x, Reduction r) {
          return xgrad::multilabel_soft_margin_loss(
              x[0], x[1], {.weight = weighted ? x[1].detach() : Tensor(), .reduction = r});
        },
        [=](const Theirs& x, std::int64_t r) {
          return functional::detail::multilabel_soft_margin_loss(
              x[0], x[1], weighted ? x[1].detach() : at::Tensor(), reduction_of(r));
        });
}

/// Written out: libtorch's function is Python's alone.
at::Tensor their_gaussian(const at::Tensor& x, const at::Tensor& target, at::Tensor var, bool full,
                          double eps, std::int64_t r) {
  if (var.sizes() != x.sizes()) {
    if (x.sizes().slice(0, static_cast<std::size_t>(x.dim() - 1)) == var.sizes())
      var = var.unsqueeze(-1);
    else
      TORCH_CHECK(x.dim() == var.dim() && var.size(-1) == 1 &&
                      x.sizes().slice(0, static_cast<std::size_t>(x.dim() - 1)) ==
                          var.sizes().slice(0, static_cast<std::size_t>(var.dim() - 1)),
                  "var is of incorrect size");
  }
  TORCH_CHECK(!(var < 0).any().item<bool>(), "var has negative entry/entries");
  var = var.clone();
  {
    const at::NoGradGuard off_the_tape;
    var.clamp_(eps);
  }
  at::Tensor loss = 0.5 * (at::log(var) + at::square(x - target) / var);
  if (full) loss = loss + 0.5 * std::log(2 * M_PI);
  return r == at::Reduction::Mean ? loss.mean() : r == at::Reduction::Sum ? loss.sum() : loss;
}

void of_distributions(Suite& s) {
  std::vector<Inputs> inputs = loss_inputs(0, 4);
  for (const double x : {0.0, -0.0, 1.0, -1.0, 700.0, 1e-30})
    for (const double t : {0.0, 1.0, 2.0, 5.5, 1e6})
      inputs.push_back({filled({3}, x), filled({3}, t)});
  for (const bool log_input : {true, false})
    for (const bool full : {true, false})
      for (const double eps : {1e-8, 0.25})
        loss(
            s, "poisson_nll_loss", inputs,
            [=](const Ours& x, Reduction r) {
              return xgrad::poisson_nll_loss(
                  x[0], x[1], {.log_input = log_input, .full = full, .eps = eps, .reduction = r});
            },
            [=](const Theirs& x, std::int64_t r) {
              return at::poisson_nll_loss(x[0], x[1], log_input, full, eps, r);
            });
  std::vector<Inputs> varied;
  for (const auto& [x, t, v] :
       std::vector<std::tuple<Shape, Shape, Shape>>{{{2, 3}, {2, 3}, {2, 3}},
                                                    {{2, 3}, {2, 3}, {2, 1}},
                                                    {{2, 3}, {2, 3}, {2}},
                                                    {{2, 3}, {2, 3}, {3}},
                                                    {{3}, {3}, {}},
                                                    {{3}, {3}, {1}},
                                                    {{0, 3}, {0, 3}, {0, 3}},
                                                    {{2, 3}, {2, 1}, {2, 3}}})
    for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
      varied.push_back({random(x, dtype), random(t, dtype, -3, 3, 2), random(v, dtype, 0, 2, 3)});
  for (const double v : {0.0, 1e-9, 1e-6, -0.5, double(NAN), double(INFINITY)})
    varied.push_back({random({3}), random({3}, xgrad::float64, -3, 3, 2), filled({3}, v)});
  for (const bool full : {false, true})
    for (const double eps : {1e-6, 0.5})
      loss(
          s, "gaussian_nll_loss", varied,
          [=](const Ours& x, Reduction r) {
            return xgrad::gaussian_nll_loss(x[0], x[1], x[2],
                                            {.full = full, .eps = eps, .reduction = r});
          },
          [=](const Theirs& x, std::int64_t r) {
            return their_gaussian(x[0], x[1], x[2], full, eps, r);
          });
}

/// Scores, targets, both lengths.
std::vector<Inputs> sequences() {
  const Input x = random({7, 2, 4});
  const Input targets = integers({1, 2, 2, 3, 1, 1}, xgrad::int64, Shape{2, 3});
  const Input lengths = integers({7, 6}), target_lengths = integers({3, 2});
  std::vector<Inputs> all{
      {x, targets, lengths, target_lengths},
      {x, integers({1, 2, 2, 3, 1}), lengths, target_lengths},
      {x, targets, integers({3, 7}), target_lengths},
      {x, targets, integers({2, 3}), integers({3, 3})},
      {x, targets, lengths, integers({0, 2})},
      {x, targets, integers({0, 6}), integers({0, 2})},
      {x, targets, integers({0, 6}), target_lengths},
      {x, targets, integers({8, 6}), target_lengths},
      {x, targets, lengths, integers({4, 2})},
      {x, targets, integers({-1, 6}), target_lengths},
      {x, targets, lengths, integers({-1, 2})},
      {x, targets, integers({7}), target_lengths},
      {x, integers({1, 0, 2, 3, 1, 1}, xgrad::int64, Shape{2, 3}), lengths, target_lengths},
      {x, integers({1, 4, 2, 3, 1, 1}, xgrad::int64, Shape{2, 3}), lengths, target_lengths},
      {x, integers({1, -1, 2, 3, 1, 1}, xgrad::int64, Shape{2, 3}), lengths, target_lengths},
      {x, integers({1, 2, 2, 3, 1, 1}, xgrad::int32, Shape{2, 3}), lengths, target_lengths},
      {x, listed({1, 2, 2, 3, 1, 1}, xgrad::float64, Shape{2, 3}), lengths, target_lengths},
      {random({7, 4}), integers({1, 2, 3}), integers({7}, xgrad::int64, Shape{}),
       integers({3}, xgrad::int64, Shape{})},
      {random({7, 4}), integers({1, 2, 3}), integers({7}), integers({3})},
      {random({7, 0, 4}), integers({}, xgrad::int64, Shape{0, 3}), integers({}), integers({})},
      {random({7, 4}), integers({}), integers({7}, xgrad::int64, Shape{}),
       integers({0}, xgrad::int64, Shape{})},
      {filled({7, 2, 4}, -INFINITY), targets, lengths, target_lengths},
      {with_value(x, 4, -INFINITY), targets, lengths, target_lengths},
      {with_value(x, 4, NAN), targets, lengths, target_lengths}};
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back({random({7, 2, 4}, dtype), targets, lengths, target_lengths});
  return all;
}

// Of log_softmax: libtorch's gradient holds for logarithms of probabilities that sum to 1 alone.
void of_sequences(Suite& s) {
  for (const std::int64_t blank : {0, 3, 4, -1})
    for (const bool zeroed : {false, true})
      loss(
          s, "ctc_loss", sequences(),
          [=](const Ours& x, Reduction r) {
            return xgrad::ctc_loss(xgrad::log_softmax(x[0], -1), x[1], x[2], x[3],
                                   {.blank = blank, .reduction = r, .zero_infinity = zeroed});
          },
          [=](const Theirs& x, std::int64_t r) {
            return at::ctc_loss(at::log_softmax(x[0], -1), x[1], x[2], x[3], blank, r, zeroed);
          });
}

}  // namespace

void margin_losses(Suite& s) {
  of_distances(s);
  of_cosines(s);
  of_classes(s);
  of_distributions(s);
  of_sequences(s);
}

}  // namespace agreement
