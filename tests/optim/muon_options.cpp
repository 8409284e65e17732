// Muon's options in all combinations, over several steps, against loops over single numbers.

#include <xgrad/optim/optim.hpp>

#include <cmath>
#include <optional>

#include "support.hpp"
#include <fmt/format.h>

using namespace support;
using optim::Muon;
using optim::MuonOptions;

namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b[0].size()));
  for (std::size_t i = 0; i < c.size(); ++i)
    for (std::size_t j = 0; j < c[0].size(); ++j)
      for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix b(a[0].size(), std::vector<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a[0].size(); ++j) b[j][i] = a[i][j];
  return b;
}

double norm_of(const Matrix& a) {
  double sum = 0;
  for (const auto& row : a)
    for (const double x : row) sum += x * x;
  return std::sqrt(sum);
}

/// As muon.hpp has it, on the matrix as it stands.
Matrix orthogonalized(Matrix x, int steps) {
  const double norm = norm_of(x);
  for (auto& row : x)
    for (double& value : row) value /= norm + 1e-7;
  for (int i = 0; i < steps; ++i) {
    const Matrix a = product(x, transposed(x));
    const Matrix ax = product(a, x);
    const Matrix aax = product(a, ax);
    for (std::size_t r = 0; r < x.size(); ++r)
      for (std::size_t c = 0; c < x[0].size(); ++c)
        x[r][c] = 3.4445 * x[r][c] - 4.7750 * ax[r][c] + 2.0315 * aax[r][c];
  }
  return x;
}

Matrix matrix_of(const Tensor& x) {
  const auto all = values(x.detach());
  const auto rows = static_cast<std::size_t>(x.size(0));
  Matrix m(rows);
  for (std::size_t i = 0; i < all.size(); ++i) m[i * rows / all.size()].push_back(all[i]);
  return m;
}

/// A parameter and what is to be in it.
struct Trained {
  Tensor x;
  Matrix plain;
  std::optional<Matrix> v = {};

  Trained(const Shape& shape, DType dtype, std::uint64_t seed)
      : x(normal(shape, seed).to(dtype).requires_grad_()), plain(matrix_of(x)) {}

  void give(std::optional<std::uint64_t> seed) {
    x.set_grad({});
    if (seed) x.set_grad(normal(x.shape(), *seed).to(x.dtype()));
  }

  void step(const MuonOptions& o) {
    if (!x.grad().defined()) return;
    const Matrix g = matrix_of(x.grad());
    if (!v) v = Matrix(g.size(), std::vector<double>(g[0].size()));
    Matrix direction = g;
    for (std::size_t r = 0; r < g.size(); ++r)
      for (std::size_t c = 0; c < g[0].size(); ++c) {
        double& remembered = (*v)[r][c];
        remembered = o.momentum * remembered + g[r][c];
        direction[r][c] = o.nesterov ? g[r][c] + o.momentum * remembered : remembered;
      }
    const Matrix u = orthogonalized(direction, o.steps);
    const double lr = o.lr;
    double scale = 1 - lr * o.weight_decay;
    if (o.normalize) scale *= std::sqrt(static_cast<double>(plain.size())) / norm_of(plain);
    for (std::size_t r = 0; r < g.size(); ++r)
      for (std::size_t c = 0; c < g[0].size(); ++c)
        plain[r][c] = scale * plain[r][c] - lr * u[r][c];
  }

  void check() const {
    // A step multiplies an error by 3.4445 at most: by 500 in five, of some roundings each.
    const double rounding = x.dtype() == float32 ? 0x1p-24 : 0x1p-53;
    const Matrix found = matrix_of(x);
    REQUIRE(found.size() == plain.size());
    for (std::size_t r = 0; r < plain.size(); ++r)
      for (std::size_t c = 0; c < plain[0].size(); ++c)
        CHECK(std::abs(found[r][c] - plain[r][c]) <= 2e4 * rounding);
  }
};

std::vector<MuonOptions> combinations() {
  std::vector<MuonOptions> all;
  for (const double lr : {0., 0.2})
    for (const double momentum : {0., 0.5, 0.95})
      for (const bool nesterov : {false, true})
        for (const int steps : {1, 2, 5})
          for (const bool normalize : {false, true})
            for (const double decay : {0., 0.3})
              all.push_back({lr, momentum, nesterov, steps, normalize, decay});
  return all;
}

