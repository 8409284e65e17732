// Sizes of any kind: none, one, more than memory holds, next to 2⁶³. Every call gives the right
// numbers or an xgrad::Error, as an oracle in 128 bits says.

#include <cmath>
#include <limits>
#include <optional>

#include "support.hpp"

using namespace support;

namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t half = std::int64_t{1} << 62;
constexpr std::int64_t int32_more = std::int64_t{1} << 31;
constexpr std::uint64_t seed = 15;

/// How often each sweep draws.
int draws(int usual) { return is_long() ? 50 * usual : usual; }

/// One of the given numbers.
std::int64_t one_of(Generator& generator, std::initializer_list<std::int64_t> numbers) {
  return numbers.begin()[generator.below(numbers.size())];
}

/// A usual size, but for one time in four.
std::int64_t any_extent(Generator& generator) {
  return generator.below(4) > 0 ? one_of(generator, {1, 2, 3})
                                : one_of(generator, {0, 1, 2, 3, int32_more, half, largest, -1});
}

bool fits(Wide value) { return value >= -Wide{1} - largest && value <= largest; }

/// Whether a tensor may have this shape: what is not 0 multiplies to less than 2⁶³, and all of it
/// to what memory might hold.
bool may_be(const Shape& shape) {
  Wide product = 1;
  bool empty = false;
  for (auto extent : shape) {
    if (extent < 0) return false;
    empty |= extent == 0;
    if (extent > 0) product *= extent;
    if (!fits(product)) return false;
  }
  return empty || product < Wide{1} << 44;
}

bool is_small(const Shape& shape) {
  double product = 1;
  for (auto extent : shape) product *= static_cast<double>(extent);
  return product < 1e5;
}

/// What f gives, or nothing where it throws an xgrad::Error; other exceptions pass.
template <class F>
std::optional<Tensor> attempt(const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(':') != std::string::npos);
    return {};
  }
}

/// Whole numbers, of which every sum here is exact.
Tensor whole(const Shape& shape, DType dtype, Generator& generator) {
  return randint(-8, 9, shape, {.generator = &generator}).to(dtype);
}

}  // namespace

// ---- pooling

namespace {

struct Pooling {
  Shape x;
  Extents<2> kernel, stride, padding;

  static Pooling drawn(Generator& g) {
    const auto kernel = [&] {
      return g.below(3) > 0 ? one_of(g, {1, 2, 3})
                            : one_of(g, {0, 1, 4, 1 << 16, int32_more, half, largest, -1});
    };
    const auto stride = [&] { return one_of(g, {1, 2, 3, 1 << 20, int32_more, half, largest, 0}); };
    const auto padding = [&](std::int64_t k) {
      return one_of(g, {0, 0, 1, k / 2, k / 2, k / 2 + (k < largest), half, -1});
    };
    const Extents<2> k(kernel(), kernel());
    const Extents<2> s = g.below(2) == 0 ? Extents<2>(0) : Extents<2>(stride(), stride());
    return {{one_of(g, {0, 1, 2}), any_extent(g), any_extent(g), any_extent(g)},
            k,
            s,
            {padding(k[0]), padding(k[1])}};
  }

  Extents<2> steps() const { return stride == 0 ? kernel : stride; }

  /// The result's shape, where there is a result.
  std::optional<Shape> result() const {
    if (!may_be(x) || x[1] < 1 || x[2] < 1 || x[3] < 1) return {};
    if (Wide{kernel[0]} * kernel[1] >= int32_more) return {};
    const auto h = windows(x[2], kernel[0], steps()[0], padding[0]);
    const auto w = windows(x[3], kernel[1], steps()[1], padding[1]);
    if (!h || !w || !may_be({x[0], x[1], *h, *w})) return {};
    return Shape{x[0], x[1], *h, *w};
  }

  static std::optional<std::int64_t> windows(Wide in, Wide kernel, Wide stride, Wide padding) {
    if (kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2) return {};
    const Wide room = in + 2 * padding - kernel;
    if (!fits(in + 2 * padding) || room < 0 || !fits(room / stride + 1)) return {};
    return static_cast<std::int64_t>(room / stride + 1);
  }

