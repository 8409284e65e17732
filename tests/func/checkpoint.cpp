// Computing again instead of keeping: the same bits, less memory.

#include <xgrad/func/checkpoint.hpp>
#include <xgrad/func/jacobian.hpp>
#include <xgrad/func/jvp.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <stdexcept>

#include "support.hpp"

using namespace support;
namespace nn = xgrad::nn;
namespace optim = xgrad::optim;

namespace {

/// Many layers, in parts that are computed again or not.
struct Deep : nn::Module {
  static constexpr std::int64_t width = 16;
  std::vector<nn::Linear> layers;
  std::size_t part = 0;  // layers in one; 0: nothing is computed again

  explicit Deep(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      layers.push_back(add("layer" + std::to_string(i), nn::Linear{width, width}));
  }
  Tensor forward(const Tensor& x) override {
    if (part == 0) return run(0, layers.size(), x);
    Tensor y = x;
    for (std::size_t begin = 0; begin < layers.size(); begin += part)
      y = checkpoint(
          [this, begin](const Tensor& t) {
            return run(begin, std::min(begin + part, layers.size()), t);
          },
          y);
    return y;
  }
  Tensor run(std::size_t begin, std::size_t end, Tensor x) {
    for (std::size_t i = begin; i < end; ++i) x = tanh(layers[i](x)) + x;
    return x;
  }
};

struct Trained {
  std::vector<Tensor> parameters;
  std::vector<double> losses;
  std::int64_t memory = 0;  ///< the most beyond what lives between steps
};

Trained train(std::size_t part) {
  manual_seed(5);
  Deep net(200);
  net.part = part;
  optim::SGD optimizer(net.parameters(), {.lr = 1e-3, .momentum = 0.9});
  const Tensor x = randn({512, Deep::width});
  Trained result;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const std::int64_t before = memory::statistics().bytes_in_use;
    memory::reset_peak();
    const Tensor loss = net(x).square().mean();
    loss.backward();
    result.memory = memory::statistics().peak_bytes_in_use - before;
    optimizer.step();
    result.losses.push_back(loss.item());
  }
  for (const Tensor& p : net.parameters()) result.parameters.push_back(p.detach().clone());
  return result;
}

std::int64_t count_calls(int passes, const Tensor& x) {
  std::int64_t calls = 0;
  const Tensor y = checkpoint(
      [&calls](const Tensor& t) {
        ++calls;
        return t * t;
      },
      x);
  for (int i = 0; i < passes; ++i) y.sum().backward({}, {.retain_graph = true});
  return calls;
}

}  // namespace

TEST_CASE("a network of 200 layers: the same bits in a fifth of the memory") {
  const Trained plain = train(0);
  const Trained again = train(14);
  CHECK(again.losses == plain.losses);
  REQUIRE(again.parameters.size() == 400);
  bool same = true;
  for (std::size_t i = 0; i < 400; ++i)
    same = same && equal(again.parameters[i], plain.parameters[i]);
  CHECK(same);
  CHECK(plain.losses[2] < plain.losses[0]);
  MESSAGE("bytes beyond parameters: " << plain.memory << " and " << again.memory);
  CHECK(again.memory * 5 <= plain.memory);
}

TEST_CASE("values and gradients are those of the function; it runs once more for each pass") {
  const Tensor a = normal({3}).requires_grad_(), b = normal({3}, 2).requires_grad_();
  const auto f = [](const Tensor& s, const Tensor& t) {
    return std::vector<Tensor>{tanh(s * t), s.detach() * 2, exp(t)};
  };
  const auto y = checkpoint(f, a, b);
  const auto z = f(a, b);
  REQUIRE(y.size() == 3);
  CHECK(equal(y[0], z[0]));
  CHECK_FALSE(y[1].requires_grad());
  CHECK(std::string(y[0].grad_fn()->name()) == "checkpoint");
  CHECK(y[0].grad_fn().get() == y[2].grad_fn().get());
  const auto got = grad({y[0].sum(), y[2].sum()}, {a, b});
  const auto expected = grad({z[0].sum(), z[2].sum()}, {a, b});
  CHECK(equal(got[0], expected[0]));
  CHECK(equal(got[1], expected[1]));
  // One result alone.
  const auto other = checkpoint(f, std::vector<Tensor>{a, b});
  CHECK(equal(grad(other[2].sum(), b), exp(b).detach()));

  CHECK(count_calls(2, a) == 3);
  CHECK(count_calls(0, a) == 1);
  CHECK(no_grad([&] { return count_calls(0, a); }) == 1);
  const Tensor constant = checkpoint([](const Tensor& t) { return t * 2; }, a.detach());
  CHECK_FALSE(constant.requires_grad());
}

