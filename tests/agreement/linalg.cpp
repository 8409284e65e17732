// linalg.hpp. What is unique up to a sign is compared without it.
#include <cmath>

#include "kinds.hpp"

namespace agreement {
namespace {

namespace la = xgrad::linalg;
using xgrad::Tensor;

std::vector<Inputs> systems() {
  std::vector<Inputs> all;
  for (const Input& a : matrix_inputs()) {
    const std::int64_t rows = a.tensor.dim() < 2 ? 1 : a.tensor.size(-2);
    all.push_back({a, random({rows, 2}, xgrad::float64, -3, 3, 2)});
    all.push_back({a, random({rows}, xgrad::float64, -3, 3, 2)});
    all.push_back({a, random({2, rows, 1}, xgrad::float64, -3, 3, 2)});
  }
  all.push_back({random({3, 3}), random({2, 3})});
  all.push_back({random({3, 3}), random({3, 2}, xgrad::float32)});
  return all;
}

template <class F, class G>
void system(Suite& s, const std::string& operation, F f, G g) {
  for (const Inputs& pair : systems())
    check(
        s, operation, pair, "", [=](const Ours& x) { return f(x[0], x[1]); },
        [=](const Theirs& x) { return g(x[0], x[1]); });
}

void norms(Suite& s) {
  for (const double p : {1.0, -1.0, 2.0, -2.0, double(INFINITY), -double(INFINITY), 3.0}) {
    matrix(
        s, "matrix_norm", [=](const Tensor& x) { return la::matrix_norm(x, p); },
        [=](const at::Tensor& x) { return at::linalg_matrix_norm(x, p); });
    matrix(
        s, "cond", [=](const Tensor& x) { return la::cond(x, p); },
        [=](const at::Tensor& x) { return at::linalg_cond(x, at::Scalar(p)); });
    matrix(
        s, "linalg_norm", [=](const Tensor& x) { return la::norm(x, p); },
        [=](const at::Tensor& x) { return at::linalg_norm(x, at::Scalar(p)); });
  }
  for (const char* const p : {"fro", "nuc", "else"}) {
    matrix(
        s, "matrix_norm", [=](const Tensor& x) { return la::matrix_norm(x, p); },
        [=](const at::Tensor& x) { return at::linalg_matrix_norm(x, p); });
    matrix(
        s, "cond", [=](const Tensor& x) { return la::cond(x, p); },
        [=](const at::Tensor& x) { return at::linalg_cond(x, p); });
  }
  matrix(
      s, "linalg_norm", [](const Tensor& x) { return la::norm(x); },
      [](const at::Tensor& x) { return at::linalg_norm(x); });
}

void spectra(Suite& s) {
  matrix(
      s, "svd",
      [](const Tensor& x) {
        const la::SVD f = la::svd(x, false);
        return Ours{xgrad::abs(f.U), f.S, xgrad::abs(f.Vh)};
      },
      [](const at::Tensor& x) {
        const auto [u, values, v] = at::linalg_svd(x, false);
        return Theirs{u.abs(), values, v.abs()};
      });
  matrix(s, "svdvals", la::svdvals, [](const at::Tensor& x) { return at::linalg_svdvals(x); });
  for (const char* const triangle : {"L", "U", "else"}) {
    matrix(
        s, "eigh",
        [=](const Tensor& x) {
          const la::Eigh f = la::eigh(x, triangle);
          return Ours{f.eigenvalues, xgrad::abs(f.eigenvectors)};
        },
        [=](const at::Tensor& x) {
          const auto [values, vectors] = at::linalg_eigh(x, triangle);
          return Theirs{values, vectors.abs()};
        });
    matrix(
        s, "eigvalsh", [=](const Tensor& x) { return la::eigvalsh(x, triangle); },
        [=](const at::Tensor& x) { return at::linalg_eigvalsh(x, triangle); });
  }
}

}  // namespace

void matrices(Suite& s) {
  for (const bool upper : {false, true}) {
    matrix(
        s, "cholesky", [=](const Tensor& x) { return la::cholesky(x, upper); },
        [=](const at::Tensor& x) { return at::linalg_cholesky(x, upper); });
    for (const bool unit : {false, true})
      system(
          s, "solve_triangular",
          [=](const Tensor& a, const Tensor& b) {
            return la::solve_triangular(a, b, upper, true, unit);
          },
          [=](const at::Tensor& a, const at::Tensor& b) {
            return at::linalg_solve_triangular(a, b, upper, true, unit);
          });
  }
  system(
      s, "solve", [](const Tensor& a, const Tensor& b) { return la::solve(a, b); },
      [](const at::Tensor& a, const at::Tensor& b) { return at::linalg_solve(a, b); });
  system(
      s, "solve",
      [](const Tensor& a, const Tensor& b) { return la::solve(a, b.transpose(-1, 0), false); },
      [](const at::Tensor& a, const at::Tensor& b) {
        return at::linalg_solve(a, b.transpose(-1, 0), false);
      });
  system(
      s, "lstsq", [](const Tensor& a, const Tensor& b) { return la::lstsq(a, b).solution; },
      [](const at::Tensor& a, const at::Tensor& b) {
        return std::get<0>(at::linalg_lstsq(a, b, c10::nullopt, "gelsd"));
      });
  system(
      s, "lstsq",
      [](const Tensor& a, const Tensor& b) {
        const la::LeastSquares found = la::lstsq(a, b);
        return xgrad::no_grad([&] {
          return Ours{found.residuals.detach(), found.rank, found.singular_values.detach()};
        });
      },
      [](const at::Tensor& a, const at::Tensor& b) {
        const auto [x, residuals, rank, values] =
            at::linalg_lstsq(a.detach(), b.detach(), c10::nullopt, "gelsd");
        return Theirs{residuals, rank, values};
      });
  matrix(s, "inv", la::inv, [](const at::Tensor& x) { return at::linalg_inv(x); });
  matrix(s, "det", la::det, [](const at::Tensor& x) { return at::linalg_det(x); });
  matrix(s, "logdet", xgrad::logdet, [](const at::Tensor& x) { return at::logdet(x); });
  matrix(
      s, "slogdet",
      [](const Tensor& x) {
        const la::SignLogDet f = la::slogdet(x);
        return Ours{f.sign, f.logabsdet};
      },
      [](const at::Tensor& x) { return at::linalg_slogdet(x); });
  for (const char* const mode : {"reduced", "complete", "r", "else"})
    matrix(
        s, "qr",
        [=](const Tensor& x) {
          const la::QR f = la::qr(x, mode);
          return Ours{xgrad::abs(f.Q), xgrad::abs(f.R)};
        },
        [=](const at::Tensor& x) {
          const auto [q, r] = at::linalg_qr(x, mode);
          return Theirs{q.abs(), r.abs()};
        });
  spectra(s);
  matrix(
      s, "pinv", [](const Tensor& x) { return la::pinv(x); },
      [](const at::Tensor& x) { return at::linalg_pinv(x); });
  matrix(
      s, "pinv", [](const Tensor& x) { return la::pinv(x, 0.5, 0.1, true); },
      [](const at::Tensor& x) {
        return at::linalg_pinv(x, c10::optional<double>(0.5), c10::optional<double>(0.1), true);
      });
  matrix(
      s, "matrix_rank", [](const Tensor& x) { return la::matrix_rank(x); },
      [](const at::Tensor& x) { return at::linalg_matrix_rank(x); });
  norms(s);
  for (const std::int64_t n : {0, 1, 2, 3, 5, -1, -2})
    matrix(
        s, "matrix_power", [=](const Tensor& x) { return la::matrix_power(x, n); },
        [=](const at::Tensor& x) { return at::linalg_matrix_power(x, n); });
  matrix(s, "matrix_exp", la::matrix_exp,
         [](const at::Tensor& x) { return at::linalg_matrix_exp(x); });
}

}  // namespace agreement
