// Optimisers that go by a parameter as a whole, against loops over single numbers.

#include <array>
#include <limits>
#include <optional>

#include "training.hpp"

using namespace training;

namespace {

double norm_of(const std::vector<double>& x) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  return std::sqrt(squares);
}

struct OfLAMB {
  std::vector<double> x;
  std::vector<double> m = std::vector<double>(x.size());
  std::vector<double> v = std::vector<double>(x.size());
  int t = 0;

  void step(const optim::LAMBOptions& o, const std::vector<double>& g) {
    ++t;
    std::vector<double> r(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = o.betas[0] * m[i] + (1 - o.betas[0]) * g[i];
      v[i] = o.betas[1] * v[i] + (1 - o.betas[1]) * g[i] * g[i];
      r[i] = m[i] / (1 - std::pow(o.betas[0], t)) /
                 (std::sqrt(v[i] / (1 - std::pow(o.betas[1], t))) + o.eps) +
             o.weight_decay * x[i];
    }
    const double own = norm_of(x);
    const double along = norm_of(r);
    const double trust = own > 0 && along > 0 ? own / along : 1;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= o.lr * trust * r[i];
  }
};

/// Of matrices of `columns`, `rows` to each, or of a vector where there are no columns.
struct OfAdafactor {
  std::vector<double> x;
  std::size_t rows, columns;
  DType dtype;
  std::vector<double> of_row = std::vector<double>(columns == 0 ? 0 : x.size() / columns);
  std::vector<double> of_column = std::vector<double>(columns == 0 ? 0 : x.size() / rows);
  std::vector<double> variance = std::vector<double>(x.size());
  int t = 0;

  void step(const optim::AdafactorOptions& o, const std::vector<double>& g) {
    ++t;
    const double machine = dtype == float32 ? std::numeric_limits<float>::epsilon()
                                            : std::numeric_limits<double>::epsilon();
    const double eps = o.eps.first.value_or(machine);
    const double part = std::pow(t, o.beta2_decay);
    const double count = static_cast<double>(x.size());
    const double alpha =
        std::max(o.eps.second, norm_of(x) / std::sqrt(count)) * std::min(o.lr, 1 / std::sqrt(t));
    if (columns == 0)
      for (std::size_t i = 0; i < x.size(); ++i)
        variance[i] = (1 - part) * variance[i] + part * g[i] * g[i];
    else
      factor(part, eps, g);
    std::vector<double> u(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      u[i] = g[i] / std::sqrt(std::max(variance[i], eps * eps));
    const double clip = std::max(1., norm_of(u) / std::sqrt(count) / o.d);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] -= o.lr * o.weight_decay * x[i];
      x[i] -= alpha / clip * u[i];
    }
  }

  void factor(double part, double eps, const std::vector<double>& g) {
    const auto n = static_cast<double>(columns);
    const auto m = static_cast<double>(rows);
    for (double& r : of_row) r *= 1 - part;
    for (double& c : of_column) c *= 1 - part;
    const auto row_of = [&](std::size_t i) { return i / columns; };
    const auto column_of = [&](std::size_t i) {
      return i / (rows * columns) * columns + i % columns;
    };
    for (std::size_t i = 0; i < g.size(); ++i) {
      of_row[row_of(i)] += part * g[i] * g[i] / n;
      of_column[column_of(i)] += part * g[i] * g[i] / m;
    }
    for (std::size_t i = 0; i < g.size(); ++i) {
      double mean = 0;
      for (std::size_t r = 0; r < rows; ++r) mean += of_row[i / (rows * columns) * rows + r] / m;
      variance[i] = of_row[row_of(i)] * of_column[column_of(i)] / std::max(mean, eps);
    }
  }
};

/// How far the optimiser is from the loop after six steps, in roundings.
template <class Optimizer, class Loop, class Options>
double off_loop(const Options& options, const Shape& shape, Loop loop, DType dtype) {
  const Tensor x = normal(shape, 7).to(dtype).requires_grad_();
  Optimizer optimizer({x}, options);
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Tensor g = normal(shape, 100 + i).to(dtype);
    x.set_grad(g);
    optimizer.step();
    loop.step(options, values(g));
  }
  double most = 0;
  const auto found = values(x.detach());
  for (std::size_t k = 0; k < found.size(); ++k)
    most = std::max(most, std::abs(found[k] - loop.x[k]) / (1 + std::abs(loop.x[k])));
  return std::isnan(most) ? INFINITY : most / rounding_of(dtype);
}

std::vector<double> start(const Shape& shape, DType dtype) {
  return values(normal(shape, 7).to(dtype));
}

}  // namespace

