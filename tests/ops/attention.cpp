#include <xgrad/ops/attention.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

using Options = ScaledDotProductAttentionOptions;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Word for word, for query, key and value of equal heads.
Tensor attention_by_formula(const Tensor& q, const Tensor& k, const Tensor& v, const Options& o) {
  const std::int64_t queries = q.size(-2);
  const std::int64_t keys = k.size(-2);
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  Tensor scores = matmul(q, k.transpose(-2, -1)) * scale;
  if (o.is_causal) scores = where(tril(ones({queries, keys})) == 1, scores, -infinity);
  if (o.attn_mask.defined())
    scores = o.attn_mask.dtype() == boolean ? where(o.attn_mask, scores, -infinity)
                                            : scores + o.attn_mask;
  return matmul(softmax(scores, -1), v);
}

}  // namespace

TEST_CASE("attention by hand") {
  // Scores ln 3 and 0: weights 3/4 and 1/4.
  const Tensor query = tensor({{std::log(3.0)}}, {.dtype = float64});
  const Tensor key = tensor({{1.0}, {0.0}}, {.dtype = float64});
  const Tensor value = tensor({{4.0, 8.0}, {0.0, -8.0}}, {.dtype = float64});
  const Tensor y = scaled_dot_product_attention(query, key, value);
  CHECK(allclose(y, tensor({{3.0, 4.0}}, {.dtype = float64}), 1e-12));
  // Twice the score: 9 to 1.
  CHECK(allclose(scaled_dot_product_attention(query, key, value, {.scale = 2}),
                 tensor({{3.6, 6.4}}, {.dtype = float64}), 1e-12));
  CHECK(allclose(
      scaled_dot_product_attention(query, key, value, {.attn_mask = tensor({{false, true}})}),
      tensor({{0.0, -8.0}}, {.dtype = float64}), 1e-12));
  CHECK(allclose(scaled_dot_product_attention(query, key, value, {.is_causal = true}),
                 tensor({{4.0, 8.0}}, {.dtype = float64}), 1e-12));
  CHECK(allclose(
      scaled_dot_product_attention(
          query, key, value, {.attn_mask = tensor({{0.0, std::log(3.0)}}, {.dtype = float64})}),
      tensor({{2.0, 0.0}}, {.dtype = float64}), 1e-12));
}

TEST_CASE("attention in blocks is the formula's, with its gradients") {
  struct Case {
    const char* name;
    std::int64_t queries, keys, width, value_width;
    Options options;
  };
  const Tensor large = normal({2, 1, 200, 300}, 7);
  const std::vector<Case> cases{
      {"one block", 5, 7, 3, 4, {}},
      {"blocks", 200, 300, 20, 33, {}},
      {"whole blocks", 128, 256, 32, 16, {}},
      {"causal", 200, 200, 8, 8, {.is_causal = true}},
      {"causal, more keys", 70, 300, 8, 8, {.is_causal = true}},
      {"causal, more queries", 300, 70, 8, 8, {.is_causal = true}},
      {"seen", 200, 300, 5, 6, {.attn_mask = large > 0}},
      {"seen, causal", 200, 300, 5, 6, {.attn_mask = large > -2, .is_causal = true}},
      {"seen keys", 200, 300, 5, 6, {.attn_mask = large[0][0][0] > 0}},
      {"seen by queries", 200, 300, 5, 6, {.attn_mask = large.slice(-1, 0, 1) > -9}},
      {"added", 200, 300, 5, 6, {.attn_mask = large, .scale = 0.1}},
      {"added to queries", 200, 300, 5, 6, {.attn_mask = large.slice(-1, 0, 1)}},
      {"added to keys",
       200,
       300,
       5,
       6,
       {.attn_mask = where(large[0][0][0] > 0, 1, -infinity).to(float64)}},
      {"width of one", 65, 129, 1, 1, {}},
      {"wide", 65, 129, 300, 270, {.scale = 0.01}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    std::vector<Tensor> leaves{normal({2, 3, c.queries, c.width}),
                               normal({2, 3, c.keys, c.width}, 2),
                               normal({2, 3, c.keys, c.value_width}, 3)};
    for (Tensor& x : leaves) x.requires_grad_();
    const Tensor dy = normal({2, 3, c.queries, c.value_width}, 4);
    const Tensor y = scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], c.options);
    const Tensor right = attention_by_formula(leaves[0], leaves[1], leaves[2], c.options);
    CHECK(allclose(y.detach(), right.detach(), 1e-10, 1e-12));
    const auto expected = grad({right}, leaves, {.grad_outputs = {dy}});
    const auto fused = grad({y}, leaves, {.grad_outputs = {dy}, .retain_graph = true});
    const auto recorded = grad({y}, leaves, {.grad_outputs = {dy}, .create_graph = true});
    for (std::size_t i = 0; i < 3; ++i) {
      CAPTURE(i);
      CHECK(allclose(fused[i], expected[i], 1e-9, 1e-11));
      CHECK(allclose(recorded[i].detach(), expected[i], 1e-9, 1e-11));
    }
    // float32 beside float64: some hundred roundings of numbers about 1.
    const Tensor single =
        scaled_dot_product_attention(leaves[0].detach().to(float32), leaves[1].detach().to(float32),
                                     leaves[2].detach().to(float32), [&] {
                                       Options o = c.options;
                                       if (o.attn_mask.defined() && o.attn_mask.dtype() == float64)
                                         o.attn_mask = o.attn_mask.to(float32);
                                       return o;
                                     }());
    CHECK(allclose(single.to(float64), right.detach(), 1e-4, 1e-4));
  }
}

