// MultiheadAttention.

#include <xgrad/nn/nn.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

std::vector<std::string> names_of(const nn::Module& net) {
  std::vector<std::string> names;
  for (const auto& [name, x] : net.state_dict()) names.push_back(name);
  return names;
}

nn::MultiheadAttention made(std::int64_t embed_dim, std::int64_t heads,
                            const nn::MultiheadAttentionOptions& options = {}) {
  nn::MultiheadAttention net{embed_dim, heads, options};
  net.to(float64);
  // Biases start at 0, where a wrong one would not be seen.
  std::uint64_t seed = 100;
  for (const Tensor& p : net.parameters()) p.detach().copy_(normal(p.shape(), seed++) * 0.6);
  return net;
}

/// Rows of numbers.
using Matrix = std::vector<std::vector<double>>;

Matrix rows_of(const Tensor& x) {
  Matrix rows;
  for (std::int64_t i = 0; i < x.size(0); ++i) rows.push_back(values(x[i]));
  return rows;
}

/// x Wᵀ + b
Matrix affine(const Matrix& x, const Matrix& w, const std::vector<double>& b) {
  Matrix y;
  for (const auto& row : x) {
    y.emplace_back();
    for (std::size_t i = 0; i < w.size(); ++i) {
      double sum = b.empty() ? 0 : b[i];
      for (std::size_t j = 0; j < row.size(); ++j) sum += w[i][j] * row[j];
      y.back().push_back(sum);
    }
  }
  return y;
}

struct Expected {
  Matrix values;
  std::vector<Matrix> weights;  // of each head
};

/// Attention of one sequence, number by number; `added` [heads][L][S] is added to the scores.
/// `in` are the weights of query, key and value, `b` their biases.
Expected attention_of(const std::vector<Matrix>& in, const std::vector<std::vector<double>>& b,
                      const nn::Linear& out, std::size_t heads, const Matrix& query,
                      const Matrix& key, const Matrix& value, const std::vector<Matrix>& added) {
  const Matrix q = affine(query, in[0], b[0]);
  const Matrix k = affine(key, in[1], b[1]);
  const Matrix v = affine(value, in[2], b[2]);
  const std::size_t width = q[0].size() / heads;
  Expected all{{}, std::vector<Matrix>(heads)};
  Matrix joined(q.size());
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t i = 0; i < q.size(); ++i) {
      std::vector<double> w;
      double total = 0;
      for (std::size_t j = 0; j < k.size(); ++j) {
        double score = 0;
        for (std::size_t c = h * width; c < (h + 1) * width; ++c) score += q[i][c] * k[j][c];
        w.push_back(std::exp(score / std::sqrt(static_cast<double>(width)) + added[h][i][j]));
        total += w.back();
      }
      for (double& x : w) x /= total;
      for (std::size_t c = h * width; c < (h + 1) * width; ++c) {
        joined[i].push_back(0);
        for (std::size_t j = 0; j < k.size(); ++j) joined[i].back() += w[j] * v[j][c];
      }
      all.weights[h].push_back(w);
    }
  all.values = affine(joined, rows_of(out.weight),
                      out.bias.defined() ? values(out.bias) : std::vector<double>());
  return all;
}

/// The same for the module, its projections in one weight or three.
Expected attention_of(const nn::MultiheadAttention& net, std::size_t heads, const Tensor& query,
                      const Tensor& key, const Tensor& value, const std::vector<Matrix>& added) {
  std::vector<Matrix> in;
  if (net.in_proj_weight.defined())
    for (const Tensor& w : net.in_proj_weight.chunk(3)) in.push_back(rows_of(w));
  else
    in = {rows_of(net.q_proj_weight), rows_of(net.k_proj_weight), rows_of(net.v_proj_weight)};
  std::vector<std::vector<double>> b(3);
  if (net.in_proj_bias.defined())
    for (std::size_t i = 0; i < 3; ++i) b[i] = values(net.in_proj_bias.chunk(3)[i]);
  return attention_of(in, b, net.out_proj, heads, rows_of(query), rows_of(key), rows_of(value),
                      added);
}

std::vector<Matrix> nothing_added(std::size_t heads, std::size_t queries, std::size_t keys) {
  return std::vector<Matrix>(heads, Matrix(queries, std::vector<double>(keys)));
}

