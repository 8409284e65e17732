// Pools over one to three axes, of any geometry, and windows as columns.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;
using Places = std::vector<std::int64_t>;

const double inf = std::numeric_limits<double>::infinity();

template <class F>
Values gradient(const Tensor& x, const F& f) {
  const Tensor leaf = x.clone().requires_grad_();
  const Tensor y = f(leaf);
  y.backward(arange(y.numel()).reshape(y.shape()).to(y.dtype()) + 1);
  return values(leaf.grad());
}

Tensor counted(const Shape& shape) { return arange(shape.numel()).reshape(shape).to(float64); }

}  // namespace

TEST_CASE("pools over one axis by hand") {
  const Tensor x = tensor({{{1., 5., 2., 2., 7., 0., 3.}}});
  CHECK(values(max_pool1d(x, 2)) == Values{5, 2, 7});
  CHECK(values(max_pool1d(x, 2, {.ceil_mode = true})) == Values{5, 2, 7, 3});
  CHECK(values(max_pool1d(x, 3, {.stride = 2, .padding = 1})) == Values{5, 5, 7, 3});
  CHECK(values(max_pool1d(x, 3, {.stride = 1, .dilation = 2})) == Values{7, 5, 7});
  CHECK(values(max_pool1d(x, 2, {.stride = 4, .padding = 1, .dilation = 3})) == Values{2, 3});
  const auto [largest, places] = max_pool1d_with_indices(x, 3, {.stride = 2});
  CHECK(values(largest) == Values{5, 7, 7});
  CHECK(places.to_vector<std::int64_t>() == Places{1, 4, 4});
  CHECK(places.dtype() == int64);
  CHECK(gradient(x, [](const Tensor& t) { return max_pool1d(t, 3, {.stride = 2}); }) ==
        Values{0, 1, 0, 0, 5, 0, 0});
  CHECK(gradient(x, [](const Tensor& t) { return max_pool1d(t, 2, {.stride = 2}); }) ==
        Values{0, 1, 2, 0, 3, 0, 0});  // the first of two equal ones
  CHECK(values(avg_pool1d(x, 2)) == Values{3, 2, 3.5});
  CHECK(values(avg_pool1d(x, 3, {.stride = 2, .padding = 1})) == Values{2, 3, 3, 1});
  CHECK(values(avg_pool1d(x, 3, {.stride = 2, .padding = 1, .count_include_pad = false})) ==
        Values{3, 3, 3, 1.5});
  CHECK(values(avg_pool1d(x, 3, {.divisor_override = 4})) == Values{2, 2.25});
  CHECK(values(avg_pool1d(x, 3, {.divisor_override = -1})) == Values{-8, -9});
  CHECK(gradient(x, [](const Tensor& t) { return avg_pool1d(t, 2, {.stride = 3}); }) ==
        Values{0.5, 0.5, 0, 1, 1, 0, 0});
}

// PyTorch divides by what a window has of the input and its padding, which is not all of a window
// that reaches beyond both.
TEST_CASE("means of windows that reach over the end") {
  const Tensor x = full({1, 1, 4}, 4, {.dtype = float64});
  const auto mean = [&](std::int64_t padding, bool count_padding) {
    return values(avg_pool1d(
        x, 3,
        {.stride = 3, .padding = padding, .ceil_mode = true, .count_include_pad = count_padding}));
  };
  CHECK(mean(0, true) == Values{4, 4});
  CHECK(mean(0, false) == Values{4, 4});
  CHECK(mean(1, true) == Values{8. / 3, 8. / 3});
  CHECK(mean(1, false) == Values{4, 4});
  const Tensor y = full({1, 1, 6}, 4, {.dtype = float64});
  CHECK(values(avg_pool1d(y, 4, {.stride = 3, .padding = 1, .ceil_mode = true})) ==
        Values{3, 4, 2});  // 3 of 4; 4 of 4; 1 of 2, two places being beyond the padding
  CHECK(values(avg_pool1d(y, 4,
                          {.stride = 3, .padding = 1, .ceil_mode = true, .divisor_override = 2})) ==
        Values{6, 8, 2});
}