  /// f(output, input) for every value under every window, positions in the row of all.
  template <class F>
  void visit(const Shape& y, const F& f) const {
    std::size_t out = 0;
    for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane)
      for (std::int64_t i = 0; i < y[2]; ++i)
        for (std::int64_t j = 0; j < y[3]; ++j, ++out)
          for (std::int64_t r = 0; r < x[2]; ++r)
            for (std::int64_t c = 0; c < x[3]; ++c) {
              const Wide row = r - (Wide{i} * steps()[0] - padding[0]);
              const Wide column = c - (Wide{j} * steps()[1] - padding[1]);
              if (row >= 0 && row < kernel[0] && column >= 0 && column < kernel[1])
                f(out, static_cast<std::size_t>((plane * x[2] + r) * x[3] + c));
            }
  }
};

void check_max(const Pooling& p, const Shape& shape, const Tensor& given) {
  const Tensor x = given.detach().requires_grad_();
  const Tensor y = max_pool2d(x, p.kernel, {.stride = p.stride, .padding = p.padding});
  CHECK(y.shape() == shape);
  const auto v = values(x.detach());
  const std::size_t none = v.size();
  std::vector<std::size_t> chosen(static_cast<std::size_t>(shape.numel()), none);
  p.visit(shape, [&](std::size_t out, std::size_t in) {
    if (chosen[out] == none || v[in] > v[chosen[out]]) chosen[out] = in;
  });
  std::vector<double> largest_values, gradient(none);
  for (const std::size_t in : chosen) {
    REQUIRE(in < none);  // no window sees padding only
    largest_values.push_back(v[in]);
    gradient[in] += 1;
  }
  CHECK(values(y.detach()) == largest_values);
  CHECK(values(grad(y.sum(), x, {.create_graph = true}).detach()) == gradient);
  y.sum().backward();
  CHECK(values(x.grad()) == gradient);
}

void check_mean(const Pooling& p, const Shape& shape, const Tensor& given, bool count_padding) {
  const AvgPool2dOptions options{
      .stride = p.stride, .padding = p.padding, .count_include_pad = count_padding};
  std::vector<double> sums(static_cast<std::size_t>(shape.numel()));
  std::vector<double> counts(sums.size());
  const auto v = values(given);
  p.visit(shape, [&](std::size_t out, std::size_t in) {
    sums[out] += v[in];
    counts[out] += 1;
  });
  const double size = static_cast<double>(p.kernel[0]) * static_cast<double>(p.kernel[1]);
  std::vector<double> gradient(v.size());
  p.visit(shape, [&](std::size_t out, std::size_t in) {
    gradient[in] += 1 / (count_padding ? size : counts[out]);
  });
  const Tensor y = avg_pool2d(given, p.kernel, options);
  REQUIRE(y.shape() == shape);
  const auto means = values(y);
  // A rounding each for the share and for its product with a sum; one more for each addition.
  const double epsilon = given.dtype() == float32 ? 0x1p-23 : 0x1p-52;
  for (std::size_t i = 0; i < means.size(); ++i)
    CHECK(std::abs(means[i] * (count_padding ? size : counts[i]) - sums[i]) <=
          4 * epsilon * std::abs(sums[i]));
  const auto spread = values(avg_pool2d_input(ones_like(y), p.x, p.kernel, options));
  for (std::size_t i = 0; i < spread.size(); ++i)
    CHECK(std::abs(spread[i] - gradient[i]) <= 16 * epsilon * gradient[i]);
}

}  // namespace

TEST_CASE("pooling of any geometry gives the right numbers or an error") {
  CAPTURE(seed);
  Generator generator(seed);
  int right = 0;
  for (int i = 0; i < draws(20000); ++i) {
    const Pooling p = Pooling::drawn(generator);
    const DType dtype = generator.below(2) == 0 ? float32 : float64;
    const auto result = p.result();
    INFO("input ", p.x, ", window ", p.kernel[0], " ", p.kernel[1], ", stride ", p.stride[0], " ",
         p.stride[1], ", padding ", p.padding[0], " ", p.padding[1]);
    const bool count_padding = generator.below(2) == 0;
    const AvgPool2dOptions options{
        .stride = p.stride, .padding = p.padding, .count_include_pad = count_padding};
    if (!result) {
      const Tensor dy = zeros({1, 1, 1, 1}, {.dtype = dtype});
      CHECK_FALSE(attempt([&] { return avg_pool2d_input(dy, p.x, p.kernel, options); }));
      if (!may_be(p.x) || !is_small(p.x)) continue;
      const Tensor x = zeros(p.x, {.dtype = dtype});
      CHECK_FALSE(attempt(
          [&] { return max_pool2d(x, p.kernel, {.stride = p.stride, .padding = p.padding}); }));
      CHECK_FALSE(attempt([&] { return avg_pool2d(x, p.kernel, options); }));
    } else if (is_small(p.x) && is_small(*result)) {
      const Tensor x = whole(p.x, dtype, generator);
      check_max(p, *result, x);
      check_mean(p, *result, x, count_padding);
      ++right;
    }
  }
  CHECK(right > 1000);
}

