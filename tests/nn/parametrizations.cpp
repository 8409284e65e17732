// Parameters that are computed from others.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/sgd.hpp>

#include <cmath>
#include <utility>

#include "support.hpp"

using namespace support;
namespace parametrizations = xgrad::nn::utils::parametrizations;
namespace parametrize = xgrad::nn::utils::parametrize;

namespace {

using Names = std::vector<std::string>;

Names names_of(const NamedTensors& tensors) {
  Names names;
  for (const auto& [name, x] : tensors) names.push_back(name);
  return names;
}

Tensor named(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [own, x] : tensors)
    if (own == name) return x;
  FAIL("there is no " << name);
  return {};
}

Tensor original(const nn::Module& layer, const std::string& name) {
  return named(layer.named_parameters(), "parametrizations.weight." + name);
}

nn::Linear layer_of(std::int64_t in, std::int64_t out) {
  nn::Linear layer{in, out};
  layer.to(float64);
  return layer;
}

/// Whether the columns, or the rows where there are fewer, are orthonormal.
bool is_orthogonal(const Tensor& w) {
  const Tensor q = w.size(0) < w.size(1) ? w.t() : w;
  // A few roundings of 1.
  return allclose(matmul(q.t(), q), eye(q.size(1)).to(float64), 0, 1e-13);
}

void parametrize_as(int kind, nn::Module& layer) {
  if (kind == 0) parametrizations::weight_norm(layer);
  if (kind == 1) parametrizations::spectral_norm(layer);
  if (kind == 2) parametrizations::orthogonal(layer);
}

struct Net : nn::Module {
  nn::Linear fc = add("fc", layer_of(3, 4));
  nn::Linear head = add("head", layer_of(4, 2));
  Tensor forward(const Tensor& x) override { return head(tanh(fc(x))); }
};

}  // namespace

TEST_CASE("weight norm has PyTorch's names and leaves what the layer computes") {
  nn::Linear layer = layer_of(3, 4);
  const Tensor x = normal({5, 3});
  const Tensor before = layer(x).detach();
  const Tensor weight = layer.weight;
  parametrizations::weight_norm(layer);
  CHECK(names_of(layer.state_dict()) ==
        Names{"bias", "parametrizations.weight.original0", "parametrizations.weight.original1"});
  CHECK(original(layer, "original0").shape() == Shape{4, 1});
  CHECK(original(layer, "original1").impl() == weight.impl());
  CHECK(allclose(layer(x), before, 1e-14, 1e-14));
  CHECK(layer.parameters().size() == 3);
  CHECK(parametrize::is_parametrized(layer));
  CHECK(parametrize::is_parametrized(layer, "weight"));
  CHECK_FALSE(parametrize::is_parametrized(layer, "bias"));
  // w = g v / ‖v‖, by hand: rows of length 5 and 13.
  nn::Linear hand = layer_of(2, 2);
  no_grad([&] { hand.weight.copy_(tensor({{3, 4}, {5, 12}})); });
  parametrizations::weight_norm(hand);
  CHECK(values(original(hand, "original0")) == std::vector<double>{5, 13});
  no_grad([&] { original(hand, "original0").copy_(tensor({{10}, {26}})); });
  hand(ones({1, 2}, {.dtype = float64}));
  CHECK(allclose(hand.weight, tensor({{6, 8}, {10, 24}}).to(float64), 1e-15, 0));
}

