// loss.hpp, losses.hpp.
#include <cmath>

#include "kinds.hpp"

namespace agreement {
namespace {

using xgrad::LossOptions;
using xgrad::Reduction;
using xgrad::Shape;
using xgrad::Tensor;

/// Scores and classes: none, ignored, wrong, weighted.
std::vector<Inputs> classified() {
  const Input scores = random({4, 3});
  const Input weight = random({3}, xgrad::float64, 0.1, 2);
  std::vector<Inputs> all{
      {scores, integers({0, 2, 1, 1}), weight},
      {scores, integers({0, -100, 1, -100}), weight},
      {scores, integers({-100, -100, -100, -100}), weight},
      {scores, integers({0, 3, 1, 1}), weight},
      {scores, integers({0, -1, 1, 1}), weight},
      {scores, integers({0, 2, 1}), weight},
      {scores, integers({0, 2, 1, 1}), random({2})},
      {scores, integers({0, 2, 1, 1}), listed({0, 0, 0})},
      {scores, integers({0, 2, 1, 1}, xgrad::int32), weight},
      {scores, integers({0, 2, 1, 1}, xgrad::uint8), weight},
      {scores, listed({0, 2, 1, 1}), weight},
      {random({3}), integers({1}, xgrad::int64, Shape{}), weight},
      {random({3}), integers({1}), weight},
      {random({0, 3}), integers({}), weight},
      {random({2, 3, 2}), integers({0, 1, 2, 0}, xgrad::int64, Shape{2, 2}), weight},
      {random({2, 3, 2, 1}), integers({0, 1, 2, 0}, xgrad::int64, Shape{2, 2, 1}), weight},
      {random({2, 1}), integers({0, 0}), random({1})},
      {random({}), integers({0}, xgrad::int64, Shape{}), weight},
      {random({4, 3}, xgrad::float32), integers({0, 2, 1, 1}), random({3}, xgrad::float32)},
      {random({4, 3}, xgrad::bfloat16), integers({0, 2, 1, 1}), random({3}, xgrad::bfloat16)},
      {whole({4, 3}, xgrad::int64, 0, 3), integers({0, 2, 1, 1}), weight}};
  for (const double value : {double(NAN), double(INFINITY), -double(INFINITY), 1e300})
    all.push_back({with_value(scores, 1, value), integers({0, 2, 1, 1}), weight});
  all.push_back({filled({4, 3}, -INFINITY), integers({0, 2, 1, 1}), weight});
  for (const Input& x : lying_otherwise(random({4, 6})))
    all.push_back({x, integers({0, 5, 2, 2}), random({6}, xgrad::float64, 0.1, 2)});
  return all;
}

void of_classes(Suite& s) {
  loss(
      s, "nll_loss", classified(),
      [](const Ours& x, Reduction r) { return xgrad::nll_loss(x[0], x[1], {.reduction = r}); },
      [](const Theirs& x, std::int64_t r) { return at::nll_loss_nd(x[0], x[1], {}, r); });
  loss(
      s, "nll_loss", classified(),
      [](const Ours& x, Reduction r) {
        return xgrad::nll_loss(x[0], x[1],
                               {.weight = x[2].detach(), .ignore_index = 1, .reduction = r});
      },
      [](const Theirs& x, std::int64_t r) {
        return at::nll_loss_nd(x[0], x[1], x[2].detach(), r, 1);
      });
  loss(
      s, "cross_entropy", classified(),
      [](const Ours& x, Reduction r) { return xgrad::cross_entropy(x[0], x[1], {.reduction = r}); },
      [](const Theirs& x, std::int64_t r) { return at::cross_entropy_loss(x[0], x[1], {}, r); });
  loss(
      s, "cross_entropy", classified(),
      [](const Ours& x, Reduction r) {
        return xgrad::cross_entropy(
            x[0], x[1],
            {.weight = x[2].detach(), .ignore_index = 1, .label_smoothing = 0.2, .reduction = r});
      },
      [](const Theirs& x, std::int64_t r) {
        return at::cross_entropy_loss(x[0], x[1], x[2].detach(), r, 1, 0.2);
      });
  std::vector<Inputs> probabilities;
  for (const Shape& shape : {Shape{4, 3}, Shape{3}, Shape{2, 3, 2}, Shape{0, 3}, Shape{1, 3}})
    probabilities.push_back({random(shape), random(shape, xgrad::float64, 0, 1, 2)});
  probabilities.push_back({random({4, 3}), random({4, 3}, xgrad::float32, 0, 1, 2)});
  probabilities.push_back(
      {with_value(random({4, 3}), 1, -INFINITY), random({4, 3}, xgrad::float64, 0, 1, 2)});
  probabilities.push_back({random({4, 3}), random({4}, xgrad::float64, 0, 1, 2)});
  for (const double smoothing : {0.0, 0.3, 1.0, 1.5})
    loss(
        s, "cross_entropy", probabilities,
        [=](const Ours& x, Reduction r) {
          return xgrad::cross_entropy(x[0], x[1], {.label_smoothing = smoothing, .reduction = r});
        },
        [=](const Theirs& x, std::int64_t r) {
          return at::cross_entropy_loss(x[0], x[1], {}, r, -100, smoothing);
        });
}

void of_probabilities(Suite& s) {
  std::vector<Inputs> inputs = loss_inputs(0, 1);
  for (const double x : {0.0, 1.0, 1e-50, 1 - 1e-16, 0.5, -0.1, 1.1})
    for (const double t : {0.0, 1.0, 0.5, 2.0, -1.0})
      inputs.push_back({filled({3}, x), filled({3}, t)});
  loss(
      s, "binary_cross_entropy", inputs,
      [](const Ours& x, Reduction r) {
        return xgrad::binary_cross_entropy(x[0], x[1], {.reduction = r});
      },
      [](const Theirs& x, std::int64_t r) { return at::binary_cross_entropy(x[0], x[1], {}, r); });
  loss(
      s, "binary_cross_entropy", inputs,
      [](const Ours& x, Reduction r) {
        return xgrad::binary_cross_entropy(x[0], x[1].detach(),
                                           {.weight = x[1].detach(), .reduction = r});
      },
      [](const Theirs& x, std::int64_t r) {
        return at::binary_cross_entropy(x[0], x[1].detach(), x[1].detach(), r);
      });
  for (const double x : awkward())
    for (const double t : {0.0, 1.0, 0.5, 2.0}) inputs.push_back({filled({3}, x), filled({3}, t)});
  loss(
      s, "binary_cross_entropy_with_logits", inputs,
      [](const Ours& x, Reduction r) {
        return xgrad::binary_cross_entropy_with_logits(x[0], x[1], {.reduction = r});
      },
      [](const Theirs& x, std::int64_t r) {
        return at::binary_cross_entropy_with_logits(x[0], x[1], {}, {}, r);
      });
  loss(
      s, "binary_cross_entropy_with_logits", inputs,
      [](const Ours& x, Reduction r) {
        const Tensor w = x[1].detach();
        return xgrad::binary_cross_entropy_with_logits(
            x[0], w, {.weight = w, .reduction = r, .pos_weight = w});
      },
      [](const Theirs& x, std::int64_t r) {
        const at::Tensor w = x[1].detach();
        return at::binary_cross_entropy_with_logits(x[0], w, w, w, r);
      });
  for (const bool log_target : {false, true})
    loss(
        s, "kl_div", inputs,
        [=](const Ours& x, Reduction r) {
          return xgrad::kl_div(x[0], x[1], {.reduction = r, .log_target = log_target});
        },
        [=](const Theirs& x, std::int64_t r) { return at::kl_div(x[0], x[1], r, log_target); });
}

void of_pairs(Suite& s) {
  std::vector<Inputs> pairs = loss_inputs(-2, 2);
  for (Inputs& pair : pairs) {
    Input target = pair[1];
    target.tensor = xgrad::where(
        xgrad::gt(target.tensor, 0), xgrad::ones_like(target.tensor),
        xgrad::full_like(target.tensor, target.tensor.dtype() == xgrad::uint8 ? 0 : -1));
    target.what = "±1 as " + target.what;
    pair.push_back(target);
  }
  for (const double margin : {0.0, 0.5}) {
    loss(
        s, "margin_ranking_loss", pairs,
        [=](const Ours& x, Reduction r) {
          return xgrad::margin_ranking_loss(x[0], x[1], x[2].detach(),
                                            {.margin = margin, .reduction = r});
        },
        [=](const Theirs& x, std::int64_t r) {
          return at::margin_ranking_loss(x[0], x[1], x[2].detach(), margin, r);
        });
    loss(
        s, "hinge_embedding_loss", pairs,
        [=](const Ours& x, Reduction r) {
          return xgrad::hinge_embedding_loss(x[0], x[2].detach(),
                                             {.margin = margin, .reduction = r});
        },
        [=](const Theirs& x, std::int64_t r) {
          return at::hinge_embedding_loss(x[0], x[2].detach(), margin, r);
        });
  }
  loss(
      s, "soft_margin_loss", pairs,
      [](const Ours& x, Reduction r) {
        return xgrad::soft_margin_loss(x[0], x[2].detach(), {.reduction = r});
      },
      [](const Theirs& x, std::int64_t r) { return at::soft_margin_loss(x[0], x[2].detach(), r); });
  for (const Inputs& pair : loss_inputs(-2, 2))
    for (const std::int64_t axis : {0, 1, -1})
      for (const double eps : {1e-8, 0.5})
        check(
            s, "cosine_similarity", pair,
            "axis " + std::to_string(axis) + " eps " + std::to_string(eps),
            [=](const Ours& x) { return xgrad::cosine_similarity(x[0], x[1], axis, eps); },
            [=](const Theirs& x) { return at::cosine_similarity(x[0], x[1], axis, eps); });
}

}  // namespace

void losses(Suite& s) {
  const std::vector<Inputs> distances = loss_inputs(-2, 2);
  loss(
      s, "mse_loss", distances,
      [](const Ours& x, Reduction r) { return xgrad::mse_loss(x[0], x[1], {.reduction = r}); },
      [](const Theirs& x, std::int64_t r) { return at::mse_loss(x[0], x[1], r); });
  loss(
      s, "l1_loss", distances,
      [](const Ours& x, Reduction r) { return xgrad::l1_loss(x[0], x[1], {.reduction = r}); },
      [](const Theirs& x, std::int64_t r) { return at::l1_loss(x[0], x[1], r); });
  for (const double width : {1.0, 0.5, 0.0, -1.0}) {
    loss(
        s, "smooth_l1_loss", distances,
        [=](const Ours& x, Reduction r) {
          return xgrad::smooth_l1_loss(x[0], x[1], {.reduction = r, .beta = width});
        },
        [=](const Theirs& x, std::int64_t r) { return at::smooth_l1_loss(x[0], x[1], r, width); });
    loss(
        s, "huber_loss", distances,
        [=](const Ours& x, Reduction r) {
          return xgrad::huber_loss(x[0], x[1], {.reduction = r, .delta = width});
        },
        [=](const Theirs& x, std::int64_t r) { return at::huber_loss(x[0], x[1], r, width); });
  }
  of_classes(s);
  of_probabilities(s);
  of_pairs(s);
}

}  // namespace agreement
