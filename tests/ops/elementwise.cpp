// A value of an elementwise function depends on its argument alone, and is the standard library's
// to the units in the last place that the headers state.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/rules.hpp>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

#include "support.hpp"

using namespace support;

namespace {

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

/// NaN is NaN whatever its sign and payload.
template <class T>
bool same_bits(T a, T b) {
  return std::bit_cast<Bits<T>>(a) == std::bit_cast<Bits<T>>(b) || (std::isnan(a) && std::isnan(b));
}

template <class T>
Tensor tensor_of(const std::vector<T>& values) {
  return from_vector(values);
}

/// Where functions change their way of working, and everything beyond.
template <class T>
std::vector<T> edges() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> result{0,
                        Limits::denorm_min(),
                        Limits::min(),
                        Limits::epsilon(),
                        1,
                        Limits::max(),
                        infinity<T>,
                        std::nextafter(Limits::min(), T(0)),
                        0.5F,
                        20};
  // eˣ overflows, becomes denormal, becomes 0; erfc and gelu become 0.
  for (const double x : {88.722839, 88.722835, 87.33654, 103.27893, 103.97208, 709.782712893384,
                         709.7827128933841, 708.3964185322641, 744.4400719213812, 745.1332191019412,
                         9.2, 10.05, 13.1, 14.4, 26.5, 27.2, 37.5, 38.5, 1e10})
    result.push_back(static_cast<T>(x));
  for (std::size_t i = result.size(); i-- > 0;) result.push_back(-result[i]);
  result.push_back(Limits::quiet_NaN());
  return result;
}

/// The edges, and numbers of all sizes between, from a fixed stream.
template <class T>
std::vector<T> sample(std::size_t count, std::uint64_t seed) {
  std::vector<T> result = edges<T>();
  Generator generator(seed);
  while (result.size() < count) {
    const double size = static_cast<double>(generator.next() >> 11) * 0x1p-53;
    const double sign = generator.below(2) == 1 ? -1 : 1;
    result.push_back(static_cast<T>(sign * std::pow(10, 10 * size - 7)));
  }
  result.resize(count);
  for (std::size_t i = count; i > 1; --i) std::swap(result[i - 1], result[generator.below(i)]);
  return result;
}

struct Function {
  const char* name;
  std::function<Tensor(const Tensor&, const Tensor&)> f;
};

