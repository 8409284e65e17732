// Functions of several results, and rules for all arguments at once.

#include <array>

#include "support.hpp"

using namespace support;

namespace {

// s, p = a + b, a b;  dL/da = dL/ds + b dL/dp, dL/db = dL/ds + a dL/dp
std::array<Tensor, 2> sum_and_product(const Tensor& a, const Tensor& b) {
  const NoGradGuard guard;
  const std::array results{a + b, a * b};
  const GradModeGuard recording(true);
  return record("sum_and_product", results,
                wrt_all(a, b, [a = saved(a), b = saved(b)](std::span<Tensor> dys, const Needs&) {
                  const auto from = [&](const Tensor& other) {
                    Tensor d =
                        dys[0].defined() ? dys[0] : zeros(other.shape(), {.dtype = other.dtype()});
                    return dys[1].defined() ? d + dys[1] * other : d;
                  };
                  return std::array{from(b()), from(a())};
                }));
}

// e, f = eˣ, eˣ x;  dL/dx = e dL/de + (e + f) dL/df, from the results themselves
std::vector<Tensor> exponentials(const Tensor& x) {
  const Tensor e = no_grad([&] { return exp(x); });
  const Tensor f = no_grad([&] { return e * x; });
  return record("exponentials", std::vector{e, f},
                wrt_all(x, [e = saved_result(e, 0), f = saved_result(f, 1)](std::span<Tensor> dys,
                                                                            const Needs&) {
                  const Tensor zero = zeros(e().shape(), {.dtype = e().dtype()});
                  return std::vector{(dys[0].defined() ? dys[0] * e() : zero) +
                                     (dys[1].defined() ? dys[1] * (e() + f()) : zero)};
                }));
}

struct Leaves {
  Tensor a = tensor({2., 3.}, {.requires_grad = true});
  Tensor b = tensor({5., 7.}, {.requires_grad = true});
};

}  // namespace

TEST_CASE("several results are one node, whose rule sees the gradients of all") {
  CHECK(gradcheck(
      [](const std::vector<Tensor>& x) {
        const auto [s, p] = sum_and_product(x[0], x[1]);
        return s * 2 + p * p;
      },
      {normal({3}), normal({3}, 2)}));
  CHECK(gradgradcheck(
      [](const std::vector<Tensor>& x) {
        const auto [s, p] = sum_and_product(x[0], x[1]);
        return s * s + p;
      },
      {normal({3}), normal({3}, 2)}));
  const Leaves x;
  const auto [s, p] = sum_and_product(x.a, x.b);
  CHECK(s.grad_fn() == p.grad_fn());
  CHECK(s.grad_fn()->result_count() == 2);
}

TEST_CASE("a rule that keeps results differentiates through them again") {
  const auto f = [](const std::vector<Tensor>& x) {
    const auto both = exponentials(x[0]);
    return both[0] * 2 + both[1] * both[1];
  };
  CHECK(gradcheck(f, {normal({3})}));
  CHECK(gradgradcheck(f, {normal({3})}));
}

TEST_CASE("the gradient of a result that nothing depends on is undefined") {
  for (const std::size_t used : {0U, 1U}) {
    CAPTURE(used);
    const Leaves x;
    const auto results = sum_and_product(x.a, x.b);
    std::vector<bool> seen;
    results[0].grad_fn()->register_hook([&](std::vector<Tensor>&, std::span<const Tensor> dys) {
      for (const Tensor& dy : dys) seen.push_back(dy.defined());
    });
    results[used].sum().backward();
    CHECK(seen == std::vector<bool>{used == 0, used == 1});
    CHECK(values(x.a.grad()) ==
          (used == 0 ? std::vector<double>{1, 1} : std::vector<double>{5, 7}));
  }
}

TEST_CASE("hooks, retain_grad and grad() tell results of one node apart") {
  const Leaves x;
  auto [s, p] = sum_and_product(x.a, x.b);
  std::string calls;
  s.register_hook([&](const Tensor& dy) {
    calls += 's';
    return dy * 10;
  });
  p.register_hook([&](const Tensor&) {
    calls += 'p';
    return Tensor();
  });
  s.retain_grad();
  p.retain_grad();
  const Tensor y = (s * 2 + p * 3).sum();
  const auto found = grad(std::vector{y}, std::vector{s, p, x.a}, {.retain_graph = true});
  CHECK(values(found[0]) == std::vector<double>{20, 20});
  CHECK(values(found[1]) == std::vector<double>{3, 3});
  CHECK(values(found[2]) == std::vector<double>{35, 41});
  CHECK(calls == "sp");
  s.set_grad({});
  p.set_grad({});
  y.backward();
  CHECK(values(s.grad()) == std::vector<double>{20, 20});
  CHECK(values(p.grad()) == std::vector<double>{3, 3});
  CHECK(values(x.a.grad()) == std::vector<double>{35, 41});
  CHECK(values(x.b.grad()) == std::vector<double>{26, 29});
}

