#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/distance.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/reduced.hpp>

#include <cmath>

namespace xgrad {

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  const detail::Running running("pairwise_distance", x1, x2);
  detail::check_floating("pairwise_distance", x1, x2);
  const Shape shape = broadcast(x1.shape(), x2.shape(), "pairwise_distance");
  require<ShapeError>(!shape.empty(), "pairwise_distance: scalars have no axis to go along");
  require_number("pairwise_distance", "p", p);
  require_number("pairwise_distance", "eps", eps);
  require<ValueError>(shape.back() > 0 || (p >= 0 && std::isfinite(p)),
                      "pairwise_distance: the last axis of {} is empty, for p = {}", shape, p);
  return norm(x1 - x2 + eps, p, -1, keepdim);
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, std::int64_t axis, double eps) {
  const detail::Running running("cosine_similarity", x1, x2);
  detail::check_floating("cosine_similarity", x1, x2);
  const Shape shape = broadcast(x1.shape(), x2.shape(), "cosine_similarity");
  require<ShapeError>(!shape.empty(), "cosine_similarity: scalars have no axis {}", axis);
  normalize_axis(axis, shape.size(), "cosine_similarity");
  require_number("cosine_similarity", "eps", eps);
  if (is_half(x1.dtype()))
    return in_float32(
        [&](const Tensor& a, const Tensor& b) { return cosine_similarity(a, b, axis, eps); }, x1,
        x2);
  const auto unit = [&](const Tensor& given) {
    const Tensor x = expand(given, shape);
    return x / clamp(norm(x, 2, axis, true), eps);
  };
  return sum(unit(x1) * unit(x2), axis);
}

}  // namespace xgrad
