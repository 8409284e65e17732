#include <limits>
#include <tuple>

#include "ops/table.hpp"

namespace table {
namespace {

/// Of two tensors: the mean, the sum, each by itself, and of no elements.
template <class Options, class F>
Rows reduced(F f, Options options = {}) {
  Rows result;
  for (const auto& [name, reduction, shape] :
       std::vector<std::tuple<const char*, Reduction, Shape>>{
           {"mean", Reduction::mean, {2, 3}},
           {"sum", Reduction::sum, {5}},
           {"none", Reduction::none, {2, 1, 3}},
           {"nothing", Reduction::sum, {0, 3}}}) {
    Options with = options;
    with.reduction = reduction;
    result.push_back({name, {normal(shape, 1) * 1.5, normal(shape, 2)}, [f, with](const Inputs& x) {
                        return f(x[0], x[1], with);
                      }});
  }
  return result;
}

Tensor positive(const Tensor& x) { return square(x) + 0.3; }
/// 1 and −1 by turns.
Tensor signs(const Tensor& x, const Shape& shape) {
  const Tensor places = arange(shape.numel());
  return to(where((places & 1) == 0, 1, -1), x.dtype()).reshape(shape);
}
Tensor signs(const Tensor& x) { return signs(x, x.shape()); }
Tensor numbers(const Tensor& x, const NestedList& list) {
  return tensor(list, {.dtype = x.dtype()});
}

Row pair(const char* name, const Shape& a, const Shape& b,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a, 1), normal(b, 2)}, [f](const Inputs& x) { return f(x[0], x[1]); }};
}

Row single(const char* name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

}  // namespace

template <>
Rows rows<Op::l1_loss>() {
  return reduced<LossOptions>([](auto&... a) { return l1_loss(a...); });
}

template <>
Rows rows<Op::smooth_l1_loss>() {
  Rows rows =
      reduced<SmoothL1LossOptions>([](auto&... a) { return smooth_l1_loss(a...); }, {.beta = 0.7});
  rows.push_back(pair("beta 0", {4}, {4}, [](const Tensor& a, const Tensor& b) {
    return smooth_l1_loss(a, b, {.beta = 0});
  }));
  return rows;
}

template <>
Rows rows<Op::huber_loss>() {
  return reduced<HuberLossOptions>([](auto&... a) { return huber_loss(a...); }, {.delta = 0.7});
}

template <>
Rows rows<Op::binary_cross_entropy>() {
  Rows rows = reduced<BinaryCrossEntropyOptions>([](auto& x, auto& t, auto& options) {
    return binary_cross_entropy(sigmoid(x), sigmoid(t), options);
  });
  rows.push_back(pair("weighted", {2, 3}, {2, 3}, [](const Tensor& a, const Tensor& b) {
    return binary_cross_entropy(sigmoid(a), sigmoid(b), {.weight = numbers(a, {0.5, 2., 1.})});
  }));
  return rows;
}

template <>
Rows rows<Op::binary_cross_entropy_with_logits>() {
  Rows rows = reduced<BinaryCrossEntropyWithLogitsOptions>(
      [](auto&... a) { return binary_cross_entropy_with_logits(a...); });
  rows.push_back(pair("weighted", {2, 3}, {2, 3}, [](const Tensor& a, const Tensor& b) {
    return binary_cross_entropy_with_logits(
        a, b, {.weight = numbers(a, {{0.5}, {2.}}), .pos_weight = numbers(a, {0.5, 2., 3.})});
  }));
  return rows;
}

template <>
Rows rows<Op::kl_div>() {
  Rows rows = reduced<KlDivOptions>(
      [](auto& x, auto& t, auto& options) { return kl_div(x, positive(t), options); });
  for (const Reduction reduction : {Reduction::mean, Reduction::batchmean})
    rows.push_back(
        pair("of logarithms", {2, 3}, {2, 3}, [reduction](const Tensor& a, const Tensor& b) {
          return kl_div(a, b, {.reduction = reduction, .log_target = true});
        }));
  return rows;
}

