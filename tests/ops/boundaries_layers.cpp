// Sizes around every constant in the kernels of products, windows, norms, softmax and losses,
// against loops, with 1 to 8 threads. Most numbers are whole, so that sums are exact in any order.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/kernels/conv.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/boundaries.hpp"

namespace {

using namespace boundaries;  // NOLINT

// ---- products

/// [m, n] = a [m, k] times b [k, n], by columns so that a row of b is read at once.
std::vector<double> product(const Tensor& a, const Tensor& b) {
  const std::int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  const auto x = values(a), y = values(b);
  std::vector<double> result(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t q = 0; q < k; ++q)
      for (std::int64_t j = 0; j < n; ++j)
        result[static_cast<std::size_t>(i * n + j)] +=
            x[static_cast<std::size_t>(i * k + q)] * y[static_cast<std::size_t>(q * n + j)];
  return result;
}

void check_linear(std::int64_t rows, std::int64_t in, std::int64_t out, DType dtype) {
  CAPTURE(rows);
  CAPTURE(in);
  CAPTURE(out);
  CAPTURE(name(dtype));
  const Tensor x = whole({rows, in}, 3, 1, dtype).requires_grad_();
  const Tensor w = whole({out, in}, 3, 2, dtype).requires_grad_();
  const Tensor b = whole({out}, 9, 3, dtype).requires_grad_();
  const Tensor dy = whole({rows, out}, 3, 4, dtype);
  auto right = product(x.detach(), w.detach().t());
  CHECK(values(linear(x, w).detach()) == right);
  const auto shift = values(b.detach());
  for (std::size_t i = 0; i < right.size(); ++i) right[i] += shift[i % shift.size()];
  const Tensor y = linear(x, w, b);
  CHECK(values(y.detach()) == right);
  y.backward(dy);
  CHECK(values(x.grad()) == product(dy, w.detach()));
  CHECK(values(w.grad()) == product(dy.t(), x.detach()));
  CHECK(values(b.grad()) == product(ones({1, rows}), dy));
}

void check_matmul(std::int64_t m, std::int64_t k, std::int64_t n, DType dtype) {
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  CAPTURE(name(dtype));
  const Tensor a = whole({m, k}, 3, 1, dtype).requires_grad_();
  const Tensor b = whole({k, n}, 3, 2, dtype).requires_grad_();
  const Tensor dy = whole({m, n}, 3, 3, dtype);
  const Tensor y = matmul(a, b);
  CHECK(values(y.detach()) == product(a.detach(), b.detach()));
  y.backward(dy);
  CHECK(values(a.grad()) == product(dy, b.detach().t()));
  CHECK(values(b.grad()) == product(a.detach().t(), dy));
}

}  // namespace

TEST_CASE("linear is product plus bias, in every row and feature, around where it changes sides") {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t rows : {1, 2, 8, 15, 16, 17, 20, 33})
      for (const std::int64_t out : {1, 8, 16, 17, 18, 20, 34, 64})
        for (const std::int64_t in : {1, 7, 40, 41}) check_linear(rows, in, out, dtype);
    check_linear(20, 85, 64, dtype);
    check_linear(1, 1025, 3, dtype);
    check_linear(17, 1025, 40, dtype);
  }
}

TEST_CASE("products around tiles, threads and the terms that go to a library at once") {
  for (const std::int64_t k : {1, 2, 5, 40, 41, 64, 85})
    for (const std::int64_t m : {1, 7, 8, 9, 17})
      for (const std::int64_t n : {1, 15, 16, 17, 31}) check_matmul(m, k, n, float32);
  for (const std::int64_t k : around({1024, 2048, 2049}))
    for (const DType dtype : {float32, float64}) {
      check_matmul(1, k, 3, dtype);
      check_matmul(3, k, 1, dtype);
      check_matmul(1, k, 1, dtype);
    }
  for (const std::int64_t k : around({16384, 32768}))
    for (const DType dtype : {float32, float64}) check_matmul(2, k, 3, dtype);
  for (const int count : thread_counts()) {
    const Threads guard(count);
    CAPTURE(count);
    for (const std::int64_t n : around({64, 128})) {
      check_matmul(n, 65, 70, float32);
      check_matmul(70, 65, n, float32);
    }
    // Batches, several at once.
    const Tensor a = whole({37, 9, 30}, 3, 1);
    const Tensor b = whole({37, 30, 11}, 3, 2);
    const Tensor y = matmul(a, b);
    for (std::int64_t i = 0; i < 37; ++i) CHECK(values(y[i]) == product(a[i], b[i]));
  }
}