TEST_CASE("weight norm along other axes, and of a whole tensor") {
  const Tensor w = normal({4, 3, 2, 2});
  const auto shape_of = [&](std::optional<std::int64_t> axis) {
    nn::Conv2d conv{3, 4, 2};
    conv.to(float64);
    no_grad([&] { conv.weight.copy_(w); });
    parametrizations::weight_norm(conv, "weight", {.axis = axis});
    const Tensor g = original(conv, "original0");
    CHECK(allclose(conv.weight, w, 1e-14, 0));
    CHECK(sum(square(g)).item() == doctest::Approx(sum(square(w)).item()).epsilon(1e-12));
    return g.shape();
  };
  CHECK(shape_of(0) == Shape{4, 1, 1, 1});
  CHECK(shape_of(1) == Shape{1, 3, 1, 1});
  CHECK(shape_of(-1) == Shape{1, 1, 1, 2});
  CHECK(shape_of({}) == Shape{});
  nn::Linear layer = layer_of(2, 3);
  parametrizations::weight_norm(layer, "bias");
  CHECK(named(layer.named_parameters(), "parametrizations.bias.original0").shape() == Shape{3});
}

TEST_CASE("gradients flow to the originals as the formula says") {
  nn::Linear layer = layer_of(3, 2);
  parametrizations::weight_norm(layer);
  const Tensor x = normal({4, 3}, 7);
  const Tensor g = original(layer, "original0");
  const Tensor v = original(layer, "original1");
  square(layer(x)).sum().backward();
  const Tensor norms = sqrt(sum(square(v.detach()), {1}, true));
  // dL/dg = dL/dw · v / ‖v‖;  dL/dv = g / ‖v‖ (dL/dw − (dL/dw · v) v / ‖v‖²)
  const Tensor dw = matmul((2 * layer(x).detach()).t(), x);
  const Tensor along = sum(dw * v.detach(), {1}, true);
  CHECK(allclose(g.grad(), along / norms, 1e-12, 1e-12));
  CHECK(allclose(v.grad(), g.detach() / norms * (dw - along * v.detach() / square(norms)), 1e-12,
                 1e-12));
}

TEST_CASE("all three pass gradcheck in their originals, and an optimiser trains them") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    Net net;
    parametrize_as(kind, net.fc);
    net.eval();  // u and v stay
    const Tensor x = normal({3, 3}, 2);
    const NamedTensors parameters = net.named_parameters();
    std::vector<Tensor> starts;
    for (const auto& [name, p] : parameters)
      starts.push_back(p.detach() + 0.1 * normal(p.shape(), 3));
    const auto f = [&](const std::vector<Tensor>& given) {
      NamedTensors replaced;
      for (std::size_t i = 0; i < given.size(); ++i)
        replaced.emplace_back(parameters[i].first, given[i]);
      return functional_call(net, replaced, x);
    };
    CHECK(gradcheck(f, starts));

    net.train();
    net(x).sum().backward();
    for (const Tensor& p : net.parameters()) CHECK(p.grad().defined());
    optim::SGD sgd(net.parameters(), {.lr = 0.05});
    const double before = square(net(x)).sum().item();
    for (int i = 0; i < 20; ++i) {
      sgd.zero_grad();
      square(net(x)).sum().backward();
      sgd.step();
    }
    CHECK(square(net(x)).sum().item() < before);
    if (kind == 2) CHECK(is_orthogonal(net.fc.weight.detach()));
  }
}