std::string text_of(const MuonOptions& o) {
  return fmt::format("lr {} momentum {} nesterov {} steps {} normalize {} decay {}",
                     static_cast<double>(o.lr), o.momentum, o.nesterov, o.steps, o.normalize,
                     o.weight_decay);
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{{1, 1}, {1, 5}, {5, 1},       {3, 4},
                                      {4, 3}, {4, 4}, {2, 3, 2, 2}, {6, 2, 1, 1}};
  return all;
}

}  // namespace

TEST_CASE("every combination of Muon's options steps as the formulas say, whatever the shape") {
  for (const MuonOptions& o : combinations())
    for (const DType dtype : {float32, float64}) {
      CAPTURE(text_of(o));
      CAPTURE(dtype);
      std::vector<Trained> all;
      std::vector<Tensor> parameters;
      for (const Shape& shape : shapes()) {
        all.emplace_back(shape, dtype, all.size());
        parameters.push_back(all.back().x);
      }
      Muon muon(parameters, o);
      for (std::uint64_t step = 0; step < 3; ++step) {
        for (std::size_t i = 0; i < all.size(); ++i) {
          // The first has no gradient at first, the second none in the middle.
          const bool none = (i == 0 && step == 0) || (i == 1 && step == 1);
          all[i].give(none ? std::nullopt : std::optional(10 * step + i));
          all[i].step(o);
        }
        muon.step();
        CAPTURE(step);
        for (const Trained& p : all) p.check();
      }
    }
}

TEST_CASE("Muon's options that change between steps count from the next one on") {
  const auto all = combinations();
  for (std::size_t i = 0; i < all.size(); i += 5)
    for (const std::size_t other : {std::size_t{1}, all.size() / 2, all.size() - 1}) {
      CAPTURE(text_of(all[i]));
      CAPTURE(text_of(all[other]));
      Trained p({3, 4}, float64, i);
      Muon muon({p.x}, all[i]);
      for (std::uint64_t step = 0; step < 4; ++step) {
        const MuonOptions& o = step % 2 == 0 ? all[i] : all[other];
        muon.options() = o;
        p.give(step);
        p.step(o);
        muon.step();
        p.check();
      }
    }
}

TEST_CASE("Muon takes what it remembers along where parameters are converted, saved and loaded") {
  const MuonOptions o{.lr = 0.2, .momentum = 0.9};
  for (const DType dtype : {float32, float64}) {
    CAPTURE(dtype);
    Trained p({3, 4}, dtype, 1);
    Muon muon({p.x}, o);
    const auto step = [&](std::uint64_t seed) {
      p.give(seed);
      p.step(o);
      muon.step();
      REQUIRE(muon.state_dict().size() == 1);
      CHECK(muon.state_dict()[0].first == "velocity.0.0");
      CHECK(muon.state_dict()[0].second.dtype() == p.x.dtype());
    };
    step(1);
    const DType other = dtype == float32 ? float64 : float32;
    p.x.set_grad({});
    p.x.set_data(p.x.detach().to(other).clone());
    step(2);
    // Once float32, not exact again.
    const Matrix found = matrix_of(p.x);
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c)
        CHECK(std::abs(found[r][c] - p.plain[r][c]) <= 2e4 * 0x1p-24);
  }
}

TEST_CASE("orthogonalize, 0 to 8 steps, on matrices of every shape up to 5 by 5") {
  for (std::int64_t rows = 1; rows <= 5; ++rows)
    for (std::int64_t columns = 1; columns <= 5; ++columns)
      for (const int steps : {0, 1, 4, 8}) {
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(steps);
        const Tensor g = normal({rows, columns}, static_cast<std::uint64_t>(rows * 8 + columns));
        const Matrix expected = orthogonalized(matrix_of(g), steps);
        const Matrix found = matrix_of(optim::orthogonalize(g, steps));
        const Matrix single = matrix_of(optim::orthogonalize(g.to(float32), steps));
        for (std::size_t r = 0; r < found.size(); ++r)
          for (std::size_t c = 0; c < found[0].size(); ++c) {
            CHECK(std::abs(found[r][c] - expected[r][c]) <= 1e-10);
            CHECK(std::abs(single[r][c] - expected[r][c]) <= 1e-2);
          }
      }
  CHECK_THROWS_AS(optim::orthogonalize(zeros({2, 2}), -1), ValueError);
  CHECK_THROWS_AS(optim::orthogonalize(zeros({2, 2}), 1001), ValueError);
  CHECK_THROWS_AS(optim::orthogonalize(zeros({2, 2}, {.dtype = int64})), DTypeError);
}