template <>
Rows rows<Op::poisson_nll_loss>() {
  Rows rows = reduced<PoissonNllLossOptions>([](auto&... a) { return poisson_nll_loss(a...); });
  for (const double least : {0.3, 1.1})
    rows.push_back(
        pair("full, of rates", {2, 3}, {2, 3}, [least](const Tensor& a, const Tensor& b) {
          return poisson_nll_loss(positive(a), square(b) + least,
                                  {.log_input = false, .full = true});
        }));
  return rows;
}

template <>
Rows rows<Op::gaussian_nll_loss>() {
  Rows rows;
  for (const Shape& shape : {Shape{2, 3}, Shape{2, 1}, Shape{2}})
    rows.push_back({"var " + to_string(shape),
                    {normal({2, 3}, 1), normal({2, 3}, 2), normal(shape, 3)},
                    [](const Inputs& x) {
                      return gaussian_nll_loss(x[0], x[1], positive(x[2]),
                                               {.full = true, .reduction = Reduction::none});
                    }});
  return rows;
}

template <>
Rows rows<Op::hinge_embedding_loss>() {
  return reduced<HingeEmbeddingLossOptions>([](auto& x, auto& y, auto& options) {
    return hinge_embedding_loss(x * y, signs(x), options);
  });
}

template <>
Rows rows<Op::margin_ranking_loss>() {
  return reduced<MarginLossOptions>(
      [](auto& a, auto& b, auto& options) { return margin_ranking_loss(a, b, signs(a), options); },
      {.margin = 0.4});
}

template <>
Rows rows<Op::triplet_margin_loss>() {
  Rows rows;
  for (const bool swap : {false, true})
    rows.push_back({swap ? "swapped" : "plain",
                    {normal({4, 3}, 1), normal({4, 3}, 2), normal({4, 3}, 3)},
                    [swap](const Inputs& x) {
                      return triplet_margin_loss(x[0] * 2, x[1], x[2] * 3,
                                                 {.margin = 3, .swap = swap});
                    }});
  rows.push_back(
      {"p 3, one example", {normal({3}, 1), normal({3}, 2), normal({3}, 3)}, [](const Inputs& x) {
         return triplet_margin_loss(x[0] * 2, x[1], x[2] * 3, {.margin = 9, .p = 3});
       }});
  return rows;
}

template <>
Rows rows<Op::triplet_margin_with_distance_loss>() {
  const auto squares = [](const Tensor& a, const Tensor& b) { return sum(square(a - b), -1); };
  Rows rows;
  for (const bool swap : {false, true})
    rows.push_back({swap ? "squares, swapped" : "squares",
                    {normal({4, 3}, 1), normal({4, 3}, 2), normal({4, 3}, 3)},
                    [=](const Inputs& x) {
                      return triplet_margin_with_distance_loss(
                          x[0], x[1], x[2],
                          {.distance_function = squares, .margin = 3, .swap = swap});
                    }});
  rows.push_back(
      {"pairwise_distance", {normal({3}, 1), normal({3}, 2), normal({3}, 3)}, [](const Inputs& x) {
         return triplet_margin_with_distance_loss(x[0] * 2, x[1], x[2] * 3, {.margin = 9});
       }});
  return rows;
}

template <>
Rows rows<Op::cosine_embedding_loss>() {
  return {pair("examples", {4, 3}, {4, 3},
               [](const Tensor& a, const Tensor& b) {
                 return cosine_embedding_loss(a, b * 2, signs(a, {4}),
                                              {.margin = -0.9, .reduction = Reduction::none});
               }),
          pair("one", {3}, {3}, [](const Tensor& a, const Tensor& b) {
            return cosine_embedding_loss(a, b * 2, signs(a, {}));
          })};
}

template <>
Rows rows<Op::multi_margin_loss>() {
  return {single("mean", {3, 4},
                 [](const Tensor& x) {
                   return multi_margin_loss(x, tensor({2, 0, 1}));
                 }),
          single("squares, weighted", {3, 4},
                 [](const Tensor& x) {
                   return multi_margin_loss(x, tensor({2, 0, 1}),
                                            {.p = 2,
                                             .margin = 0.8,
                                             .weight = numbers(x, {0.5, 2., 1.5, 1.}),
                                             .reduction = Reduction::none});
                 }),
          single("one", {4}, [](const Tensor& x) { return multi_margin_loss(x, tensor(2)); })};
}