TEST_CASE("spectral norm: the largest singular value becomes 1, in training only") {
  manual_seed(1);
  nn::Linear layer = layer_of(6, 4);
  const Tensor weight = layer.weight;
  parametrizations::spectral_norm(layer);
  CHECK(names_of(layer.named_parameters()) == Names{"bias", "parametrizations.weight.original"});
  CHECK(names_of(layer.named_buffers()) ==
        Names{"parametrizations.weight.0._u", "parametrizations.weight.0._v"});
  const Tensor u = layer.named_buffers()[0].second;
  const Tensor v = layer.named_buffers()[1].second;
  CHECK(u.shape() == Shape{4});
  CHECK(v.shape() == Shape{6});
  CHECK(original(layer, "original").impl() == weight.impl());
  const Tensor x = normal({2, 6});

  // One iteration with each call.
  const Tensor w = weight.detach();
  const auto unit = [](const Tensor& y) { return y / sqrt(sum(square(y))); };
  const Tensor u1 = unit(mv(w, v));
  const Tensor v1 = unit(mv(w.t(), u1));
  layer(x);
  CHECK(allclose(u, u1, 1e-14, 1e-14));
  CHECK(allclose(v, v1, 1e-14, 1e-14));
  CHECK(allclose(layer.weight.detach(), w / dot(u1, mv(w, v1)), 1e-14, 1e-14));
  layer.eval();
  layer(x);
  CHECK(allclose(u, u1, 1e-14, 1e-14));
  // Two calls before a backward pass.
  layer.train();
  const Tensor y = layer(x) + layer(x);
  y.sum().backward();
  CHECK(weight.grad().defined());
  for (int i = 0; i < 300; ++i) layer(x);
  CHECK(linalg::svdvals(layer.weight.detach())[0].item() == doctest::Approx(1).epsilon(1e-9));

  nn::Conv2d conv{3, 5, 2};
  parametrizations::spectral_norm(conv, "weight", {.n_power_iterations = 2, .axis = 1});
  CHECK(conv.named_buffers()[0].second.shape() == Shape{3});
  CHECK(conv.named_buffers()[1].second.shape() == Shape{20});
  nn::Linear of_bias = layer_of(2, 2);
  no_grad([&] { of_bias.bias.copy_(tensor({3, 4})); });
  parametrizations::spectral_norm(of_bias, "bias");
  CHECK(of_bias.named_buffers().empty());
  CHECK(allclose(of_bias.bias, tensor({3., 4.}, {.dtype = float64}) / 5, 1e-15, 0));
}

TEST_CASE("orthogonal weights, square, tall and wide, by either map") {
  for (const char* map : {"matrix_exp", "cayley"})
    for (const auto& [in, out] : std::vector<std::pair<int, int>>{{4, 4}, {3, 5}, {5, 3}, {1, 4}}) {
      nn::Linear layer = layer_of(in, out);
      const Tensor w = layer.weight.detach().clone();
      parametrizations::orthogonal(layer, "weight", {.orthogonal_map = map});
      CHECK(names_of(layer.named_parameters()) ==
            Names{"bias", "parametrizations.weight.original"});
      CHECK(names_of(layer.named_buffers()) == Names{"parametrizations.weight.0.base"});
      CHECK(is_orthogonal(layer.weight.detach()));
      // It begins at Q of the weight's own Q R, with a positive diagonal: Qᵀ W is triangular.
      const bool wide = in > out;
      const Tensor a = wide ? w.t() : w;
      const Tensor q = wide ? layer.weight.detach().t() : layer.weight.detach();
      const Tensor r = matmul(q.t(), a);
      CHECK(allclose(r, triu(r), 0, 1e-14));
      CHECK(min(diag(r)).item() > 0);
      no_grad([&] { original(layer, "original").copy_(normal(w.shape(), 9)); });
      layer(normal({2, in}));
      CHECK(is_orthogonal(layer.weight.detach()));
      CHECK_FALSE(allclose(layer.weight.detach(), wide ? q.t() : q, 1e-3, 1e-3));
    }
  // exp of the skew-symmetric [0, −t; t, 0] turns by t.
  nn::Linear turn = layer_of(2, 2);
  no_grad([&] { turn.weight.copy_(eye(2)); });
  parametrizations::orthogonal(turn);
  no_grad([&] { original(turn, "original").copy_(tensor({{7., 9.}, {0.5, 8.}})); });
  turn(ones({1, 2}, {.dtype = float64}));
  const double c = std::cos(0.5);
  const double s = std::sin(0.5);
  CHECK(
      allclose(turn.weight.detach(), tensor({{c, -s}, {s, c}}, {.dtype = float64}), 1e-14, 1e-14));
}