TEST_CASE("grouped heads are repeated ones") {
  const Tensor q = normal({2, 6, 70, 4});
  const Tensor k = normal({2, 2, 90, 4}, 2);
  const Tensor v = normal({2, 2, 90, 5}, 3);
  const Tensor mask = normal({6, 70, 90}, 4) > -1;
  const Tensor dy = normal({2, 6, 70, 5}, 5);
  const auto computed = [&](bool grouped) {
    std::vector<Tensor> leaves;
    for (const Tensor& x : {q, k, v}) leaves.push_back(x.clone().requires_grad_());
    const Tensor y = grouped ? scaled_dot_product_attention(leaves[0], leaves[1], leaves[2],
                                                            {.attn_mask = mask, .enable_gqa = true})
                             : scaled_dot_product_attention(
                                   leaves[0], repeat_interleave(leaves[1], 3, 1),
                                   repeat_interleave(leaves[2], 3, 1), {.attn_mask = mask});
    auto all = grad({y}, leaves, {.grad_outputs = {dy}});
    all.push_back(y.detach());
    return all;
  };
  const auto grouped = computed(true);
  const auto repeated = computed(false);
  for (std::size_t i = 0; i < grouped.size(); ++i)
    CHECK(allclose(grouped[i], repeated[i], 1e-10, 1e-12));
}

TEST_CASE("a query that sees nothing gets 0, and gives no gradient") {
  for (const DType dtype : {float32, float64})
    for (const bool chosen : {true, false}) {
      const Tensor seen = ones({3, 140}) == 1;
      Tensor rows = where(arange(3).unsqueeze(1) == 1, 0, 1).to(boolean);
      const Tensor both = logical_and(seen, rows);
      const Tensor mask = chosen ? both : where(both, 0.0, -infinity).to(dtype);
      std::vector<Tensor> leaves{normal({3, 4}), normal({140, 4}, 2), normal({140, 4}, 3)};
      for (Tensor& x : leaves) x = x.to(dtype).requires_grad_();
      for (const bool create_graph : {false, true}) {
        const Tensor y =
            scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], {.attn_mask = mask});
        CHECK(values(y.detach()[1]) == std::vector<double>(4, 0));
        CHECK(y.detach()[0].abs().min().item() > 0);
        const auto d =
            grad({y}, leaves, {.grad_outputs = {ones_like(y)}, .create_graph = create_graph});
        CHECK(values(d[0].detach()[1]) == std::vector<double>(4, 0));
        for (const Tensor& x : d) CHECK(all(isfinite(x.detach())).item<bool>());
      }
    }
}

TEST_CASE("scores that are large, not finite or not numbers do what softmax does") {
  const Tensor key = tensor({{1.0}, {-1.0}}, {.dtype = float64});
  const Tensor value = tensor({{1.0}, {2.0}}, {.dtype = float64});
  const auto of = [&](double q) {
    return scaled_dot_product_attention(full({1, 1}, q, {.dtype = float64}), key, value).item();
  };
  CHECK(of(1e300) == 1);
  CHECK(of(-1e300) == 2);
  CHECK(std::isnan(of(infinity)));
  CHECK(std::isnan(of(std::numeric_limits<double>::quiet_NaN())));
  // Far below the scores of the first block, and far above.
  const Tensor added = where(arange(300) < 128, 0, -1e5).to(float64);
  const Tensor q = zeros({2, 3}, {.dtype = float64});
  const Tensor k = zeros({300, 3}, {.dtype = float64});
  const Tensor v = (arange(300) < 128).to(float64).unsqueeze(1);
  CHECK(values(scaled_dot_product_attention(q, k, v, {.attn_mask = added})) ==
        std::vector<double>{1, 1});
  CHECK(values(scaled_dot_product_attention(q, k, v, {.attn_mask = -added})) ==
        std::vector<double>{0, 0});
}