TEST_CASE("images without rows, columns or channels are not pooled; no images are") {
  for (const Shape& shape : {Shape{1, 1, 0, 4}, Shape{1, 1, 4, 0}, Shape{1, 0, 4, 4},
                             Shape{0, 1, 0, 4}, Shape{1, 1, 0, 4096}}) {
    const std::string rest = "input " + to_string(shape) +
                             " must have channels, rows and columns; only the batch may be empty";
    CHECK(message_of<ShapeError>([&] { max_pool2d(zeros(shape), 2, {.padding = 1}); }) ==
          "max_pool2d: " + rest);
    CHECK(message_of<ShapeError>([&] { avg_pool2d(zeros(shape), 2, {.padding = 1}); }) ==
          "avg_pool2d: " + rest);
    CHECK(message_of<ShapeError>([&] {
            avg_pool2d_input(zeros({1, 1, 1, 3}), shape, 2, {.padding = 1});
          }) == "avg_pool2d_input: " + rest);
  }
  CHECK(max_pool2d(zeros({0, 3, 4, 4}), 2).shape() == Shape{0, 3, 2, 2});
  CHECK(avg_pool2d(zeros({0, 3, 4, 4}), 2).shape() == Shape{0, 3, 2, 2});
}

TEST_CASE("windows and padding too large for what counts them are told") {
  const Tensor x = ones({1, 1, 1, 1});
  CHECK(message_of<ValueError>([&] { max_pool2d(x, 65536, {.padding = 32768}); }) ==
        "max_pool2d: window [65536, 65536] has more values than 31 bits count");
  CHECK(message_of<ValueError>([&] { avg_pool2d(x, largest, {.padding = half - 1}); }) ==
        "avg_pool2d: window [9223372036854775807, 9223372036854775807] has more values than "
        "31 bits count");
  CHECK(message_of<ValueError>([&] { max_pool2d(x, 2, {.padding = half}); }) ==
        "max_pool2d: padding [4611686018427387904, 4611686018427387904] must not be negative "
        "nor more than half of the window [2, 2]");
  CHECK(message_of<ShapeError>([&] { max_pool2d(x, largest); }) ==
        "max_pool2d: the 9223372036854775807x9223372036854775807 window is larger than the "
        "padded input [1, 1, 1, 1]");
  CHECK(message_of<ShapeError>([&] {
          avg_pool2d_input(x, {1, half, 2, 1}, 1);
        }) ==
        "avg_pool2d_input: shape [1, 4611686018427387904, 2, 1] has more elements than 63 bits "
        "count");
}

// ---- convolution

namespace {

struct Convolving {
  Shape x, weight;
  Conv2dOptions options;

  static Convolving drawn(Generator& g) {
    const auto kernel = [&] {
      return g.below(4) > 0 ? one_of(g, {1, 2, 3}) : one_of(g, {0, 1, 4, int32_more, half, -1});
    };
    const auto step = [&] {
      return g.below(3) > 0 ? one_of(g, {1, 2})
                            : one_of(g, {0, 1, 1 << 30, int32_more, half, largest, -1});
    };
    const auto padding = [&] {
      return g.below(3) > 0 ? one_of(g, {0, 1, 2})
                            : one_of(g, {0, 3, 1 << 30, int32_more, half, largest, -1});
    };
    const std::int64_t groups = g.below(8) > 0 ? 1 : one_of(g, {2, 3, half, largest, 0, -1});
    // oneDNN and Winograd's kernel come in with more channels; the former compiles each geometry.
    const bool many = g.below(64) == 0;
    const std::int64_t each = many ? one_of(g, {4, 16, 32}) : one_of(g, {0, 1, 2, 3});
    const std::int64_t usual = many ? one_of(g, {8, 32}) : one_of(g, {1, 2, 3, 6});
    const std::int64_t filters = g.below(8) > 0 ? usual : any_extent(g);
    const std::int64_t channels =
        g.below(8) > 0 && fits(Wide{each} * groups) ? each * groups : any_extent(g);
    return {{one_of(g, {0, 1, 2}), channels, any_extent(g), any_extent(g)},
            {filters, each, kernel(), kernel()},
            {.stride = {step(), step()},
             .padding = {padding(), padding()},
             .dilation = {step(), step()},
             .groups = groups}};
  }

