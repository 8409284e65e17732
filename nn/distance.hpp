#pragma once
#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/distance.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// xgrad::cosine_similarity.
class CosineSimilarity : public ModuleOf<CosineSimilarity> {
 public:
  explicit CosineSimilarity(std::int64_t axis = 1, double eps = 1e-8) : axis_(axis), eps_(eps) {
    cosine_similarity(Tensor::empty({0, 1}), Tensor::empty({0, 1}), 0, eps);
  }
  Tensor forward(const Tensor& x1, const Tensor& x2) {
    return cosine_similarity(x1, x2, axis_, eps_);
  }

 private:
  std::int64_t axis_;
  double eps_;
};

/// xgrad::pairwise_distance. ValueError for a p of NaN.
class PairwiseDistance : public ModuleOf<PairwiseDistance> {
 public:
  explicit PairwiseDistance(double p = 2, double eps = 1e-6, bool keepdim = false)
      : p_(p), eps_(eps), keepdim_(keepdim) {
    forward(Tensor::empty({0, 1}), Tensor::empty({0, 1}));
  }
  Tensor forward(const Tensor& x1, const Tensor& x2) {
    return pairwise_distance(x1, x2, p_, eps_, keepdim_);
  }

 private:
  double p_;
  double eps_;
  bool keepdim_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