TEST_CASE("copies, clones, moves and files have what is computed and what it is computed from") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    Net net;
    parametrize_as(kind, net.fc);
    net.eval();
    const Tensor x = normal({2, 3}, 5);
    const Tensor y = net(x).detach();
    CHECK(net.fc.named_parameters()[1].second.name().starts_with("fc.parametrizations.weight."));
    Net same = net;
    Net own = nn::clone(net);
    CHECK(equal(same(x).detach(), y));
    CHECK(equal(own(x).detach(), y));
    CHECK(own.parameters().size() == net.parameters().size());
    no_grad([&] {
      for (const Tensor& p : own.fc.parameters()) p.copy_(p + normal(p.shape(), 8));
    });
    CHECK_FALSE(allclose(own(x).detach(), y));
    CHECK(equal(net(x).detach(), y));
    own.load_state_dict(net.state_dict());
    CHECK(equal(own(x).detach(), y));
    own(x).sum().backward();
    CHECK_FALSE(net.fc.parameters()[1].grad().defined());
    Net moved = std::move(own);
    CHECK(equal(moved(x).detach(), y));
    moved.fc = nn::Linear{layer_of(3, 4)};
    CHECK_FALSE(parametrize::is_parametrized(moved.fc));
    moved.fc = net.fc;
    CHECK(equal(moved(x).detach(), y));
    CHECK(same.fc.parameters()[1].impl() == net.fc.parameters()[1].impl());
    net.to(float32);
    CHECK(net(x.to(float32)).dtype() == float32);
  }
}

TEST_CASE("removed, a parametrisation leaves its value in a parameter") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    Net net;
    net.eval();
    const Tensor weight = net.fc.weight;
    parametrize_as(kind, net.fc);
    const Tensor x = normal({2, 3});
    no_grad([&] { net.fc.parameters()[1].copy_(net.fc.parameters()[1] * 2 + 0.1); });
    const Tensor y = net(x).detach();
    net(x).sum().backward();
    parametrize::remove_parametrizations(net.fc);
    CHECK(names_of(net.state_dict()) == Names{"fc.weight", "fc.bias", "head.weight", "head.bias"});
    CHECK(allclose(net(x).detach(), y, 1e-14, 1e-14));
    CHECK(net.fc.weight.impl() == weight.impl());
    CHECK(net.fc.weight.is_leaf());
    CHECK(net.fc.weight.requires_grad());
    CHECK(net.fc.weight.name() == "fc.weight");
    CHECK_FALSE(net.fc.weight.grad().defined());
    CHECK_FALSE(parametrize::is_parametrized(net.fc));
    net(x).sum().backward();
    CHECK(net.fc.weight.grad().defined());
    parametrize_as(kind, net.fc);  // and again
    CHECK(parametrize::is_parametrized(net.fc));
  }
  // Of two the other stays.
  nn::Linear both = layer_of(2, 2);
  parametrizations::weight_norm(both, "weight");
  parametrizations::weight_norm(both, "bias");
  parametrize::remove_parametrizations(both, "weight");
  CHECK(names_of(both.state_dict()) ==
        Names{"weight", "parametrizations.bias.original0", "parametrizations.bias.original1"});
  CHECK(both(ones({1, 2}, {.dtype = float64})).shape() == Shape{1, 2});
}

TEST_CASE("a frozen weight stays frozen") {
  nn::Linear layer = layer_of(2, 2);
  layer.weight.requires_grad_(false);
  parametrizations::weight_norm(layer);
  CHECK_FALSE(original(layer, "original0").requires_grad());
  CHECK_FALSE(original(layer, "original1").requires_grad());
  layer(normal({1, 2})).sum().backward();
  CHECK(layer.bias.grad().defined());
}