Tensor tensor_of(const Matrix& rows) {
  std::vector<double> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return from_vector(all, Shape{static_cast<std::int64_t>(rows.size()),
                                static_cast<std::int64_t>(rows[0].size())});
}

bool close(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && allclose(a, b, 1e-11, 1e-12);
}

/// Both ways of calling it, against numbers.
void check(nn::MultiheadAttention net, const Tensor& query, const Tensor& key, const Tensor& value,
           const nn::AttentionCall& given, const std::vector<Matrix>& added) {
  const std::size_t heads = added.size();
  const Expected expected = attention_of(net, heads, query, key, value, added);
  nn::AttentionCall call = given;
  const auto [y, mean_weights] = net(query, key, value, call);
  CHECK(close(y, tensor_of(expected.values)));
  call.average_attn_weights = false;
  const Tensor weights = net(query, key, value, call).weights;
  Tensor sum_of_weights = zeros_like(mean_weights);
  for (std::size_t h = 0; h < heads; ++h) {
    const Tensor own = tensor_of(expected.weights[h]);
    CHECK(close(weights[static_cast<std::int64_t>(h)], own));
    sum_of_weights = sum_of_weights + own;
  }
  CHECK(close(mean_weights, sum_of_weights / static_cast<double>(heads)));
  call.need_weights = false;
  const auto [plain, none] = net(query, key, value, call);
  CHECK(close(plain, y));
  CHECK_FALSE(none.defined());
}

}  // namespace

TEST_CASE("attention by numbers: one tensor, two and three, of one width and of others") {
  const Tensor x = normal({4, 6}), y = normal({5, 6}, 2), z = normal({5, 6}, 3);
  check(made(6, 2), x, x, x, {}, nothing_added(2, 4, 4));
  check(made(6, 3), x, y, y, {}, nothing_added(3, 4, 5));
  check(made(6, 1), x, y, z, {}, nothing_added(1, 4, 5));
  check(made(6, 2, {.bias = false}), x, x, x, {}, nothing_added(2, 4, 4));
  check(made(6, 2, {.bias = false}), x, y, y, {}, nothing_added(2, 4, 5));
  check(made(6, 2, {.kdim = 3, .vdim = 4}), x, normal({5, 3}, 4), normal({5, 4}, 5), {},
        nothing_added(2, 4, 5));
}

TEST_CASE("masks hide where they are true, or are added") {
  const double hidden = -std::numeric_limits<double>::infinity();
  const Tensor x = normal({3, 4}), y = normal({4, 4}, 2);
  nn::MultiheadAttention net = made(4, 2);
  std::vector<Matrix> added = nothing_added(2, 3, 4);
  for (Matrix& head : added) head[1][2] = head[0][0] = hidden;
  const Tensor hides = tensor(
      {{true, false, false, false}, {false, false, true, false}, {false, false, false, false}});
  check(net, x, y, y, {.attn_mask = hides}, added);
  // Beside padding.
  for (Matrix& head : added)
    for (auto& row : head) row[3] = hidden;
  const Tensor padding = tensor({false, false, false, true});
  check(net, x, y, y, {.key_padding_mask = padding, .attn_mask = hides}, added);
  // Of each head its own, and of floats.
  const Tensor bias = normal({2, 3, 4}, 3);
  for (std::size_t h = 0; h < 2; ++h) added[h] = rows_of(bias[static_cast<std::int64_t>(h)]);
  check(net, x, y, y, {.attn_mask = bias}, added);
  for (Matrix& head : added)
    for (auto& row : head) row[3] = hidden;
  check(net, x, y, y, {.key_padding_mask = padding, .attn_mask = bias}, added);
  const Tensor slope = normal({4}, 4);
  added = nothing_added(2, 3, 4);
  for (Matrix& head : added)
    for (auto& row : head) row = values(slope);
  check(net, x, y, y, {.key_padding_mask = slope}, added);
  // Causal, also beside a mask.
  added = nothing_added(2, 3, 4);
  for (Matrix& head : added)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 4; ++j)
        if (j > i || (i == 1 && j == 0)) head[i][j] = hidden;
  const Tensor first = tensor(
      {{false, false, false, false}, {true, false, false, false}, {false, false, false, false}});
  check(net, x, y, y, {.attn_mask = first, .is_causal = true}, added);
}

