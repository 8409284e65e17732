// Losses.

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: more losses") {
  const auto pair = [](const char* name, auto f) {
    return Row{name, [f](Arguments& from) {
                 const Tensor x = from.tensor({2, 1});
                 Arguments::use(f(x, from.tensor({2, 1})));
               }};
  };
  sweep({
      pair("l1_loss", [](const Tensor& x, const Tensor& t) { return l1_loss(x, t); }),
      pair("smooth_l1_loss", [](const Tensor& x, const Tensor& t) { return smooth_l1_loss(x, t); }),
      pair("huber_loss", [](const Tensor& x, const Tensor& t) { return huber_loss(x, t); }),
      pair("binary_cross_entropy",
           [](const Tensor& x, const Tensor& t) { return binary_cross_entropy(x, t); }),
      pair("binary_cross_entropy_with_logits",
           [](const Tensor& x, const Tensor& t) { return binary_cross_entropy_with_logits(x, t); }),
      pair("kl_div", [](const Tensor& x, const Tensor& t) { return kl_div(x, t); }),
      pair("cosine_similarity|sum",
           [](const Tensor& x, const Tensor& t) { return cosine_similarity(x, t); }),
      pair("soft_margin_loss",
           [](const Tensor& x, const Tensor& t) { return soft_margin_loss(x, t); }),
      pair("hinge_embedding_loss",
           [](const Tensor& x, const Tensor& t) { return hinge_embedding_loss(x, t); }),
      pair("margin_ranking_loss",
           [](const Tensor& x, const Tensor& t) { return margin_ranking_loss(x, x, t); }),
  });
}