// ---- windows

namespace {

/// Max-pooling by loops: the largest values, and the gradient of their sum.
struct Pooled {
  std::vector<double> largest, chosen;
};

Pooled pooled(const Tensor& x, Extents<2> kernel, Extents<2> stride) {
  const auto v = values(x);
  const std::int64_t h = x.size(2), w = x.size(3);
  Pooled result{{}, std::vector<double>(v.size())};
  for (std::int64_t plane = 0; plane < x.size(0) * x.size(1); ++plane)
    for (std::int64_t i = 0; i + kernel[0] <= h; i += stride[0])
      for (std::int64_t j = 0; j + kernel[1] <= w; j += stride[1]) {
        auto best = static_cast<std::size_t>((plane * h + i) * w + j);
        for (std::int64_t r = i; r < i + kernel[0]; ++r)
          for (std::int64_t c = j; c < j + kernel[1]; ++c) {
            const auto at = static_cast<std::size_t>((plane * h + r) * w + c);
            if (v[at] > v[best]) best = at;
          }
        result.largest.push_back(v[best]);
        result.chosen[best] += 1;
      }
  return result;
}

void check_pooling(const Tensor& x, Extents<2> kernel, Extents<2> stride) {
  const Pooled right = pooled(x, kernel, stride);
  for (const Layout layout : {Layout::plain, Layout::blocked}) {
    if (layout == Layout::blocked && !blockable(x.shape(), x.dtype())) continue;
    CAPTURE(static_cast<int>(layout));
    const Tensor in = arranged(x, layout).detach().requires_grad_();
    const Tensor y = max_pool2d(in, kernel, {.stride = stride});
    CHECK(values(y.detach()) == right.largest);
    // Recorded or not, the choice is read in two ways.
    CHECK(values(grad(y.sum(), in, {.create_graph = true}).detach()) == right.chosen);
    y.backward(ones_like(y));
    CHECK(values(in.grad()) == right.chosen);
  }
}

}  // namespace

TEST_CASE("windows around the 256 values that a byte tells apart, whichever is the largest") {
  for (const Extents<2>& kernel : {Extents<2>(15, 17), Extents<2>(16), Extents<2>(257, 1),
                                   Extents<2>(1, 257), Extents<2>(20), Extents<2>(3, 86)})
    for (const DType dtype : {float32, float64}) {
      CAPTURE(kernel[0]);
      CAPTURE(kernel[1]);
      const std::int64_t size = kernel[0] * kernel[1];
      const Shape shape{2, dtype == float32 ? 16 : 1, kernel[0], kernel[1]};
      for (const std::int64_t where : {std::int64_t{0}, size / 2, std::int64_t{254},
                                       std::int64_t{255}, std::int64_t{256}, size - 1}) {
        if (where >= size) continue;
        CAPTURE(where);
        Tensor x = whole(shape, 9, 1, dtype);
        Tensor planes = x.reshape({-1, size});
        for (std::int64_t p = 0; p < planes.size(0); ++p)
          Tensor(planes[p]).slice(0, where, where + 1).fill_(10 + p);
        check_pooling(x, kernel, kernel);
      }
      const Shape two{1, 16, 2 * kernel[0], 2 * kernel[1] + 1};
      check_pooling(normal(two).to(dtype), kernel, kernel);
      check_pooling(normal(two).to(dtype), kernel, {kernel[0], 1});
    }
}

TEST_CASE("pooling of every width, around the windows that are worked out at once") {
  for (std::int64_t width = 2; width < 68; ++width) {
    CAPTURE(width);
    const int count = thread_counts()[static_cast<std::size_t>(width % 5)];
    const Threads guard(count);
    for (const Extents<2>& kernel : {Extents<2>(2), Extents<2>(1, 2), Extents<2>(2, 1)})
      check_pooling(whole({2, 16, 4, width}, 40, 1), kernel, kernel);
    const Tensor x = whole({3, 5, 3, width}, 40, 2);
    const auto v = values(x);
    std::vector<double> sums;
    for (std::int64_t i = 0; i + 3 <= x.numel(); i += 3 * width)
      for (std::int64_t j = 0; j + 2 <= width; j += 2) {
        double sum = 0;
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t c = j; c < j + 2; ++c)
            sum += v[static_cast<std::size_t>(i + r * width + c)];
        sums.push_back(sum);
      }
    CHECK(allclose(avg_pool2d(x, {3, 2}).flatten() * 6, from_vector(sums).to(float32), 1e-6, 1e-5));
  }
}

