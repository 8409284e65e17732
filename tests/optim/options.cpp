// Options of SGD in all combinations, over several steps, against a loop over single numbers.

#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/optim.hpp>

#include <cmath>
#include <optional>

#include "support.hpp"
#include <fmt/format.h>

using namespace support;
using optim::Momentum;
using optim::SGD;
using optim::SGDOptions;

namespace {

/// One number that is trained, by the formulas that sgd.hpp states.
struct Number {
  double x;
  std::optional<double> v = {};

  void step(const SGDOptions& o, double g) {
    const double lr = o.lr;
    if (o.kind == Momentum::averaged) {
      v = o.momentum * v.value_or(0) + (1 - o.momentum) * g;
      x -= lr * (*v + o.weight_decay * x);
      return;
    }
    const double d = g + o.weight_decay * x;
    if (o.momentum == 0) {
      x -= lr * d;
      return;
    }
    v = v ? o.momentum * *v + (1 - o.dampening) * d : d;
    x -= lr * (o.nesterov ? d + o.momentum * *v : *v);
  }
};

/// A parameter and the numbers that are to be in it.
struct Trained {
  Tensor x;
  std::vector<Number> numbers;

  Trained(std::int64_t size, DType dtype, std::uint64_t seed)
      : x(normal({size}, seed).to(dtype).requires_grad_()) {
    for (const double value : values(x.detach())) numbers.push_back({value});
  }
  /// A gradient of this seed, or none.
  void give(std::optional<std::uint64_t> seed) {
    x.set_grad({});
    if (seed) x.set_grad(normal(x.shape(), *seed).to(x.dtype()));
  }
  void step(const SGDOptions& o) {
    if (!x.grad().defined()) return;
    const auto g = values(x.grad());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i].step(o, g[i]);
  }
  /// The largest distance, in what the dtype rounds to.
  double off() const {
    double most = 0;
    const auto found = values(x.detach());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      most = std::max(most, std::abs(found[i] - numbers[i].x) / (1 + std::abs(numbers[i].x)));
    return most / (x.dtype() == float32 ? 0x1p-24 : 0x1p-53);
  }
};

/// Some ten roundings in each of a few steps.
constexpr double roundings = 100;

bool is_valid(const SGDOptions& o) {
  const bool accumulated = o.kind == Momentum::accumulated;
  return (!o.nesterov || (o.momentum > 0 && o.dampening == 0 && accumulated)) &&
         (accumulated || o.dampening == 0);
}

/// Every combination that is allowed; the others are told.
std::vector<SGDOptions> combinations() {
  std::vector<SGDOptions> all;
  const Tensor x = ones({1}, {.requires_grad = true});
  for (const double lr : {0., 0.3})
    for (const double momentum : {0., 0.5, 0.9})
      for (const double dampening : {0., 0.4, 1., -0.5})
        for (const double decay : {0., 0.2})
          for (const bool nesterov : {false, true})
            for (const Momentum kind : {Momentum::accumulated, Momentum::averaged}) {
              const SGDOptions o{lr, momentum, dampening, decay, nesterov, kind};
              if (is_valid(o))
                all.push_back(o);
              else
                CHECK_THROWS_AS(SGD({x}, o), ValueError);
            }
  return all;
}

std::string text_of(const SGDOptions& o) {
  return fmt::format("lr {} momentum {} dampening {} decay {} nesterov {} averaged {}",
                     static_cast<double>(o.lr), o.momentum, o.dampening, o.weight_decay, o.nesterov,
                     o.kind == Momentum::averaged);
}

/// f(options, dtype) for all of them.
template <class F>
void for_combinations(const F& f) {
  for (const SGDOptions& o : combinations())
    for (const DType dtype : {float32, float64}) {
      CAPTURE(text_of(o));
      CAPTURE(dtype);
      f(o, dtype);
    }
}

}  // namespace

TEST_CASE("every combination of options, alone, steps as the formulas say") {
  for_combinations([](const SGDOptions& o, DType dtype) {
    Trained p(5, dtype, 1);
    SGD optimizer({p.x}, o);
    for (std::uint64_t step = 0; step < 6; ++step) {
      p.give(10 + step);
      p.step(o);
      optimizer.step();
      CHECK(p.off() <= roundings);
    }
  });
}

