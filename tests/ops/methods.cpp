// The methods of Tensor are the free functions, each argument where it belongs.

#include "support.hpp"

using namespace support;

namespace {

const Tensor& image() {
  static const Tensor x = uniform({2, 3, 4}, 0.5, 2, 1);
  return x;
}

void check_same(const Tensor& method, const Tensor& function) {
  CHECK(method.shape() == function.shape());
  CHECK(equal(method, function));
}

void check_same(const std::vector<Tensor>& method, const std::vector<Tensor>& function) {
  REQUIRE(method.size() == function.size());
  for (std::size_t i = 0; i < method.size(); ++i) check_same(method[i], function[i]);
}

}  // namespace

TEST_CASE("methods that rearrange") {
  const Tensor& x = image();
  check_same(x.to(float32), to(x, float32));
  check_same(x.clone(), clone(x));
  check_same(x.reshape({4, -1}), reshape(x, {4, 6}));
  check_same(x.view({4, -1}), reshape(x, {4, 6}));
  check_same(x.flatten(1, 2), flatten(x, 1, 2));
  check_same(x.flatten(0, 1), flatten(x, 0, 1));
  check_same(x.flatten(), flatten(x));
  check_same(x.transpose(0, 2), transpose(x, 0, 2));
  check_same(x.t(), transpose(x, 1, 2));
  check_same(x.permute({2, 0, 1}), permute(x, {2, 0, 1}));
  check_same(x.slice(1, 1, 2).squeeze(), reshape(slice(x, 1, 1, 2), {2, 4}));
  check_same(x.slice(1, 1, 2).squeeze(Axes{0}), slice(x, 1, 1, 2));
  check_same(x.unsqueeze(2), unsqueeze(x, 2));
  check_same(x.unsqueeze(0).expand({5, 2, 3, 4}), expand(x, {5, 2, 3, 4}));
  check_same(x.slice(2, 1, 4, 2), slice(x, 2, 1, 4, 2));
  check_same(x.slice(2, 1), slice(x, 2, 1, 4));
  check_same(x.select(1, 2), select(x, 1, 2));
  check_same(x[1], select(x, 0, 1));
  check_same(x.split(2, 1), split(x, 2, 1));
  check_same(x.split(1), split(x, 1, 0));
  check_same(x.chunk(2, 2), chunk(x, 2, 2));
  check_same(x.chunk(2), chunk(x, 2, 0));
  check_same(x.flip({1, 2}), flip(x, {1, 2}));
  check_same(x.repeat({1, 2, 3}), repeat(x, {1, 2, 3}));
  check_same(x.narrow(2, 1, 2), narrow(x, 2, 1, 2));
  check_same(x.roll({1, 2}, {2, 0}), roll(x, {1, 2}, {2, 0}));
  check_same(x.roll(5), roll(x, 5));
  check_same(x.tril(1), tril(x, 1));
  check_same(x.triu(1), triu(x, 1));
  const Tensor index = tensor({2, 0});
  check_same(x.index_select(1, index), index_select(x, 1, index));
  const Tensor places = tensor({{{2, 0, 1, 1}}});
  check_same(x.gather(1, places), gather(x, 1, places));
}

TEST_CASE("methods of each element") {
  const Tensor& x = image();
  check_same(x.neg(), neg(x));
  check_same((-x).abs(), abs(-x));
  check_same(x.exp(), exp(x));
  check_same(x.log(), log(x));
  check_same(x.sqrt(), sqrt(x));
  check_same(x.square(), square(x));
  check_same(x.reciprocal(), reciprocal(x));
  check_same(x.rsqrt(), rsqrt(x));
  check_same(x.log1p(), log1p(x));
  check_same(x.expm1(), expm1(x));
  check_same(x.sin(), sin(x));
  check_same(x.cos(), cos(x));
  check_same(x.tan(), tan(x));
  check_same(x.floor(), floor(x));
  check_same(x.ceil(), ceil(x));
  check_same(x.round(), round(x));
  check_same(x.round(1), round(x, 1));
  check_same(x.tanh(), tanh(x));
  check_same(x.sigmoid(), sigmoid(x));
  check_same((x - 1).relu(), relu(x - 1));
  check_same(x.pow(3), pow(x, 3));
  check_same(x.pow(x), pow(x, x));
  check_same(x.clamp(0.7, 1.5), clamp(x, 0.7, 1.5));
  check_same(x.clamp(0.7), clamp(x, 0.7, {}));
  check_same(x.clamp({}, 1.5), clamp(x, {}, 1.5));
}