// ---- convolution

namespace {

/// The gradient of the weight, image by image.
Tensor image_by_image(const Tensor& x, const Tensor& dy, const Shape& weight,
                      const Conv2dOptions& options) {
  Tensor sum = zeros(weight, {.dtype = float64});
  for (std::int64_t i = 0; i < x.size(0); ++i)
    sum = sum +
          conv2d_weight(x.slice(0, i, i + 1), dy.slice(0, i, i + 1), weight, options).to(float64);
  return sum;
}

bool close(const Tensor& x, const Tensor& exact, double tolerance) {
  return allclose(x.to(float64), exact, 0, tolerance * (1 + max(abs(exact)).item()));
}

}  // namespace

TEST_CASE("batches around the results that a kernel sums at once are the sum of their images") {
  struct Case {
    std::int64_t in, out;
    double tolerance;  ///< of Winograd's kernel fractions are off
  };
  // oneDNN's direct kernel takes 16384 results, 16 of these images.
  for (const Case& c : {Case{3, 16, 1e-6}, {16, 16, 1e-6}, {5, 6, 1e-6}, {32, 32, 1e-5}})
    for (const std::int64_t n : {1, 15, 16, 17, 32, 33, 49}) {
      CAPTURE(c.in);
      CAPTURE(n);
      const Tensor x = whole({n, c.in, 32, 32}, 2, 1).requires_grad_();
      const Tensor w = whole({c.out, c.in, 3, 3}, 2, 2).requires_grad_();
      const Tensor b = whole({c.out}, 2, 3).requires_grad_();
      const Tensor dy = whole({n, c.out, 32, 32}, 2, 4);
      conv2d(x, w, b, {.padding = 1}).backward(dy);
      const Tensor right = image_by_image(x.detach(), dy, w.shape(), {.padding = 1});
      CHECK(close(w.grad(), right, c.tolerance));
      CHECK(equal(b.grad(), sum(dy.to(float64), {0, 2, 3}).to(float32)));
      if (n > 17 && !is_long()) break;
    }
}

TEST_CASE("a convolution's tiles of rows cover images of every height and width") {
  // 5 filters keep it with the products of matrices, whose tiles hold 48 Ki values.
  for (const std::int64_t channels : {1, 24}) {
    const Tensor w = whole({5, channels, 5, 5}, 2, 2);
    // As many rows as a tile has, one less and one more, and twice that.
    const std::int64_t rows = 48 * 1024 / (channels * 25 * 60);
    for (const std::int64_t height : around({rows, 2 * rows})) {
      if (channels == 24 || height < 100) {
        CAPTURE(channels);
        CAPTURE(height);
        const Tensor x = whole({1, channels, height + 4, 64}, 2, 1);
        const Tensor y = conv2d(x, w);
        REQUIRE(y.shape() == Shape{1, 5, height, 60});
        // Row by row, each by itself.
        for (std::int64_t r = 0; r < height; ++r)
          CHECK(equal(y.slice(2, r, r + 1), conv2d(x.slice(2, r, r + 5), w)));
        const Tensor dy = whole(y.shape(), 2, 3);
        Tensor dx = zeros(x.shape());
        Tensor dw = zeros(w.shape());
        for (std::int64_t r = 0; r < height; ++r) {
          const Tensor part = dy.slice(2, r, r + 1);
          dx = dx + pad(conv2d_input(part, w, {1, channels, 5, 64}), {0, 0, r, height - 1 - r});
          dw = dw + conv2d_weight(x.slice(2, r, r + 5), part, w.shape());
        }
        CHECK(equal(conv2d_input(dy, w, x.shape()), dx));
        CHECK(equal(conv2d_weight(x, dy, w.shape()), dw));
      }
    }
  }
}