  std::optional<Shape> result() const {
    const auto& o = options;
    const bool empty = x[0] == 0;
    if (!may_be(x) || !may_be(weight) || (!empty && (x[2] < 1 || x[3] < 1))) return {};
    if (weight[0] < 1 || weight[2] < 1 || weight[3] < 1 || o.groups < 1) return {};
    if (Wide{weight[1]} * o.groups != x[1] || weight[0] % o.groups != 0) return {};
    const auto h = places(x[2], weight[2], o.stride[0], o.padding[0], o.dilation[0]);
    const auto w = places(x[3], weight[3], o.stride[1], o.padding[1], o.dilation[1]);
    if (!h || !w || !may_be({x[0], weight[0], *h, *w})) return {};
    return Shape{x[0], weight[0], *h, *w};
  }

  static std::optional<std::int64_t> places(Wide in, Wide kernel, Wide stride, Wide padding,
                                            Wide dilation) {
    if (stride < 1 || dilation < 1 || padding < 0) return {};
    const Wide reach = dilation * (kernel - 1) + 1;
    const Wide room = in + 2 * padding - reach;
    if (!fits(reach) || !fits(in + 2 * padding) || room < 0 || !fits(room / stride + 1)) return {};
    return static_cast<std::int64_t>(room / stride + 1);
  }

