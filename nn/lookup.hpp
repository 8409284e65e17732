#pragma once
#include <xgrad/nn/module.hpp>

#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct EmbeddingOptions {
  /// Its row starts at 0 and gets no gradient; may count from the back.
  std::optional<std::int64_t> padding_idx = {};
  /// Rows of a larger norm are scaled down to it where they lie, before they are given.
  std::optional<double> max_norm = {};
  double norm_type = 2;             ///< the p of that norm
  bool scale_grad_by_freq = false;  ///< divides a row's gradient by how often the call names it
};

/// xgrad::embedding: int64 indices of any shape to rows, [..., embedding_dim]. Weights start as
/// N(0, 1). With a max_norm a call changes the weight, so it is for one thread at a time.
/// ValueError for sizes that are not positive, a padding_idx that is no row, a max_norm that is not
/// positive or a norm_type that is NaN.
class Embedding : public Module {
 public:
  /// Not usable before a made one is assigned.
  Embedding() = default;
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim,
            const EmbeddingOptions& options = {});

  /// With rows that are there already, [rows, width], which it shares; trained unless `freeze`.
  static Embedding from_pretrained(const Tensor& weights, bool freeze = true,
                                   const EmbeddingOptions& options = {});

  Tensor forward(const Tensor& indices) override;

  Parameter weight;  ///< [num_embeddings, embedding_dim]

 private:
  Embedding(const Tensor& weights, const EmbeddingOptions& options);
  void limit_norms(const Tensor& indices);

  EmbeddingOptions options_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