TEST_CASE("a window that begins in the padding at the end does not count") {
  CHECK(max_pool1d(zeros({1, 1, 4}), 2, {.stride = 3, .ceil_mode = true}).size(2) == 2);
  CHECK(max_pool1d(zeros({1, 1, 3}), 2, {.stride = 3, .ceil_mode = true}).size(2) == 1);
  CHECK(max_pool1d(zeros({1, 1, 3}), 2, {.stride = 4, .padding = 1, .ceil_mode = true}).size(2) ==
        1);
  // A window larger than the input is one that reaches over the end.
  CHECK(values(max_pool1d(tensor({{1., 2.}}), 3, {.stride = 2, .ceil_mode = true})) == Values{2});
}

TEST_CASE("pools over two axes by hand, where there is no kernel of their own") {
  const Tensor x = counted({1, 1, 3, 5});
  CHECK(values(max_pool2d(x, 2, {.ceil_mode = true})) == Values{6, 8, 9, 11, 13, 14});
  CHECK(values(max_pool2d(-x, 2, {.ceil_mode = true})) == Values{0, -2, -4, -10, -12, -14});
  CHECK(values(max_pool2d(x, 2, {.stride = 1, .dilation = 2})) == Values{12, 13, 14});
  CHECK(max_pool2d_with_indices(x, 2, {.stride = 1, .dilation = 2})
            .indices.to_vector<std::int64_t>() == Places{12, 13, 14});
  CHECK(max_pool2d_with_indices(-x, 2, {.ceil_mode = true}).indices.to_vector<std::int64_t>() ==
        Places{0, 2, 4, 10, 12, 14});
  CHECK(values(avg_pool2d(x, 2, {.ceil_mode = true})) == Values{3, 5, 6.5, 10.5, 12.5, 14});
  CHECK(values(avg_pool2d(x, {1, 5}, {.divisor_override = 10})) == Values{1, 3.5, 6});
  // Images without a batch have the values of those in one.
  const Tensor image = normal({3, 6, 5});
  CHECK(equal(max_pool2d(image, 2), max_pool2d(unsqueeze(image, 0), 2)[0]));
  CHECK(allclose(avg_pool2d(image, 2), avg_pool2d(unsqueeze(image, 0), 2)[0]));
}

TEST_CASE("pools over three axes by hand") {
  const Tensor x = counted({1, 1, 2, 3, 4});
  CHECK(values(max_pool3d(x, 2)) == Values{17, 19});
  CHECK(values(max_pool3d(x, 2, {.ceil_mode = true})) == Values{17, 19, 21, 23});
  CHECK(max_pool3d_with_indices(-x, 2).indices.to_vector<std::int64_t>() == Places{0, 2});
  CHECK(values(max_pool3d(x, {1, 2, 2}, {.stride = {1, 1, 3}, .dilation = {1, 2, 3}})) ==
        Values{11, 23});
  CHECK(values(avg_pool3d(x, 2)) == Values{8.5, 10.5});
  CHECK(values(avg_pool3d(x, {2, 3, 4}, {.divisor_override = 23})) == Values{12});
  CHECK(values(avg_pool3d(x, 2, {.stride = 4, .padding = 1})) == Values{0, 0.375});
  CHECK(values(avg_pool3d(x, 2, {.stride = 4, .padding = 1, .count_include_pad = false})) ==
        Values{0, 3});
}

namespace {

/// A pool over `rank` axes, as it is defined.
struct Pool {
  int rank = 0;
  std::vector<std::int64_t> extent, kernel, stride, padding, dilation;
  bool ceil_mode = false, count_padding = false;
  std::int64_t divisor = 0;

  static Pool drawn(int rank, Generator& generator) {
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(generator.below(static_cast<std::uint64_t>(n)));
    };
    Pool p;
    p.rank = rank;
    p.ceil_mode = below(2) == 0;
    p.count_padding = below(2) == 0;
    for (int i = 0; i < rank; ++i) {
      p.extent.push_back(1 + below(7));
      p.kernel.push_back(1 + below(4));
      p.stride.push_back(1 + below(4));
      p.padding.push_back(below(p.kernel.back() / 2 + 1));
      p.dilation.push_back(1 + below(3));
    }
    if (below(3) == 0) p.divisor = 1 + below(5);
    return p;
  }