TEST_CASE("all combinations as groups of one optimiser keep apart") {
  const auto all = combinations();
  std::vector<SGD::Group> groups;
  std::vector<std::vector<Trained>> trained;
  std::uint64_t seed = 0;
  for (const SGDOptions& o : all) {
    groups.push_back({{}, o});
    trained.emplace_back();
    // Both dtypes and several sizes in each; one has no gradient at first, one none at times.
    for (const std::int64_t size : {1, 3, 8, 67}) {
      trained.back().emplace_back(size, ++seed % 2 == 0 ? float32 : float64, seed);
      groups.back().parameters.push_back(trained.back().back().x);
    }
  }
  SGD optimizer(groups);
  for (std::uint64_t step = 0; step < 6; ++step) {
    CAPTURE(step);
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = 0; j < trained[i].size(); ++j) {
        const bool none = (j == 0 && step < 2) || (j == 1 && step % 3 == 1);
        trained[i][j].give(none ? std::nullopt : std::optional(100 * step + 10 * i + j));
        trained[i][j].step(all[i]);
      }
    optimizer.step();
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const Trained& p : trained[i]) {
        CAPTURE(text_of(all[i]));
        CAPTURE(p.x.numel());
        CHECK(p.off() <= roundings);
      }
  }
  // What is remembered has the name of its place, and is there where it is needed alone.
  std::size_t remembered = 0;
  for (const auto& [name, v] : optimizer.state_dict()) {
    std::size_t i = 0;
    std::size_t j = 0;
    REQUIRE(std::sscanf(name.c_str(), "velocity.%zu.%zu", &i, &j) == 2);
    const Trained& p = trained.at(i).at(j);
    REQUIRE(p.numbers[0].v.has_value());
    CHECK(v.dtype() == p.x.dtype());
    const auto found = values(v);
    REQUIRE(found.size() == p.numbers.size());
    for (std::size_t k = 0; k < found.size(); ++k)
      CHECK(found[k] == doctest::Approx(*p.numbers[k].v).epsilon(1e-5));
    ++remembered;
  }
  std::size_t needed = 0;
  for (const auto& group : trained)
    for (const Trained& p : group) needed += p.numbers[0].v.has_value();
  CHECK(remembered == needed);
}

TEST_CASE("options that change between steps count from the next one on") {
  const auto all = combinations();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const std::size_t other : {std::size_t{3}, all.size() / 2, all.size() - 1}) {
      CAPTURE(text_of(all[i]));
      CAPTURE(text_of(all[other]));
      Trained p(3, float64, i);
      SGD optimizer({p.x}, all[i]);
      for (std::uint64_t step = 0; step < 6; ++step) {
        const SGDOptions& o = step / 2 % 2 == 0 ? all[i] : all[other];
        optimizer.groups()[0].options = o;
        p.give(step);
        p.step(o);
        optimizer.step();
        CHECK(p.off() <= roundings);
      }
    }
}

TEST_CASE("a state that is loaded goes on in another optimiser, whatever the options") {
  for (const SGDOptions& o : combinations()) {
    CAPTURE(text_of(o));
    Trained p(4, float32, 1);
    Trained late(4, float32, 2);  // which has no gradient before
    SGD first({p.x, late.x}, o);
    for (std::uint64_t step = 0; step < 3; ++step) {
      p.give(step);
      first.step();
    }
    const Tensor x = p.x.detach().clone().requires_grad_();
    const Tensor y = late.x.detach().clone().requires_grad_();
    SGD second({x, y}, o);
    // What it remembers by itself is not kept.
    const Tensor x_before = x.detach().clone();
    x.set_grad(ones({4}));
    y.set_grad(ones({4}));
    second.step();
    x.detach().copy_(x_before);
    y.detach().copy_(late.x.detach());
    second.load_state_dict(first.state_dict());
    CHECK(second.state_dict().size() == first.state_dict().size());
    for (std::uint64_t step = 3; step < 6; ++step) {
      p.give(step);
      late.give(step + 10);
      x.set_grad(p.x.grad());
      y.set_grad(late.x.grad());
      first.step();
      second.step();
      CHECK(equal(x.detach(), p.x.detach()));
      CHECK(equal(y.detach(), late.x.detach()));
    }
  }
}