/// Of x and d, elementwise; those of one argument leave d alone.
std::vector<Function> functions() {
  const auto gradient = [](Tensor (*f)(const Tensor&)) {
    return [f](const Tensor& x, const Tensor& d) {
      const Tensor leaf = clone(x).requires_grad_();
      f(leaf).backward(d);
      return leaf.grad();
    };
  };
  return {
      {"exp", [](const Tensor& x, const Tensor&) { return exp(x); }},
      {"log", [](const Tensor& x, const Tensor&) { return log(x); }},
      {"sqrt", [](const Tensor& x, const Tensor&) { return sqrt(x); }},
      {"tanh", [](const Tensor& x, const Tensor&) { return tanh(x); }},
      {"erf", [](const Tensor& x, const Tensor&) { return erf(x); }},
      {"erfc", [](const Tensor& x, const Tensor&) { return erfc(x); }},
      {"sigmoid", [](const Tensor& x, const Tensor&) { return sigmoid(x); }},
      {"gelu", [](const Tensor& x, const Tensor&) { return gelu(x); }},
      {"relu", [](const Tensor& x, const Tensor&) { return relu(x); }},
      {"silu", [](const Tensor& x, const Tensor&) { return silu(x); }},
      {"mish", [](const Tensor& x, const Tensor&) { return mish(x); }},
      {"softplus", [](const Tensor& x, const Tensor&) { return softplus(x, 0.7, 5); }},
      {"elu", [](const Tensor& x, const Tensor&) { return elu(x, 0.7); }},
      {"gelu by tanh", [](const Tensor& x, const Tensor&) { return gelu(x, {Approximate::tanh}); }},
      {"neg", [](const Tensor& x, const Tensor&) { return -x; }},
      {"abs", [](const Tensor& x, const Tensor&) { return abs(x); }},
      {"sign", [](const Tensor& x, const Tensor&) { return sign(x); }},
      {"square", [](const Tensor& x, const Tensor&) { return square(x); }},
      {"clamp", [](const Tensor& x, const Tensor&) { return clamp(x, -0.3, 0.7); }},
      {"add", [](const Tensor& x, const Tensor& d) { return x + d; }},
      {"sub", [](const Tensor& x, const Tensor& d) { return x - d; }},
      {"mul", [](const Tensor& x, const Tensor& d) { return x * d; }},
      {"div", [](const Tensor& x, const Tensor& d) { return x / d; }},
      {"pow", [](const Tensor& x, const Tensor& d) { return pow(x, d); }},
      {"pow of a number", [](const Tensor& x, const Tensor&) { return pow(x, 1.7); }},
      {"a number divided", [](const Tensor& x, const Tensor&) { return 0.3 / x; }},
      {"maximum", [](const Tensor& x, const Tensor& d) { return maximum(x, d); }},
      {"minimum", [](const Tensor& x, const Tensor& d) { return minimum(x, d); }},
      {"where", [](const Tensor& x, const Tensor& d) { return where(x > d, x, d); }},
      {"mask_positive",
       [](const Tensor& x, const Tensor& d) { return xgrad::detail::mask_positive(x, d); }},
      {"gelu's gradient", gradient(gelu)},
      {"silu's gradient", gradient(silu)},
      {"mish's gradient", gradient(mish)},
      {"selu's gradient", gradient(selu)},
      {"sigmoid's gradient", gradient(sigmoid)},
      {"tanh's gradient", gradient(tanh)},
      {"log's gradient", gradient(log)},
  };
}

/// Each pair by itself, in tensors of one.
template <class T>
std::vector<T> alone(const Function& function, const std::vector<T>& x, const std::vector<T>& d) {
  std::vector<T> result;
  for (std::size_t i = 0; i < x.size(); ++i)
    result.push_back(function.f(tensor_of<T>({x[i]}), tensor_of<T>({d[i]})).template data<T>()[0]);
  return result;
}

/// The first place where y differs from expected[(from + i) % its size]; −1 if none.
template <class T>
std::int64_t first_difference(const T* y, std::int64_t n, const std::vector<T>& expected,
                              std::int64_t from) {
  const auto period = static_cast<std::int64_t>(expected.size());
  for (std::int64_t i = 0; i < n; ++i)
    if (!same_bits(y[i], expected[static_cast<std::size_t>((from + i) % period)])) return i;
  return -1;
}

template <class T>
void check_places() {
  constexpr std::int64_t longest = 67;
  constexpr std::int64_t offsets = 16;
  const auto x = sample<T>(longest + offsets, 3);
  const auto d = sample<T>(longest + offsets, 4);
  const Tensor all_x = tensor_of(x);
  const Tensor all_d = tensor_of(d);
  for (const Function& function : functions()) {
    INFO(function.name);
    const auto expected = alone(function, x, d);
    std::int64_t wrong = 0;
    for (std::int64_t n = 1; n <= longest; ++n)
      for (std::int64_t offset = 0; offset < offsets; ++offset) {
        const Tensor y =
            function.f(all_x.slice(0, offset, offset + n), all_d.slice(0, offset, offset + n));
        wrong += first_difference(y.template data<T>(), n, expected, offset) >= 0;
      }
    CHECK(wrong == 0);
  }
}