TEST_CASE("a batch is its sequences, in both orders of the axes") {
  const Tensor x = normal({3, 4, 6});        // [batch, length, features]
  const Tensor mask = normal({6, 4, 4}, 2);  // of each batch and head
  const Tensor padding = tensor(
      {{false, false, false, false}, {false, true, true, false}, {false, false, false, true}});
  nn::MultiheadAttention net = made(6, 2, {.batch_first = true});
  nn::MultiheadAttention turned = made(6, 2);
  turned.load_state_dict(net.state_dict());
  const nn::AttentionCall call{.key_padding_mask = padding, .attn_mask = mask};
  const auto [y, w] = net(x, x, x, call);
  CHECK(y.shape() == Shape{3, 4, 6});
  CHECK(w.shape() == Shape{3, 4, 4});
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto [own, own_w] =
        net(x[b], x[b], x[b],
            {.key_padding_mask = padding[b], .attn_mask = mask.slice(0, 2 * b, 2 * b + 2)});
    CHECK(close(y[b], own));
    CHECK(close(w[b], own_w));
  }
  const Tensor t = x.transpose(0, 1);
  CHECK(close(turned(t, t, t, call).values.transpose(0, 1), y));
  for (nn::MultiheadAttention* each : {&net, &turned}) {
    const Tensor in = each == &net ? x : t;
    const Tensor other = in * 1;  // as many projections as tensors
    const Tensor fast = (*each)(in, in, in, {.need_weights = false, .attn_mask = mask}).values;
    CHECK(
        close((*each)(in, other, other, {.need_weights = false, .attn_mask = mask}).values, fast));
    CHECK(close((*each)(in, in, other, {.need_weights = false, .attn_mask = mask}).values, fast));
    CHECK(close((*each)(in, in, in, {.attn_mask = mask}).values, fast));
  }
}

TEST_CASE("a learnt key and value, and those of zeros, stand behind the others") {
  const double hidden = -std::numeric_limits<double>::infinity();
  const Tensor x = normal({3, 2, 4});
  nn::MultiheadAttention net = made(4, 2, {.add_bias_kv = true, .add_zero_attn = true});
  const auto [y, w] = net(x, x, x, {.attn_mask = ones({3, 3}, {.dtype = boolean})});
  CHECK(w.shape() == Shape{2, 3, 5});
  // Where the keys given are hidden, each query sees but these two.
  for (std::int64_t b = 0; b < 2; ++b) {
    const std::vector<Tensor> weight = net.in_proj_weight.chunk(3),
                              bias = net.in_proj_bias.chunk(3);
    const Tensor q = linear(x.select(1, b), weight[0], bias[0]);
    Matrix joined(3);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t h = 0; h < 2; ++h) {
        const std::vector<double> row = values(q[static_cast<std::int64_t>(i)]);
        const std::vector<double> k = values(net.bias_k), v = values(net.bias_v);
        const double score = (row[2 * h] * k[2 * h] + row[2 * h + 1] * k[2 * h + 1]) / std::sqrt(2);
        const double share = std::exp(score) / (std::exp(score) + 1);
        joined[i].push_back(share * v[2 * h]);
        joined[i].push_back(share * v[2 * h + 1]);
      }
    const Matrix expected = affine(joined, rows_of(net.out_proj.weight), values(net.out_proj.bias));
    CHECK(close(y.select(1, b), tensor_of(expected)));
  }
  // Causal: of the keys given; these two are seen.
  const Tensor causal = net(x, x, x, {.is_causal = true}).weights;
  const Tensor by_mask =
      net(x, x, x,
          {.attn_mask = full({3, 3}, hidden, {.dtype = float64})
                            .triu(1)
                            .masked_fill(ones({3, 3}, {.dtype = boolean}).tril(), 0)})
          .weights;
  CHECK(close(causal, by_mask));
  CHECK(causal[0][0][1].item() == 0);
  CHECK(causal[0][0][3].item() > 0);
  sum(square(net(x, x, x, {.need_weights = false}).values)).backward();
  for (const Tensor& p : net.parameters()) {
    REQUIRE(p.grad().defined());
    CHECK(abs(p.grad()).max().item() > 0);
  }
}

