#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

std::vector<std::int64_t> places(const Tensor& x) { return x.to_vector<std::int64_t>(); }
using Places = std::vector<std::int64_t>;

/// Values of which many are equal, ±0, ±∞ and NaN among them.
Tensor awkward(const Shape& shape, DType dtype, std::uint64_t seed) {
  Generator generator(seed);
  Tensor x = randint(-40, 40, shape, {.generator = &generator}).to(float64);
  if (is_floating(dtype)) {
    x = where(x == 39, undefined, where(x == 38, infinity, where(x == -40, -infinity, x / 8)));
    x = where(x == 0, where(rand(shape, {.generator = &generator}) > 0.5, -0.0, 0.0).to(float64),
              x);
  }
  return x.to(dtype);
}

/// What std::stable_sort makes of a row: NaN after all others.
template <class T>
Places expected(const T* row, std::int64_t n, bool descending) {
  Places order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto before = [](double a, double b) { return a < b || (b != b && a == a); };
  std::ranges::stable_sort(order, [&](std::int64_t i, std::int64_t j) {
    const auto a = static_cast<double>(row[i]), b = static_cast<double>(row[j]);
    return descending ? before(b, a) : before(a, b);
  });
  return order;
}

}  // namespace

TEST_CASE("sorting by hand: NaN last, equal values as they come") {
  const auto [rising, from] = sort(tensor({2., undefined, -infinity, 1., 2., infinity, -0., 0.}));
  CHECK(places(from) == Places{2, 6, 7, 3, 0, 4, 5, 1});
  CHECK(std::signbit(rising[1].item()));
  CHECK_FALSE(std::signbit(rising[2].item()));
  CHECK(std::isnan(rising[7].item()));
  const auto [falling, back] = sort(tensor({2., undefined, 1., 2.}), -1, true);
  CHECK(places(back) == Places{1, 0, 3, 2});
  CHECK(places(argsort(tensor({3, 1, 2}))) == Places{1, 2, 0});
  CHECK(places(tensor({true, false, true}).argsort(0, true)) == Places{0, 2, 1});
  const Tensor x = tensor({{3, 1, 2}, {0, 5, 4}});
  CHECK(values(x.sort().values) == Values{1, 2, 3, 0, 4, 5});
  CHECK(values(x.sort(0).values) == Values{0, 1, 2, 3, 5, 4});
  CHECK(places(x.sort(0).indices) == Places{1, 0, 0, 0, 1, 1});
  CHECK(sort(tensor(7)).values.item() == 7);
  CHECK(sort(tensor(7)).indices.shape() == Shape{});
  CHECK(sort(zeros({2, 0})).values.shape() == Shape{2, 0});
  CHECK(sort(zeros({0, 2})).indices.shape() == Shape{0, 2});
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  const Tensor large = tensor({lowest, lowest + 1, std::numeric_limits<std::int64_t>::max(),
                               std::int64_t{-1}, std::int64_t{0}});
  CHECK(places(argsort(large)) == Places{0, 1, 3, 4, 2});
}

TEST_CASE("the largest, the smallest and the k-th by hand") {
  const Tensor x = tensor({1., 5., 5., undefined, 3.});
  CHECK(places(topk(x, 3).indices) == Places{3, 1, 2});
  CHECK(places(x.topk(2, 0, false).indices) == Places{0, 4});
  CHECK(topk(x, 0).values.shape() == Shape{0});
  CHECK(places(topk(x, 5, 0, false).indices) == Places{0, 4, 1, 2, 3});
  CHECK(kthvalue(x, 2).values.item() == 3);
  CHECK(kthvalue(x, 3).indices.item() == 1);
  CHECK(kthvalue(x, 4).indices.item() == 2);
  CHECK(std::isnan(kthvalue(x, 5).values.item()));
  const Tensor matrix = tensor({{3, 1, 2}, {0, 5, 4}});
  CHECK(values(kthvalue(matrix, 2, 0).values) == Values{3, 5, 4});
  CHECK(kthvalue(matrix, 2, 1, true).values.shape() == Shape{2, 1});
  CHECK(values(topk(matrix, 1, 0).values) == Values{3, 5, 4});
  CHECK(topk(tensor(4.), 1).values.shape() == Shape{});
}