  /// f(output, input, weight) for every product, positions in the row of all.
  template <class F>
  void visit(const Shape& y, const F& f) const {
    const auto& o = options;
    if (weight[1] == 0) return;
    const auto at = [](const Shape& shape, std::int64_t a, std::int64_t b, std::int64_t c,
                       std::int64_t d) {
      return static_cast<std::size_t>(((a * shape[1] + b) * shape[2] + c) * shape[3] + d);
    };
    for (std::int64_t n = 0; n < y[0]; ++n)
      for (std::int64_t k = 0; k < y[1]; ++k)
        for (std::int64_t i = 0; i < y[2]; ++i)
          for (std::int64_t j = 0; j < y[3]; ++j)
            for (std::int64_t r = 0; r < weight[2]; ++r)
              for (std::int64_t s = 0; s < weight[3]; ++s) {
                const Wide row = Wide{i} * o.stride[0] + Wide{r} * o.dilation[0] - o.padding[0];
                const Wide column = Wide{j} * o.stride[1] + Wide{s} * o.dilation[1] - o.padding[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                for (std::int64_t c = 0; c < weight[1]; ++c) {
                  const std::int64_t channel = k / (weight[0] / o.groups) * weight[1] + c;
                  f(at(y, n, k, i, j),
                    at(x, n, channel, static_cast<std::int64_t>(row),
                       static_cast<std::int64_t>(column)),
                    at(weight, k, c, r, s));
                }
              }
  }
};

bool close(const Tensor& found, const std::vector<double>& expected, double tolerance) {
  const auto v = values(found);
  bool good = v.size() == expected.size();
  for (std::size_t i = 0; good && i < v.size(); ++i)
    good = std::abs(v[i] - expected[i]) <= tolerance;
  return good;
}

/// All three against the definition. Whole numbers this small are summed exactly, but for
/// Winograd's kernel, whose products of fractions are off by some 1e-5 of the largest sum.
void check_convolution(const Convolving& c, const Shape& shape, DType dtype, Generator& generator) {
  const auto& o = c.options;
  const Tensor x = whole(c.x, dtype, generator);
  const Tensor w = whole(c.weight, dtype, generator);
  const Tensor dy = whole(shape, dtype, generator);
  const Tensor bias = whole({c.weight[0]}, dtype, generator);
  const auto vx = values(x), vw = values(w), vdy = values(dy), vb = values(bias);
  std::vector<double> y(vdy.size()), dx(vx.size()), dw(vw.size());
  const std::size_t plane =
      shape[2] * shape[3] > 0 && shape[0] > 0 ? static_cast<std::size_t>(shape[2] * shape[3]) : 1;
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = vb[i / plane % vb.size()];
  c.visit(shape, [&](std::size_t out, std::size_t in, std::size_t by) {
    y[out] += vx[in] * vw[by];
    dx[in] += vdy[out] * vw[by];
    dw[by] += vdy[out] * vx[in];
  });
  const double tolerance = dtype == float32 ? 0.5 : 1e-9;  // sums are whole
  CHECK(close(conv2d(x, w, bias, o), y, tolerance));
  CHECK(close(conv2d_input(dy, w, c.x, o), dx, tolerance));
  CHECK(close(conv2d_weight(x, dy, c.weight, o), dw, tolerance));
}

}  // namespace

TEST_CASE("convolution of any geometry gives the right numbers or an error") {
  CAPTURE(seed);
  Generator generator(seed);
  int right = 0;
  for (int i = 0; i < draws(12000); ++i) {
    const Convolving c = Convolving::drawn(generator);
    const DType dtype = generator.below(2) == 0 ? float32 : float64;
    const auto& o = c.options;
    INFO("input ", c.x, ", weight ", c.weight, ", stride ", o.stride[0], " ", o.stride[1],
         ", padding ", o.padding[0], " ", o.padding[1], ", dilation ", o.dilation[0], " ",
         o.dilation[1], ", groups ", o.groups);
    const auto result = c.result();
    const bool has_x = may_be(c.x) && is_small(c.x);
    const bool has_weight = may_be(c.weight) && is_small(c.weight);
    if (!result) {
      const Tensor dy = zeros({1, 1, 1, 1}, {.dtype = dtype});
      const Tensor x = has_x ? zeros(c.x, {.dtype = dtype}) : dy;
      const Tensor w = has_weight ? zeros(c.weight, {.dtype = dtype}) : dy;
      if (has_weight) CHECK_FALSE(attempt([&] { return conv2d_input(dy, w, c.x, o); }));
      if (has_x) CHECK_FALSE(attempt([&] { return conv2d_weight(x, dy, c.weight, o); }));
      if (has_x && has_weight) CHECK_FALSE(attempt([&] { return conv2d(x, w, {}, o); }));
    } else if (has_x && has_weight && is_small(*result) && c.weight[0] < 1000) {
      check_convolution(c, *result, dtype, generator);
      ++right;
    }
  }
  CHECK(right > 1000);
}

TEST_CASE("convolutions that cannot be are told") {
  const Tensor w = ones({1, 1, 1, 1});
  CHECK(message_of<ShapeError>([&] {
          conv2d(zeros({1, 1, 0, 4}), w, {}, {.padding = 1});
        }) ==
        "conv2d: input [1, 1, 0, 4] must have rows and columns; only the batch and the "
        "channels may be empty");
  CHECK(message_of<ShapeError>([&] {
          conv2d(zeros({1, 1, 4, 4}), zeros({0, 1, 1, 1}));
        }) == "conv2d: weight [0, 1, 1, 1] must be [filters, channels / groups, height, width]");
  CHECK(message_of<ValueError>([&] { conv2d(w, w, {}, {.padding = half}); }) ==
        "conv2d: a size is too large: 2 * 4611686018427387904 does not fit 63 bits");
  CHECK(message_of<ValueError>([&] {
          conv2d(zeros({1, 0, 4, 4}), zeros({2, 4, 1, 1}), {}, {.groups = half});
        }) == "conv2d: a size is too large: 4 * 4611686018427387904 does not fit 63 bits");
  CHECK(message_of<ValueError>([&] { conv2d(w, w, {}, {.padding = int32_more >> 8}); }) ==
        "conv2d: no memory for shape [1, 1, 16777217, 16777217] of float32");
  CHECK(message_of<ShapeError>([&] { conv2d(w, w, {}, {.padding = half / 2}); }) ==
        "conv2d: shape [1, 1, 4611686018427387905, 4611686018427387905] has more elements than 63 "
        "bits count");
  CHECK(message_of<ShapeError>([&] {
          conv2d(w, ones({1, 1, 2, 2}), {}, {.dilation = half});
        }) ==
        "conv2d: the 4611686018427387905x4611686018427387905 window is larger than the "
        "padded input (input [1, 1, 1, 1], stride 1, padding 0, dilation "
        "[4611686018427387904, 4611686018427387904])");
  // No channels: a sum of nothing, and the bias.
  CHECK(values(conv2d(zeros({1, 0, 2, 2}), zeros({8, 0, 2, 2}), arange(8).to(float32))) ==
        std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7});
}
