// The course assignment's own checks, pinned values included: each layer against finite differences
// in every entry, and against the closed form of exercises 1 to 4, written here as xtensor matrix
// expressions that know nothing of the tape. The course's matrices hold an example in each column;
// ours in each row.

#include "assignment/checks.hpp"
#include "xtensor.hpp"

using namespace checks;
using Matrix = xt::xarray<double>;

namespace {

Tensor d(const NestedList& list) { return tensor(list, {.dtype = float64}); }

/// Weight and bias of a fully connected layer with their gradients, for loss ½ Σ y².
struct FullyConnected {
  Tensor x, weight, bias, y;

  FullyConnected(const Shape& input, std::int64_t outputs, std::uint64_t seed)
      : x(normal(input, seed).requires_grad_()),
        weight(normal({outputs, x.numel() / x.size(0)}, seed + 100).requires_grad_()),
        bias(normal({outputs}, seed + 200).requires_grad_()),
        y(linear(x.flatten(1), weight, bias)) {
    (0.5 * y.square().sum()).backward();
  }
};

}  // namespace

TEST_CASE("fully connected: the pinned values") {
  about("fully connected");
  CHECK(close(linear(d({{1., 2.}}), d({{-1., 3.}, {7., -3.}}), d({0., 0.})), {5, 1}));
  CHECK(close(linear(d({{1., 2.}}), d({{-1., 3.}, {7., -3.}}), d({2., 3.})), {7, 4}));
  CHECK(close(linear(d({{1., 2., 3.}, {2., 1., 2.}, {3., 1., 1.}}),
                     d({{1., 0., 1.}, {0., 1., 0.}, {-1., 1., 1.}}), d({-1., 0., 1.})),
              {3, 2, 5, 3, 1, 2, 3, 1, 0}));
  // 2x2 inputs, stored column by column in the course's code: 1, 2, 3, 4 and 5, 6, 7, 8.
  CHECK(close(linear(d({{1., 2., 3., 4.}, {5., 6., 7., 8.}}), d({{1., 1., 2., 2.}}), d({0.})),
              {17, 41}));
}

TEST_CASE("fully connected: dL/dX = dL/dY A, dL/dA = dL/dYᵀ X, dL/db = Σ dL/dY") {
  about("fully connected");
  for (const Shape& input : {Shape{4, 21}, Shape{4, 5, 3}})
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      const FullyConnected layer(input, 3, draw);
      const Tensor flat = layer.x.detach().flatten(1);
      const Matrix x = xgrad::array<double>(flat);
      const Matrix a = xgrad::array<double>(layer.weight);
      const Matrix b = xgrad::array<double>(layer.bias);
      const Matrix y = xt::linalg::dot(x, xt::transpose(a)) + b;
      CHECK(close(layer.y.detach(), from_xtensor(y)));
      const Matrix dx = xt::linalg::dot(y, a);  // dL/dY = Y for ½ Σ y²
      const Matrix da = xt::linalg::dot(xt::transpose(y), x);
      const Matrix ones = xt::ones<double>({std::size_t{4}});
      const Matrix db = xt::linalg::dot(xt::transpose(y), ones);
      CHECK(gradients_close(layer.x.grad().flatten(1), from_xtensor(dx)));
      CHECK(gradients_close(layer.weight.grad(), from_xtensor(da)));
      CHECK(gradients_close(layer.bias.grad(), from_xtensor(db)));
      CHECK(checks::gradcheck(
          [](auto& in, auto& w, auto& c) {
            return 0.5 * linear(in.flatten(1), w, c).square().sum();
          },
          {layer.x, layer.weight, layer.bias}));
    }
}

TEST_CASE("ReLU: the pinned values, and dL/dX = dL/dY where X > 0") {
  about("ReLU");
  CHECK(close(relu(d({{2., 4., -5., 6., 7., -1.}, {-4., 0., 0., 3., 4., -5.}})),
              {2, 4, 0, 6, 7, 0, 0, 0, 0, 3, 4, 0}));
  const Tensor two = tensor({1., -1.}, {.dtype = float64, .requires_grad = true});
  relu(two).sum().backward();
  CHECK(close(two.grad(), {1, 0}));
  for (std::uint64_t draw = 0; draw < 5; ++draw) {
    const Tensor x = normal({4, 21, 34}, draw).requires_grad_();
    const Tensor y = relu(x);
    (0.5 * y.square().sum()).backward();
    const Matrix in = xgrad::array<double>(x);
    const Matrix dx = xt::maximum(in, 0.0);  // dL/dy = y, and y is x where x > 0
    CHECK(gradients_close(x.grad(), from_xtensor(dx)));
  }
  CHECK(checks::gradcheck([](auto& x) { return 0.5 * relu(x).square().sum(); },
                          {normal({4, 21, 34})}));
}

namespace {

/// softmax(x) − e_c, over the number of examples: exercise 4's answer for a batch.
Matrix softmax_loss_gradient(const Matrix& x, const std::vector<std::int64_t>& classes) {
  Matrix g = x;
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    const double top = *std::max_element(&x(i, 0), &x(i, 0) + x.shape(1));
    double total = 0;
    for (std::size_t j = 0; j < x.shape(1); ++j) total += g(i, j) = std::exp(x(i, j) - top);
    xt::view(g, i, xt::all()) /= total;
    g(i, static_cast<std::size_t>(classes[i])) -= 1;
  }
  return g / static_cast<double>(x.shape(0));
}

}  // namespace

TEST_CASE("softmax loss: the pinned scores, and dL/dX = (softmax(X) − E) / N") {
  about("softmax loss");
  const Tensor scores =
      tensor({{1., 2.}, {2., 4.}, {-1., -2.}}, {.dtype = float64, .requires_grad = true});
  const std::vector<std::int64_t> classes{0, 1, 0};  // the course counts from 1
  const Tensor loss = cross_entropy(scores, from_vector(classes));
  const double by_hand =
      (-1 + std::log(std::exp(1) + std::exp(2)) - 4 + std::log(std::exp(2) + std::exp(4)) + 1 +
       std::log(std::exp(-1) + std::exp(-2))) /
      3;
  CHECK(close(loss.detach().reshape({1}), {by_hand}));
  loss.backward();
  CHECK(gradients_close(
      scores.grad(), from_xtensor(softmax_loss_gradient(xgrad::array<double>(scores), classes))));

  for (std::uint64_t draw = 0; draw < 5; ++draw) {
    const Tensor x = normal({4, 21}, draw).requires_grad_();
    Generator generator(draw);
    const Tensor labels = randint(0, 21, {4}, {.generator = &generator});
    cross_entropy(x, labels).backward();
    const Matrix expected =
        softmax_loss_gradient(xgrad::array<double>(x), labels.to_vector<std::int64_t>());
    CHECK(gradients_close(x.grad(), from_xtensor(expected)));
    CHECK(checks::gradcheck([&](auto& in) { return cross_entropy(in, labels); }, {x}));
  }
}

TEST_CASE("softmax loss: large scores do not overflow") {
  about("softmax loss");
  const Tensor x =
      tensor({{1e4, -1e4, 0.}, {-1e4, 1e4, 1e4}}, {.dtype = float64, .requires_grad = true});
  const Tensor loss = cross_entropy(x, tensor({0, 2}));
  CHECK(loss.item() == doctest::Approx(std::log(2) / 2));
  loss.backward();
  CHECK(close(x.grad(), {0, 0, 0, 0, 0.25, -0.25}));
}
