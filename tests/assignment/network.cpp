// Convolution, pooling and the whole net, as the assignment checks them; convolution and pooling
// also as the matrices they are, written with xtensor and knowing nothing of the tape.

#include "assignment/checks.hpp"
#include "xtensor.hpp"

using namespace checks;
using Matrix = xt::xarray<double>;

namespace {

Tensor d(const NestedList& list) { return tensor(list, {.dtype = float64}); }

/// The weight of a convolution and the shapes around it.
struct Convolution {
  Tensor weight;  // [K, C, R, S]
  std::int64_t height, width, padding;
  std::int64_t oh = height + 2 * padding - weight.size(2) + 1;
  std::int64_t ow = width + 2 * padding - weight.size(3) + 1;

  /// Calls f(output, input, position of the weight) for every product in the convolution of one
  /// image, all three counted through.
  template <class F>
  void each_product(const F& f) const {
    const std::int64_t channels = weight.size(1), rows = weight.size(2), columns = weight.size(3);
    for (std::int64_t w = 0; w < weight.numel(); ++w) {
      const std::int64_t v = w % columns, u = w / columns % rows;
      const std::int64_t c = w / columns / rows % channels, k = w / columns / rows / channels;
      for (std::int64_t i = 0; i < oh; ++i)
        for (std::int64_t j = 0; j < ow; ++j) {
          const std::int64_t y = i + u - padding, x = j + v - padding;
          if (y >= 0 && y < height && x >= 0 && x < width)
            f((k * oh + i) * ow + j, (c * height + y) * width + x, w);
        }
    }
  }

  /// T with y = T x for one image: the weights, each where it multiplies.
  Matrix of_input() const {
    Matrix t = xt::zeros<double>({weight.size(0) * oh * ow, weight.size(1) * height * width});
    each_product([&](auto y, auto x, auto w) { t(y, x) += weight.data<double>()[w]; });
    return t;
  }

  /// C with y = C w for one image: its pixels, each where it multiplies.
  Matrix of_weight(const double* image) const {
    Matrix c = xt::zeros<double>({weight.size(0) * oh * ow, weight.numel()});
    each_product([&](auto y, auto x, auto w) { c(y, w) += image[x]; });
    return c;
  }
};

}  // namespace

TEST_CASE("convolution: the pinned values") {
  about("convolution");
  const Tensor x = d({{{{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}},
                       {{-1., 2., -3.}, {4., -5., 6.}, {-7., 8., -9.}}}});
  const Tensor w = d(
      {{{{1., 2.}, {3., 4.}}, {{0., 1.}, {0., 1.}}}, {{{0., 1.}, {1., 0.}}, {{1., 1.}, {1., 1.}}}});
  // By hand, first filter, first window: 1·1 + 2·2 + 3·4 + 4·5 = 37, and 2 − 5 = −3: 34.
  CHECK(close(conv2d(x, w), {34, 50, 70, 74, 6, 8, 12, 14}));
  CHECK(close(conv2d(x, w, d({1., -1.})), {35, 51, 71, 75, 5, 7, 11, 13}));
  CHECK(equal(conv2d(x, w, {}, {.padding = 0}), conv2d(x, w)));
  // An impulse gives the filter, reversed: this is cross-correlation.
  Tensor impulse = zeros({1, 1, 3, 3}, {.dtype = float64});
  impulse.mutable_data<double>()[4] = 1;
  CHECK(close(conv2d(impulse, d({{{{1., 2.}, {3., 4.}}}})), {4, 3, 2, 1}));
  CHECK(equal(conv2d(x, d({{{{1.}}, {{0.}}}, {{{0.}}, {{1.}}}})), x));
}

TEST_CASE("convolution: gradients with paddings 0 to 4") {
  about("convolution");
  for (std::int64_t padding = 0; padding <= 4; ++padding)
    CHECK(checks::gradcheck(
        [padding](auto& x, auto& w, auto& b) {
          return 0.5 * conv2d(x, w, b, {.padding = padding}).square().sum();
        },
        {normal({3, 4, 5, 7}, 1), normal({2, 4, 3, 3}, 2), normal({2}, 3)}));
}