TEST_CASE("what cannot be parametrised, and what would be without effect, is told") {
  nn::Linear layer = layer_of(3, 2);
  CHECK(message_of<ValueError>([&] { parametrizations::weight_norm(layer, "gain"); }) ==
        "weight_norm: Linear has no parameter 'gain'");
  nn::Linear without{3, 2, {.bias = false}};
  CHECK(message_of<ValueError>([&] { parametrizations::weight_norm(without, "bias"); }) ==
        "weight_norm: Linear has no parameter 'bias'");
  CHECK(message_of<ShapeError>([&] {
          parametrizations::weight_norm(layer, "weight", {.axis = 2});
        }) == "weight_norm: axis 2 of a weight [2, 3]; it has 2 axes");
  CHECK(message_of<ValueError>([&] {
          parametrizations::spectral_norm(layer, "weight", {.n_power_iterations = 0});
        }) == "spectral_norm: 0 power iterations; it must be positive");
  CHECK(message_of<ValueError>([&] {
          parametrizations::spectral_norm(layer, "weight", {.eps = NAN});
        }) == "spectral_norm: eps is nan, it must be positive");
  CHECK(message_of<ValueError>([&] {
          parametrizations::orthogonal(layer, "weight", {.orthogonal_map = "householder"});
        }) == "orthogonal: there is no map 'householder'; matrix_exp or cayley");
  CHECK(message_of<ShapeError>([&] { parametrizations::orthogonal(layer, "bias"); }) ==
        "orthogonal: weight [2] is no matrix");
  CHECK_FALSE(parametrize::is_parametrized(layer));
  CHECK(message_of<ValueError>([&] { parametrize::remove_parametrizations(layer); }) ==
        "remove_parametrizations: 'weight' of Linear is not computed");
  parametrizations::weight_norm(layer);
  CHECK(message_of<ValueError>([&] { parametrizations::spectral_norm(layer); }) ==
        "spectral_norm: 'weight' of Linear is computed already; remove_parametrizations() first");
  CHECK(message_of<ValueError>([&] {
          functional_call(layer, {{"weight", zeros({2, 3})}}, ones({1, 3}));
        }).starts_with("functional_call: Linear has no parameter or buffer weight"));
  layer.weight = layer_of(3, 2).weight;
  CHECK(message_of<GraphError>([&] {
          layer(normal({1, 3}));
        }) ==
        "net (Linear): Linear: another tensor was assigned to 'weight', which is computed from "
        "parametrizations.weight; change those, or remove_parametrizations() first");
}

TEST_CASE("a module's own part called parametrizations is left alone") {
  struct Own : nn::Module {
    nn::Parameter weight = add_parameter("weight", normal({2, 3}));
    nn::Linear parametrizations = add("parametrizations", nn::Linear{2, 2});
  } own;
  struct OwnTensor : nn::Module {
    nn::Parameter weight = add_parameter("weight", normal({2, 3}));
    nn::Buffer parametrizations = add_buffer("parametrizations", ones({2}));
  } tensor;
  for (nn::Module* const net : std::initializer_list<nn::Module*>{&own, &tensor}) {
    const Names before = names_of(net->state_dict());
    CHECK(message_of<ValueError>([&] { parametrizations::weight_norm(*net); }) ==
          "weight_norm: " + net->type_name() +
              " has a part 'parametrizations' of its own; call it otherwise");
    CHECK_FALSE(parametrize::is_parametrized(*net));
    CHECK(names_of(net->state_dict()) == before);
  }
}

TEST_CASE("orthogonal weights of 16 bits are made in float32") {
  for (const char* const map : {"matrix_exp", "cayley"}) {
    nn::Linear layer{3, 2};
    nn::Linear half{3, 2};
    half.to(bfloat16);
    for (nn::Linear* const each : {&layer, &half})
      parametrizations::orthogonal(*each, "weight", {.orthogonal_map = map});
    layer.to(bfloat16);
    for (nn::Linear* const each : {&layer, &half}) {
      const Tensor y = (*each)(normal({4, 3}).to(bfloat16));
      CHECK(y.dtype() == bfloat16);
      sum(y).backward();
      CHECK(original(*each, "original").grad().dtype() == bfloat16);
      const Tensor w = each->weight.detach().to(float64);
      // Two roundings to 8 bits of numbers up to 1, in sums of 3 squares.
      CHECK(allclose(matmul(w, w.t()), eye(2).to(float64), 0, 3 * 2 * 2.0 / 256));
    }
  }
}
