#include <xgrad/func/jvp.hpp>

#include <limits>

#include "support.hpp"

using namespace support;
using namespace xgrad::indexing;  // NOLINT: as a user would

namespace {

using Values = std::vector<double>;

}  // namespace

TEST_CASE("indices by hand, as PyTorch has them") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  CHECK(values(x.index({1, 2, 3})) == Values{23});
  CHECK(values(x.index({0, Slice(1, None, 2)})) == Values{4, 5, 6, 7});
  CHECK(values(x.index({"...", -1})) == Values{3, 7, 11, 15, 19, 23});
  CHECK(values(x.index({Ellipsis, Slice(None, None, 3), 0})) == Values{0, 12});
  CHECK(values(x.index({0, Slice(-2), Slice(None, -3)})) == Values{4, 8});
  CHECK(x.index({None, Slice(), None, 0}).shape() == Shape{1, 2, 1, 4});
  CHECK(x.index({Slice(), Ellipsis, None}).shape() == Shape{2, 3, 4, 1});
  CHECK(x.index({0, Ellipsis, 1, 2}).shape() == Shape{});
  CHECK(equal(x.index({}), x));
  CHECK(x.index({1}).data<std::int64_t>() == x.data<std::int64_t>() + 12);
  CHECK(x.index({tensor(1)}).data<std::int64_t>() == x.data<std::int64_t>() + 12);

  CHECK(values(x.index({tensor({1, -2}), tensor({2, 0}), 1})) == Values{21, 1});
  CHECK(x.index({tensor({{1, 0, 1}})}).shape() == Shape{1, 3, 3, 4});
  CHECK(values(x.index({0, Slice(), tensor({3, 0})})) == Values{3, 0, 7, 4, 11, 8});
  CHECK(values(x.index({tensor({0, 1}).to(int32), 0, 0})) == Values{0, 12});
  // Side by side the indices stay in their place, apart they come first.
  CHECK(x.index({Slice(), tensor({0, 1}), tensor({0, 1})}).shape() == Shape{2, 2});
  CHECK(x.index({tensor({0, 1}), Slice(), tensor({0, 1})}).shape() == Shape{2, 3});
  CHECK(values(x.index({tensor({0, 1}), Slice(), tensor({0, 3})})) == Values{0, 4, 8, 15, 19, 23});
  CHECK(values(x.index({tensor({0, 1}), 1, tensor({0, 3})})) == Values{4, 19});
  CHECK(x.index({tensor({0, 1}), None, tensor({0, 1})}).shape() == Shape{2, 1, 4});
  CHECK(x.index({Slice(), tensor({{0}, {1}}), tensor({0, 1, 2})}).shape() == Shape{2, 2, 3});

  const Tensor mask = tensor({{true, false, false}, {false, true, true}});
  CHECK(x.index({mask}).shape() == Shape{3, 4});
  CHECK(values(x.index({mask, 0})) == Values{0, 16, 20});
  CHECK(values(x.index({0, tensor({false, true, false})})) == Values{4, 5, 6, 7});
  CHECK(values(x.index({x > 21})) == Values{22, 23});
  CHECK(x.index({true}).shape() == Shape{1, 2, 3, 4});
  CHECK(x.index({false, 1}).shape() == Shape{0, 3, 4});
  CHECK(x.index({tensor(true)}).shape() == Shape{1, 2, 3, 4});
  CHECK(x.index({tensor(std::vector<int>{})}).shape() == Shape{0, 3, 4});
}