TEST_CASE("parameters have PyTorch's names, shapes and first values") {
  using Names = std::vector<std::string>;
  const nn::MultiheadAttention net{64, 4, {.add_bias_kv = true}};
  CHECK(names_of(net) == Names{"in_proj_weight", "in_proj_bias", "bias_k", "bias_v",
                               "out_proj.weight", "out_proj.bias"});
  CHECK(net.in_proj_weight.shape() == Shape{192, 64});
  CHECK(net.bias_k.shape() == Shape{1, 1, 64});
  const double bound = std::sqrt(6.0 / (192 + 64));
  CHECK(abs(net.in_proj_weight).max().item() <= bound);
  CHECK(abs(net.in_proj_weight).max().item() > 0.98 * bound);
  CHECK(equal(net.in_proj_bias, zeros({192})));
  CHECK(equal(net.out_proj.bias, zeros({64})));
  CHECK(abs(net.out_proj.weight).max().item() <= 1.0 / 8);
  const nn::MultiheadAttention other{64, 4, {.bias = false, .kdim = 8, .vdim = 16}};
  CHECK(names_of(other) ==
        Names{"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"});
  CHECK(other.k_proj_weight.shape() == Shape{64, 8});
  CHECK(other.v_proj_weight.shape() == Shape{64, 16});
}

TEST_CASE("gradients agree with differences, in every way of calling it") {
  const auto right = [](const nn::MultiheadAttentionOptions& options, bool self,
                        const nn::AttentionCall& call) {
    nn::MultiheadAttention net = made(4, 2, options);
    std::vector<Tensor> inputs{normal({3, 2, 4}), normal({3, 2, options.kdim.value_or(4)}, 2)};
    std::vector<std::string> names;
    for (const auto& [name, p] : net.named_parameters()) {
      names.push_back(name);
      inputs.push_back(p.detach());
    }
    const auto f = [&](const std::vector<Tensor>& all) {
      NamedTensors own;
      for (std::size_t i = 0; i < names.size(); ++i) {
        Tensor p = all[i + 2];
        // No result depends on the bias of keys; differences would be noise.
        if (names[i] == "in_proj_bias")
          p = cat({p.slice(0, 0, 4), zeros_like(p.slice(0, 0, 4)), p.slice(0, 8)});
        own.emplace_back(names[i], p);
      }
      const Tensor key = self ? all[0] : all[1];
      const auto y = nn::functional_call(net, own, all[0], key, key, call);
      Tensor loss = sum(square(y.values)) + 0 * sum(all[1]);
      return y.weights.defined() ? loss + sum(square(y.weights)) : loss;
    };
    return gradcheck(f, inputs) && gradgradcheck(f, inputs, {.tolerance = 1e-4});
  };
  const Tensor padding = tensor({{false, false, true}, {false, false, false}});
  CHECK(right({}, true, {.need_weights = false, .is_causal = true}));
  CHECK(right({.batch_first = true}, true, {.need_weights = false}));
  CHECK(right({}, false, {.key_padding_mask = padding, .need_weights = false}));
  CHECK(right({.bias = false}, true, {.need_weights = false, .is_causal = true}));
  CHECK(right({.bias = false, .batch_first = true}, false, {.need_weights = false}));
  CHECK(right({.bias = false}, true, {.key_padding_mask = padding}));
  CHECK(right({.add_bias_kv = true, .add_zero_attn = true, .kdim = 3, .vdim = 3}, false, {}));
}

TEST_CASE("dropout is in training alone, of the weights that are given") {
  nn::MultiheadAttention net{8, 2, {.dropout = 0.5}};
  const Tensor x = normal({6, 2, 8}).to(float32);
  const auto [y, w] = net(x, x, x, {.average_attn_weights = false});
  const Tensor gone = sum((w == 0).to(float32));
  CHECK(gone.item() > 30);  // of 144
  CHECK(gone.item() < 114);
  CHECK_FALSE(equal(net(x, x, x, {.need_weights = false}).values,
                    net(x, x, x, {.need_weights = false}).values));
  net.eval();
  CHECK(equal(net(x, x, x, {.need_weights = false}).values,
              net(x, x, x, {.need_weights = false}).values));
  CHECK(allclose(sum(net(x, x, x).weights, -1), ones({2, 6}), 1e-5, 1e-6));
}