TEST_CASE("a result that dies takes nothing of the others with it") {
  const Leaves x;
  Tensor p;
  {
    auto results = sum_and_product(x.a, x.b);
    results[0].retain_grad();
    results[0].register_hook([](const Tensor& dy) { return dy * 100; });
    p = results[1];
  }
  p.sum().backward();
  CHECK(values(x.a.grad()) == std::vector<double>{5, 7});
}

TEST_CASE("what a rule for all arguments gives is checked") {
  const Leaves x;
  const auto few = [](const Tensor& dy, const Needs&) { return std::vector{dy}; };
  CHECK(message_of<ValueError>([&] {
          record("few", x.a.detach().clone(), wrt_all(x.a, x.b, few)).sum().backward();
        }) == "few: its backward rule gave 1 gradients, it has 2 arguments");
  const auto nothing = [](const Tensor&, const Needs&) { return std::array<Tensor, 2>(); };
  CHECK(message_of<ShapeError>([&] {
          record("nothing", x.a.detach().clone(), wrt_all(x.a, x.b, nothing)).sum().backward();
        }) == "nothing: its backward rule for argument 1 gave nothing, the argument has shape [2]");
}

TEST_CASE("a rule for all arguments learns which gradients are needed") {
  const Leaves x;
  const Tensor constant = x.b.detach();
  std::string needed;
  const auto rule = [&](const Tensor& dy, const Needs& needs) {
    for (std::size_t i = 0; i < 3; ++i) needed += needs[i] ? '1' : '0';
    CHECK(needs.shape(0) == Shape{2});
    return std::array{dy, dy, dy};
  };
  record("f", x.a.detach().clone(), wrt_all(x.a, constant, Tensor(), rule)).sum().backward();
  CHECK(needed == "100");
  needed.clear();
  const Tensor y = record("f", x.a.detach().clone(), wrt_all(x.a, x.b, Tensor(), rule)).sum();
  grad(y, x.a);
  CHECK(needed == "100");
}

TEST_CASE("an argument that is not there needs no gradient, in anomaly mode too") {
  const AnomalyMode guard;
  const Tensor x = tensor({1., 2.}, {.requires_grad = true});
  const Tensor none;
  const Tensor y = record("f", x.detach().clone(),
                          wrt(x,
                              [kept = saved(none)](const Tensor& dy) {
                                CHECK_FALSE(kept().defined());
                                return dy;
                              }),
                          wrt(none, [](const Tensor& dy) { return dy; }));
  CHECK_FALSE(static_cast<bool>(y.grad_fn()->edges()[1]));
  y.sum().backward();
  CHECK(values(x.grad()) == std::vector<double>{1, 1});
  CHECK_FALSE(record("f", x.detach().clone(), wrt(none, [](const Tensor& dy) { return dy; }))
                  .requires_grad());
}

TEST_CASE("a rule that holds no tensor runs any number of times, whatever its kind") {
  const Tensor x = tensor({1., 2., 3., 4.}, {.requires_grad = true});
  const Tensor joined = cat({x.slice(0, 0, 2), x.slice(0, 2)}).reshape({2, 2});
  const auto pieces = joined.split(1);
  const Tensor y = (unbind(stack({pieces[1], pieces[0]}))[1] + 1).sum();
  for (int pass = 1; pass <= 3; ++pass) {
    y.backward();
    CHECK(values(x.grad()) == std::vector<double>{1.0 * pass, 1.0 * pass, 0, 0});
  }
  CHECK_THROWS_AS(
      [&] {
        const Tensor square = (x * x).sum();
        square.backward();
        square.backward();
      }(),
      GraphError);
}

TEST_CASE("what only a constant's gradient would need is not kept") {
  const Tensor x = normal({2, 3, 8, 8}).requires_grad_();
  Tensor weight = normal({4, 3, 3, 3});
  const auto kept = [&] {
    const auto before = memory::statistics().blocks_in_use;
    const Tensor y = conv2d(x * 1, weight);
    return memory::statistics().blocks_in_use - before;
  };
  const auto frozen = kept();
  weight.requires_grad_();
  CHECK(kept() == frozen + 1);  // the product that went in
}
