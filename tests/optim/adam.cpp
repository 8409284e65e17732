// Adam and AdamW against PyTorch's numbers and against a loop over single numbers.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "support.hpp"

using namespace support;
using optim::Adam;
using optim::AdamOptions;
using optim::AdamW;
using optim::AdamWOptions;

namespace {

/// One number that is trained, by the formulas of the papers.
struct Number {
  double x;
  double m = 0, v = 0, largest = 0;
  int t = 0;

  template <class Options>
  void step(const Options& o, bool decoupled, double g) {
    const auto [beta1, beta2] = o.betas;
    ++t;
    if (decoupled)
      x -= o.lr * o.weight_decay * x;
    else
      g += o.weight_decay * x;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    largest = std::max(largest, v);
    const double unbiased = (o.amsgrad ? largest : v) / (1 - std::pow(beta2, t));
    x -= o.lr * m / (1 - std::pow(beta1, t)) / (std::sqrt(unbiased) + o.eps);
  }
};

/// The largest distance from those numbers after `steps` steps, in roundings of the dtype.
template <class Optimizer, class Options>
double off(const Options& options, std::int64_t size, DType dtype, int steps) {
  const Tensor x = normal({size}, 7).to(dtype).requires_grad_();
  std::vector<Number> numbers;
  for (const double value : values(x.detach())) numbers.push_back({value});
  Optimizer optimizer({x}, options);
  for (int i = 0; i < steps; ++i) {
    const Tensor g = normal({size}, 100 + static_cast<std::uint64_t>(i)).to(dtype);
    x.set_grad(g);
    optimizer.step();
    const auto slopes = values(g);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      numbers[k].step(options, std::is_same_v<Optimizer, AdamW>, slopes[k]);
  }
  double most = 0;
  const auto found = values(x.detach());
  for (std::size_t k = 0; k < numbers.size(); ++k)
    most = std::max(most, std::abs(found[k] - numbers[k].x) / (1 + std::abs(numbers[k].x)));
  return most / (dtype == float32 ? 0x1p-24 : 0x1p-53);
}

/// Where 50 steps lead from a fixed start with fixed gradients.
template <class Optimizer, class Options>
Tensor after_50_steps(const Options& options) {
  const Tensor x = tensor({1., -2., 3., 0.5}, {.dtype = float64, .requires_grad = true});
  Optimizer optimizer({x}, options);
  for (int t = 1; t <= 50; ++t) {
    const Tensor g = Tensor::empty({4}, float64);
    for (int i = 0; i < 4; ++i) g.mutable_data<double>()[i] = std::sin(0.7 * t * (i + 1)) + 0.1 * i;
    x.set_grad(g);
    optimizer.step();
  }
  return x.detach();
}

bool near(const Tensor& x, const std::vector<double>& right) {
  return allclose(x, from_vector(right, {}, {.dtype = float64}), 1e-13, 1e-13);
}

}  // namespace

TEST_CASE("50 steps give what PyTorch's optimisers give") {
  // By libtorch 1.13.1, with the same start and gradients, in float64.
  CHECK(near(after_50_steps<Adam>(AdamOptions{.lr = 0.01}),
             {0.94286014139680718, -2.0919535268688842, 2.8554791879454031, 0.30015297251972478}));
  CHECK(near(after_50_steps<Adam>(
                 AdamOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1}),
             {0.5434024692995314, -1.7815929448962784, 1.6910693096751293, -0.49953766894890933}));
  CHECK(near(after_50_steps<Adam>(AdamOptions{.lr = 0.01, .betas = {0.5, 0.6}, .amsgrad = true}),
             {0.9620903932175453, -2.0685952293237353, 2.8729635541473959, 0.34289570524318835}));
  CHECK(near(after_50_steps<AdamW>(AdamWOptions{.lr = 0.01}),
             {0.93811436493773781, -2.0817027486038482, 2.8408908402899975, 0.29816050442245756}));
  CHECK(
      near(after_50_steps<AdamW>(AdamWOptions{
               .lr = 0.05, .betas = {0.8, 0.95}, .weight_decay = 0.3, .amsgrad = true}),
           {0.33549356675154585, -1.2194551177839827, 0.91709922370109553, -0.45023981867594859}));
}

TEST_CASE("every combination of options steps as the formulas say") {
  for (const DType dtype : {float32, float64})
    for (const double decay : {0., 0.1})
      for (const bool amsgrad : {false, true})
        for (const std::array<double, 2> betas :
             {std::array{0.9, 0.999}, std::array{0., 0.5}, std::array{0.5, 0.}}) {
          CAPTURE(decay);
          CAPTURE(amsgrad);
          CAPTURE(betas[0]);
          // Some ten roundings in each of the steps.
          CHECK(off<Adam>(AdamOptions{0.01, betas, 1e-6, decay, amsgrad}, 67, dtype, 6) < 100);
          CHECK(off<AdamW>(AdamWOptions{0.01, betas, 1e-6, decay, amsgrad}, 67, dtype, 6) < 100);
        }
}

TEST_CASE("a parameter that threads share steps as the formulas say") {
  for (const int threads : {1, 2, 3}) {
    const Threads scope(threads);
    CHECK(off<Adam>(AdamOptions{.lr = 0.01}, 100003, float32, 2) < 100);
  }
}

