#include <xgrad/autograd/layout.hpp>

#include <algorithm>
#include <cmath>

#include "support.hpp"

using namespace support;

TEST_CASE("pooling by hand") {
  const Tensor x = arange(16).to(float32).reshape({1, 1, 4, 4});
  CHECK(values(max_pool2d(x, 2)) == std::vector<double>{5, 7, 13, 15});
  CHECK(values(avg_pool2d(x, 2)) == std::vector<double>{2.5, 4.5, 10.5, 12.5});
  CHECK(values(max_pool2d(-x, 3, {.stride = 2, .padding = 1})) ==
        std::vector<double>{0, -1, -4, -5});
  CHECK(avg_pool2d(ones({1, 1, 2, 2}), 2, {.padding = 1})[0][0][0][0].item() == 0.25);
  CHECK(avg_pool2d(ones({1, 1, 2, 2}), 2, {.padding = 1, .count_include_pad = false})[0][0][0][0]
            .item() == 1);
}

TEST_CASE("ties go to the first, in both forms of the kernel") {
  for (const Extents<2>& stride : {Extents<2>(2), Extents<2>(1, 2)}) {
    const Tensor x = ones({1, 1, 2, 2}, {.requires_grad = true});
    max_pool2d(x, 2, {.stride = stride}).sum().backward();
    CHECK(values(x.grad()) == std::vector<double>{1, 0, 0, 0});
  }
}

TEST_CASE("windows that would tile the plane but for their stride") {
  const auto of = [](Extents<2> kernel, Extents<2> stride) {
    return [=](const Tensor& x) { return max_pool2d(x, kernel, {.stride = stride}); };
  };
  for (const Extents<2>& stride :
       {Extents<2>(4), Extents<2>(4, 5), Extents<2>(5, 4), Extents<2>(5)})
    CHECK(gradcheck(of(5, stride), {normal({1, 2, 10, 10})}));
  CHECK(gradcheck(of(2, 2), {normal({1, 1, 4, 5})}));  // a column and a row that no window sees
  CHECK(gradcheck(of(2, 2), {normal({1, 1, 5, 4})}));
}

TEST_CASE("NaN wins wherever it stands") {
  for (std::size_t i = 0; i < 4; ++i)
    for (const Extents<2>& stride : {Extents<2>(2), Extents<2>(1, 2)}) {
      std::vector<float> v{1, 2, 3, 4};
      v[i] = NAN;
      CHECK(
          std::isnan(max_pool2d(from_vector(v, Shape{1, 1, 2, 2}), 2, {.stride = stride}).item()));
    }
}

namespace {

/// The definition: the largest of each window of 2x2, the first of equal ones, the first NaN.
struct Pooled {
  std::vector<double> largest;
  std::vector<double> chosen;  // 1 at each place of x that was taken
};

Pooled pool_2x2(const Tensor& x) {
  const std::vector<double> v = values(x);
  Pooled result{{}, std::vector<double>(v.size())};
  const auto h = x.size(2);
  const auto w = x.size(3);
  for (std::int64_t plane = 0; plane < x.size(0) * x.size(1); ++plane)
    for (std::int64_t i = 0; i + 1 < h; i += 2)
      for (std::int64_t j = 0; j + 1 < w; j += 2) {
        const auto first = static_cast<std::size_t>((plane * h + i) * w + j);
        const auto below = first + static_cast<std::size_t>(w);
        std::size_t at = first;
        for (const std::size_t next : {first + 1, below, below + 1})
          if (!std::isnan(v[at]) && !(v[next] <= v[at])) at = next;
        result.largest.push_back(v[at]);
        result.chosen[at] = 1;
      }
  return result;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double u, double v) { return u == v || (std::isnan(u) && std::isnan(v)); });
}

}  // namespace

TEST_CASE("the fast form agrees with the definition: any width, ties, NaN, in rows and in blocks") {
  Generator generator(1);
  for (const DType dtype : {float32, float64})
    for (std::int64_t width = 2; width < 40; ++width) {
      CAPTURE(name(dtype));
      CAPTURE(width);
      const Tensor drawn = randint(0, 4, {2, 32, 5, width}, {.generator = &generator});
      const Tensor x = where(drawn == 3, NAN, drawn.to(dtype));
      const Pooled expected = pool_2x2(x);
      for (const Layout layout : {Layout::plain, Layout::blocked}) {
        if (layout == Layout::blocked && !blockable(x.shape(), dtype)) continue;
        const Tensor in = arranged(x, layout).detach().requires_grad_();
        const Tensor y = max_pool2d(in, 2);
        CHECK(layout_of(y) == layout);
        y.backward(ones_like(y));
        CHECK(same(values(y.detach()), expected.largest));
        CHECK(values(in.grad()) == expected.chosen);
      }
    }
}

TEST_CASE("wrong windows are told") {
  CHECK(message_of<ShapeError>([] {
          max_pool2d(zeros({1, 1, 2, 2}), 3);
        }) == "max_pool2d: the 3x3 window is larger than the padded input [1, 1, 2, 2]");
  CHECK(message_of<ValueError>([] {
          max_pool2d(zeros({1, 1, 4, 4}), 2, {.padding = 2});
        }).starts_with("max_pool2d: padding [2, 2]"));
  CHECK(message_of<ShapeError>([] {
          avg_pool2d(zeros({4, 4}), 2);
        }).starts_with("avg_pool2d: input [4, 4]"));
  CHECK(message_of<ValueError>([] {
          avg_pool2d(zeros({1, 1, 4, 4}), 0);
        }).starts_with("avg_pool2d: window"));
}
