#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/sgd.hpp>

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

TEST_CASE("a step on the clone's parameters() changes what the clone gives, and nothing else") {
  const Outer net;
  Outer copy = nn::clone(net);
  Outer original = net;
  const Tensor x = normal({3, 2}).to(float32);
  const Tensor before = no_grad([&] { return original(x); }).clone();
  copy(x).square().sum().backward();
  // Each tensor once, and each of them a member that forward() computes with.
  std::vector<Tensor> members{copy.inner.gain, copy.inner.fc.weight, copy.inner.fc.bias};
  REQUIRE(copy.parameters().size() == members.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    CHECK(copy.parameters()[i].impl() == members[i].impl());
  optim::SGD optimizer(copy.parameters(), {.lr = 0.5});
  optimizer.step();
  CHECK(equal(no_grad([&] { return original(x); }), before));
  const Tensor after = no_grad([&] { return copy(x); });
  CHECK_FALSE(equal(after, before));
  const Tensor hidden =
      linear(x, copy.parameters()[1], copy.parameters()[2]) * copy.parameters()[0];
  CHECK(equal(after, relu(linear(hidden, copy.parameters()[1], copy.parameters()[2])).detach()));
}

TEST_CASE("a clone has the values and not the gradients") {
  Outer net;
  net(normal({3, 2}).to(float32)).sum().backward();
  net.inner.gain.requires_grad_(false);
  const Outer copy = nn::clone(net);
  for (const Tensor& x : copy.parameters()) CHECK_FALSE(x.grad().defined());
  CHECK(net.inner.fc.weight.grad().defined());
  CHECK_FALSE(copy.inner.gain.requires_grad());
}