TEST_CASE("what is put at indices, by hand") {
  Tensor x = zeros({2, 3});
  CHECK(x.index_put_({0, Slice(1)}, 7).impl() == x.impl());
  CHECK(values(x) == Values{0, 7, 7, 0, 0, 0});
  x.index_put_({Slice(), 0}, tensor({1, 2}));  // a view takes on other dtypes, as copy_() does
  CHECK(values(x) == Values{1, 7, 7, 2, 0, 0});
  x.index_put_({tensor({1, 1}), tensor({2, -1})}, tensor({3., 4.}));
  CHECK(values(x) == Values{1, 7, 7, 2, 0, 4});
  x.index_put_({x > 3}, -1.0);
  CHECK(values(x) == Values{1, -1, -1, 2, 0, -1});
  x.index_put_({tensor({0, 0, 0}), 0}, tensor({1., 2., 3.}), true);
  CHECK(values(x) == Values{7, -1, -1, 2, 0, -1});
  x.index_put_({Slice(), 1}, 10, true);
  CHECK(values(x) == Values{7, 9, -1, 2, 10, -1});
  // Of a view in another order its own memory alone is changed.
  x.t().index_put_({tensor({2, 0}), 1}, tensor({5., 6.}));
  CHECK(values(x) == Values{7, 9, -1, 6, 10, 5});
  x.slice(1, 1).index_put_({tensor({true, false})}, tensor({{{1., 2.}}}));
  CHECK(values(x) == Values{7, 1, 2, 6, 10, 5});
  x.index_put_({tensor({0, 1})}, x.flip(0));
  CHECK(values(x) == Values{6, 10, 5, 7, 1, 2});
  x.index_put_({tensor({0, 1}), 0}, x.index({tensor({1, 0}), 0}));
  CHECK(values(x) == Values{7, 10, 5, 6, 1, 2});

  const Tensor y = index_put(x, {tensor({0, 0}), tensor({0, 0})}, tensor({8., 9.}));
  CHECK(values(y) == Values{9, 10, 5, 6, 1, 2});
  CHECK(values(x) == Values{7, 10, 5, 6, 1, 2});
  Tensor own = x * 1;
  const auto* const memory = own.data<float>();
  CHECK(index_put(std::move(own), {tensor({0})}, 0).data<float>() == memory);
  for (const DType dtype : {float32, float64, bfloat16, float16, int64, int32, uint8, boolean}) {
    CAPTURE(dtype);
    const Tensor z = zeros({3}, {.dtype = dtype});
    CHECK(values(z.index_put_({tensor({2, 0})}, 1)) == Values{1, 0, 1});
    CHECK(values(index_put(zeros({3}, {.dtype = dtype}), {1}, 1)) == Values{0, 1, 0});
  }
}

TEST_CASE("the tape notices what index_put_ changes, and of several the last has the gradient") {
  const Tensor x = tensor({1., 2., 3.});
  const Tensor w = tensor({1., 1., 1.}).requires_grad_();
  const Tensor y = (w * x).sum();
  x.index_put_({tensor({0})}, 5);
  CHECK_THROWS_AS(y.backward(), GraphError);
  const Tensor z = (w * x).sum();
  x.index_put_({Slice(0, 1)}, 5);
  CHECK_THROWS_AS(z.backward(), GraphError);

  const Tensor a = tensor({1., 2., 3.}).requires_grad_();
  const Tensor v = tensor({10., 20.}).requires_grad_();
  index_put(a, {tensor({1, 1})}, v).backward(tensor({1., 2., 3.}));
  CHECK(values(a.grad()) == Values{1, 0, 3});
  CHECK(values(v.grad()) == Values{0, 2});
}

TEST_CASE("indices agree with a plain loop on several threads") {
  const Tensor x = normal({50, 40, 30});
  const Tensor i = randint(-50, 50, {2000, 1}), j = randint(30, {7});
  const Tensor y = x.index({i, Slice(3, 9), j});
  REQUIRE(y.shape() == Shape{2000, 7, 6});
  bool same = true;
  for (std::int64_t a = 0; a < 2000; ++a)
    for (std::int64_t b = 0; b < 7; ++b)
      for (std::int64_t c = 0; c < 6; ++c) {
        const std::int64_t row = (i.data<std::int64_t>()[a] + 50) % 50;
        same &= y.data<double>()[(a * 7 + b) * 6 + c] ==
                x.data<double>()[(row * 40 + 3 + c) * 30 + j.data<std::int64_t>()[b]];
      }
  CHECK(same);
}

TEST_CASE("masks by hand") {
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  const Tensor mask = tensor({{true, false}, {false, true}});
  CHECK(values(x.masked_fill(mask, -1)) == Values{-1, 2, 3, -1});
  CHECK(values(x.masked_fill(tensor({true, false}), tensor(9))) == Values{9, 2, 9, 4});
  CHECK(values(masked_fill(tensor({1, 2}), tensor({true, false}), 7.9)) == Values{7, 2});
  CHECK(masked_fill(tensor({true, true}), tensor({true, false}), 0).dtype() == boolean);
  CHECK(values(masked_select(x, mask)) == Values{1, 4});
  CHECK(values(masked_select(tensor({1., 2.}), mask)) == Values{1, 2});
  CHECK(masked_select(x, x > 9).shape() == Shape{0});
  CHECK(values(masked_scatter(x, mask, tensor({7., 8., 9.}))) == Values{7, 2, 3, 8});
  CHECK(nonzero(mask).shape() == Shape{2, 2});
  CHECK(values(nonzero(mask)) == Values{0, 0, 1, 1});
  CHECK(values(nonzero(tensor({0., -0., std::numeric_limits<double>::quiet_NaN(), 2.}))) ==
        Values{2, 3});
  CHECK(nonzero(tensor(3)).shape() == Shape{1, 0});
  CHECK(nonzero(tensor(0)).shape() == Shape{0, 0});
  CHECK(nonzero(zeros({0, 3})).shape() == Shape{0, 2});
  const auto found = where(mask);
  CHECK(found.size() == 2);
  CHECK(values(found[0]) == Values{0, 1});
  CHECK(values(found[1]) == Values{0, 1});
  CHECK(where(tensor(2.)).size() == 1);
  CHECK(values(x.index({found[0], found[1]})) == Values{1, 4});
}