/// Several threads: where a part begins must not show.
template <class T>
void check_parts() {
  const auto x = sample<T>(83, 5);
  const auto d = sample<T>(83, 6);
  const std::int64_t n = 3 * kernels::grain_of(kernels::Formula{0}.nanoseconds) + 83;
  std::vector<T> long_x;
  std::vector<T> long_d;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    long_x.push_back(x[i % x.size()]);
    long_d.push_back(d[i % d.size()]);
  }
  const int before = num_threads();
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    for (const Function& function : functions()) {
      INFO(function.name);
      CAPTURE(threads);
      const Tensor y = function.f(tensor_of(long_x), tensor_of(long_d));
      CHECK(first_difference(y.template data<T>(), n, alone(function, x, d), 0) == -1);
    }
  }
  set_num_threads(before);
}

/// The kernel on memory of any alignment, which leaves what is around alone.
template <class T, class F>
void check_alignments(const F& f) {
  constexpr std::int64_t around = 16;
  constexpr std::int64_t longest = 67;
  const auto x = sample<T>(longest + around, 7);
  std::vector<T> expected(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    kernels::detail::row(kernels::Expression{f}, 1, &expected[i], &x[i]);
  std::int64_t wrong = 0;
  for (std::int64_t n = 1; n <= longest; ++n)
    for (std::int64_t to = 0; to < around; ++to)
      for (const std::int64_t from : {0, 1, 5}) {
        std::vector<T> y(longest + 2 * around, T(-7));
        T* const out = y.data() + around / 2 + to;
        kernels::detail::row(kernels::Expression{f}, n, out, x.data() + from);
        wrong += first_difference(out, n, expected, from) >= 0;
        wrong += std::count(y.data(), out, T(-7)) != out - y.data();
        wrong += out[n] != T(-7);
      }
  CHECK(wrong == 0);
}

/// |y − exact| in units in the last place that the result has at `exact`.
template <class T>
double ulps(T y, long double exact) {
  using Limits = std::numeric_limits<T>;
  const T rounded = static_cast<T>(exact);
  if (std::isnan(exact) || std::isinf(rounded) || std::isinf(y))
    return same_bits(y, rounded) ? 0 : std::numeric_limits<double>::infinity();
  int exponent = Limits::min_exponent;
  if (exact != 0) std::frexp(exact, &exponent);
  exponent = std::max(exponent, Limits::min_exponent);
  return static_cast<double>(std::abs(static_cast<long double>(y) - exact) /
                             std::ldexp(1.0L, exponent - Limits::digits));
}

/// All sizes of both signs evenly by their logarithm, [−to, to] evenly, and the edges.
template <class T>
std::vector<T> sweep(double to) {
  const std::int64_t count = is_long() ? 4000000 : 20000;
  std::vector<T> x = edges<T>();
  const auto top = std::bit_cast<Bits<T>>(infinity<T>);
  const Bits<T> step = top / static_cast<Bits<T>>(count);
  Generator generator(8);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = static_cast<Bits<T>>(i) * step + static_cast<Bits<T>>(generator.below(step));
    const T value = std::bit_cast<T>(bits);
    x.push_back(i % 2 == 0 ? value : -value);
    x.push_back(
        static_cast<T>(to * (2 * (static_cast<double>(i) + 0.5) / static_cast<double>(count) - 1)));
  }
  return x;
}

using Exact = long double (*)(long double);

/// `bound` is what the header states; the signs of zeros are compared too.
template <class T>
void check_accuracy(const char* name, Tensor (*f)(const Tensor&), Exact exact, double to,
                    double bound) {
  INFO(name);
  const auto x = sweep<T>(to);
  const Tensor y = f(tensor_of(x));
  double worst = 0;
  T at = 0;
  std::int64_t wrong_signs = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T found = y.template data<T>()[i];
    const long double expected = exact(static_cast<long double>(x[i]));
    const double error = ulps(found, expected);
    if (!(error <= worst)) {
      worst = error;
      at = x[i];
    }
    wrong_signs += !std::isnan(found) && std::signbit(found) != std::signbit(expected);
  }
  CAPTURE(at);
  CHECK(worst <= bound);
  CHECK(wrong_signs == 0);
}