TEST_CASE("what the function captures gets its gradients: parameters, and results before it") {
  manual_seed(6);
  nn::Linear layer{4, 4};
  const Tensor x = randn({2, 4});
  const Tensor w = randn({4}, {.requires_grad = true});
  const auto loss = [&](bool again) {
    const Tensor scale = w * 2;  // on the tape before
    const auto f = [&layer, scale](const Tensor& t) { return tanh(layer(t)) * scale + scale; };
    // The input depends on the same tensors: their parts are told apart.
    const Tensor input = layer(x) * scale;
    return (again ? checkpoint(f, input) : f(input)).square().sum();
  };
  const auto inputs = [&] {
    std::vector<Tensor> all = layer.parameters();
    all.push_back(w);
    return all;
  }();
  const auto got = grad({loss(true)}, inputs), expected = grad({loss(false)}, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    CHECK(allclose(got[i], expected[i], 1e-5, 1e-6));  // sums of float32 in another order
  loss(true).backward();
  CHECK(layer.weight.grad().defined());
}

TEST_CASE("an input that needs no gradient beside parameters that do, and a module as function") {
  manual_seed(7);
  nn::Linear layer{4, 3};
  const Tensor x = randn({2, 4});
  checkpoint(layer, x).square().sum().backward();
  const Tensor got = layer.weight.grad().clone();
  layer.zero_grad();
  layer(x).square().sum().backward();
  CHECK(equal(got, layer.weight.grad()));
  CHECK_FALSE(x.requires_grad());
}

TEST_CASE("hooks of parameters and inputs run once, with what backward() finds") {
  const Tensor w = normal({3}).requires_grad_();
  const Tensor x = normal({3}, 2).requires_grad_();
  const Tensor before = x * 1;
  int of_w = 0, of_x = 0;
  w.register_hook([&](const Tensor& g) {
    ++of_w;
    return g * 2;
  });
  before.register_hook([&](const Tensor&) {
    ++of_x;
    return Tensor();
  });
  checkpoint([&](const Tensor& t) { return t * w * before; }, before).sum().backward();
  CHECK(of_w == 1);
  CHECK(of_x == 1);
  CHECK(allclose(w.grad(), 2 * x.detach().square(), 1e-14));
  CHECK(allclose(x.grad(), 2 * x.detach() * w.detach(), 1e-14));
}

TEST_CASE("random numbers are the same when it is computed again, and go on as if it was not") {
  const auto train = [](bool again) {
    manual_seed(8);
    const Tensor x = ones({64}).requires_grad_();
    const auto f = [](const Tensor& t) {
      return dropout(dropout(t * 3, {.p = 0.5}) + rand({64}), {.p = 0.5});
    };
    const Tensor y = again ? checkpoint(f, x) : f(x);
    const Tensor next = rand({4});
    y.square().sum().backward();
    return std::vector<Tensor>{y.detach(), next, x.grad(), rand({4})};
  };
  const auto plain = train(false), again = train(true);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(equal(plain[i], again[i]));
}

TEST_CASE("checkpoints within each other, with random numbers") {
  const auto run = [](bool again) {
    manual_seed(9);
    const Tensor x = normal({8}).requires_grad_();
    const auto inner = [](const Tensor& t) { return dropout(exp(t * 0.1), {.p = 0.3}); };
    const auto outer = [&](const Tensor& t) {
      const Tensor s = again ? checkpoint(inner, t) : inner(t);
      return dropout(tanh(again ? checkpoint(inner, s) : inner(s)), {.p = 0.2});
    };
    (again ? checkpoint(outer, x) : outer(x)).sum().backward();
    return x.grad();
  };
  CHECK(equal(run(true), run(false)));
}

TEST_CASE("derivatives of any order, forward mode, and jacobians through it") {
  const Tensor w = normal({3}, 2).requires_grad_();
  const auto part = [&](const Tensor& x) { return sin(x * w) * x; };
  const auto f = [&](const Tensor& x) { return checkpoint(part, exp(x * 0.3)); };
  CHECK(gradcheck(f, {normal({3})}, {.check_forward_ad = true}));
  CHECK(gradgradcheck(f, {normal({3})}, {.check_forward_ad = true}));
  const auto value = [&](const Tensor& x) { return f(x).square().sum(); };
  const auto plain = [&](const Tensor& x) { return part(exp(x * 0.3)).square().sum(); };
  CHECK(allclose(hessian(value, normal({3})), hessian(plain, normal({3})), 1e-12));
  // In what is captured, too, and in both.
  const auto in_w = [&](bool again) {
    const Tensor x = normal({3}, 3).requires_grad_();
    const Tensor y = again ? checkpoint(part, x * w) : part(x * w);
    const Tensor g = grad(y.square().sum(), x, {.create_graph = true});
    return grad({g.square().sum()}, {x, w});
  };
  const auto got = in_w(true), expected = in_w(false);
  CHECK(allclose(got[0], expected[0], 1e-12));
  CHECK(allclose(got[1], expected[1], 1e-12));
  // Third.
  const auto third = [&](const auto& g) {
    return jacobian([&](const Tensor& t) { return hessian(g, t, {.create_graph = true}); },
                    normal({3}));
  };
  CHECK(allclose(third(value), third(plain), 1e-11));
}

TEST_CASE("a gradient taken inside, and what gives its argument back") {
  const auto inside = [](const Tensor& x) {
    const Tensor own = x.detach().requires_grad_();
    const Tensor slope = grad((own * own * own).sum(), own, {.create_graph = true});
    return x * slope.sum();
  };
  const Tensor x = normal({2}).requires_grad_();
  const double slope = (3 * x.detach().square()).sum().item();
  CHECK(
      allclose(grad(checkpoint(inside, x).sum(), x), full({2}, slope, {.dtype = float64}), 1e-14));
  const Tensor same = checkpoint([](const Tensor& t) { return t; }, x);
  CHECK(values(grad(same.sum(), x)) == std::vector<double>{1, 1});
  const Tensor w = normal({2}, 2).requires_grad_();
  const Tensor captured = checkpoint([&](const Tensor&) { return w; }, x);
  const auto got = grad({captured.sum()}, {w, x}, {.allow_unused = true});
  CHECK(values(got[0]) == std::vector<double>{1, 1});
  CHECK_FALSE(got[1].defined());
}

TEST_CASE("what is not the same the second time is told, and leaves no gradient") {
  const Tensor x = normal({4}).requires_grad_();
  const auto message = [&](const auto& change) {
    int calls = 0;
    return message_of<GraphError>([&] {
      checkpoint([&](const Tensor& t) { return change(t, ++calls); }, x).sum().backward();
    });
  };
  CHECK(message([](const Tensor& t, int call) { return t.slice(0, 0, call) * 2; }) ==
        "checkpoint: the function gave float64 [1] and float64 [2] when it was computed again; it "
        "must do the same both times");
  CHECK(message([](const Tensor& t, int call) { return call == 1 ? t * 2 : t.detach(); }) ==
        "checkpoint: the function gave 1 results on the tape and 0 when it was computed again; it "
        "must do the same both times");
  const Tensor w = normal({4}, 2).requires_grad_(), other = normal({4}, 3).requires_grad_();
  CHECK(message([&](const Tensor& t, int call) { return t * (call == 1 ? w : other); }) ==
        "checkpoint: the function depended on a tensor [4] and does not when it is computed again; "
        "it must read the same both times (inside functional_call(), checkpoint the call)");
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(w.grad().defined());

  const Tensor changed = normal({2});
  const Tensor leaf = normal({2}, 2).requires_grad_();
  const Tensor y =
      checkpoint([](const Tensor& s, const Tensor& t) { return s * t; }, leaf, changed);
  changed.fill_(1);
  CHECK(message_of<GraphError>([&] {
          y.sum().backward();
        }).starts_with("checkpoint: a tensor [2] that it saved"));
  CHECK_THROWS_AS(checkpoint(
                      [calls = 0](const Tensor& t) mutable {
                        if (++calls == 2) throw std::runtime_error("again");
                        return t * 2;
                      },
                      x)
                      .sum()
                      .backward(),
                  std::runtime_error);
  CHECK(message_of<ValueError>([&] { checkpoint(std::function<Tensor(const Tensor&)>(), x); }) ==
        "checkpoint: the function is empty");
}

TEST_CASE("the graph is freed by a pass, and nothing stays behind") {
  const std::int64_t before = memory::statistics().blocks_in_use;
  {
    const Tensor x = normal({4}).requires_grad_();
    const Tensor y = checkpoint([](const Tensor& t) { return exp(t) * t; }, x);
    y.sum().backward();
    CHECK(message_of<GraphError>([&] {
            y.sum().backward();
          }).starts_with("backward: the graph at checkpoint [4] was freed"));
  }
  CHECK(memory::statistics().blocks_in_use == before);
}