TEST_CASE("Winograd's tiles, panels and pieces of any number, on any number of threads") {
  for (const std::int64_t channels : {32, 48, 64})
    for (const std::int64_t height : {4, 5, 9, 11, 12, 13, 24, 25}) {
      CAPTURE(channels);
      CAPTURE(height);
      const int count = thread_counts()[static_cast<std::size_t>((height + channels / 16) % 5)];
      const Threads guard(count);
      const Tensor x = normal({16, 32, height, 7}, 1).to(float32);
      const Tensor w = normal({channels, 32, 3, 3}, 2).to(float32) * 0.1;
      const Tensor dy = normal({16, channels, height, 7}, 3).to(float32);
      const Conv2dOptions o{.padding = 1};
      const Tensor wide_x = x.to(float64), wide_w = w.to(float64), wide_dy = dy.to(float64);
      CHECK(close(conv2d(x, w, {}, o), conv2d(wide_x, wide_w, {}, o), 1e-5));
      CHECK(close(conv2d_input(dy, w, x.shape(), o), conv2d_input(wide_dy, wide_w, x.shape(), o),
                  1e-5));
      CHECK(close(conv2d_weight(x, dy, w.shape(), o), conv2d_weight(wide_x, wide_dy, w.shape(), o),
                  1e-5));
    }
}

// ---- norms, softmax and losses

TEST_CASE("batch norm's statistics and sums around the 64 images and 2048 places of a number") {
  struct Case {
    std::int64_t batch, channels, plane;
  };
  std::vector<Case> cases;
  for (const std::int64_t batch : around({64, 128})) {
    cases.push_back({batch, 3, 1});
    cases.push_back({batch, 3, 2});
    cases.push_back({batch, 16, 3});
  }
  for (const std::int64_t plane : lengths({128, 256, 2048, 4096})) {
    cases.push_back({2, 2, plane});
    if (plane < 300) cases.push_back({2, 16, plane});
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    CAPTURE(c.batch);
    CAPTURE(c.channels);
    CAPTURE(c.plane);
    const Threads guard(thread_counts()[i % 5]);
    const Shape shape{c.batch, c.channels, 1, c.plane};
    const Tensor plain = whole(shape, 5, 1);
    const Tensor dy = whole(shape, 5, 2);
    const Tensor wide = plain.to(float64);
    const Axes axes{0, 2, 3};
    for (const Layout layout : {Layout::plain, Layout::blocked}) {
      if (layout == Layout::blocked && !blockable(shape, float32)) continue;
      CAPTURE(static_cast<int>(layout));
      const Tensor x = arranged(plain, layout).detach().requires_grad_();
      const Tensor w = ones({c.channels}).requires_grad_();
      const Tensor b = zeros({c.channels}).requires_grad_();
      CHECK(equal(sum(x, axes).detach(), sum(permute(plain, {1, 0, 2, 3}).flatten(1), 1)));
      if (c.batch * c.plane == 1) continue;
      const Tensor centered = wide - sum(wide, axes, true) / (c.batch * c.plane);
      const Tensor inverse =
          1 / sqrt(sum(square(centered), axes, true) / (c.batch * c.plane) + 1e-5);
      const Tensor unit = centered * inverse;
      batch_norm(x, {}, {}, w, b, {.training = true}).backward(dy);
      const Tensor d = dy.to(float64);
      const double n = static_cast<double>(c.batch * c.plane);
      const Tensor dot = sum(d * unit, axes, true);
      const Tensor dx = inverse * (d - sum(d, axes, true) / n - unit * dot / n);
      CHECK(close(batch_norm(x, {}, {}, {}, {}, {.training = true}).detach(), unit, 1e-5));
      CHECK(equal(b.grad(), sum(d, axes).to(float32)));
      CHECK(close(w.grad(), dot.reshape({c.channels}), 1e-5));
      // Two values of one channel cancel all but what eps leaves.
      CHECK(close(x.grad(), dx, n == 2 ? 1e-2 : 2e-5));
    }
  }
}

