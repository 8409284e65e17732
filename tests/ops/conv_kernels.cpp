// Every convolution kernel against the matrix products in float64.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/kernels/conv.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "support.hpp"

using namespace support;
using kernels::ConvDirection;
using kernels::ConvGeometry;
using kernels::ConvKernel;
using kernels::ConvPlan;

namespace {

constexpr std::array directions{ConvDirection::forward, ConvDirection::backward_input,
                                ConvDirection::backward_weight};

ConvGeometry geometry(std::int64_t n, std::int64_t c, std::int64_t extent, std::int64_t k,
                      std::int64_t window, std::int64_t stride = 1, std::int64_t groups = 1,
                      std::int64_t dilation = 1) {
  const std::int64_t padding = window / 2;
  const std::int64_t out = (extent + 2 * padding - dilation * (window - 1) - 1) / stride + 1;
  return {n,   c,      extent, extent,  k,       window,   window,   out,
          out, stride, stride, padding, padding, dilation, dilation, groups};
}

struct Operands {
  Tensor x, weight, y;
};

Operands operands(const ConvGeometry& g) {
  return {normal({g.n, g.c, g.h, g.w}, 1), normal({g.k, g.group_channels(), g.r, g.s}, 2),
          normal({g.n, g.k, g.oh, g.ow}, 3)};
}

ConvGeometry padded(ConvGeometry g, std::int64_t rows, std::int64_t columns) {
  g.oh += 2 * (rows - g.pad_h);
  g.ow += 2 * (columns - g.pad_w);
  g.pad_h = rows;
  g.pad_w = columns;
  return g;
}

/// What `plan` makes of the operands in their dtype.
Tensor run(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
           const Operands& given) {
  Operands o = given;
  Tensor& out = direction == ConvDirection::forward          ? o.y
                : direction == ConvDirection::backward_input ? o.x
                                                             : o.weight;
  const Layout layout = direction == ConvDirection::forward          ? plan.y
                        : direction == ConvDirection::backward_input ? plan.x
                                                                     : Layout::plain;
  const Shape shape = out.shape();
  const DType dtype = out.dtype();
  o.x = arranged(o.x, plan.x);
  o.y = arranged(o.y, plan.y);
  out = empty(shape, dtype, layout);
  Tensor bias = normal({g.k}, 4).to(dtype);
  dispatch_floating(dtype, "conv", [&]<class T>() {
    kernels::conv<T>(direction, plan, g,
                     {own_data<T>(o.x), own_data<T>(o.weight), own_data<T>(o.y),
                      direction == ConvDirection::forward ? own_data<T>(bias) : nullptr});
  });
  return out;
}

/// The largest error, relative to the largest value.
double error_of(const Tensor& x, const Tensor& exact) {
  const Tensor difference = (x.to(float64) - exact).abs().max();
  return difference.item() / exact.abs().max().item();
}

ConvPlan plan_with(ConvKernel kernel, const ConvGeometry& g) {
  const auto layout = [&](std::int64_t channels) {
    return kernel != ConvKernel::gemm && channels % channel_block() == 0 ? Layout::blocked
                                                                         : Layout::plain;
  };
  return {kernel, layout(g.c), layout(g.k)};
}

bool can(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g) {
  switch (plan.kernel) {
    case ConvKernel::gemm:
      return true;
    case ConvKernel::direct:
      return kernels::onednn_can(direction, plan, g);
    case ConvKernel::winograd:
      return kernels::winograd_can(direction, g);
  }
  return false;
}

}  // namespace

// The bounds are at most twice the largest error seen, on AVX-512: 7e-7, 1e-6 and 3.2e-6.
TEST_CASE("float32 kernels agree with float64 within a bound of their own") {
  constexpr std::array<double, 3> bounds{1.5e-6, 2e-6, 4e-6};
  const std::vector<ConvGeometry> cases{geometry(3, 1, 28, 16, 5),
                                        geometry(2, 3, 32, 16, 5),
                                        geometry(2, 16, 14, 16, 5),
                                        geometry(2, 64, 12, 64, 3),
                                        geometry(1, 128, 9, 64, 3),
                                        geometry(2, 24, 11, 40, 3, 2),
                                        geometry(2, 5, 9, 7, 3),
                                        geometry(2, 32, 8, 32, 1),
                                        geometry(2, 32, 10, 32, 3, 1, 2),
                                        geometry(2, 32, 10, 32, 3, 1, 32),
                                        geometry(2, 16, 12, 16, 3, 1, 1, 2)};
  std::array<int, 3> compared{};
  for (const auto& g : cases) {
    const Operands wide = operands(g);
    const Operands narrow{wide.x.to(float32), wide.weight.to(float32), wide.y.to(float32)};
    for (const auto direction : directions) {
      const Tensor exact = run(direction, {}, g, wide);
      for (const auto kernel : {ConvKernel::gemm, ConvKernel::direct, ConvKernel::winograd}) {
        const ConvPlan plan = plan_with(kernel, g);
        if (!can(direction, plan, g)) continue;
        const auto i = static_cast<std::size_t>(kernel);
        ++compared[i];
        CAPTURE(g.c);
        CAPTURE(g.k);
        CAPTURE(static_cast<int>(direction));
        CAPTURE(i);
        CHECK(error_of(run(direction, plan, g, narrow), exact) < bounds[i]);
      }
    }
  }
  CHECK(compared[0] == 33);
  MESSAGE("compared: gemm ", compared[0], ", direct ", compared[1], ", winograd ", compared[2]);
}

