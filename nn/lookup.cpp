#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/lookup.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/unique.hpp>

#include <cmath>

namespace xgrad::nn {

Embedding::Embedding(const Tensor& weights, const EmbeddingOptions& options) : options_(options) {
  embedding(weights, Tensor::empty({0}, int64), options.padding_idx);  // says what is wrong of them
  require<ValueError>(!options.max_norm || *options.max_norm > 0,
                      "Embedding: max_norm is {}; it must be above 0",
                      options.max_norm.value_or(0));
  require<ValueError>(!std::isnan(options.norm_type),
                      "Embedding: norm_type is {}; it must be a number", options.norm_type);
  weight = add_parameter("weight", weights);
}

namespace {

Tensor first_rows(std::int64_t rows, std::int64_t width) {
  require<ValueError>(rows > 0 && width > 0, "Embedding: {} rows of {}; both must be positive",
                      rows, width);
  const xgrad::detail::Running running("Embedding");
  return Tensor::empty({rows, width}).normal_();
}

}  // namespace

Embedding::Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim,
                     const EmbeddingOptions& options)
    : Embedding(first_rows(num_embeddings, embedding_dim), options) {
  const NoGradGuard guard;
  if (options.padding_idx) weight[*options.padding_idx].fill_(0);
}

Embedding Embedding::from_pretrained(const Tensor& weights, bool freeze,
                                     const EmbeddingOptions& options) {
  const xgrad::detail::Running running("from_pretrained", weights);
  Embedding made(weights.detach(), options);
  made.requires_grad_(!freeze);
  return made;
}

void Embedding::limit_norms(const Tensor& indices) {
  constexpr double eps = 1e-7;  // PyTorch's
  const NoGradGuard guard;
  for (const std::int64_t row : unique(indices).values.to_vector<std::int64_t>()) {
    const Tensor values = weight[row];
    const double size = norm(values, options_.norm_type).item();
    if (size > *options_.max_norm) values.copy_(values * (*options_.max_norm / (size + eps)));
  }
}

Tensor Embedding::forward(const Tensor& indices) {
  detail::require_made(weight, "Embedding", "nn::Embedding{1000, 64}");
  const xgrad::detail::Running running("Embedding", indices);
  if (options_.max_norm) {
    embedding(weight.detach(), indices);  // checks them before a row changes
    limit_norms(indices);
  }
  const Tensor y = embedding(weight, indices, options_.padding_idx);
  if (options_.scale_grad_by_freq && y.requires_grad()) {
    const Unique rows = unique(indices, {.return_inverse = true, .return_counts = true});
    Shape each = indices.shape();
    each.push_back(1);
    const Tensor times = reshape(xgrad::take(rows.counts, rows.inverse), each).to(y.dtype());
    y.register_hook([times](const Tensor& dy) { return dy / times; });
  }
  return y;
}

}  // namespace xgrad::nn