TEST_CASE("rows of every dtype and length are in the order of std::stable_sort, on any threads") {
  const std::vector<Shape> shapes{{3, 2}, {2, 200}, {3, 300}, {1, 5000}, {2, 40000}};
  for (const DType dtype : {float32, float64, bfloat16, float16, int64, int32, uint8, boolean})
    for (const Shape& shape : shapes)
      for (const int threads : {1, 3}) {
        CAPTURE(dtype);
        CAPTURE(to_string(shape));
        CAPTURE(threads);
        const Threads guard(threads);
        const Tensor x = awkward(shape, dtype, 3);
        const std::int64_t n = shape[1];
        const auto flip = [&](bool descending) {
          Places all;
          dispatch(dtype, [&]<class T>() {
            for (std::int64_t r = 0; r < shape[0]; ++r)
              for (const auto place : expected(x.data<T>() + r * n, n, descending))
                all.push_back(place);
          });
          return from_vector(all, shape);
        };
        for (const bool descending : {false, true}) {
          const Tensor order = flip(descending);
          const auto [sorted, indices] = sort(x, 1, descending);
          CHECK(equal(indices, order));
          CHECK(equal(argsort(x, 1, descending), order));
          CHECK(equal(sort(x.t(), 0, descending).indices, order.t()));
          const Tensor chosen = gather(x, 1, order);
          CHECK(equal(where(sorted == sorted, sorted, 99), where(chosen == chosen, chosen, 99)));
          for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, n / 2 + 1, n}) {
            CAPTURE(k);
            CHECK(equal(topk(x, k, 1, descending).indices, order.slice(1, 0, k)));
            const Tensor any = topk(x, k, 1, descending, false).indices;
            CHECK(equal(sort(any).values, sort(order.slice(1, 0, k)).values));
            if (!descending) CHECK(equal(kthvalue(x, k).indices, order.select(1, k - 1)));
          }
        }
      }
}