TEST_CASE("a query that sees no key gets the output's bias, and no NaN reaches a gradient") {
  for (const bool need_weights : {false, true}) {
    nn::MultiheadAttention net = made(4, 2);
    const Tensor x = normal({3, 1, 4});
    const Tensor y =
        net(x, x, x,
            {.key_padding_mask = ones({1, 3}, {.dtype = boolean}), .need_weights = need_weights})
            .values;
    for (std::int64_t i = 0; i < 3; ++i) CHECK(close(y[i][0], net.out_proj.bias));
    sum(y).backward();
    for (const Tensor& p : net.parameters()) CHECK_FALSE(any(isnan(p.grad())).item<bool>());
  }
}

TEST_CASE("16 bits, and copies of their own") {
  nn::MultiheadAttention net{8, 2};
  const Tensor x = normal({3, 2, 8}).to(float32);
  const Tensor y = net(x, x, x, {.need_weights = false}).values;
  nn::MultiheadAttention half = nn::clone(net);
  half.to(bfloat16);
  const Tensor low = x.to(bfloat16);
  const Tensor z = half(low, low, low, {.need_weights = false}).values;
  CHECK(z.dtype() == bfloat16);
  CHECK(allclose(z.to(float32), y, 0, 0.03));
  CHECK(net.in_proj_weight.dtype() == float32);
  CHECK(half(low, low, low).weights.dtype() == bfloat16);
}

TEST_CASE("attention refuses what does not fit") {
  CHECK(message_of<ValueError>([] {
          nn::MultiheadAttention{6, 4};
        }) == "MultiheadAttention: 4 heads must divide embed_dim 6");
  CHECK(message_of<ValueError>([] {
          nn::MultiheadAttention{0, 1};
        }) == "MultiheadAttention: embed_dim 0, num_heads 1, kdim 0, vdim 0; all must be positive");
  CHECK(message_of<ValueError>([] {
          nn::MultiheadAttention{4, 1, {.dropout = 2}};
        }) == "MultiheadAttention: dropout is 2, it must lie in [0, 1]");
  nn::MultiheadAttention net{4, 2};
  const Tensor x = zeros({3, 2, 4});
  CHECK(message_of<ShapeError>([&] {
          net(x, zeros({5, 2, 4}), x);
        }) ==
        "net (MultiheadAttention): MultiheadAttention: query [3, 2, 4], key [5, 2, 4] and value "
        "[3, 2, 4] must be [length, batch, features] with 4, 4 and 4 features, key and value as "
        "long as each other; or all of them without the batch");
  CHECK_THROWS_AS(net(x, zeros({5, 1, 4}), zeros({5, 1, 4})), ShapeError);
  CHECK_THROWS_AS(net(x, zeros({5, 2, 3}), zeros({5, 2, 4})), ShapeError);
  CHECK_THROWS_AS(net(x, zeros({5, 4}), zeros({5, 4})), ShapeError);
  CHECK(message_of<ShapeError>([&] {
          net(x, x, x, {.attn_mask = zeros({3, 4})});
        }) == "net (MultiheadAttention): MultiheadAttention: attn_mask is [3, 4]; expected [3, 3]");
  CHECK(message_of<ShapeError>([&] {
          net(x, x, x, {.attn_mask = zeros({2, 3, 3})});
        }) ==
        "net (MultiheadAttention): MultiheadAttention: attn_mask is [2, 3, 3]; expected [4, 3, 3]");
  CHECK(
      message_of<ShapeError>([&] {
        net(x, x, x, {.key_padding_mask = zeros({3, 2})});
      }) ==
      "net (MultiheadAttention): MultiheadAttention: key_padding_mask is [3, 2]; expected [2, 3]");
  CHECK(message_of<DTypeError>([&] {
          net(x, x, x, {.attn_mask = zeros({3, 3}, {.dtype = int64})});
        }) ==
        "net (MultiheadAttention): MultiheadAttention: attn_mask is int64; it must be bool or as "
        "the query float32");
  CHECK(message_of<ValueError>([&] { nn::MultiheadAttention()(x, x, x); }) ==
        "net (MultiheadAttention): MultiheadAttention: used before it was made; give it its sizes, "
        "as in nn::MultiheadAttention{256, 8}");
}
