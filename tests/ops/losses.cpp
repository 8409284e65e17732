#include <cmath>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;

Tensor f64(const Values& list) { return tensor(list, {.dtype = float64}); }

constexpr Reduction none = Reduction::none;

}  // namespace

TEST_CASE("losses of distances by hand") {
  const Tensor x = f64({0, 1, 5});
  const Tensor t = f64({0, 3, 1});
  CHECK(values(l1_loss(x, t, {.reduction = none})) == Values{0, 2, 4});
  CHECK(l1_loss(x, t).item() == 2);
  CHECK(values(huber_loss(x, t, {.reduction = none, .delta = 4})) == Values{0, 2, 8});
  CHECK(values(smooth_l1_loss(x, t, {.reduction = none, .beta = 4})) == Values{0, 0.5, 2});
  CHECK(values(smooth_l1_loss(x, t, {.reduction = none, .beta = 2})) == Values{0, 1, 3});
  CHECK(values(smooth_l1_loss(x, t, {.reduction = none, .beta = 0})) == Values{0, 2, 4});
  CHECK(message_of<ValueError>([&] { huber_loss(x, t, {.delta = 0}); }) ==
        "huber_loss: delta 0; it must be positive");
}

TEST_CASE("binary cross entropy bounds its logarithms, and that of logits does not overflow") {
  const Tensor x = tensor({0., 1., 0., 0.5}, {.dtype = float64, .requires_grad = true});
  const Tensor t = f64({0, 1, 1, 1});
  const Tensor y = binary_cross_entropy(x, t, {.reduction = none});
  CHECK(values(y.slice(0, 0, 3)) == Values{0, 0, 100});
  CHECK(y[3].item() == doctest::Approx(std::log(2.0)));
  sum(y).backward();
  CHECK(values(x.grad()) == Values{0, 0, -1e12, -2});
  const Tensor far = binary_cross_entropy_with_logits(f64({1000, -1000, -1000}), f64({1, 0, 1}),
                                                      {.reduction = none});
  CHECK(values(far) == Values{0, 0, 1000});
  CHECK_FALSE(message_of<ValueError>([&] { binary_cross_entropy(f64({2}), f64({1})); }).empty());
}

TEST_CASE("other losses by hand") {
  CHECK(kl_div(f64({0, -1}), f64({0, 1}), {.batchmean = true}).item() == 0.5);
  CHECK(values(hinge_embedding_loss(f64({0.25, 0.25, 3}), f64({1, -1, -1}),
                                    {.margin = 1, .reduction = none})) == Values{0.25, 0.75, 0});
  CHECK(values(margin_ranking_loss(f64({1, 1}), f64({3, 3}), f64({1, -1}), {.reduction = none})) ==
        Values{2, 0});
  CHECK(cosine_similarity(f64({3, 4}), f64({4, 3}), 0).item() == doctest::Approx(0.96));
  CHECK(cosine_similarity(f64({0, 0}), f64({4, 3}), 0).item() == 0);
  CHECK(soft_margin_loss(f64({0}), f64({1})).item() == doctest::Approx(std::log(2.0)));
}