long double exact_sigmoid(long double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

long double exact_normal(long double x) { return std::erfc(-x * std::sqrt(0.5L)) / 2; }

long double exact_gelu(long double x) {
  return x == -infinity<long double> ? -0.0L : x * exact_normal(x);
}

long double exact_gelu_slope(long double x) {
  if (std::isinf(x)) return x > 0 ? 1 : 0;
  return exact_normal(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0L));
}

template <class T>
void check_accuracies() {
  const double far = sizeof(T) == 4 ? 104 : 746;  // where eˣ leaves the numbers
  check_accuracy<T>("exp", exp, std::exp, far, 1.3);
  check_accuracy<T>("log", log, std::log, 4, 1);
  check_accuracy<T>("sqrt", sqrt, std::sqrt, 4, 0.5);
  check_accuracy<T>("tanh", tanh, std::tanh, 21, 2.5);
  check_accuracy<T>("erf", erf, std::erf, 6, 3);
  check_accuracy<T>("erfc", erfc, std::erfc, 28, 7);
  check_accuracy<T>("sigmoid", sigmoid, exact_sigmoid, far, 2.5);
  check_accuracy<T>("gelu", gelu, exact_gelu, 40, 7);
}

/// gelu's gradient by the kernel and by the recorded rule.
template <class T>
void check_gelu_gradient() {
  const auto x = sweep<T>(40);
  for (const bool recorded : {false, true}) {
    CAPTURE(recorded);
    const Tensor leaf = tensor_of(x).requires_grad_();
    const Tensor y = gelu(leaf);
    const Tensor slope =
        grad(y, leaf, {.grad_outputs = {ones_like(y)}, .create_graph = recorded}).detach();
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double expected = exact_gelu_slope(static_cast<long double>(x[i]));
      const T found = slope.template data<T>()[i];
      if (std::isnan(x[i])) {
        CHECK(std::isnan(found));
        continue;
      }
      REQUIRE(std::isfinite(found));
      const double error =
          static_cast<double>(std::abs(static_cast<long double>(found) - expected));
      worst = std::max(worst, error);
    }
    // The slope goes through 0: units in the last place of 1.
    CHECK(worst <= 3 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  }
}

}  // namespace

TEST_CASE("a value is the same at every place of a tensor of any length") {
  check_places<float>();
  check_places<double>();
}

TEST_CASE("a value is the same in every thread's part") {
  check_parts<float>();
  check_parts<double>();
}

TEST_CASE_TEMPLATE("a value is the same at every address", T, float, double) {
  check_alignments<T>([](const auto& v) { return kernels::exp(v); });
  check_alignments<T>([](const auto& v) { return kernels::log(v); });
  check_alignments<T>([](const auto& v) { return kernels::tanh(v); });
  check_alignments<T>([](const auto& v) { return kernels::erf(v); });
  check_alignments<T>([](const auto& v) { return kernels::erfc(v); });
  check_alignments<T>([](const auto& v) { return kernels::sigmoid(v); });
  check_alignments<T>([](const auto& v) { return kernels::gelu(v); });
  check_alignments<T>([](const auto& v) { return kernels::gelu_slope(v); });
  check_alignments<T>([](const auto& v) { return xt::sqrt(v); });
}

TEST_CASE_TEMPLATE("rows that are alike get the same softmax, wherever they stand", T, float,
                   double) {
  const auto x = sample<double>(67, 9);
  for (std::int64_t n = 1; n <= 67; ++n) {
    CAPTURE(n);
    const Tensor row = clamp(tensor_of(x).slice(0, 0, n), -90, 90).to(dtype_of<T>());
    const Tensor rows = clone(expand(where(row == row, row, 0), {16, n}));
    for (const bool logarithm : {false, true}) {
      const Tensor leaf = clone(rows).requires_grad_();
      const Tensor y = logarithm ? log_softmax(leaf, 1) : softmax(leaf, 1);
      y.backward(rows);
      for (const Tensor& result : {y.detach(), leaf.grad()})
        for (std::int64_t i = 1; i < 16; ++i) CHECK(equal(result[i], result[0]));
    }
    const Tensor leaf = clone(rows).requires_grad_();
    cross_entropy(leaf, zeros({16}, {.dtype = int64}), {.label_smoothing = 0.1}).backward();
    for (std::int64_t i = 1; i < 16; ++i) CHECK(equal(leaf.grad()[i], leaf.grad()[0]));
  }
}

