#include <xgrad/nn/nn.hpp>

#include "support.hpp"

using namespace support;

namespace {

struct Inner : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{2, 2});
  nn::Parameter gain = add_parameter("gain", ones({2}));
  Tensor forward(const Tensor& x) override { return fc(x) * gain; }
};

struct Outer : nn::Module {
  Inner inner = add("inner", Inner{});
  nn::Sequential rest = add("rest", nn::Sequential{inner.fc, nn::ReLU{}});
  int width = 3;
  Tensor forward(const Tensor& x) override { return rest(inner(x)); }
};

}  // namespace

TEST_CASE("a clone has its own parameters, and what was shared inside stays shared") {
  Outer net;
  net.width = 5;
  net.inner.eval();
  Outer copy = nn::clone(net);
  const Tensor x = normal({3, 2}).to(float32);
  CHECK(equal(copy(x), net(x)));
  CHECK(copy.width == 5);
  CHECK_FALSE(copy.inner.is_training());
  CHECK(copy.parameters().size() == net.parameters().size());
  const Tensor before = net(x);
  no_grad([&] {
    copy.inner.fc.weight.fill_(0.5);  // the member, the registered part and the shared use are one
    copy.inner.gain.fill_(2);
  });
  CHECK(equal(net(x), before));
  CHECK_FALSE(equal(copy(x), before));
  copy(x).sum().backward();
  CHECK(copy.inner.fc.weight.grad().defined());
  CHECK_FALSE(net.inner.fc.weight.grad().defined());
  CHECK(copy.inner.fc.weight.requires_grad());
  CHECK(copy.inner.fc.weight.name() == net.inner.fc.weight.name());
}

TEST_CASE("copying outside of clone still shares") {
  Outer net;
  { Outer copy = nn::clone(net); }
  Outer same = net;
  CHECK(same.parameters()[0].impl() == net.parameters()[0].impl());
}