  std::size_t at(int axis) const { return static_cast<std::size_t>(axis); }

  /// Windows along an axis: a window fits, or with ceil_mode begins, within the values and the
  /// padding before them.
  std::int64_t count(int axis, bool dilated) const {
    const std::int64_t span = (kernel[at(axis)] - 1) * (dilated ? dilation[at(axis)] : 1) + 1;
    const std::int64_t padded = extent[at(axis)] + 2 * padding[at(axis)];
    std::int64_t n = 0;
    while (n * stride[at(axis)] + span <= padded) ++n;
    const bool over = (n == 0 ? 0 : (n - 1) * stride[at(axis)] + span) < padded;
    if (ceil_mode && over && n * stride[at(axis)] < extent[at(axis)] + padding[at(axis)] &&
        span - padded < stride[at(axis)])
      ++n;
    return n;
  }
  Shape shape(const Shape& leading, bool dilated) const {
    Shape result = leading;
    for (int i = 0; i < rank; ++i) result.push_back(count(i, dilated));
    return result;
  }

  /// f(window, position) for each place in each window, the position being -1 in the padding and -2
  /// beyond it.
  template <class F>
  void visit(bool dilated, const F& f) const {
    std::vector<std::int64_t> limits;
    for (int i = 0; i < rank; ++i) limits.push_back(count(i, dilated));
    limits.insert(limits.end(), kernel.begin(), kernel.end());
    std::int64_t all = 1;
    for (const std::int64_t n : limits) all *= n;
    for (std::int64_t number = 0; number < all; ++number) {
      std::vector<std::int64_t> place(limits.size());
      std::int64_t rest = number;
      for (std::size_t i = limits.size(); i-- > 0; rest /= limits[i]) place[i] = rest % limits[i];
      std::int64_t window = 0, position = 0;
      for (int i = 0; i < rank; ++i) {
        window = window * limits[at(i)] + place[at(i)];
        const std::int64_t here = place[at(i)] * stride[at(i)] - padding[at(i)] +
                                  place[at(rank + i)] * (dilated ? dilation[at(i)] : 1);
        if (here >= extent[at(i)] + padding[at(i)]) position = -2;
        if (position >= 0 && (here < 0 || here >= extent[at(i)])) position = -1;
        if (position >= 0) position = position * extent[at(i)] + here;
      }
      f(static_cast<std::size_t>(window), position);
    }
  }
};

template <int rank>
Extents<rank> extents(const std::vector<std::int64_t>& values) {
  Extents<rank> result = 0;
  for (std::size_t i = 0; i < rank; ++i) result[i] = values[i];
  return result;
}

template <int rank, class F1, class F2, class F3>
auto of_rank(const F1& one, const F2& two, const F3& three) {
  if constexpr (rank == 1)
    return one;
  else if constexpr (rank == 2)
    return two;
  else
    return three;
}