TEST_CASE("LAMB steps as the formulas say, whatever the shape and the options") {
  for (const DType dtype : {float32, float64})
    for (const Shape& shape : {Shape{1}, Shape{67}, Shape{3, 5}, Shape{}, Shape{70'001}})
      for (const std::array<double, 2> betas : {std::array{0.9, 0.999}, std::array{0., 0.5}})
        for (const double decay : {0., 0.1}) {
          CAPTURE(dtype);
          CAPTURE(shape.size());
          CAPTURE(decay);
          CHECK(off_loop<optim::LAMB>(optim::LAMBOptions{0.01, betas, 1e-6, decay}, shape,
                                      OfLAMB{start(shape, dtype)}, dtype) < 100);
        }
}

TEST_CASE("LAMB steps by the rate alone where a norm is 0") {
  const Tensor x = zeros({3}, {.dtype = float64, .requires_grad = true});
  optim::LAMB optimizer({x}, {.lr = 0.1, .eps = 0});
  x.set_grad(ones({3}, {.dtype = float64}));
  optimizer.step();
  CHECK(allclose(x.detach(), full({3}, -0.1, {.dtype = float64})));
}

TEST_CASE("Adafactor steps as the formulas say, of vectors, matrices and many matrices") {
  using optim::AdafactorOptions;
  const std::vector<AdafactorOptions> options{
      {},
      {.lr = 0.5, .beta2_decay = -0.3, .eps = {0.01, 0.2}, .d = 1.5, .weight_decay = 0.1},
      {.lr = 0.1, .beta2_decay = 0, .eps = {0., 0.}},
      {.lr = 10, .eps = {1., 1e-3}},
  };
  struct Case {
    Shape shape;
    std::size_t rows, columns;
  };
  for (const DType dtype : {float32, float64})
    for (const Case& one : {Case{{}, 0, 0}, Case{{9}, 0, 0}, Case{{3, 5}, 3, 5}, Case{{1, 4}, 1, 4},
                            Case{{4, 1}, 4, 1}, Case{{2, 3, 4}, 3, 4}, Case{{2, 2, 3, 2}, 3, 2}})
      for (const AdafactorOptions& o : options) {
        CAPTURE(dtype);
        CAPTURE(one.shape.size());
        CAPTURE(o.lr);
        CHECK(off_loop<optim::Adafactor>(
                  o, one.shape, OfAdafactor{start(one.shape, dtype), one.rows, one.columns, dtype},
                  dtype) < 100);
      }
}

TEST_CASE("Adafactor remembers rows and columns of a matrix, and a vector whole") {
  const Tensor w = normal({3, 5}).to(float32).requires_grad_();
  const Tensor b = normal({5}).to(float32).requires_grad_();
  optim::Adafactor optimizer({w, b});
  w.set_grad(ones({3, 5}));
  b.set_grad(ones({5}));
  optimizer.step();
  std::vector<std::string> found;
  for (const auto& [name, value] : optimizer.state_dict())
    found.push_back(name + " " + to_string(value.shape()));
  CHECK(found == std::vector<std::string>{"step.0.0 []", "row_var.0.0 [3, 1]", "col_var.0.0 [1, 5]",
                                          "step.0.1 []", "variance.0.1 [5]"});
}

TEST_CASE("MuonWithAdamW steps as Muon and AdamW do, with one state and all rates") {
  const Tensor w = normal({3, 5}).to(float32).requires_grad_();
  const Tensor b = normal({5}).to(float32).requires_grad_();
  const Tensor w_alone = w.detach().clone().requires_grad_();
  const Tensor b_alone = b.detach().clone().requires_grad_();
  optim::MuonWithAdamW both({w}, {b}, {.muon = {.lr = 0.2}, .adamw = {.lr = 0.1}});
  optim::Muon muon({w_alone}, {.lr = 0.2});
  optim::AdamW adamw({b_alone}, {.lr = 0.1});
  CHECK(both.learning_rates() == std::vector<double>{0.2, 0.1});
  optim::LambdaLR schedule(both, [](std::int64_t step) { return 1. / double(1 + step); });
  for (std::uint64_t i = 0; i < 4; ++i) {
    both.zero_grad();
    CHECK_FALSE(w.grad().defined());
    w.set_grad(normal({3, 5}, i).to(float32));
    w_alone.set_grad(w.grad());
    if (i != 1) {  // in which Muon steps by itself
      b.set_grad(normal({5}, i).to(float32));
      b_alone.set_grad(b.grad());
      adamw.step();
    }
    muon.step();
    both.step();
    schedule.step();
    const double factor = 1. / double(i + 2);
    muon.set_lr(0.2 * factor);
    adamw.set_lr(0.1 * factor);
  }
  CHECK(equal(w.detach(), w_alone.detach()));
  CHECK(equal(b.detach(), b_alone.detach()));
  CHECK(both.muon().learning_rates() == muon.learning_rates());
  CHECK(both.adamw().learning_rates() == adamw.learning_rates());
  std::vector<std::string> names;
  for (const auto& [name, value] : both.state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"muon.velocity.0.0", "adamw.step.0.0",
                                          "adamw.exp_avg.0.0", "adamw.exp_avg_sq.0.0"});
}

TEST_CASE("MuonWithAdamW tells what neither can train, and steps both or none") {
  const Tensor w = ones({2, 2}, {.requires_grad = true});
  const Tensor b = ones({2}, {.requires_grad = true});
  const optim::MuonWithAdamWOptions options{.muon = {.lr = 0.1}};
  CHECK(message_of<ValueError>([&] {
          optim::MuonWithAdamW({w}, {b, w}, options);
        }) == "MuonWithAdamW: parameter 2 [2, 2] is given twice");
  CHECK(message_of<ShapeError>([&] { optim::MuonWithAdamW({b}, {w}, options); }) ==
        "Muon: parameter 0 [2] is not a matrix; leave biases and gains to SGD");
  optim::MuonWithAdamW optimizer({w}, {b}, options);
  CHECK(message_of<GraphError>([&] { optimizer.step(); }) ==
        "MuonWithAdamW: none of the 2 parameters has a gradient; call loss.backward() before "
        "step(), on a loss computed from them");
  w.set_grad(ones({2, 2}));
  b.set_grad(ones({2}));
  optimizer.adamw().groups()[0].options.eps = -1;
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "AdamW: eps is -1, it must be finite and not negative");
  CHECK(equal(w.detach(), ones({2, 2})));
}