template <>
Rows rows<Op::multilabel_margin_loss>() {
  return {single("mean", {3, 4},
                 [](const Tensor& x) {
                   return multilabel_margin_loss(
                       x, tensor({{2, 0, -1, 1}, {3, 3, -1, -1}, {-1, 0, 1, 2}}));
                 }),
          single("one", {3}, [](const Tensor& x) {
            return multilabel_margin_loss(x, tensor({1, 0, -1}));
          })};
}

template <>
Rows rows<Op::multilabel_soft_margin_loss>() {
  Rows rows = reduced<BinaryCrossEntropyOptions>(
      [](auto&... a) { return multilabel_soft_margin_loss(a...); });
  rows.push_back(pair("weighted", {2, 3}, {2, 3}, [](const Tensor& a, const Tensor& b) {
    return multilabel_soft_margin_loss(a, b, {.weight = numbers(a, {0.5, 2., 1.})});
  }));
  return rows;
}

template <>
Rows rows<Op::soft_margin_loss>() {
  return reduced<LossOptions>([](auto&... a) { return soft_margin_loss(a...); });
}

template <>
Rows rows<Op::cosine_similarity>() {
  const auto f = [](std::int64_t axis) {
    return [axis](const Tensor& a, const Tensor& b) { return cosine_similarity(a, b * 2, axis); };
  };
  return {pair("rows", {3, 4}, {3, 4}, f(1)), pair("columns", {3, 4}, {3, 4}, f(0)),
          pair("broadcast", {3, 1, 4}, {2, 4}, f(-1)), pair("one", {4}, {4}, f(0))};
}

template <>
Rows rows<Op::pairwise_distance>() {
  Rows rows;
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (const double p : {1.0, 2.0, 3.0, inf})
    rows.push_back(pair("norms", {2, 3}, {2, 3}, [p](const Tensor& a, const Tensor& b) {
      return pairwise_distance(a, b * 2, p);
    }));
  // Of this shape alone: their slopes are steep near 0, where some of many values lie. That of p 0
  // is 0 everywhere.
  for (const double p : {0.0, 0.5, -1.5, -inf})
    rows.push_back(pair("other powers", {2, 3}, {2, 3}, [p](const Tensor& a, const Tensor& b) {
      return pairwise_distance(a.reshape({2, 3}), b.reshape({2, 3}) * 2, p) + 0 * sum(a * b);
    }));
  rows.push_back(pair("broadcast", {2, 1, 3}, {4, 3}, [](const Tensor& a, const Tensor& b) {
    return pairwise_distance(a, b * 2, 2, 1e-6, true);
  }));
  return rows;
}

namespace {

Row ctc(const char* name, const Shape& shape, const Tensor& targets, const Tensor& steps,
        const Tensor& lengths, const CtcLossOptions& options = {}) {
  return {name, {normal(shape)}, [=](const Inputs& x) {
            return ctc_loss(x[0] - 2, targets, steps, lengths, options);
          }};
}

}  // namespace

template <>
Rows rows<Op::ctc_loss>() {
  return {ctc("a batch", {5, 2, 4}, tensor({{1, 2, 0}, {3, 3, 1}}), tensor({4, 5}), tensor({2, 3})),
          ctc("targets in a row", {4, 2, 3}, tensor({1, 0, 0}), tensor({4, 3}), tensor({1, 2}),
              {.blank = 2, .reduction = Reduction::none}),
          ctc("one", {4, 3}, tensor({1, 2}), tensor(4), tensor(2), {.reduction = Reduction::sum}),
          ctc("nothing to spell", {3, 1, 3}, tensor({{1, 2}}), tensor({3}), tensor({0})),
          ctc("one that does not fit", {3, 2, 3}, tensor({{1, 1}, {1, 2}}), tensor({2, 3}),
              tensor({2, 2}), {.zero_infinity = true})};
}

}  // namespace table
