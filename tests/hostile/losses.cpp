#include "hostile.hpp"

using namespace hostile;

namespace {

Reduction reduction(Arguments& from) {
  const Reduction rest = from.flag() ? Reduction::batchmean : Reduction::none;
  return from.flag() ? rest : Reduction::mean;
}

/// A loss of two tensors of one shape and one number.
template <class F>
Row of_pair(const std::string& name, const F& f) {
  return {name, [f](Arguments& from) {
            const Tensor x = from.tensor({2, 3});
            const Tensor target = from.tensor({2, 3});
            const double number = from.real();
            Arguments::use(f(x, target, number, reduction(from)));
          }};
}

}  // namespace

TEST_CASE("hostile: losses of each element") {
  using T = const Tensor&;
  sweep({
      of_pair("l1_loss", [](T x, T t, double, Reduction r) { return l1_loss(x, t, {r}); }),
      of_pair("smooth_l1_loss",
              [](T x, T t, double beta, Reduction r) {
                return smooth_l1_loss(x, t, {r, beta});
              }),
      of_pair("huber_loss",
              [](T x, T t, double delta, Reduction r) {
                return huber_loss(x, t, {r, delta});
              }),
      of_pair("kl_div", [](T x, T t, double, Reduction r) { return kl_div(x, t, {r}); }),
      of_pair("poisson_nll_loss",
              [](T x, T t, double eps, Reduction r) {
                return poisson_nll_loss(x, t, {false, true, eps, r});
              }),
      of_pair("hinge_embedding_loss",
              [](T x, T t, double margin, Reduction r) {
                return hinge_embedding_loss(x, t, {margin, r});
              }),
      of_pair("soft_margin_loss",
              [](T x, T t, double, Reduction r) { return soft_margin_loss(x, t, {r}); }),
      of_pair("pairwise_distance",
              [](T x, T t, double p, Reduction) { return pairwise_distance(x, t, p); }),
      of_pair("pairwise_distance",
              [](T x, T t, double eps, Reduction) { return pairwise_distance(x, t, 2, eps); }),
      of_pair("cosine_similarity",
              [](T x, T t, double eps, Reduction) { return cosine_similarity(x, t, 1, eps); }),
      {"cosine_similarity",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor y = from.tensor({3});
         Arguments::use(cosine_similarity(x, y, from.size(1)));
       }},
      {"binary_cross_entropy",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 2});
         const Tensor target = from.tensor({1, 2});
         const Tensor weight = from.tensor({2});
         Arguments::use(binary_cross_entropy(x, target, {weight, reduction(from)}));
       }},
      {"binary_cross_entropy_with_logits",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.tensor({2, 3});
         const Tensor weight = from.tensor({3});
         const Tensor pos_weight = from.tensor({3});
         Arguments::use(
             binary_cross_entropy_with_logits(x, target, {weight, reduction(from), pos_weight}));
       }},
      {"gaussian_nll_loss",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.tensor({2, 3});
         const Tensor var = from.tensor({2, 1});
         const double eps = from.real();
         Arguments::use(gaussian_nll_loss(x, target, var, {true, eps, reduction(from)}));
       }},
  });
}

TEST_CASE("hostile: losses of margins and of sequences") {
  sweep({
      {"margin_ranking_loss",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({2, 3});
         const Tensor target = from.tensor({2, 3});
         const double margin = from.real();
         Arguments::use(margin_ranking_loss(a, b, target, {margin, reduction(from)}));
       }},
      {"cosine_embedding_loss",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({2, 3});
         const Tensor target = from.tensor({2});
         const double margin = from.real();
         Arguments::use(cosine_embedding_loss(a, b, target, {margin, reduction(from)}));
       }},
      {"triplet_margin_loss",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({2, 3});
         const Tensor c = from.tensor({2, 3});
         const double margin = from.real(), p = from.real(), eps = from.real();
         const bool swap = from.flag();
         Arguments::use(triplet_margin_loss(a, b, c, {margin, p, eps, swap, reduction(from)}));
       }},
      {"triplet_margin_with_distance_loss",
       [](Arguments& from) {
         const Tensor a = from.tensor({2, 3});
         const Tensor b = from.tensor({2, 3});
         const Tensor c = from.tensor({2, 3});
         const double margin = from.real();
         const bool swap = from.flag();
         Arguments::use(triplet_margin_with_distance_loss(a, b, c, {{}, margin, swap}));
       }},
      {"multi_margin_loss",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.index({2});
         const double p = from.real(1), margin = from.real();
         const Tensor weight = from.tensor({3});
         Arguments::use(multi_margin_loss(x, target, {p, margin, weight, reduction(from)}));
       }},
      {"multilabel_margin_loss",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.index({2, 3});
         Arguments::use(multilabel_margin_loss(x, target, {reduction(from)}));
       }},
      {"multilabel_soft_margin_loss",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor target = from.tensor({2, 3});
         const Tensor weight = from.tensor({3});
         Arguments::use(multilabel_soft_margin_loss(x, target, {weight, reduction(from)}));
       }},
      {"ctc_loss",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 2, 3});
         const Tensor targets = from.index({2, 2});
         const Tensor steps = from.index({2});
         const Tensor lengths = from.index({2});
         const std::int64_t blank = from.size(1);
         const bool zero_infinity = from.flag();
         Arguments::use(
             ctc_loss(x, targets, steps, lengths, {blank, reduction(from), zero_infinity}));
       }},
  });
}