TEST_CASE("convolution: y = T x + b, dL/dx = Tᵀ dL/dy, dL/dw = Σ Cᵀ dL/dy, db = Σ dL/dy") {
  about("convolution");
  for (std::int64_t padding = 0; padding <= 4; ++padding) {
    const Tensor x = normal({3, 4, 5, 7}, 1).requires_grad_();
    const Tensor w = normal({2, 4, 3, 3}, 2).requires_grad_();
    const Tensor b = normal({2}, 3).requires_grad_();
    const Tensor y = conv2d(x, w, b, {.padding = padding});
    (0.5 * y.square().sum()).backward();  // dL/dy = y

    const Convolution form{w.detach(), 5, 7, padding};
    const auto positions = static_cast<std::size_t>(form.oh * form.ow);
    const Matrix t = form.of_input();
    Matrix dw = xt::zeros<double>({std::size_t{72}});
    Matrix db = xt::zeros<double>({std::size_t{2}});
    for (std::int64_t n = 0; n < 3; ++n) {
      const Tensor image = x.detach()[n].flatten();
      Matrix out = xt::linalg::dot(t, Matrix(xgrad::array<double>(image)));
      for (std::size_t i = 0; i < out.size(); ++i) out(i) += b.data<double>()[i / positions];
      CHECK(close(y.detach()[n].flatten(), from_xtensor(out)));
      const Matrix dx = xt::linalg::dot(xt::transpose(t), out);
      CHECK(gradients_close(x.grad()[n].flatten(), from_xtensor(dx)));
      dw += xt::linalg::dot(xt::transpose(form.of_weight(image.data<double>())), out);
      for (std::size_t i = 0; i < out.size(); ++i) db(i / positions) += out(i);
    }
    CHECK(gradients_close(w.grad().flatten(), from_xtensor(dw)));
    CHECK(gradients_close(b.grad(), from_xtensor(db)));
  }
}

TEST_CASE("max-pooling: y = S x, dL/dx = Sᵀ dL/dy, S having a 1 where each window's largest is") {
  about("max-pooling");
  const Tensor x = normal({3, 4, 8, 12}, 4).requires_grad_();
  const Tensor y = max_pool2d(x, 2);
  (0.5 * y.square().sum()).backward();
  for (std::int64_t plane = 0; plane < 12; ++plane) {
    const double* in = x.data<double>() + plane * 96;
    Matrix s = xt::zeros<double>({std::size_t{24}, std::size_t{96}});
    for (std::size_t i = 0; i < 24; ++i) {
      std::size_t best = i / 6 * 2 * 12 + i % 6 * 2;
      for (const std::size_t other : {best + 1, best + 12, best + 13})
        if (in[other] > in[best]) best = other;
      s(i, best) = 1;
    }
    Matrix image = xt::zeros<double>({std::size_t{96}});
    std::copy(in, in + 96, image.begin());
    const Matrix out = xt::linalg::dot(s, image);
    const Matrix dx = xt::linalg::dot(xt::transpose(s), out);
    CHECK(close(y.detach().reshape({12, 24})[plane], from_xtensor(out)));
    CHECK(gradients_close(x.grad().reshape({12, 96})[plane], from_xtensor(dx)));
  }
}

TEST_CASE("max-pooling: gradients, ties to the first, and a chain with convolution") {
  about("max-pooling");
  CHECK(checks::gradcheck([](auto& x) { return 0.5 * max_pool2d(x, 2).square().sum(); },
                          {normal({3, 4, 8, 12})}));
  const Tensor x = ones({1, 1, 2, 2}, {.dtype = float64, .requires_grad = true});
  max_pool2d(x, 2).sum().backward();
  CHECK(close(x.grad(), {1, 0, 0, 0}));
  CHECK(checks::gradcheck(
      [](auto& in, auto& w, auto& b) {
        return 0.5 * max_pool2d(relu(conv2d(in, w, b, {.padding = 1})), 2).square().sum();
      },
      {normal({2, 3, 8, 8}, 1), normal({2, 3, 3, 3}, 2), normal({2}, 3)}));
}

TEST_CASE("the whole net: every weight and bias") {
  about("whole net");
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    const Tensor x = normal({2, 3, 2}, draw);
    const Tensor labels = tensor({0, 1});
    const Tensor w1 = normal({5, 6}, draw + 10);
    const Tensor b1 = normal({5}, draw + 20);
    const Tensor w2 = normal({3, 5}, draw + 30);
    const Tensor b2 = normal({3}, draw + 40);
    const auto two_layers = [&](const std::vector<Tensor>& p) {
      return cross_entropy(linear(relu(linear(x.flatten(1), p[0], p[1])), p[2], p[3]), labels);
    };
    const auto one_layer = [&](const std::vector<Tensor>& p) {
      return cross_entropy(relu(linear(x.flatten(1), p[0], p[1])), labels);
    };
    CHECK(checks::gradcheck(two_layers, {w1, b1, w2, b2}));
    CHECK(checks::gradcheck(one_layer, {w1, b1}));
  }
}

TEST_CASE("the baseline's network in small: every parameter") {
  about("baseline in small");
  const Tensor images = normal({2, 1, 8, 8}, 5);
  const auto net = [&](const std::vector<Tensor>& p) {
    Tensor x = max_pool2d(relu(conv2d(images, p[0], p[1], {.padding = 2})), 2);
    x = max_pool2d(relu(conv2d(x, p[2], p[3], {.padding = 2})), 2);
    return cross_entropy(linear(x.flatten(1), p[4], p[5]), tensor({3, 1}));
  };
  CHECK(checks::gradcheck(
      net, {normal({2, 1, 5, 5}, 1) * 0.3, normal({2}, 2), normal({3, 2, 5, 5}, 3) * 0.2,
            normal({3}, 4), normal({4, 12}, 6) * 0.1, normal({4}, 7)}));
}
