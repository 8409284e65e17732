// What holds for every optimiser.

#include <xgrad/nn/nn.hpp>

#include <functional>

#include "every_optimizer.hpp"
#include "training.hpp"

using namespace training;
using optimizers::Made, optimizers::table;

namespace {

/// Parameters of matrices alone for Muon, of several shapes for all others.
std::vector<Tensor> parameters_for(const std::string& name, DType dtype) {
  std::vector<Tensor> all;
  const std::vector<Shape> shapes = name == "Muon"
                                        ? std::vector<Shape>{{3, 5}, {4, 2, 2}}
                                        : std::vector<Shape>{{3, 5}, {67}, {2, 3, 2}, {}};
  for (const Shape& shape : shapes)
    all.push_back(normal(shape, all.size() + 1).to(dtype).requires_grad_());
  return all;
}

/// Those whose step needs no closure, and is the same with other steps before it.
bool is_plain(const std::string& name) {
  return !name.starts_with("LBFGS") && name != "SAM" && name != "Lookahead";
}

/// Steps [first, last) on a loss that is another one in every step.
void run(optim::Optimizer& optimizer, const std::vector<Tensor>& x, std::uint64_t first,
         std::uint64_t last) {
  for (std::uint64_t step = first; step < last; ++step)
    optimizer.step([&] {
      optimizer.zero_grad();
      Tensor loss = zeros({}, {.dtype = x[0].dtype()});
      for (std::size_t i = 0; i < x.size(); ++i)
        loss =
            loss + sum(square(x[i] * x[i] - normal(x[i].shape(), 10 * step + i).to(x[i].dtype())));
      loss.backward();
      return loss;
    });
}

std::vector<Tensor> copies(const std::vector<Tensor>& x) {
  std::vector<Tensor> all;
  for (const Tensor& one : x) all.push_back(one.detach().clone().requires_grad_());
  return all;
}

bool equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = xgrad::equal(a[i].detach(), b[i].detach());
  return same;
}

void give(const Tensor& x, std::uint64_t seed, double sign = 1) {
  x.set_grad((normal(x.shape(), seed) * sign).to(x.dtype()));
}

}  // namespace

TEST_CASE("every optimiser goes on from its state, in a file, as if it had never stopped") {
  for (const auto& [entry, make] : table())
    for (const DType dtype : {float32, float64}) {
      const std::string& name = entry;
      CAPTURE(name);
      CAPTURE(dtype);
      const auto whole = parameters_for(name, dtype);
      const auto first = copies(whole);
      const Made straight = make(whole);
      run(*straight.back(), whole, 0, 20);
      const Made before = make(first);
      run(*before.back(), first, 0, 10);
      const TemporaryDirectory directory;
      nn::save(before.back()->state_dict(), directory.file("state"));
      const auto rest = copies(first);
      const auto forgetful = copies(first);
      const Made after = make(rest);
      after.back()->load_state_dict(nn::load(directory.file("state")));
      run(*after.back(), rest, 10, 20);
      CHECK(equal(rest, whole));
      const Made fresh = make(forgetful);
      run(*fresh.back(), forgetful, 10, 20);
      CHECK_FALSE(equal(forgetful, whole));
    }
}

TEST_CASE("a parameter without a gradient is left alone, and its first step is its first") {
  for (const auto& [entry, make] : table()) {
    const std::string& name = entry;
    if (!is_plain(name)) continue;
    CAPTURE(name);
    const auto x = parameters_for(name, float32);
    const auto other = copies(x);
    const Made made = make(x);
    for (std::uint64_t step = 0; step < 5; ++step) {
      made.back()->zero_grad();
      give(x[0], step);
      made.back()->step();
    }
    for (std::size_t i = 1; i < x.size(); ++i)
      CHECK(xgrad::equal(x[i].detach(), other[i].detach()));
    const Made late = make(other);
    for (std::size_t i = 1; i < x.size(); ++i) {
      give(x[i], 50 + i);
      give(other[i], 50 + i);
    }
    made.back()->step();
    late.back()->step();
    for (std::size_t i = 1; i < x.size(); ++i) {
      CHECK(xgrad::equal(x[i].detach(), other[i].detach()));
      CHECK_FALSE(xgrad::equal(x[i].detach(), parameters_for(name, float32)[i].detach()));
    }
  }
}