TEST_CASE("methods that reduce") {
  const Tensor& x = image();
  for (const bool keepdim : {false, true})
    for (const Axes& axes : {Axes{1}, Axes{0, 2}, Axes{}}) {
      check_same(x.sum(axes, keepdim), sum(x, axes, keepdim));
      check_same(x.mean(axes, keepdim), mean(x, axes, keepdim));
      check_same(x.var(axes, 0, keepdim), var(x, axes, 0, keepdim));
      check_same(x.var(axes, 1, keepdim), var(x, axes, 1, keepdim));
      check_same(x.prod(axes, keepdim), prod(x, axes, keepdim));
      check_same(x.max(axes, keepdim), max(x, axes, keepdim));
      check_same(x.min(axes, keepdim), min(x, axes, keepdim));
      check_same(x.amax(axes, keepdim), amax(x, axes, keepdim));
      check_same(x.amin(axes, keepdim), amin(x, axes, keepdim));
      check_same(x.std(axes, 0, keepdim), xgrad::std(x, axes, 0, keepdim));
      check_same(x.norm(3, axes, keepdim), norm(x, 3, axes, keepdim));
      check_same(x.logsumexp(axes, keepdim), logsumexp(x, axes, keepdim));
    }
  for (const bool keepdim : {false, true}) {
    check_same(x.argmax(1, keepdim), argmax(x, 1, keepdim));
    check_same(x.argmin(1, keepdim), argmin(x, 1, keepdim));
    check_same(x.max(1, keepdim).values, max(x, 1, keepdim).values);
    check_same(x.min(1, keepdim).indices, min(x, 1, keepdim).indices);
  }
  check_same(x.softmax(1), softmax(x, 1));
  check_same(x.log_softmax(1), log_softmax(x, 1));
  check_same(x.matmul(x.transpose(1, 2)), matmul(x, transpose(x, 1, 2)));
  check_same(x.cumsum(1), cumsum(x, 1));
  check_same(x.bmm(x.transpose(1, 2)), bmm(x, transpose(x, 1, 2)));
  check_same(x[0].mm(x[0].t()), mm(x[0], x[0].t()));
  check_same(x[0][0].dot(x[0][1]), dot(x[0][0], x[0][1]));
}

TEST_CASE("methods that index and sort") {
  const Tensor& x = image();
  const indexing::Indices where{tensor({1, 1, 0}), indexing::Slice(1)};
  check_same(x.index(where), index(x, where));
  const Tensor put = normal({3, 2, 4});
  for (const bool accumulate : {false, true}) {
    const Tensor y = clone(x);
    check_same(y.index_put_(where, put, accumulate), index_put(x, where, put, accumulate));
    const Tensor z = clone(x);
    check_same(z.index_put_(where, 3, accumulate), index_put(x, where, 3, accumulate));
  }
  check_same(x.masked_fill(x > 1, 7), masked_fill(x, x > 1, 7));
  check_same(x.masked_fill(x > 1, tensor(7)), masked_fill(x, x > 1, 7));
  const auto same = [](const Ranked& method, const Ranked& function) {
    check_same(method.values, function.values);
    check_same(method.indices, function.indices);
  };
  same(x.sort(1, true), sort(x, 1, true));
  same(x.sort(), sort(x, -1, false));
  check_same(x.argsort(1, true), argsort(x, 1, true));
  same(x.topk(2, 1, false, true), topk(x, 2, 1, false, true));
  same(x.topk(2), topk(x, 2, -1, true, true));
}