TEST_CASE("Adam goes on from its state as if it had never stopped") {
  for (const DType dtype : {float32, float64})
    for (const bool amsgrad : {false, true}) {
      const AdamOptions options{.lr = 0.01, .weight_decay = 0.1, .amsgrad = amsgrad};
      const auto give = [&](const Tensor& x, std::uint64_t seed) {
        x.set_grad(normal(x.shape(), seed).to(dtype));
      };
      const Tensor whole = normal({5, 3}).to(dtype).requires_grad_();
      Adam straight({whole}, options);
      const Tensor first = whole.detach().clone().requires_grad_();
      Adam before({first}, options);
      for (std::uint64_t i = 0; i < 8; ++i) {
        give(whole, i);
        straight.step();
      }
      for (std::uint64_t i = 0; i < 3; ++i) {
        give(first, i);
        before.step();
      }
      const TemporaryDirectory directory;
      nn::save(before.state_dict(), directory.file("state"));
      const Tensor rest = first.detach().clone().requires_grad_();
      Adam after({rest}, options);
      after.load_state_dict(nn::load(directory.file("state")));
      CHECK(after.state_dict().front().first == "step.0.0");
      CHECK(after.state_dict().front().second.item<std::int64_t>() == 3);
      for (std::uint64_t i = 3; i < 8; ++i) {
        give(rest, i);
        after.step();
      }
      CHECK(equal(rest.detach(), whole.detach()));
    }
}

TEST_CASE("a parameter's steps are its own: one without a gradient takes none") {
  const Tensor often = ones({2}, {.requires_grad = true});
  const Tensor seldom = ones({2}, {.requires_grad = true});
  Adam optimizer({often, seldom}, {.lr = 0.1});
  const auto step = [&](bool both) {
    optimizer.zero_grad();
    often.set_grad(ones({2}));
    if (both) seldom.set_grad(ones({2}));
    optimizer.step();
  };
  for (int i = 0; i < 5; ++i) step(false);
  CHECK(equal(seldom.detach(), ones({2})));
  step(true);
  // The first step is the rate, whatever the gradient; a stale count would make it smaller.
  CHECK(allclose(seldom.detach(), full({2}, 0.9)));
}

TEST_CASE("groups keep options of their own, and one that is added begins with the first's") {
  const Tensor a = ones({1}, {.requires_grad = true});
  const Tensor b = ones({1}, {.requires_grad = true});
  AdamW optimizer({a}, {.lr = 0.1, .weight_decay = 0});
  optimizer.add_group({b}).options.lr = 0.01;
  CHECK(optimizer.groups()[1].options.weight_decay == 0);
  CHECK(optimizer.learning_rates() == std::vector<double>{0.1, 0.01});
  (a + b).sum().backward();
  optimizer.step();
  CHECK(a.item() == doctest::Approx(0.9));
  CHECK(b.item() == doctest::Approx(0.99));
  CHECK(message_of<ValueError>([&] { optimizer.add_group({a}); }) ==
        "AdamW: parameter 2 [1] is given twice");
  CHECK(optimizer.groups().size() == 2);
  optimizer.step();
  CHECK(message_of<ValueError>([&] {
          Adam(std::vector<Adam::Group>{});
        }).starts_with("Adam: no parameters to train"));
}

TEST_CASE("options outside their ranges are refused, when given and before a step") {
  const Tensor x = ones({1}, {.requires_grad = true});
  x.sum().backward();
  const auto refused = [&](const AdamOptions& o) {
    const std::string given = message_of<ValueError>([&] { Adam({x}, o); });
    Adam later({x});
    later.groups()[0].options = o;
    CHECK(message_of<ValueError>([&] { later.step(); }) == given);
    CHECK(x.item() == 1);
    return given;
  };
  CHECK(refused({.lr = -1}) == "Adam: lr is -1, it must be finite and not negative");
  CHECK(refused({.betas = {1, 0.5}}) == "Adam: betas are 1 and 0.5, they must lie in [0, 1)");
  CHECK(refused({.betas = {0.5, NAN}}) == "Adam: betas are 0.5 and nan, they must lie in [0, 1)");
  CHECK(refused({.eps = -1}) == "Adam: eps is -1, it must be finite and not negative");
  CHECK(refused({.weight_decay = std::numeric_limits<double>::infinity()}) ==
        "Adam: weight_decay is inf, it must be finite and not negative");
  CHECK(message_of<ValueError>([&] { AdamW({x}, {.lr = NAN}); }) ==
        "AdamW: lr is nan, it must be finite and not negative");
}

TEST_CASE("what Adam remembers is converted with its parameter, and told where it no longer fits") {
  const Tensor x = ones({3}, {.requires_grad = true});
  Adam optimizer({x}, {.lr = 0.1});
  x.sum().backward();
  optimizer.step();
  x.set_data(x.detach().to(float64));
  x.set_grad(ones({3}, {.dtype = float64}));
  optimizer.step();
  CHECK(allclose(x.detach(), full({3}, 0.8, {.dtype = float64}), 1e-6, 1e-6));
  for (const auto& [name, value] : optimizer.state_dict())
    CHECK(value.dtype() == (name.starts_with("step") ? int64 : float64));
  x.set_data(ones({4}));
  x.set_grad(ones({4}));
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "Adam: parameter 0 is [4], and was [3] at the step before; make the optimiser anew");
  CHECK(message_of<ValueError>([&] {
          Adam({ones({3}, {.requires_grad = true})}).load_state_dict({{"step.0.0", ones({})}});
        }) ==
        "load_state_dict: the state does not fit:\n  different: step.0.0 is float32 [], "
        "expected int64 []");
}

TEST_CASE("NaN in a gradient is seen in the parameter, with amsgrad too") {
  for (const bool amsgrad : {false, true}) {
    const Tensor x = ones({2}, {.requires_grad = true});
    Adam optimizer({x}, {.lr = 0.1, .amsgrad = amsgrad});
    x.set_grad(tensor({1., NAN}));
    optimizer.step();
    x.set_grad(ones({2}));
    optimizer.step();
    CHECK(std::isfinite(x.data<float>()[0]));
    CHECK(std::isnan(x.data<float>()[1]));
  }
}