TEST_CASE("every optimiser gives the same bits on one, two and three threads") {
  for (const auto& [entry, make] : table()) {
    const std::string& name = entry;
    if (!is_plain(name) || name == "Muon" || name == "MuonWithAdamW") continue;  // of products
    CAPTURE(name);
    std::vector<std::vector<Tensor>> found;
    for (const int threads : {1, 2, 3}) {
      const Threads scope(threads);
      std::vector<Tensor> x{normal({100'003}).to(float32).requires_grad_(),
                            normal({301, 333}, 2).requires_grad_(),
                            normal({7}, 3).to(float32).requires_grad_()};
      const Made made = make(x);
      for (std::uint64_t step = 0; step < 3; ++step) {
        for (std::size_t i = 0; i < x.size(); ++i) give(x[i], 10 * step + i);
        made.back()->step();
      }
      found.push_back(x);
    }
    CHECK(equal(found[0], found[1]));
    CHECK(equal(found[0], found[2]));
  }
}

namespace {

/// Groups of options a and b train as two optimisers would; and with maximize as −g.
template <class Optimizer, class Options>
void check_groups(const char* name, const Options& a, const Options& b) {
  CAPTURE(name);
  const auto x = parameters_for("Muon", float32);
  const auto together = copies(x);
  const auto turned = copies(x);
  Optimizer first({x[0]}, a);
  Optimizer second({x[1]}, b);
  Optimizer both(std::vector<typename Optimizer::Group>{{{together[0]}, a}, {{together[1]}, b}});
  Options most = a;
  most.maximize = true;
  Optimizer climbing({turned[0]}, most);
  for (std::uint64_t step = 0; step < 6; ++step) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      give(x[i], 10 * step + i);
      give(together[i], 10 * step + i);
    }
    give(turned[0], 10 * step, -1);
    first.step();
    second.step();
    both.step();
    climbing.step();
  }
  CHECK(equal(together, x));
  CHECK(xgrad::equal(turned[0].detach(), x[0].detach()));
  // Each with options of its own.
  const auto plain = copies(parameters_for("Muon", float32));
  Optimizer all_a(plain, a);
  for (std::uint64_t step = 0; step < 6; ++step) {
    for (std::size_t i = 0; i < x.size(); ++i) give(plain[i], 10 * step + i);
    all_a.step();
  }
  CHECK(xgrad::equal(plain[0].detach(), x[0].detach()));
  CHECK_FALSE(xgrad::equal(plain[1].detach(), x[1].detach()));
}

}  // namespace

TEST_CASE("groups keep options of their own, and maximize steps along the negated gradients") {
  using namespace optim;
  check_groups<SGD>("SGD", SGDOptions{.lr = 0.1}, SGDOptions{.lr = 0.2, .momentum = 0.9});
  check_groups<SGD>(
      "SGD averaged",
      SGDOptions{.lr = 0.1, .momentum = 0.5, .weight_decay = 0.1, .kind = Momentum::averaged},
      SGDOptions{.lr = 0.1});
  check_groups<Adam>("Adam", AdamOptions{.weight_decay = 0.1}, AdamOptions{.amsgrad = true});
  check_groups<AdamW>("AdamW", AdamWOptions{.amsgrad = true}, AdamWOptions{.lr = 0.1});
  check_groups<Adamax>("Adamax", AdamaxOptions{}, AdamaxOptions{.betas = {0.5, 0.5}});
  check_groups<NAdam>("NAdam", NAdamOptions{}, NAdamOptions{.momentum_decay = 1});
  check_groups<RAdam>("RAdam", RAdamOptions{.betas = {0.9, 0.9}}, RAdamOptions{});
  check_groups<Adagrad>("Adagrad", AdagradOptions{},
                        AdagradOptions{.initial_accumulator_value = 1});
  check_groups<Adadelta>("Adadelta", AdadeltaOptions{}, AdadeltaOptions{.rho = 0.5});
  check_groups<RMSprop>("RMSprop", RMSpropOptions{.momentum = 0.5}, RMSpropOptions{});
  check_groups<Rprop>("Rprop", RpropOptions{}, RpropOptions{.etas = {0.1, 3}});
  check_groups<ASGD>("ASGD", ASGDOptions{}, ASGDOptions{.lambd = 1});
  check_groups<Lion>("Lion", LionOptions{}, LionOptions{.weight_decay = 0.5});
  check_groups<LAMB>("LAMB", LAMBOptions{}, LAMBOptions{.weight_decay = 0.5});
  check_groups<Adafactor>("Adafactor", AdafactorOptions{}, AdafactorOptions{.lr = 1});
  check_groups<Muon>("Muon", MuonOptions{.lr = 0.1},
                     MuonOptions{.lr = 0.1, .nesterov = false, .weight_decay = 0.1});
}

