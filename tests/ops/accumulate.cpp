// Every accumulation against float64, over few terms and many, along each axis, with the bound that
// ops/kernels/accumulate.hpp states as the tolerance.

#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/layer_norm.hpp>

#include <cmath>
#include <functional>
#include <utility>

#include "support.hpp"

namespace {

using namespace support;  // NOLINT

constexpr double unit = 0x1p-24;  // u: half of float32's relative spacing
constexpr double sum_roundings = 64 + 6;

/// Numbers of terms; the long ones take 2 GB.
std::vector<std::int64_t> sizes() {
  std::vector<std::int64_t> all{1000, 4099, 100'003};
  if (is_long()) all.insert(all.end(), {1'000'000, 20'000'003});
  return all;
}

/// n terms along an axis: the shape, and which.
struct Placed {
  const char* name;
  Shape shape;
  std::int64_t axis;
};
std::vector<Placed> placed(std::int64_t n) {
  std::vector<Placed> all{{"leading", {n, 3}, 0}, {"middle", {2, n, 3}, 1}, {"last", {2, n}, 1}};
  if (n < 10'000) all.push_back({"leading, of many columns", {n, 70}, 0});
  return all;
}

/// The largest |float32's − float64's| in units of u · scale.
double roundings(const Tensor& y, const Tensor& exact, const Tensor& scale) {
  return (abs(y.to(float64) - exact) / (scale * unit)).max().item();
}

/// What f makes of x in float32 and in float64, and how many roundings of `scale` are allowed.
struct Accumulation {
  const char* name;
  std::function<Tensor(const Tensor&, std::int64_t)> f;
  std::function<Tensor(const Tensor&, std::int64_t)> scale;
  double allowed;
};

Tensor gradient(const Tensor& given, const std::function<Tensor(const Tensor&)>& f) {
  Tensor x = given.detach().clone().requires_grad_();
  f(x).backward();
  return x.grad();
}

const std::vector<Accumulation>& accumulations() {
  static const auto total = [](const Tensor& x, std::int64_t axis) { return sum(abs(x), axis); };
  static const auto one = [](const Tensor& x, std::int64_t axis) {
    return ones(sum(x, axis).shape(), {.dtype = float64});
  };
  // What is added to the sum's roundings: exp and log are good to 2 units, each step to 1.
  static const std::vector<Accumulation> all{
      {"sum", [](const Tensor& x, std::int64_t axis) { return sum(x, axis); }, total,
       sum_roundings},
      {"mean", [](const Tensor& x, std::int64_t axis) { return mean(x, axis); },
       [](const Tensor& x, std::int64_t axis) { return mean(abs(x), axis); }, sum_roundings + 1},
      // d = x − m is rounded too, by as much of x as there is.
      {"var", [](const Tensor& x, std::int64_t axis) { return var(x, axis); },
       [](const Tensor& x, std::int64_t axis) { return var(x, axis) + mean(square(x), axis); },
       sum_roundings + 4},
      {"logsumexp", [](const Tensor& x, std::int64_t axis) { return logsumexp(x, axis); },
       [](const Tensor& x, std::int64_t axis) { return 1 + abs(logsumexp(x, axis)); },
       sum_roundings + 5},
      {"softmax, summed",
       [](const Tensor& x, std::int64_t axis) { return sum(softmax(x, axis).to(float64), axis); },
       one, sum_roundings + 5},
      {"log_softmax",
       [](const Tensor& x, std::int64_t axis) {
         return mean(log_softmax(x, axis).to(float64), axis);
       },
       [](const Tensor& x, std::int64_t axis) { return 1 + abs(mean(log_softmax(x, axis), axis)); },
       sum_roundings + 5},
      {"sum's adjoint's adjoint",
       [](const Tensor& x, std::int64_t axis) {
         const Tensor row = sum(x, axis, true).detach() * 0;
         return gradient(row, [&](const Tensor& r) { return sum((r + x) * x); });
       },
       [](const Tensor& x, std::int64_t axis) { return sum(abs(x), axis, true); }, sum_roundings},
  };
  return all;
}

}  // namespace

TEST_CASE("reductions of many terms along each axis stay within the bound") {
  for (const std::int64_t n : sizes())
    for (const Placed& at : placed(n))
      for (const bool constant : {true, false}) {
        // 0.1 again and again is the worst: every addition is rounded to the same side.
        const Tensor x =
            (constant ? full(at.shape, 0.1, {.dtype = float64}) : uniform(at.shape, 0.05, 0.15))
                .to(float32);
        const Tensor wide = x.to(float64);
        for (const Accumulation& a : accumulations()) {
          CAPTURE(a.name);
          CAPTURE(at.name);
          CAPTURE(n);
          CAPTURE(constant);
          CHECK(roundings(a.f(x, at.axis), a.f(wide, at.axis), a.scale(wide, at.axis)) <=
                a.allowed);
        }
      }
}

TEST_CASE("gradients that are sums over a batch stay within the bound") {
  for (const std::int64_t n : sizes()) {
    CAPTURE(n);
    const Tensor dy = full({n, 2}, 0.1);
    const double each = static_cast<double>(0.1F);
    const double total = static_cast<double>(n) * each;
    const auto off = [&](const Tensor& y) {
      return (abs(y.to(float64) - total).max() / (total * unit)).item();
    };
    Tensor w = zeros({2, 1}).requires_grad_();
    Tensor b = zeros({2}).requires_grad_();
    linear(ones({n, 1}), w, b).backward(dy);
    CHECK(off(b.grad()) <= sum_roundings);
    // The library's product of at most 16384 terms at a time, 1024 for a column.
    CHECK(off(w.grad()) <= 1024 + 1);
    CHECK(off(matmul(ones({n}), dy)) <= 1024 + 1);
    CHECK(off(matmul(ones({3, n}), dy)) <= 16384 + 1);

    Tensor shift = zeros({2}).requires_grad_();
    layer_norm(ones({n, 2}), {2}, {}, shift).backward(dy);
    CHECK(off(shift.grad()) <= sum_roundings);
    shift.set_grad({});
    group_norm(ones({n, 2}), 2, {}, shift).backward(dy);
    CHECK(off(shift.grad()) <= sum_roundings);
    shift.set_grad({});
    // Two places each, as many terms.
    group_norm(ones({n / 2, 2, 2}), 1, {}, shift).backward(full({n / 2, 2, 2}, 0.1));
    CHECK(off(shift.grad() + static_cast<double>(n % 2) * each) <= sum_roundings);

    const Tensor same = zeros({n}, {.dtype = int64});
    CHECK(off(index_add(zeros({1, 2}), 0, same, dy)) <= sum_roundings);
    // Of more targets than values, all of which are the first.
    const Tensor many = zeros({n + 1, 1});
    CHECK(off(index_add(many, 0, same, full({n, 1}, 0.1))[0]) <= sum_roundings);
    const Tensor there = zeros({n, 2}, {.dtype = int64});
    CHECK(off(scatter_add(zeros({1, 2}), 0, there, dy)) <= sum_roundings);
    CHECK(off(scatter_add(zeros({2, 1}), 1, there.t(), dy.t())) <= sum_roundings);
    // What was there is one of the terms.
    CHECK(off(index_add(dy.slice(0, 0, 1), 0, same.slice(0, 1), dy.slice(0, 1))) <= sum_roundings);
    CHECK(off(scatter_add(dy.slice(0, 0, 1), 0, there.slice(0, 1), dy.slice(0, 1))) <=
          sum_roundings);
    CHECK(off(sum_to(dy, {1, 2})) <= sum_roundings);
    CHECK(off(sum(prod(stack({dy, ones({n, 2})}), 0), 0)) <= sum_roundings);
  }
}

TEST_CASE("scattered sums are exact where few terms hit a target, and where many do") {
  constexpr std::int64_t n = 70'000;  // through two levels of what is put aside
  const Tensor index = to(rand({n}) * 3, int64);
  const Tensor x = normal({n, 5});
  const Tensor none = zeros({4, 5}, {.dtype = float64});
  const Tensor y = index_add(none, 0, index, x);
  const Tensor hit = to(reshape(index, {n, 1}) == arange(4), float64);
  CHECK(abs(y - matmul(transpose(hit, 0, 1), x)).max().item() < n * 0x1p-53 * 5);
  const Tensor by_value = scatter_add(none, 0, expand(reshape(index, {n, 1}), x.shape()), x);
  CHECK(values(by_value) == values(y));
  const Tensor ints = to(x * 1000, int64);
  const Tensor sums = index_add(none.to(int64), 0, index, ints);
  for (std::int64_t k = 0; k < 4; ++k)
    CHECK(values(sums[k]) ==
          values(sum(where(reshape(index, {n, 1}) == k, ints, zeros_like(ints)), 0)));
}

TEST_CASE("losses of many examples stay within the bound") {
  for (const std::int64_t n : sizes()) {
    CAPTURE(n);
    const Tensor x = uniform({n, 3}, 0, 1).to(float32);
    const Tensor wide = x.to(float64);
    const Tensor target = to(uniform({n}, 0, 3, 2), int64);
    const auto off = [](const Tensor& y, const Tensor& exact) {
      return roundings(y, exact, abs(exact));
    };
    const Tensor zero = zeros({n, 3});
    CHECK(off(mse_loss(x, zero), mse_loss(wide, zero.to(float64))) <= sum_roundings + 2);
    // A term's logarithm and exponentials, 8 units of what they are made from, which is as large as
    // the term.
    CHECK(off(cross_entropy(x, target), cross_entropy(wide, target)) <= sum_roundings + 8);
    CHECK(off(nll_loss(log_softmax(x, 1), target), nll_loss(log_softmax(wide, 1), target)) <=
          sum_roundings + 8);
  }
}

/// Results that the kernel for the weight's gradient sums before they are joined.
double allowed_of(kernels::ConvKernel kernel) {
  switch (kernel) {
    case kernels::ConvKernel::direct:
      return 16384;
    case kernels::ConvKernel::gemm:
      return 1024 + 1024;
    case kernels::ConvKernel::winograd:
      return 1024;
  }
  return 0;
}

TEST_CASE("a convolution's gradients over many results stay within the bound") {
  // By direct convolution, matrix products and Winograd's algorithm where none is forced.
  const std::int64_t n = is_long() ? 1024 : 128;
  for (const auto& channels : {std::pair<std::int64_t, std::int64_t>{3, 16}, {5, 6}, {32, 32}}) {
    const std::int64_t in = channels.first;
    const std::int64_t out = channels.second;
    CAPTURE(in);
    const kernels::ConvGeometry g{.n = n,
                                  .c = in,
                                  .h = 32,
                                  .w = 32,
                                  .k = out,
                                  .r = 3,
                                  .s = 3,
                                  .oh = 32,
                                  .ow = 32,
                                  .stride_h = 1,
                                  .stride_w = 1,
                                  .pad_h = 1,
                                  .pad_w = 1,
                                  .dilation_h = 1,
                                  .dilation_w = 1,
                                  .groups = 1};
    const double allowed =
        allowed_of(kernels::plan_conv(kernels::ConvDirection::backward_weight, g, float32).kernel);
    Tensor w = zeros({out, in, 3, 3}).requires_grad_();
    Tensor b = zeros({out}).requires_grad_();
    conv2d(ones({n, in, 32, 32}), w, b, {.padding = 1}).backward(full({n, out, 32, 32}, 0.1));
    const double total = static_cast<double>(n * 32 * 32) * static_cast<double>(0.1F);
    const Tensor middle = w.grad().to(float64).slice(2, 1, 2).slice(3, 1, 2);
    // Of the allowed roundings of one side half the units are lost at most: 1 / 8 of them here.
    CHECK(abs(middle - total).max().item() <= allowed / 8 * unit * total);
    CHECK(abs(b.grad().to(float64) - total).max().item() <= allowed / 8 * unit * total);
  }
}

TEST_CASE("sums do not depend on the number of threads") {
  for (const Shape& shape : {Shape{1'000'003}, Shape{300'001, 3}, Shape{2, 100'003, 5},
                             Shape{70'001, 70}, Shape{3, 400'000}})
    for (const Axes& axes : {Axes{0}, Axes{-1}, Axes{}}) {
      const Tensor x = normal(shape).to(float32);
      const Tensor parallel = sum(x, axes);
      const kernels::SerialScope serial;
      CHECK(values(sum(x, axes)) == values(parallel));
    }
}

TEST_CASE("sums of integers are exact, and NaN and infinity pass through") {
  constexpr std::int64_t big = (std::int64_t{1} << 51) + 1;
  const Tensor ints = full({1001, 3}, big, {.dtype = int64});
  CHECK(sum(ints, 0)[2].item<std::int64_t>() == 1001 * big);
  CHECK(sum(ints).item<std::int64_t>() == 3003 * big);
  Tensor x = ones({1001, 3});
  x.mutable_data<float>()[3 * 900] = std::numeric_limits<float>::quiet_NaN();
  x.mutable_data<float>()[3 * 900 + 1] = std::numeric_limits<float>::infinity();
  const Tensor y = sum(x, 0);
  CHECK(std::isnan(y[0].item()));
  CHECK(y[1].item() == std::numeric_limits<double>::infinity());
  CHECK(y[2].item() == 1001);
  CHECK(std::isnan(amax(x, 0)[0].item()));
}

TEST_CASE("the variance of equal values is 0, and so is what batch norm makes of them") {
  for (const double value : {0.1, 33333.3, 1e10, -7e-20})
    for (const DType dtype : {float32, float64}) {
      CAPTURE(value);
      for (const std::int64_t n : {2, 3, 1000, 4099, 100'003})
        for (const Placed& at : placed(n)) {
          CAPTURE(n);
          CAPTURE(at.name);
          const Tensor x = full(at.shape, value, {.dtype = dtype});
          CHECK(max(var(x, at.axis)).item() == 0);
          CHECK(max(abs(gradient(x, [&](const Tensor& v) {
                  return sum(var(v, at.axis));
                }))).item() == 0);
        }
      for (const Shape& shape :
           {Shape{1, 2, 32, 32}, Shape{16, 16, 9, 9}, Shape{100, 3}, Shape{3, 2, 5}}) {
        const Tensor x = full(shape, value, {.dtype = dtype});
        const Tensor none;
        const BatchNormOptions options{.training = true};
        CHECK(max(abs(batch_norm(x, none, none, none, none, options))).item() == 0);
      }
    }
}

TEST_CASE("running statistics stay within 1 / momentum roundings") {
  constexpr double momentum = 0.01;
  Tensor mean = zeros({1});
  Tensor var = ones({1});
  double exact_mean = 0;
  double exact_var = 1;
  for (std::uint64_t step = 0; step < 3000; ++step) {
    const Tensor x = uniform({8, 1}, 0, 1, step).to(float32);
    batch_norm(x, mean, var, {}, {}, {.training = true, .momentum = momentum});
    exact_mean += momentum * (x.to(float64).mean().item() - exact_mean);
    exact_var += momentum * (x.to(float64).var().item() - exact_var);
  }
  // Each batch's own statistics are off by a few units too.
  CHECK(std::abs(mean.item() - exact_mean) <= (1 / momentum + 8) * unit * exact_mean);
  CHECK(std::abs(var.item() - exact_var) <= (1 / momentum + 8) * unit * exact_var);
}

TEST_CASE("a large mean costs batch norm and var no more digits than x has") {
  const Tensor none;
  const BatchNormOptions options{.training = true};
  for (const Shape& shape : {Shape{1000, 3}, Shape{4, 3, 40, 40}, Shape{2, 16, 64, 64}}) {
    const Tensor x = (normal(shape) + 1000).to(float32);
    const Tensor wide = x.to(float64);
    Axes axes{0};
    for (std::int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
    const Tensor spread = var(wide, axes);
    CHECK(max(abs(var(x, axes).to(float64) / spread - 1)).item() <= (sum_roundings + 4) * unit);

    const auto normalized = [&](const Tensor& v) {
      return batch_norm(v, none, none, none, none, options);
    };
    const Tensor y = normalized(wide);
    // Half of the variance's relative error, and a rounding for each of the four steps.
    CHECK(max(abs(normalized(x).to(float64) - y) / (1 + abs(y))).item() <=
          (sum_roundings / 2 + 4) * unit);

    // Both rules: where no graph is made, and where one is.
    const Tensor dy = normal(shape, 2).to(float32);
    for (const bool create_graph : {false, true}) {
      CAPTURE(create_graph);
      const auto rule = [&](const Tensor& given, const Tensor& by) {
        Tensor v = given.detach().clone().requires_grad_();
        return grad(normalized(v), v, {.grad_outputs = {by}, .create_graph = create_graph})
            .detach();
      };
      const Tensor exact = rule(wide, dy.to(float64));
      // Three terms, each with a sum in it.
      CHECK(max(abs(rule(x, dy).to(float64) - exact)).item() <=
            3 * (sum_roundings + 8) * unit * max(abs(exact)).item());
    }
  }
}