TEST_CASE("every kernel writes the gradient of the bias beside the weight's") {
  const auto g = geometry(3, 32, 9, 48, 3);
  const Operands wide = operands(g);
  const Tensor exact = sum(wide.y, {0, 2, 3});
  for (const auto kernel : {ConvKernel::gemm, ConvKernel::direct, ConvKernel::winograd}) {
    const ConvPlan plan = plan_with(kernel, g);
    if (!can(ConvDirection::backward_weight, plan, g)) continue;
    CAPTURE(static_cast<int>(kernel));
    Tensor x = arranged(wide.x.to(float32), plan.x);
    Tensor y = arranged(wide.y.to(float32), plan.y);
    Tensor weight = zeros(wide.weight.shape(), {.dtype = float32});
    Tensor bias = zeros({g.k}, {.dtype = float32});
    kernels::conv<float>(
        ConvDirection::backward_weight, plan, g,
        {own_data<float>(x), own_data<float>(weight), own_data<float>(y), own_data<float>(bias)});
    CHECK(error_of(bias, exact) < 1e-6);
  }
}

TEST_CASE("Winograd's tiles cover images of any size, padding and number of channels") {
  const std::vector<ConvGeometry> cases{
      geometry(1, 16, 1, 16, 3),    // smaller than the window
      geometry(2, 16, 3, 32, 3),    // than a tile
      geometry(3, 32, 4, 16, 3),    // a tile
      geometry(1, 16, 7, 48, 3),    // an odd block of results
      geometry(5, 48, 15, 16, 3),   // an odd block of inputs
      geometry(16, 32, 31, 32, 3),  // pieces that begin within a row of tiles
      padded(geometry(2, 16, 9, 16, 3), 0, 0),
      padded(geometry(2, 16, 9, 16, 3), 2, 0),
      padded(geometry(1, 16, 6, 32, 3), 0, 2),
      padded(geometry(1, 16, 3, 16, 3), 0, 0),   // one result
      padded(geometry(1, 16, 1, 16, 3), 5, 4)};  // more padding than image
  int compared = 0;
  for (const auto& g : cases) {
    const Operands wide = operands(g);
    const Operands narrow{wide.x.to(float32), wide.weight.to(float32), wide.y.to(float32)};
    for (const auto direction : directions) {
      const ConvPlan plan = plan_with(ConvKernel::winograd, g);
      if (!can(direction, plan, g)) continue;
      ++compared;
      CAPTURE(g.h);
      CAPTURE(g.oh);
      CAPTURE(g.c);
      CAPTURE(g.k);
      CAPTURE(static_cast<int>(direction));
      CHECK(error_of(run(direction, plan, g, narrow), run(direction, {}, g, wide)) < 4e-6);
    }
  }
  // Of the last case no adjoint in x.
  if (kernels::winograd_can(ConvDirection::forward, cases[0])) CHECK(compared == 32);
}

TEST_CASE("Winograd's algorithm gives the same bits on any number of threads") {
  const int threads = num_threads();
  for (const auto& g : {geometry(8, 64, 12, 64, 3), geometry(9, 32, 30, 16, 3)}) {
    const Operands wide = operands(g);
    const Operands narrow{wide.x.to(float32), wide.weight.to(float32), wide.y.to(float32)};
    for (const auto direction : directions) {
      if (!kernels::winograd_can(direction, g)) continue;
      const ConvPlan plan = plan_with(ConvKernel::winograd, g);
      set_num_threads(1);
      const Tensor first = run(direction, plan, g, narrow);
      for (const int number : {2, 3, 5}) {
        set_num_threads(number);
        CHECK(equal(run(direction, plan, g, narrow), first));
      }
    }
  }
  set_num_threads(threads);
}

TEST_CASE("the same convolution gives the same bits, kernel for kernel") {
  const auto g = geometry(8, 64, 12, 64, 3);
  const Operands wide = operands(g);
  const Operands narrow{wide.x.to(float32), wide.weight.to(float32), wide.y.to(float32)};
  for (const auto direction : directions) {
    const ConvPlan plan = kernels::plan_conv(direction, g, float32);
    const Tensor first = run(direction, plan, g, narrow);
    for (int i = 0; i < 5; ++i) CHECK(equal(run(direction, plan, g, narrow), first));
  }
}

TEST_CASE("what is compiled for one convolution serves no other that differs in one number") {
  const ConvGeometry base{.n = 2,
                          .c = 16,
                          .h = 11,
                          .w = 11,
                          .k = 16,
                          .r = 3,
                          .s = 3,
                          .oh = 3,
                          .ow = 3,
                          .stride_h = 4,
                          .stride_w = 4,
                          .pad_h = 1,
                          .pad_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
  // Each of them alone leaves the result's extents what they are.
  struct Change {
    std::int64_t ConvGeometry::*number;
    std::int64_t to;
  };
  using G = ConvGeometry;
  for (const Change& change : {Change{&G::dilation_h, 2},
                               {&G::dilation_w, 2},
                               {&G::pad_h, 0},
                               {&G::pad_w, 0},
                               {&G::stride_h, 5},
                               {&G::stride_w, 5},
                               {&G::h, 12},
                               {&G::w, 12},
                               {&G::n, 3},
                               {&G::k, 32},
                               {&G::c, 32},
                               {&G::groups, 2}}) {
    ConvGeometry other = base;
    other.*change.number = change.to;
    for (const auto direction : directions)
      for (const ConvGeometry& g : {base, other}) {  // with the other's kept
        const Operands wide = operands(g);
        const Operands narrow{wide.x.to(float32), wide.weight.to(float32), wide.y.to(float32)};
        const ConvPlan plan = plan_with(ConvKernel::direct, g);
        if (!kernels::onednn_can(direction, plan, g)) continue;
        const Tensor exact = run(direction, {}, g, wide);
        const Tensor found = run(direction, plan, g, narrow);
        CHECK(allclose(found.to(float64), exact, 0, 1e-5 * max(abs(exact)).item()));
      }
  }
}