TEST_CASE("options outside their ranges are told, whichever the optimiser") {
  using namespace optim;
  const std::vector x{ones({2, 2}, {.requires_grad = true})};
  SGD base(x, {.lr = 0.1});
  constexpr double inf = INFINITY;
  const auto told = [](const std::string& message, const std::function<void()>& make) {
    CHECK(message_of<ValueError>(make) == message);
  };
  const std::string positive = ", it must be finite and not negative";
  told("Adamax: lr is -1" + positive, [&] { Adamax(x, {.lr = -1}); });
  told("Adamax: betas are 0.5 and 1, they must lie in [0, 1)", [&] {
    Adamax(x, {.betas = {0.5, 1}});
  });
  told("NAdam: eps is nan" + positive, [&] { NAdam(x, {.eps = NAN}); });
  told("NAdam: momentum_decay is -1" + positive, [&] { NAdam(x, {.momentum_decay = -1}); });
  told("RAdam: weight_decay is inf" + positive, [&] { RAdam(x, {.weight_decay = inf}); });
  told("RAdam: betas are nan and 0.5, they must lie in [0, 1)", [&] {
    RAdam(x, {.betas = {NAN, 0.5}});
  });
  told("Adagrad: lr_decay is -0.1" + positive, [&] { Adagrad(x, {.lr_decay = -0.1}); });
  told("Adagrad: initial_accumulator_value is nan" + positive,
       [&] { Adagrad(x, {.initial_accumulator_value = NAN}); });
  told("Adadelta: rho is 1.1, it must lie in [0, 1]", [&] { Adadelta(x, {.rho = 1.1}); });
  told("Adadelta: eps is -1" + positive, [&] { Adadelta(x, {.eps = -1}); });
  told("RMSprop: alpha is nan, it must lie in [0, 1]", [&] { RMSprop(x, {.alpha = NAN}); });
  told("RMSprop: momentum is 1, it must lie in [0, 1)", [&] { RMSprop(x, {.momentum = 1}); });
  told("Rprop: etas are 0.5 and 1, they must lie in (0, 1) and above 1, and be finite", [&] {
    Rprop(x, {.etas = {0.5, 1}});
  });
  told("Rprop: etas are nan and 2, they must lie in (0, 1) and above 1, and be finite", [&] {
    Rprop(x, {.etas = {NAN, 2}});
  });
  told(
      "Rprop: step_sizes are 2 and 1, the least must be at most the most, neither below 0, and "
      "finite",
      [&] {
        Rprop(x, {.step_sizes = {2, 1}});
      });
  told("ASGD: lambd is nan" + positive, [&] { ASGD(x, {.lambd = NAN}); });
  told("ASGD: alpha is -1" + positive, [&] { ASGD(x, {.alpha = -1}); });
  told("ASGD: t0 is inf" + positive, [&] { ASGD(x, {.t0 = inf}); });
  told("Lion: betas are 1 and 0, they must lie in [0, 1)", [&] { Lion(x, {.betas = {1, 0}}); });
  told("LAMB: weight_decay is -1" + positive, [&] { LAMB(x, {.weight_decay = -1}); });
  told("Adafactor: beta2_decay is 0.5, it must be finite and not positive",
       [&] { Adafactor(x, {.beta2_decay = 0.5}); });
  told("Adafactor: the first eps is -1" + positive, [&] { Adafactor(x, {.eps = {-1., 1}}); });
  told("Adafactor: the second eps is nan" + positive, [&] {
    Adafactor(x, {.eps = {std::nullopt, NAN}});
  });
  told("Adafactor: d is 0.5, it must be finite and at least 1", [&] { Adafactor(x, {.d = 0.5}); });
  told("LBFGS: max_iter is 0, it must be positive", [&] { LBFGS(x, {.max_iter = 0}); });
  told("LBFGS: max_eval is -1, it must be positive", [&] { LBFGS(x, {.max_eval = -1}); });
  told("LBFGS: tolerance_grad is nan" + positive, [&] { LBFGS(x, {.tolerance_grad = NAN}); });
  told("LBFGS: history_size is 0, it must lie in [1, 10000]",
       [&] { LBFGS(x, {.history_size = 0}); });
  told("SAM: rho is nan" + positive, [&] { SAM(base, {.rho = NAN}); });
  told("Lookahead: k is 0, it must be positive", [&] { Lookahead(base, {.k = 0}); });
  told("Lookahead: alpha is 2, it must lie in [0, 1]", [&] { Lookahead(base, {.alpha = 2}); });
  told("EMA: decay is nan, it must lie in [0, 1]", [&] { EMA({{"x", x[0]}}, {.decay = NAN}); });
  told("EMA: warmup_gamma is 0, it must be finite and positive", [&] {
    EMA({{"x", x[0]}}, {.warmup_gamma = 0});
  });
}

TEST_CASE("a step with a closure gives the loss before it, and tells a closure that gives none") {
  const Tensor x = tensor({3.}, {.requires_grad = true});
  optim::SGD optimizer({x}, {.lr = 0.1});
  const Tensor loss = optimizer.step([&] {
    optimizer.zero_grad();
    const Tensor y = square(x).sum();
    y.backward();
    return y;
  });
  CHECK(loss.item() == 9);
  CHECK_FALSE(loss.requires_grad());
  CHECK(x.item() == doctest::Approx(2.4));
  CHECK(message_of<ValueError>([&] { optimizer.step(optim::Closure()); }) ==
        "step: the closure is empty");
  CHECK(message_of<ValueError>([&] { optimizer.step([] { return Tensor(); }); }) ==
        "step: the closure gives nothing, it must give the loss, one number");
  CHECK(message_of<ValueError>([&] { optimizer.step([] { return zeros({2}); }); }) ==
        "step: the closure gives [2], it must give the loss, one number");
}