TEST_CASE("look-ups by hand") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  CHECK(values(take(x, tensor({{0, -1}}))) == Values{1, 6});
  CHECK(values(take_along_dim(x, tensor({{2}, {0}}), 1)) == Values{3, 4});
  CHECK(values(take_along_dim(x, argsort(x, 1, true), 1)) == Values{3, 2, 1, 6, 5, 4});
  CHECK(values(take_along_dim(x, tensor({5, 0}))) == Values{6, 1});
  CHECK(values(index_copy(x, 1, tensor({2, 0}), tensor({{7., 8.}, {9., 10.}}))) ==
        Values{8, 2, 7, 10, 5, 9});
  CHECK(values(index_fill(x, 0, tensor({1}), 0)) == Values{1, 2, 3, 0, 0, 0});
  CHECK(values(repeat_interleave(tensor({1, 2}), 2)) == Values{1, 1, 2, 2});
  CHECK(values(repeat_interleave(x, tensor({2, 1}), 0)) == Values{1, 2, 3, 1, 2, 3, 4, 5, 6});
  CHECK(values(repeat_interleave(tensor({2, 0, 3}))) == Values{0, 0, 2, 2, 2});
  CHECK(repeat_interleave(zeros({0, 2}), 3, 1).shape() == Shape{0, 6});
  CHECK(values(one_hot(tensor({2, 0}))) == Values{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(tensor({{1}}), 5).shape() == Shape{1, 1, 5});
  CHECK(one_hot(tensor(1), 2).dtype() == int64);
  CHECK(one_hot(zeros({0}, {.dtype = int64}), 4).shape() == Shape{0, 4});
}