TEST_CASE_TEMPLATE("batch_norm gives equal values equal results, wherever they stand", T, float,
                   double) {
  const DType dtype = dtype_of<T>();
  for (std::int64_t plane = 1; plane <= 67; ++plane) {
    CAPTURE(plane);
    const Tensor channels = normal({1, 3, 1}).to(dtype);
    const Tensor leaf = clone(expand(channels, {2, 3, plane})).requires_grad_();
    const Tensor gain = normal({3}, 2).to(dtype);
    const Tensor y = batch_norm(leaf, normal({3}, 3).to(dtype), ones({3}, {.dtype = dtype}) * 0.7,
                                gain, gain, {.training = false});
    y.backward(leaf.detach());
    for (const Tensor& result : {y.detach(), leaf.grad()})
      CHECK(equal(result, clone(expand(result.slice(0, 0, 1).slice(2, 0, 1), result.shape()))));
  }
}

TEST_CASE("images in blocks of channels have the values that rows have, to the bit") {
  const auto images = [](std::uint64_t seed) {
    return from_vector(sample<float>(3 * 32 * 5 * 7, seed), Shape{3, 32, 5, 7});
  };
  const Tensor x = images(10);
  const Tensor d = images(11);
  const Tensor blocked = arranged(x, Layout::blocked);
  REQUIRE(layout_of(blocked) == Layout::blocked);
  for (const Function& function : functions()) {
    INFO(function.name);
    const auto found = function.f(blocked, d).to_vector<float>();
    CHECK(first_difference(found.data(), x.numel(), function.f(x, d).to_vector<float>(), 0) == -1);
  }
}

TEST_CASE("float32 functions have the accuracy that is stated") { check_accuracies<float>(); }
TEST_CASE("float64 functions have the accuracy that is stated") { check_accuracies<double>(); }

TEST_CASE_TEMPLATE("gelu's gradient has no cancellation and no NaN at infinity", T, float, double) {
  check_gelu_gradient<T>();
}

TEST_CASE("values that were wrong") {
  const auto of = [](Tensor (*f)(const Tensor&), float x) {
    // Of each of 35, so that registers and what is left beside them are both seen.
    const Tensor y = f(full({35}, x, {.dtype = float32}));
    for (std::int64_t i = 1; i < 35; ++i) CHECK(same_bits(y.data<float>()[i], y.data<float>()[0]));
    return y.data<float>()[0];
  };
  CHECK(of(exp, 88.5F) == doctest::Approx(std::exp(88.5)).epsilon(1e-6));
  CHECK(of(exp, 88.73F) == infinity<float>);
  // Denormals have few digits: to the last of them.
  CHECK(std::abs(of(exp, -95.0F) - 5.5211e-42F) <= std::numeric_limits<float>::denorm_min());
  CHECK(exp(tensor({709.5}, {.dtype = float64})).item() ==
        doctest::Approx(std::exp(709.5)).epsilon(1e-15));
  CHECK(of(log, 1e-40F) == doctest::Approx(std::log(1e-40)).epsilon(1e-6));
  CHECK(of(sigmoid, -100.0F) > 0);
  CHECK(of(sigmoid, -88.5F) == doctest::Approx(std::exp(-88.5)).epsilon(1e-4));
  CHECK(of(gelu, -5.0F) == doctest::Approx(-1.4332578e-6).epsilon(1e-6));
  CHECK(of(gelu, -infinity<float>) == 0);
  CHECK(of(gelu, infinity<float>) == infinity<float>);
  const Tensor x = tensor({-100., 100.}).requires_grad_();
  sigmoid(x).sum().backward();
  CHECK(x.grad()[0].item() > 0);
}