TEST_CASE("which elements are chosen from a long row does not depend on the threads") {
  const Tensor x = awkward({300'000}, float32, 5);
  std::vector<Tensor> all;
  for (const int threads : {1, 2, 5}) {
    const Threads guard(threads);
    all.push_back(cat({sort(x).indices, topk(x, 100).indices, topk(x, 700, 0, true, false).indices,
                       topk(x, 200'000, 0, false, false).indices}));
  }
  CHECK(equal(all[0], all[1]));
  CHECK(equal(all[0], all[2]));
  CHECK(equal(all[0].slice(0, 0, 300'000), from_vector(expected(x.data<float>(), 300'000, false))));
}

TEST_CASE("the gradient goes to the elements that were chosen") {
  const Tensor x = tensor({1., 3., 3., 2.}).requires_grad_();
  topk(x, 2).values.backward(tensor({1., 2.}));
  CHECK(values(x.grad()) == Values{0, 1, 2, 0});
  x.set_grad({});
  kthvalue(x, 3).values.backward();
  CHECK(values(x.grad()) == Values{0, 1, 0, 0});
  x.set_grad({});
  sort(x, 0, true).values.backward(tensor({1., 2., 3., 4.}));
  CHECK(values(x.grad()) == Values{4, 1, 2, 3});
}

TEST_CASE("different values, and the runs of equal ones") {
  const Tensor x = tensor({{3, 1}, {3, 2}});
  const auto [found, inverse, counts] = unique(x, {.return_inverse = true, .return_counts = true});
  CHECK(values(found) == Values{1, 2, 3});
  CHECK(values(inverse) == Values{2, 0, 2, 1});
  CHECK(inverse.shape() == x.shape());
  CHECK(values(counts) == Values{1, 1, 2});
  CHECK(equal(index_select(found, 0, inverse.flatten()).reshape({2, 2}), x));
  CHECK_FALSE(unique(x).inverse.defined());
  CHECK_FALSE(unique(x).counts.defined());
  // −0 is 0, and no NaN another.
  const Tensor odd = unique(tensor({undefined, 0., -0., undefined})).values;
  CHECK(odd.shape() == Shape{3});
  CHECK_FALSE(std::signbit(odd[0].item()));
  CHECK(unique(zeros({0})).values.shape() == Shape{0});
  CHECK(values(unique(tensor({true, false, true})).values) == Values{0, 1});

  const Tensor rows = tensor({{2, 1}, {1, 9}, {2, 1}, {1, 3}});
  const Unique by_row = unique(rows, {.return_inverse = true, .return_counts = true, .axis = 0});
  CHECK(values(by_row.values) == Values{1, 3, 1, 9, 2, 1});
  CHECK(values(by_row.inverse) == Values{2, 1, 2, 0});
  CHECK(values(by_row.counts) == Values{1, 1, 2});
  CHECK(values(unique(rows.t(), {.axis = -1}).values) == Values{1, 1, 2, 3, 9, 1});

  const Tensor runs = tensor({1, 1, 2, 2, 2, 1});
  const Unique found_runs =
      unique_consecutive(runs, {.return_inverse = true, .return_counts = true});
  CHECK(values(found_runs.values) == Values{1, 2, 1});
  CHECK(values(found_runs.inverse) == Values{0, 0, 1, 1, 1, 2});
  CHECK(values(found_runs.counts) == Values{2, 3, 1});
  CHECK(values(unique_consecutive(tensor({{1, 2}, {1, 2}, {3, 4}}), {.axis = 0}).values) ==
        Values{1, 2, 3, 4});
}

TEST_CASE("where values stand in a sequence") {
  const Tensor s = tensor({1., 3., 3., 5.});
  const Tensor v = tensor({{0., 1., 3.}, {4., 5., 6.}});
  CHECK(values(searchsorted(s, v)) == Values{0, 0, 1, 3, 3, 4});
  CHECK(values(searchsorted(s, v, {.right = true})) == Values{0, 1, 3, 3, 4, 4});
  CHECK(searchsorted(s, 3).item() == 1);
  CHECK(searchsorted(s, 3, {.right = true}).item() == 3);
  CHECK(searchsorted(s, undefined).item() == 4);
  CHECK(searchsorted(tensor({1, 2, 3}), 2.5).item() == 2);
  CHECK(searchsorted(tensor({16777216, 16777217}), 16777216.5).item() == 1);
  CHECK(searchsorted(tensor({false, true}), true).item() == 1);
  CHECK(values(searchsorted(tensor({1., undefined}), tensor({undefined, infinity}))) ==
        Values{2, 2});
  CHECK(values(searchsorted(tensor({{1, 2}, {5, 6}}), tensor({{2, 3}, {2, 6}}))) ==
        Values{1, 2, 0, 1});
  CHECK(values(searchsorted(zeros({0}), tensor({1., 2.}))) == Values{0, 0});
  CHECK(searchsorted(s, zeros({0, 2})).shape() == Shape{0, 2});
  CHECK(searchsorted(tensor({{1, 2, 4}, {5, 6, 7}}).t().contiguous().t(), tensor({{3}, {7}}))
            .to_vector<std::int64_t>() == Places{2, 2});
  CHECK(values(bucketize(v, s)) == values(searchsorted(s, v)));
  CHECK(bucketize(3, s, {.right = true}).item() == 3);
}

TEST_CASE("what cannot be sorted or searched is told") {
  const Tensor x = zeros({2, 3});
  CHECK(message_of<ShapeError>([&] { sort(x, 2); }) ==
        "sort: axis 2 of a tensor with 2 axes; it must lie in -2..1");
  CHECK(message_of<ShapeError>([&] { argsort(tensor(1), 1); }) ==
        "argsort: axis 1 of a scalar; it is 0 or -1");
  CHECK(message_of<ValueError>([&] { topk(x, 4); }) ==
        "topk: 4 elements of axis -1, which has 3 (shape [2, 3])");
  CHECK(message_of<ValueError>([&] { kthvalue(x, 0, 0); }) ==
        "kthvalue: element 0 of axis 0, which has 2 (shape [2, 3]); the first is 1");
  CHECK(message_of<ShapeError>([&] { unique(x, {.axis = 2}); }) ==
        "unique: axis 2 of a tensor with 2 axes; it must lie in -2..1");
  CHECK(message_of<ShapeError>([&] {
          searchsorted(x, zeros({3, 2}));
        }) ==
        "searchsorted: values [3, 2] for a sequence [2, 3]: it has one axis, or all but the last "
        "of theirs");
  CHECK(message_of<ShapeError>([&] { searchsorted(tensor(1.), x); }) ==
        "searchsorted: the sequence is a scalar; it must have an axis");
  CHECK(message_of<DTypeError>([&] { searchsorted(arange(3), x); }) ==
        "searchsorted: the values are float32, they must be int64 as the sequence is");
  CHECK(message_of<ShapeError>([&] { bucketize(x, x); }) ==
        "bucketize: the boundaries have shape [2, 3]; they must have one axis");
}