namespace {

/// log softmax of each row, in long double.
std::vector<double> log_softmax_by_loops(const Tensor& x) {
  const std::int64_t n = x.size(1);
  const auto v = values(x);
  std::vector<double> result;
  for (std::size_t row = 0; row < v.size(); row += static_cast<std::size_t>(n)) {
    const auto end = row + static_cast<std::size_t>(n);
    double top = -std::numeric_limits<double>::infinity();
    for (std::size_t i = row; i < end; ++i) top = std::max(top, v[i]);
    long double total = 0;
    for (std::size_t i = row; i < end; ++i) total += std::exp(static_cast<long double>(v[i] - top));
    for (std::size_t i = row; i < end; ++i)
      result.push_back(v[i] - top - static_cast<double>(std::log(total)));
  }
  return result;
}

void check_softmax(std::int64_t rows, std::int64_t n, DType dtype) {
  CAPTURE(rows);
  CAPTURE(n);
  CAPTURE(name(dtype));
  const Tensor x = (normal({rows, n}, 1) * 2).to(dtype).requires_grad_();
  const Tensor dy = normal({rows, n}, 2).to(dtype);
  const Tensor lp = from_vector(log_softmax_by_loops(x.detach()), Shape{rows, n});
  const Tensor p = exp(lp);
  const Tensor d = dy.to(float64);
  const double tolerance = dtype == float32 ? 1e-5 : 1e-13;
  const auto rule = [&](const Tensor& y) { return grad(y, x, {.grad_outputs = {dy}}); };
  CHECK(close(log_softmax(x, 1).detach(), lp, tolerance));
  CHECK(close(softmax(x, 1).detach(), p, tolerance));
  CHECK(close(rule(log_softmax(x, 1)), d - p * sum(d, 1, true), tolerance));
  CHECK(close(rule(softmax(x, 1)), p * (d - sum(p * d, 1, true)), tolerance));
  CHECK(close(logsumexp(x, 1).detach(),
              (x.detach().to(float64) - lp).slice(1, 0, 1).reshape({rows}), tolerance));
  // The last class of the last row is the one that would be forgotten.
  const Tensor target = full({rows}, n - 1, {.dtype = int64});
  const Tensor q = to(arange(n) == n - 1, float64);
  for (const double s : {0.0, 0.25}) {
    const Tensor wanted = q * (1 - s) + s / static_cast<double>(n);
    const Tensor loss =
        cross_entropy(x, target, {.label_smoothing = s, .reduction = Reduction::sum});
    CHECK(close(loss.detach(), -sum(lp * wanted), tolerance));
    CHECK(close(grad(loss, x), p - wanted, tolerance));
  }
}

}  // namespace

TEST_CASE("softmax, its logarithm and losses of rows around the 512 values worked on together") {
  for (const std::int64_t n : lengths({128, 256, 512, 1000, 1024, 1536, 2048, 4096}))
    for (const DType dtype : {float32, float64}) check_softmax(2, n, dtype);
  for (const std::int64_t n : around({32768, 65536}))
    for (const int count : {1, 3}) {
      const Threads guard(count);
      check_softmax(1, n, float32);
    }
  for (const std::int64_t rows : lengths({4096 / 10 + 1, 2048, 4096}))
    for (const int count : {2, 5, 8}) {
      const Threads guard(count);
      CAPTURE(count);
      if (rows > 67 || count == 2) check_softmax(rows, 10, float32);
    }
}

TEST_CASE("sizes beyond 32 bits are counted, not cut") {
  // Without values, so that no memory is needed.
  constexpr std::int64_t four_billion = std::int64_t{1} << 32;
  for (const std::int64_t n : around({four_billion / 2, four_billion})) {
    CAPTURE(n);
    const Tensor x = zeros({0, n});
    CHECK(x.size(1) == n);
    CHECK(cat({x, x}, 1).size(1) == 2 * n);
    CHECK(x.t().shape() == Shape{n, 0});
    CHECK(x.slice(1, 1).size(1) == n - 1);
    CHECK(x.flatten().shape() == Shape{0});
    CHECK(pad(x, {1, 2}).size(1) == n + 3);
    CHECK(x.unsqueeze(0).expand({3, 0, n}).shape() == Shape{3, 0, n});
    CHECK(matmul(x, zeros({n, 0})).shape() == Shape{0, 0});
    CHECK(arange(n, n + 3).to_vector<std::int64_t>() == std::vector<std::int64_t>{n, n + 1, n + 2});
  }
}
