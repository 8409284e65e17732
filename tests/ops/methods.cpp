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
      check_same(x.logsumexp(axes, keepdim), logsumexp(x, axes, keepdim));
    }
  for (const bool keepdim : {false, true}) {
    check_same(x.argmax(1, keepdim), argmax(x, 1, keepdim));
    check_same(x.argmin(1, keepdim), argmin(x, 1, keepdim));
  }
  check_same(x.softmax(1), softmax(x, 1));
  check_same(x.log_softmax(1), log_softmax(x, 1));
  check_same(x.matmul(x.transpose(1, 2)), matmul(x, transpose(x, 1, 2)));
}