/// False where there is no such pool, and the library says so.
template <int rank>
bool check_max(const Pool& p, const Tensor& x) {
  constexpr auto pool = [](const auto&... a) {
    return of_rank<rank>([](const auto&... b) { return max_pool1d_with_indices(b...); },
                         [](const auto&... b) { return max_pool2d_with_indices(b...); },
                         [](const auto&... b) { return max_pool3d_with_indices(b...); })(a...);
  };
  constexpr auto plain = [](const auto&... a) {
    return of_rank<rank>([](const auto&... b) { return max_pool1d(b...); },
                         [](const auto&... b) { return max_pool2d(b...); },
                         [](const auto&... b) { return max_pool3d(b...); })(a...);
  };
  const PoolOptions<rank> options{extents<rank>(p.stride), extents<rank>(p.padding),
                                  extents<rank>(p.dilation), p.ceil_mode};
  const Shape shape = p.shape({2, 1}, true);
  const auto windows = static_cast<std::size_t>(shape.numel() / 2);
  const auto plane = static_cast<std::size_t>(x.numel() / 2);
  const Values v = values(x);
  std::vector<std::int64_t> chosen(2 * windows, -1);
  p.visit(true, [&](std::size_t window, std::int64_t position) {
    if (position < 0) return;
    for (const std::size_t image : {0UL, 1UL}) {
      std::int64_t& best = chosen[image * windows + window];
      const auto of = [&](std::int64_t i) {
        return v[image * plane + static_cast<std::size_t>(i)];
      };
      if (best < 0 || (!std::isnan(of(best)) && !(of(position) <= of(best)))) best = position;
    }
  });
  const auto kernel = extents<rank>(p.kernel);
  if (windows == 0 || std::ranges::count(chosen, -1) > 0) {
    CHECK_THROWS_AS(plain(x, kernel, options), Error);
    return false;
  }
  const Tensor leaf = x.clone().requires_grad_();
  const Ranked y = pool(leaf, kernel, options);
  REQUIRE(y.values.shape() == shape);
  CHECK(y.indices.to_vector<std::int64_t>() == chosen);
  Values expected, slopes(v.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::size_t from = i / windows * plane + static_cast<std::size_t>(chosen[i]);
    expected.push_back(v[from]);
    slopes[from] += static_cast<double>(i + 1);
  }
  const Tensor right = from_vector(expected).reshape(shape);
  const auto is_right = [&](const Tensor& found) {
    const Tensor wide = found.detach().to(float64);
    return equal(where(wide != wide, 99, wide), where(right != right, 99, right));
  };
  CHECK(is_right(y.values));
  CHECK(is_right(plain(x, kernel, options)));
  y.values.backward(arange(y.values.numel()).reshape(shape).to(x.dtype()) + 1);
  CHECK(values(leaf.grad()) == slopes);
  return true;
}

template <int rank>
bool check_mean(const Pool& p, const Tensor& x) {
  constexpr auto pool = [](const auto&... a) {
    return of_rank<rank>([](const auto&... b) { return avg_pool1d(b...); },
                         [](const auto&... b) { return avg_pool2d(b...); },
                         [](const auto&... b) { return avg_pool3d(b...); })(a...);
  };
  AvgPoolOptions<rank> options{extents<rank>(p.stride), extents<rank>(p.padding), p.ceil_mode,
                               p.count_padding};
  if (p.divisor != 0) options.divisor_override = p.divisor;
  const Shape shape = p.shape({2, 1}, false);
  const auto kernel = extents<rank>(p.kernel);
  if (shape.numel() == 0) {
    CHECK_THROWS_AS(pool(x, kernel, options), Error);
    return false;
  }
  const auto windows = static_cast<std::size_t>(shape.numel() / 2);
  const auto plane = static_cast<std::size_t>(x.numel() / 2);
  const Values v = values(x);
  Values sums(2 * windows), counts(windows), slopes(v.size());
  p.visit(false, [&](std::size_t window, std::int64_t position) {
    if (position >= 0 || (p.count_padding && position == -1)) counts[window] += 1;
    if (position < 0) return;
    for (const std::size_t image : {0UL, 1UL})
      sums[image * windows + window] += v[image * plane + static_cast<std::size_t>(position)];
  });
  for (double& count : counts)
    if (p.divisor != 0) count = static_cast<double>(p.divisor);
  p.visit(false, [&](std::size_t window, std::int64_t position) {
    if (position >= 0)
      for (const std::size_t image : {0UL, 1UL})
        slopes[image * plane + static_cast<std::size_t>(position)] += 1 / counts[window];
  });
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i % windows];
  const Tensor leaf = x.clone().requires_grad_();
  const Tensor y = pool(leaf, kernel, options);
  REQUIRE(y.shape() == shape);
  // Whole numbers add up without rounding: one for the quotient, and in gradients one for each of
  // up to 64 windows.
  const double epsilon = x.dtype() == float32 ? 0x1p-23 : 0x1p-52;
  CHECK(allclose(y.detach().to(float64), from_vector(sums).reshape(shape), epsilon, 0));
  y.sum().backward();
  CHECK(allclose(leaf.grad().to(float64), from_vector(slopes).reshape(x.shape()), 64 * epsilon, 0));
  return true;
}

