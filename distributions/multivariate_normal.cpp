#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributions/multivariate_normal.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <cmath>
#include <numbers>

namespace xgrad::distributions {
namespace {

const double log_2pi = std::log(2 * std::numbers::pi);

Tensor transposed(const Tensor& A) { return transpose(A, -1, -2); }

Tensor diagonal_of(const Tensor& A) { return diagonal(A, 0, -2, -1); }

/// L with (L Lᵀ)⁻¹ = P: of the reversed P = U Uᵀ with U upper, L = U⁻ᵀ.
Tensor scale_of_precision(const Tensor& P) {
  const Tensor reversed = linalg::cholesky(flip(P, {-2, -1}));
  const Tensor upper = flip(reversed, {-2, -1});
  return linalg::solve_triangular(transposed(upper), eye(P.size(-1), {}, {.dtype = P.dtype()}),
                                  false);
}

struct Given {
  const char* name = nullptr;
  Tensor matrix;
};

Given only_one_of(const Covariance& covariance) {
  Given only;
  for (const auto& [name, matrix] : {Given{"covariance_matrix", covariance.covariance_matrix},
                                     Given{"precision_matrix", covariance.precision_matrix},
                                     Given{"scale_tril", covariance.scale_tril}}) {
    if (!matrix.defined()) continue;
    if (only.name != nullptr)
      raise<ValueError>("MultivariateNormal: {} and {} are given: one of them is enough", only.name,
                        name);
    only = {name, matrix};
  }
  require<ValueError>(only.name != nullptr,
                      "MultivariateNormal: give covariance_matrix, precision_matrix or scale_tril");
  return only;
}

void check_triangle(const char* distribution, const Tensor& L) {
  require_all(distribution, "the diagonal of scale_tril", diagonal_of(L), positive);
  const Tensor upper = L.triu(1);
  require_all(distribution, "scale_tril", upper == 0, "be 0 above its diagonal", upper);
}

void check_symmetric(const char* distribution, const Given& given) {
  const Tensor& A = given.matrix;
  require_all(distribution, given.name, A, finite);
  const Tensor apart = abs(A - transposed(A));
  require_all(distribution, given.name, apart <= 1e-5 * amax(abs(A), {-2, -1}, true),
              "be symmetric", A);
}

}  // namespace

MultivariateNormal::MultivariateNormal(const Tensor& given_loc, const Covariance& covariance,
                                       const Options& options)
    : Distribution("MultivariateNormal", options) {
  const xgrad::detail::Running running(name(), given_loc);
  Given given = only_one_of(covariance);
  for (const DType own : {given_loc.dtype(), given.matrix.dtype()})
    require<DTypeError>(!is_half(own), "MultivariateNormal: takes float32 and float64, not {}",
                        own);
  const Tensor loc = as_tensor(given_loc, float32);
  given.matrix = as_tensor(given.matrix, float32);
  const Shape& matrix = given.matrix.shape();
  const std::size_t axes = matrix.size();
  if (loc.dim() < 1 || axes < 2 || matrix[axes - 1] != loc.size(-1) ||
      matrix[axes - 2] != loc.size(-1))
    raise<ShapeError>("MultivariateNormal: loc {} and {} {} must be [..., n] and [..., n, n]",
                      loc.shape(), given.name, matrix);
  const bool is_triangle = covariance.scale_tril.defined();
  if (validates())
    no_grad([&] {
      require_all(name(), "loc", loc, real);
      is_triangle ? check_triangle(name(), given.matrix) : check_symmetric(name(), given);
    });
  const DType type = promote(loc.dtype(), given.matrix.dtype());
  const Tensor A = to(given.matrix, type);
  const Tensor L = is_triangle                             ? A
                   : covariance.precision_matrix.defined() ? scale_of_precision(A)
                                                           : linalg::cholesky(A);
  const Shape event{loc.size(-1)};
  const Shape batch = broadcast(part_of(loc.shape(), 0, loc.shape().size() - 1),
                                part_of(matrix, 0, axes - 2), name());
  loc_ = expand(to(loc, type), joined(batch, event));
  scale_tril_ = expand(L, joined(joined(batch, event), event));
  shape_as(batch, event, type);
}

Tensor MultivariateNormal::covariance_matrix() const {
  return matmul(scale_tril_, transposed(scale_tril_));
}
Tensor MultivariateNormal::precision_matrix() const {
  const Tensor one = eye(loc_.size(-1), {}, {.dtype = dtype()});
  const Tensor inverse = linalg::solve_triangular(scale_tril_, one, false);
  return matmul(transposed(inverse), inverse);
}
Tensor MultivariateNormal::variance() const { return square(scale_tril_).sum(-1); }
Tensor MultivariateNormal::entropy() const {
  return log(diagonal_of(scale_tril_)).sum(-1) +
         0.5 * (1 + log_2pi) * static_cast<double>(loc_.size(-1));
}

Tensor MultivariateNormal::draw(const Shape& shape, Generator* generator) const {
  const Tensor z = randn(shape, {.dtype = dtype(), .generator = generator});
  return loc_ + matmul(scale_tril_, unsqueeze(z, -1)).squeeze(-1);
}
Tensor MultivariateNormal::log_density(const Tensor& x) const {
  const Tensor apart = x - loc_;
  const Tensor L = to(scale_tril_, apart.dtype());
  const Tensor z = linalg::solve_triangular(L, unsqueeze(apart, -1), false).squeeze(-1);
  return -0.5 * (square(z).sum(-1) + log_2pi * static_cast<double>(loc_.size(-1))) -
         log(diagonal_of(scale_tril_)).sum(-1);
}

}  // namespace xgrad::distributions