TEST_CASE("an embedding's gradient, its padding, and many rows on any number of threads") {
  const Tensor w = tensor({{1., 2.}, {3., 4.}, {5., 6.}}).requires_grad_();
  const Tensor y = embedding(w, tensor({{2, 0}, {2, 1}}), 1);
  CHECK(y.shape() == Shape{2, 2, 2});
  CHECK(values(y.detach()) == Values{5, 6, 1, 2, 5, 6, 3, 4});
  y.backward(tensor({{{1., 2.}, {3., 4.}}, {{5., 6.}, {7., 8.}}}));
  CHECK(values(w.grad()) == Values{3, 4, 0, 0, 6, 8});
  CHECK(values(jvp(
                   [](const Tensor& v) {
                     return embedding(v, tensor({1, 0}), -2);
                   },
                   {w.detach()}, {ones({3, 2})})
                   .tangent) == Values{0, 0, 1, 1});

  const Tensor index = randint(300, {20'000});
  const Tensor dy = randn({20'000, 48});
  const auto gradient = [&](int threads) {
    const Threads guard(threads);
    const Tensor table = zeros({300, 48}, {.requires_grad = true});
    embedding(table, index).backward(dy);
    return table.grad();
  };
  const Tensor alone = gradient(1);
  CHECK(equal(gradient(2), alone));
  CHECK(equal(gradient(3), alone));
  const Tensor which = one_hot(index, 300).to(float64).t();
  // (run + 6) u Σ|x|, as ops/kernels/accumulate.hpp says.
  const double bound = 70 * 0x1p-24 * max(matmul(which, abs(dy).to(float64))).item();
  CHECK(allclose(alone.to(float64), matmul(which, dy.to(float64)), 0, bound));
}

TEST_CASE("scatter_reduce by hand") {
  const Tensor x = tensor({1., 2., 3.});
  const Tensor index = tensor({0, 0, 2, 0});
  const Tensor source = tensor({5., 2., -4., 8.});
  const auto of = [&](const char* reduce, bool self = true) {
    return values(scatter_reduce(x, 0, index, source, reduce, self));
  };
  CHECK(of("sum") == Values{16, 2, -1});
  CHECK(of("sum", false) == Values{15, 2, -4});
  CHECK(of("prod") == Values{80, 2, -12});
  CHECK(of("prod", false) == Values{80, 2, -4});
  CHECK(of("mean") == Values{4, 2, -0.5});
  CHECK(of("mean", false) == Values{5, 2, -4});
  CHECK(of("amax") == Values{8, 2, 3});
  CHECK(of("amax", false) == Values{8, 2, -4});
  CHECK(of("amin") == Values{1, 2, -4});
  CHECK(of("amin", false) == Values{2, 2, -4});
  const Tensor whole = tensor({-1, 5});
  CHECK(values(scatter_reduce(whole, 0, tensor({0, 0}), tensor({-4, 0}), "mean")) == Values{-2, 5});
  CHECK(values(scatter_reduce(whole, 0, tensor({0}), tensor({-4}), "amax", false)) ==
        Values{-4, 5});
  for (const DType dtype : {float64, bfloat16, float16, int64, int32}) {
    CAPTURE(dtype);
    CHECK(values(scatter_reduce(x.to(dtype), 0, index, source.to(dtype), "amin")) ==
          Values{1, 2, -4});
    CHECK(values(scatter_reduce(x.to(dtype), 0, index, source.to(dtype), "prod", false)) ==
          Values{80, 2, -4});
  }
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(all_finite(scatter_reduce(x, 0, tensor({1, 1}), tensor({undefined, 3.}), "amax")));

  // Those that are equal share the gradient; a product's is right where values are 0.
  const Tensor a = tensor({4., 1.}).requires_grad_();
  const Tensor s = tensor({4., 4., 0.}).requires_grad_();
  scatter_reduce(a, 0, tensor({0, 0, 1}), s, "amax").backward(tensor({6., 1.}));
  CHECK(values(a.grad()) == Values{2, 1});
  CHECK(values(s.grad()) == Values{2, 2, 0});
  a.set_grad({});
  s.set_grad({});
  scatter_reduce(a, 0, tensor({0, 1, 1}), s, "prod").backward(tensor({1., 1.}));
  CHECK(values(a.grad()) == Values{4, 0});
  CHECK(values(s.grad()) == Values{4, 0, 4});
}

TEST_CASE("wrong indices between brackets are told") {
  const Tensor x = zeros({2, 3});
  const auto shape_error = [](const auto& f) { return message_of<ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<ValueError>(f); };
  const auto dtype_error = [](const auto& f) { return message_of<DTypeError>(f); };
  CHECK(shape_error([&] {
          x.index({0, 0, 0});
        }) == "index: 3 indices for shape [2, 3], which has 2 axes");
  CHECK(value_error([&] {
          x.index({Ellipsis, Ellipsis});
        }) == "index: 2 ellipses; there can be one");
  CHECK(value_error([&] {
          x.index({0, 3});
        }) == "index: index 3 is outside axis 1, which has 3 elements");
  CHECK(value_error([&] {
          x.index({None, tensor({0, -3})});
        }) == "index: index -3 is outside axis 0, which has 2 elements");
  CHECK(value_error([&] { x.index({Slice(None, None, -1)}); }) ==
        "index: a step of -1; it must be positive (see flip)");
  CHECK(value_error([&] { x.index({"."}); }) ==
        "index: '.' is no index; the only string that is one is '...'");
  CHECK(dtype_error([&] { x.index({zeros({2})}); }) ==
        "index: an index is float32; it must be int64 or bool");
  CHECK(shape_error([&] {
          x.index({tensor({true, false, true})});
        }) == "index: a mask [3] for axes from 0 on of a tensor that has 2 there");
  CHECK(shape_error([&] {
          x.index({tensor({0, 1}), tensor({0, 1, 2})});
        }) ==
        "index: shapes [2] and [3] do not broadcast: axis 0 has 2 and 3; they must be equal, or "
        "one of them 1");
  CHECK(value_error([&] { x.index({Tensor()}); }).starts_with("index: this tensor is undefined"));
  CHECK(dtype_error([&] { index_put(x, {0}, tensor({1})); }) ==
        "index_put: the values are int64, they must be float32 as x is");
  CHECK(shape_error([&] { index_put(x, {0}, zeros({2})); }) ==
        "index_put: shapes [2] and [3] do not broadcast: axis 0 has 2 and 3; they must be equal, "
        "or one of them 1");
  CHECK(shape_error([&] {
          x.index_put_({0, 0}, zeros({2}));
        }) == "index_put_: values [2] for elements []: they do not broadcast to them");
  CHECK(value_error([&] {
          zeros({1, 3}).expand({2, 3}).index_put_({0}, 1);
        }).starts_with("index_put_: several elements of this tensor [2, 3] lie in one place"));
  CHECK(message_of<GraphError>([&] {
          zeros({2}, {.requires_grad = true}).index_put_({0}, 1);
        }).starts_with("index_put_: would change a tensor [2] that requires a gradient"));
  CHECK(message_of<GraphError>([&] { x.index_put_({0}, zeros({3}, {.requires_grad = true})); }) ==
        "index_put_: the values require a gradient, and changes in place are not recorded; use "
        "index_put, or put values.detach()");
  CHECK(dtype_error([&] { x.masked_fill(x, 0); }) ==
        "masked_fill: the mask is float32, it must be bool; compare, as in x > 0");
  CHECK(shape_error([&] { x.masked_fill(x > 0, zeros({1})); }) ==
        "masked_fill: the value has shape [1]; it must be a number or a scalar (see where)");
  CHECK(shape_error([&] { masked_scatter(x, x == 0, zeros({5})); }) ==
        "masked_scatter: a source of 5 elements for 6 places");
  CHECK(dtype_error([&] { masked_scatter(x, x == 0, arange(6)); }) ==
        "masked_scatter: the source is int64, it must be float32 as x is");
  CHECK(value_error([&] { take(x, tensor({6})); }) ==
        "take: index 6 is outside axis 0, which has 6 elements");
  CHECK(shape_error([&] { take_along_dim(x, tensor({0}), 1); }) ==
        "take_along_dim: index [1] for shape [2, 3]; it needs as many axes");
  CHECK(shape_error([&] {
          index_copy(x, 0, tensor({0}), zeros({2, 3}));
        }) ==
        "index_copy: source [2, 3] for index [1] of axis 0 of shape [2, 3]: it must be [1, 3]");
  CHECK(shape_error([&] { index_fill(x, 0, tensor({{0}}), 1); }) ==
        "index_fill: the index has shape [1, 1], it must have one axis");
  CHECK(shape_error([&] { index_fill(x, 0, tensor({0}), zeros({1})); }) ==
        "index_fill: the value has shape [1]; it must be a number or a scalar (see index_copy)");
  CHECK(value_error([&] { scatter_reduce(x, 0, tensor({{0}}), x, "max"); }) ==
        "scatter_reduce: 'max'; it is 'sum', 'prod', 'mean', 'amax' or 'amin'");
  CHECK(value_error([&] { scatter_reduce(x, 0, tensor({{2}}), x, "sum"); }) ==
        "scatter_reduce: index 2 is outside axis 0, which has 2 elements");
  CHECK(value_error([&] { repeat_interleave(x, -1); }) ==
        "repeat_interleave: -1 times; it must not be negative");
  CHECK(shape_error([&] {
          repeat_interleave(x, tensor({1, 2}), 1);
        }) == "repeat_interleave: 2 numbers for axis 1 of shape [2, 3]; give one for each element");
  CHECK(dtype_error([&] {
          repeat_interleave(x, tensor({1., 2.}), 0);
        }) == "repeat_interleave: the numbers are float32, they must be int64");
  CHECK(value_error([&] { one_hot(tensor({3}), 3); }) == "one_hot: class 3 of 3");
  CHECK(value_error([&] { one_hot(tensor({-1})); }) == "one_hot: class -1 of 0");
  CHECK(value_error([&] { one_hot(zeros({0}, {.dtype = int64})); }) ==
        "one_hot: -1 classes of no elements; give the number of classes");
  CHECK(shape_error([&] { embedding(zeros({3}), tensor({0})); }) ==
        "embedding: the weight has shape [3]; it is [rows, width]");
  CHECK(value_error([&] { embedding(x, tensor({0}), 2); }) ==
        "embedding: padding_idx 2 of a weight [2, 3], which has 2 rows");
  CHECK(dtype_error([&] { embedding(x, zeros({1})); }) ==
        "embedding: the indices are float32, they must be int64");
  CHECK(value_error([&] { embedding(x, tensor({5})); }) ==
        "embedding: index 5 is outside axis 0, which has 2 elements");
}