TEST_CASE("a state of another dtype or shape is told") {
  const Tensor x = ones({3}, {.requires_grad = true});
  SGD optimizer({x}, {.lr = 0.1, .momentum = 0.9});
  const auto told = [&](const Tensor& v) {
    return message_of<ValueError>([&] { optimizer.load_state_dict({{"velocity.0.0", v}}); });
  };
  const std::string begin =
      "load_state_dict: the state does not fit:\n  different: velocity.0.0 is ";
  CHECK(told(zeros({3}, {.dtype = float64})) == begin + "float64 [3], expected float32 [3]");
  CHECK(told(zeros({1, 3})) == begin + "float32 [1, 3], expected float32 [3]");
  CHECK(told(zeros({3})) == "");
}

TEST_CASE("parameters converted between steps take what is remembered with them") {
  for_combinations([](const SGDOptions& o, DType dtype) {
    Trained p(5, dtype, 1);
    SGD optimizer({p.x}, o);
    for (std::uint64_t step = 0; step < 6; ++step) {
      const DType now = step % 4 < 2 ? dtype : dtype == float32 ? float64 : float32;
      p.x.set_grad({});
      p.x.set_data(p.x.detach().to(now).clone());
      p.give(step);
      p.step(o);
      optimizer.step();
      CHECK(p.x.dtype() == now);
      // Of float32 as long as it was once that.
      CHECK(p.off() * (now == float32 ? 1 : 0x1p-29) <= roundings);
      for (const auto& [name, v] : optimizer.state_dict()) CHECK(v.dtype() == now);
    }
  });
}

TEST_CASE("sizes around the pieces that threads take, and several parameters at once") {
  const std::int64_t piece = kernels::grain_of(0.3);
  for (const int threads : {1, 2, 3}) {
    const Threads some(threads);
    for (const SGDOptions& o :
         {SGDOptions{.lr = 0.1, .weight_decay = 0.1}, SGDOptions{.lr = 0.1, .momentum = 0.9},
          SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true},
          SGDOptions{.lr = 0.1, .momentum = 0.9, .kind = Momentum::averaged}}) {
      CAPTURE(threads);
      CAPTURE(text_of(o));
      std::vector<Trained> all;
      for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, piece - 1, piece, piece + 1,
                                      std::int64_t{7}, 2 * piece + 3})
        all.emplace_back(size, all.size() % 2 == 0 ? float32 : float64, all.size());
      std::vector<Tensor> parameters;
      for (const Trained& p : all) parameters.push_back(p.x);
      SGD optimizer(parameters, o);
      for (std::uint64_t step = 0; step < 2; ++step) {
        for (Trained& p : all) {
          p.give(step);
          p.step(o);
        }
        optimizer.step();
      }
      for (const Trained& p : all) CHECK(p.off() <= roundings);
    }
  }
}

TEST_CASE("rates and momenta are read and set group by group") {
  const auto leaf = [] { return ones({2}, {.requires_grad = true}); };
  SGD sgd(std::vector<SGD::Group>{{{leaf()}, {.lr = 0.1, .momentum = 0.9}}, {{leaf()}, {.lr = 3}}});
  CHECK(sgd.lr() == 0.1);
  CHECK(sgd.momenta() == std::vector<double>{0.9, 0});
  sgd.set_momenta({0.5, 0.25});
  CHECK(sgd.groups()[0].options.momentum == 0.5);
  CHECK(sgd.groups()[1].options.momentum == 0.25);
  CHECK(message_of<ValueError>([&] { sgd.set_momenta({0.5}); }) ==
        "set_momenta: 1 momenta for 2 groups that have one");
  optim::AdamW adam({leaf()}, {.lr = 1, .betas = {0.8, 0.99}});
  CHECK(adam.momenta() == std::vector<double>{0.8});
  adam.set_momenta({0.7});
  CHECK(adam.groups()[0].options.betas == std::array<double, 2>{0.7, 0.99});
  const SGD moved = std::move(sgd);
  CHECK(message_of<ValueError>([&] {
          sgd.lr();
        }).starts_with("lr: this optimiser has no parameters"));
}