template <int rank>
void check_drawn(std::uint64_t seed) {
  Generator generator(seed);
  int right = 0;
  for (int i = 0; i < (is_long() ? 20000 : 1500); ++i) {
    const Pool p = Pool::drawn(rank, generator);
    const DType dtype = generator.below(2) == 0 ? float32 : float64;
    INFO("extents ", Shape(p.extent), ", window ", Shape(p.kernel), ", stride ", Shape(p.stride),
         ", padding ", Shape(p.padding), ", dilation ", Shape(p.dilation), ", ceil_mode ",
         p.ceil_mode);
    Shape shape{2, 1};
    for (const std::int64_t extent : p.extent) shape.push_back(extent);
    const Tensor x = randint(-4, 5, shape, {.generator = &generator}).to(dtype);
    right += check_mean<rank>(p, x);
    right += check_max<rank>(p, generator.below(4) == 0 ? where(x == 4, NAN, x) : x);
  }
  CHECK(right > 1500);
}

}  // namespace

TEST_CASE("pools of any geometry agree with their definition") {
  check_drawn<1>(21);
  check_drawn<2>(22);
  check_drawn<3>(23);
}

TEST_CASE("means over large windows are as good as sums") {
  const std::int64_t n = 1 << 22;
  const double bound = 71 * 0x1p-24;  // as accumulate.hpp has it, and a rounding of the quotient
  const Tensor x = full({1, n}, 0.1, {.dtype = float32});
  const double each = static_cast<double>(0.1F);
  CHECK(std::abs(avg_pool1d(x, n - 1, {.stride = 1})[0][0].item() / each - 1) <= bound);
  CHECK(std::abs(adaptive_avg_pool1d(x, 2)[0][1].item() / each - 1) <= bound);
  const Tensor image = full({1, 2048, 1024}, 0.1, {.dtype = float32});
  CHECK(std::abs(adaptive_avg_pool2d(image, {1, 2})[0][0][1].item() / each - 1) <= bound);
  // A value that very many windows see.
  const Tensor leaf = zeros({1, 1, 8001}, {.requires_grad = true});
  const Tensor y = avg_pool1d(leaf, 4001, {.stride = 1, .divisor_override = 1});
  y.backward(full(y.shape(), 0.1));
  CHECK(std::abs(leaf.grad()[0][0][4000].item() / (4001 * each) - 1) <= 0x1p-23);
}

