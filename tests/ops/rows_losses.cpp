#include "ops/table.hpp"

namespace table {
namespace {

using Loss = std::function<Tensor(const Tensor&, const Tensor&)>;

Row pair(const char* name, const Loss& f) {
  return {name, {uniform({2, 3}, 0.1, 0.4), uniform({2, 3}, 0.6, 0.9, 2)}, [f](const Inputs& x) {
            return f(x[0], x[1]);
          }};
}

}  // namespace

template <>
Rows rows<Op::l1_loss>() {
  return {
      pair("mean", [](auto& a, auto& b) { return l1_loss(a, b); }),
      pair("none", [](auto& a, auto& b) { return l1_loss(a, b, {.reduction = Reduction::none}); })};
}

template <>
Rows rows<Op::smooth_l1_loss>() {
  return {pair("near", [](auto& a, auto& b) { return smooth_l1_loss(a, b, {.beta = 2}); }),
          pair("far", [](auto& a, auto& b) { return smooth_l1_loss(a, b, {.beta = 0.1}); })};
}

template <>
Rows rows<Op::huber_loss>() {
  return {pair("near", [](auto& a, auto& b) { return huber_loss(a, b, {.delta = 2}); }),
          pair("far", [](auto& a, auto& b) { return huber_loss(a, b, {.delta = 0.1}); })};
}

template <>
Rows rows<Op::binary_cross_entropy>() {
  return {pair("mean", [](auto& a, auto& b) { return binary_cross_entropy(a, b); }),
          pair("none", [](auto& a, auto& b) {
            return binary_cross_entropy(a, b, {.reduction = Reduction::none});
          })};
}

template <>
Rows rows<Op::binary_cross_entropy_with_logits>() {
  return {pair("mean", [](auto& a, auto& b) { return binary_cross_entropy_with_logits(a, b); }),
          pair("weights", [](auto& a, auto& b) {
            const Tensor w = tensor({1., 2., 3.}, {.dtype = a.dtype()});
            return binary_cross_entropy_with_logits(a, b, {.weight = w, .pos_weight = w});
          })};
}

template <>
Rows rows<Op::kl_div>() {
  return {pair("mean", [](auto& a, auto& b) { return kl_div(a, b); }),
          pair("logarithms", [](auto& a, auto& b) {
            return kl_div(a, b, {.log_target = true, .batchmean = true});
          })};
}

template <>
Rows rows<Op::cosine_similarity>() {
  return {pair("last", [](auto& a, auto& b) { return cosine_similarity(a, b); }),
          pair("first", [](auto& a, auto& b) { return cosine_similarity(a, b, 0); })};
}

template <>
Rows rows<Op::soft_margin_loss>() {
  return {pair("mean", [](auto& a, auto& b) { return soft_margin_loss(a, b); })};
}

template <>
Rows rows<Op::hinge_embedding_loss>() {
  return {pair("signs", [](auto& a, auto&) {
    const Tensor signs = tensor({{1., -1., 1.}, {-1., -1., 1.}}, {.dtype = a.dtype()});
    return hinge_embedding_loss(a, signs);
  })};
}

template <>
Rows rows<Op::margin_ranking_loss>() {
  return {pair("signs", [](auto& a, auto& b) {
    const Tensor signs = tensor({{1., -1., 1.}, {-1., -1., 1.}}, {.dtype = a.dtype()});
    return margin_ranking_loss(a, b, signs, {.margin = 0.05});
  })};
}

}  // namespace table