TEST_CASE("attention's dropout is the same for the same seed and keeps the mean") {
  const Tensor q = normal({8, 40, 4}).requires_grad_();
  const Tensor k = normal({8, 50, 4}, 2);
  const Tensor v = ones({8, 50, 2}, {.dtype = float64});
  const auto drop = [&](std::uint64_t seed) {
    Generator generator(seed);
    return scaled_dot_product_attention(q, k, v, {.dropout_p = 0.5, .generator = &generator});
  };
  CHECK(equal(drop(1), drop(1)));
  CHECK(!equal(drop(1), drop(2)));
  // Of 320 sums of 50 weights, each kept or not: a deviation of some 0.2 / √320 each.
  CHECK(drop(1).mean().item() == doctest::Approx(1).epsilon(0.1));
  CHECK(values(scaled_dot_product_attention(q, k, v, {.dropout_p = 1}).abs().max()) ==
        std::vector<double>{0});
  drop(1).sum().backward();
  CHECK(q.grad().abs().max().item() > 0);
}

TEST_CASE("attention gives the same bits on any number of threads") {
  const auto computed = [](int threads) {
    const Threads guard(threads);
    std::vector<Tensor> leaves{normal({7, 150, 8}), normal({7, 160, 8}, 2), normal({7, 160, 8}, 3)};
    for (Tensor& x : leaves) x = x.to(float32).requires_grad_();
    const Tensor y =
        scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], {.is_causal = true});
    auto all = grad({y}, leaves, {.grad_outputs = {normal(y.shape(), 4).to(float32)}});
    all.push_back(y.detach());
    return all;
  };
  const auto one = computed(1);
  const auto three = computed(3);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    CHECK(equal(one[i], three[i]));
  }
}

TEST_CASE("wrong attention is told") {
  const Tensor q = zeros({2, 3, 4});
  const Tensor k = zeros({2, 5, 4});
  const auto message = [](const Tensor& query, const Tensor& key, const Tensor& value,
                          const Options& options = {}) {
    return message_of<Error>([&] { scaled_dot_product_attention(query, key, value, options); });
  };
  CHECK(
      message(q, zeros({2, 5, 3}), k) ==
      "scaled_dot_product_attention: query [2, 3, 4] and key [2, 5, 3] differ in their last axis");
  CHECK(message(q, k, q) ==
        "scaled_dot_product_attention: key [2, 5, 4] and value [2, 3, 4] differ in their last axis "
        "but one");
  CHECK(message(zeros({4}), k, k) ==
        "scaled_dot_product_attention: query [4], key [2, 5, 4], value [2, 5, 4]; each has 2 axes "
        "at least");
  CHECK(message(q, k.to(float64), k) ==
        "scaled_dot_product_attention: query is float32, key float64, value float32; they must be "
        "of one floating dtype");
  CHECK(message(q, k, k, {.attn_mask = zeros({4, 5})}) ==
        "scaled_dot_product_attention: shapes [4, 5] and [2, 3, 5] do not broadcast: axis "
        "1 has 3 and 4; they must be equal, or one of them 1");
  CHECK(message(q, k, k, {.attn_mask = zeros({1, 2, 3, 5})}) ==
        "scaled_dot_product_attention: attn_mask [1, 2, 3, 5] does not broadcast to scores [2, 3, "
        "5]");
  CHECK(message(q, k, k, {.attn_mask = zeros({3, 5}, {.dtype = int64})}) ==
        "scaled_dot_product_attention: attn_mask is int64; it must be bool or as the query "
        "float32");
  CHECK(message(q, k, k, {.dropout_p = 1.5}) ==
        "scaled_dot_product_attention: dropout_p is 1.5, it must lie in [0, 1]");
  CHECK(message(zeros({3, 3, 4}), k, k, {.enable_gqa = true}) ==
        "scaled_dot_product_attention: 3 heads of queries, 2 of keys, 2 of values; those of keys "
        "and values must be as many, and divide those of queries");
}