TEST_CASE("NaN wins, -inf is a value like others, equal ones count once") {
  const Tensor x = tensor({{{-inf, -inf, NAN, 3., NAN, 1.}}});
  const auto [largest, places] = max_pool1d_with_indices(x, 2);
  CHECK(largest[0][0][0].item() == -inf);
  CHECK(std::isnan(largest[0][0][1].item()));
  CHECK(std::isnan(largest[0][0][2].item()));
  CHECK(places.to_vector<std::int64_t>() == Places{0, 2, 4});
  CHECK(std::isnan(adaptive_max_pool1d(x, 1)[0][0][0].item()));
  CHECK(adaptive_max_pool1d_with_indices(x, 1).indices.item<int>() == 2);
  CHECK(gradient(ones({1, 1, 2, 2, 2}), [](const Tensor& t) { return max_pool3d(t, 2); }) ==
        Values{1, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("adaptive pools by hand") {
  const Tensor x = counted({2, 5}) + 1;
  CHECK(values(adaptive_avg_pool1d(x, 3)) == Values{1.5, 3, 4.5, 6.5, 8, 9.5});
  CHECK(values(adaptive_avg_pool1d(x, 1)) == Values{3, 8});
  CHECK(values(adaptive_avg_pool1d(x, 5)) == values(x));
  CHECK(values(adaptive_avg_pool1d(tensor({{1., 3.}}), 3)) == Values{1, 2, 3});
  CHECK(values(adaptive_max_pool1d(x, 2)) == Values{3, 5, 8, 10});
  CHECK(adaptive_max_pool1d_with_indices(x, 2).indices.to_vector<std::int64_t>() ==
        Places{2, 4, 2, 4});
  CHECK(gradient(x, [](const Tensor& t) { return adaptive_avg_pool1d(t, 2); }) ==
        Values{1. / 3, 1. / 3, 1, 2. / 3, 2. / 3, 1, 1, 1 + 4. / 3, 4. / 3, 4. / 3});
  CHECK(gradient(x, [](const Tensor& t) { return adaptive_max_pool1d(t, 2); }) ==
        Values{0, 0, 1, 0, 2, 0, 0, 3, 0, 4});
  const Tensor image = counted({1, 1, 3, 4});
  CHECK(values(adaptive_avg_pool2d(image, {2, 1})) == Values{3.5, 7.5});
  CHECK(values(adaptive_avg_pool2d(image, {unchanged, 2})) ==
        Values{0.5, 2.5, 4.5, 6.5, 8.5, 10.5});
  CHECK(values(adaptive_max_pool2d(image, {1, unchanged})) == Values{8, 9, 10, 11});
  CHECK(adaptive_max_pool2d_with_indices(-image, {1, 2}).indices.to_vector<std::int64_t>() ==
        Places{0, 2});
  CHECK(values(adaptive_avg_pool3d(counted({1, 2, 2, 3}), {1, 1, 3})) == Values{4.5, 5.5, 6.5});
  CHECK(values(adaptive_max_pool3d(counted({1, 2, 2, 3}), {2, 1, 1})) == Values{5, 11});
  CHECK(adaptive_avg_pool2d(image, {0, 3}).shape() == Shape{1, 1, 0, 3});
  CHECK(adaptive_max_pool2d(zeros({0, 2, 5, 5}), 2).shape() == Shape{0, 2, 2, 2});
}

TEST_CASE("adaptive pools whose windows tile are the usual ones") {
  const Tensor x = normal({2, 3, 6, 8});
  CHECK(allclose(adaptive_avg_pool2d(x, {3, 2}), avg_pool2d(x, {2, 4})));
  CHECK(equal(adaptive_max_pool2d(x, {3, 2}), max_pool2d(x, {2, 4})));
}

TEST_CASE("values return to where they were, and gradients with them") {
  const Tensor x = tensor({{{1., 5., 2., 7., 3., 4.}}});
  const auto [largest, places] = max_pool1d_with_indices(x, 2);
  CHECK(values(max_unpool1d(largest, places, 2)) == Values{0, 5, 0, 7, 0, 4});
  CHECK(gradient(largest, [places = places](const Tensor& t) {
          return max_unpool1d(t, places, 2);
        }) == Values{2, 4, 6});
  const auto odd = max_pool1d_with_indices(tensor({{1., 2., 3., 4., 9.}}), 2);
  CHECK(values(max_unpool1d(odd.values, odd.indices, 2)) == Values{0, 2, 0, 4});
  CHECK(values(max_unpool1d(odd.values, odd.indices, 2, {.output_size = {5}})) ==
        Values{0, 2, 0, 4, 0});
  const Tensor images = normal({2, 3, 4, 6});
  const auto two = max_pool2d_with_indices(images, 2);
  const Tensor back = max_unpool2d(two.values, two.indices, 2, {.output_size = images.shape()});
  CHECK(back.shape() == images.shape());
  CHECK(equal(max_pool2d(where(back == 0, -inf, back), 2), two.values));
  CHECK(equal(where(back == 0, images, back), images));
  const Tensor volumes = normal({3, 4, 2, 4});
  const auto three = max_pool3d_with_indices(volumes, 2);
  const Tensor whole = max_unpool3d(three.values, three.indices, 2);
  CHECK(equal(where(whole == 0, volumes, whole), volumes));
  // One place twice: the last stays.
  const Tensor twice = tensor({{{0, 1, 1}}});
  CHECK(values(max_unpool1d(tensor({{{1., 2., 3.}}}), twice, 1)) == Values{1, 3, 0});
  CHECK(gradient(zeros({1, 1, 3}), [&](const Tensor& t) { return max_unpool1d(t, twice, 1); }) ==
        Values{1, 0, 2});
}

TEST_CASE("pools of powers by hand") {
  const Tensor x = tensor({{{3., 4., 0., 0., -6., 8.}}});
  CHECK(values(lp_pool1d(x, 2, 2)) == Values{5, 0, 10});
  CHECK(values(lp_pool1d(x, 1, 3)) == Values{7, 2});
  const Values slopes = gradient(x, [](const Tensor& t) { return lp_pool1d(t, 2, 2); });
  CHECK(allclose(from_vector(slopes), tensor({0.6, 0.8, 0., 0., 3 * -0.6, 3 * 0.8})));
  CHECK(std::isnan(lp_pool1d(tensor({{-2., 1.}}), 3, 2)[0][0].item()));  // (−7)^(1/3)
  CHECK(values(lp_pool2d(ones({1, 4, 4}), 2, 2, {.stride = 1})) == Values(9, 2));
  CHECK(allclose(lp_pool3d(full({1, 2, 2, 2}, 2.), 3, 2), full({1, 1, 1, 1}, 4.)));
  // The last window has one value, and the sum of a whole one with that mean.
  CHECK(values(lp_pool1d(tensor({{3., 4., 6.}}), 1, 2, {.ceil_mode = true})) == Values{7, 12});
}

TEST_CASE("windows as columns by hand") {
  const Tensor x = counted({1, 1, 3, 3});
  CHECK(unfold(x, 2).shape() == Shape{1, 4, 4});
  CHECK(values(unfold(x, 2)) == Values{0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8});
  CHECK(values(unfold(x, 2, {.padding = 1, .stride = 2})) ==
        Values{0, 0, 0, 4, 0, 0, 3, 5, 0, 1, 0, 7, 0, 2, 6, 8});
  CHECK(values(unfold(x, 2, {.dilation = 2})) == Values{0, 2, 6, 8});
  CHECK(values(unfold(x, {1, 3})) == Values{0, 3, 6, 1, 4, 7, 2, 5, 8});
  CHECK(unfold(normal({2, 3, 5, 4}), {2, 3}).shape() == Shape{2, 18, 8});
  CHECK(unfold(normal({3, 5, 4}), {2, 3}).shape() == Shape{18, 8});
  CHECK(values(fold(ones({1, 4, 4}), 3, 2)) == Values{1, 2, 1, 2, 4, 2, 1, 2, 1});
  CHECK(values(fold(unfold(x, 2, {.stride = 1}), 3, 2)) == Values{0, 2, 2, 6, 16, 10, 6, 14, 8});
  CHECK(fold(zeros({8, 4}), 3, 2).shape() == Shape{2, 3, 3});
  // The tensor's method, of other arguments.
  CHECK(unfold(x, 3, 2, 1).shape() == Shape{1, 1, 3, 2, 2});
}

TEST_CASE("a convolution is a product with columns") {
  const Tensor x = normal({2, 3, 7, 6});
  const Tensor weight = normal({4, 3, 3, 2}, 2);
  const Tensor columns =
      unfold(x, {3, 2}, {.dilation = {2, 1}, .padding = {2, 1}, .stride = {1, 2}});
  const Tensor y = conv2d(x, weight, {}, {.stride = {1, 2}, .padding = {2, 1}, .dilation = {2, 1}});
  CHECK(allclose(matmul(weight.flatten(1), columns).reshape(y.shape()), y));
}

TEST_CASE("columns that very many windows make add up as sums do") {
  const Tensor y = fold(full({1, 2001, 2001}, 0.1, {.dtype = float32}), {1, 4001}, {1, 2001});
  CHECK(std::abs(y[0][0][0][2000].item() / (2001 * static_cast<double>(0.1F)) - 1) <= 0x1p-23);
}

TEST_CASE("wrong pools are told") {
  const Tensor x = zeros({1, 2, 8});
  CHECK(message_of<ShapeError>([] { max_pool1d(zeros({8}), 2); }) ==
        "max_pool1d: input [8] must be [batch, channels, length] or [channels, length]");
  CHECK(message_of<ShapeError>([&] { avg_pool3d(x, 2); }) ==
        "avg_pool3d: input [1, 2, 8] must be [batch, channels, depth, height, width] or "
        "[channels, depth, height, width]");
  CHECK(message_of<ShapeError>([] {
          max_pool1d(zeros({1, 2, 0}), 2);
        }) ==
        "max_pool1d: input [1, 2, 0] must have channels and values; only the batch may be empty");
  CHECK(message_of<ShapeError>([&] { max_pool1d(x, 9); }) ==
        "max_pool1d: the window of 9 is larger than the padded input [1, 2, 8]");
  CHECK(message_of<ShapeError>([] {
          max_pool3d(zeros({1, 1, 3, 3, 3}), 2, {.dilation = {1, 3, 1}});
        }) ==
        "max_pool3d: the 2x2x2 window with dilation [1, 3, 1] is larger than the padded input "
        "[1, 1, 3, 3, 3]");
  CHECK(message_of<ValueError>([&] { max_pool1d(x, 3, {.padding = 2, .dilation = 2}); }) ==
        "max_pool1d: padding [2] must not be negative nor more than half of the window [3]");
  CHECK(message_of<ValueError>([&] { max_pool1d(x, 3, {.dilation = 0}); }) ==
        "max_pool1d: dilation [0] must be positive");
  CHECK(message_of<ValueError>([] {
          max_pool1d(zeros({1, 1, 2}), 2, {.padding = 1, .dilation = 3});
        }) ==
        "max_pool1d: with dilation [3] a window would see only padding [1] of input [1, 1, 2]; "
        "make one of them less");
  CHECK(message_of<ValueError>([&] { avg_pool1d(x, 2, {.divisor_override = 0}); }) ==
        "avg_pool1d: divisor_override is 0");
  CHECK(message_of<ValueError>([&] { lp_pool1d(x, inf, 2); }) ==
        "lp_pool1d: norm_type inf must be finite and not 0; the largest of |x| is a max_pool of "
        "abs(x)");
  CHECK(message_of<ValueError>([&] { adaptive_avg_pool1d(x, -1); }) ==
        "adaptive_avg_pool1d: output size -1 must not be negative; `unchanged` leaves an axis as "
        "it is");
  CHECK_THROWS_AS(max_pool1d(x.to(int64), 2), DTypeError);
}

TEST_CASE("what does not go back is told") {
  const Tensor x = zeros({1, 2, 4});
  const Tensor indices = zeros({1, 2, 4}, {.dtype = int64});
  CHECK(message_of<ShapeError>([&] { max_unpool1d(x, indices[0], 2); }) ==
        "max_unpool1d: indices [2, 4] for values [1, 2, 4]");
  CHECK(message_of<ValueError>([&] { max_unpool1d(x, indices + 8, 2); }) ==
        "max_unpool1d: index 8 is outside axis 1, which has 8 elements");
  CHECK(message_of<DTypeError>([&] { max_unpool1d(x, x, 2); }) ==
        "max_unpool1d: the index is float32, it must be int64");
  CHECK(
      message_of<ValueError>([&] { max_unpool1d(x, indices, 2, {.output_size = {10}}); }) ==
      "max_unpool1d: output_size [10] for input [1, 2, 4], window [2], stride [2] and padding [0], "
      "which need 7 to 9 in axis 0 of a channel");
  CHECK(message_of<ShapeError>([&] {
          max_unpool1d(x, indices, 2, {.output_size = {2, 8}});
        }) ==
        "max_unpool1d: output_size [2, 8] must name the last 1 axes, or those of images in a "
        "batch");
  CHECK(message_of<ShapeError>([&] {
          unfold(zeros({4, 4}), 2);
        }) ==
        "unfold: input [4, 4] must be [batch, channels, height, width] or [channels, height, "
        "width]");
  CHECK(message_of<ShapeError>([&] {
          unfold(zeros({1, 4, 4}), 3, {.dilation = 2});
        }) ==
        "unfold: the window [3, 3] with dilation [2, 2] is larger than the image [4, 4] with "
        "padding [0, 0]");
  CHECK(message_of<ShapeError>([&] {
          fold(zeros({1, 6, 4}), 3, 2);
        }) == "fold: input [1, 6, 4] has 6 rows, which windows [2, 2] do not divide");
  CHECK(message_of<ShapeError>([&] {
          fold(zeros({1, 8, 5}), 3, 2);
        }) == "fold: input [1, 8, 5] has 5 windows, images [3, 3] with windows [2, 2] have 4");
}
