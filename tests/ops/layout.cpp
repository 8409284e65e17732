// Images in blocks of channels: nobody may notice but by the speed.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/rules.hpp>

#include "support.hpp"

using namespace support;

namespace {

Tensor images(std::int64_t channels = 32) { return normal({2, channels, 6, 6}).to(float32); }

/// The same values, in blocks.
Tensor in_blocks(const Tensor& x) { return arranged(x, Layout::blocked); }

void check_same(const char* what, const std::function<Tensor(const Tensor&)>& f) {
  CAPTURE(std::string(what));
  const Tensor plain = images().requires_grad_();
  const Tensor y = f(plain);
  const Tensor dy = normal(y.shape(), 5).to(float32);
  const Tensor dx = grad(y, plain, {.grad_outputs = {dy}});

  const Tensor blocked = in_blocks(images()).requires_grad_();
  REQUIRE(layout_of(blocked) == Layout::blocked);
  const Tensor y2 = f(blocked);
  CHECK(allclose(y2.detach(), y.detach(), 1e-6, 1e-6));
  CHECK(allclose(grad(y2, blocked, {.grad_outputs = {dy}}), dx, 1e-5, 1e-5));
}

}  // namespace

TEST_CASE("operations on images in blocks give what they give on rows") {
  const Tensor other = normal({2, 32, 6, 6}, 2).to(float32);
  const Tensor column = normal({32, 1, 1}, 3).to(float32);
  const Tensor weight = normal({16, 32, 3, 3}, 4).to(float32);
  const Tensor gain = normal({32}, 6).to(float32);
  check_same("relu", [](const Tensor& x) { return relu(x); });
  check_same("exp", [](const Tensor& x) { return exp(x); });
  check_same("add", [&](const Tensor& x) { return x + other; });
  check_same("mul by itself", [](const Tensor& x) { return x * x; });
  check_same("mul, broadcast", [&](const Tensor& x) { return x * column; });
  check_same("gelu", [](const Tensor& x) { return gelu(x); });
  check_same("two uses, whose gradients meet", [&](const Tensor& x) { return relu(x) + exp(x); });
  check_same("max_pool2d", [](const Tensor& x) { return max_pool2d(x, 2); });
  check_same("max_pool2d, overlapping",
             [](const Tensor& x) { return max_pool2d(x, 3, {.stride = 2, .padding = 1}); });
  check_same("avg_pool2d", [](const Tensor& x) { return avg_pool2d(x, 2); });
  check_same("batch_norm", [&](const Tensor& x) {
    return batch_norm(x, {}, {}, gain, gain, {.training = true});
  });
  check_same("conv2d", [&](const Tensor& x) { return conv2d(x, weight, {}, {.padding = 1}); });
  check_same("sum of channels", [](const Tensor& x) { return sum(x, {0, 2, 3}); });
  check_same("sum of everything", [](const Tensor& x) { return sum(x); });
  check_same("flatten", [](const Tensor& x) { return x.flatten(1); });
  check_same("reshape to other images", [](const Tensor& x) {
    return relu(x.reshape({4, 16, 6, 6}));
  });
  check_same("permute", [](const Tensor& x) { return x.permute({1, 0, 3, 2}); });
  check_same("slice", [](const Tensor& x) { return relu(x.slice(0, 1)); });
  check_same("softmax", [](const Tensor& x) { return softmax(x, 1); });
}

TEST_CASE("a chain of layers keeps the blocks and a view of them has its own values") {
  const Tensor weight = normal({32, 32, 3, 3}, 4).to(float32);
  const Tensor y = max_pool2d(relu(conv2d(images(), weight, {}, {.padding = 1})), 2);
  const Tensor exact =
      max_pool2d(relu(conv2d(images().to(float64), weight.to(float64), {}, {.padding = 1})), 2);
  CHECK(allclose(y.to(float64), exact, 1e-5, 1e-5));
  // One image is part of a storage; three axes are no images.
  CHECK(allclose(relu(y.slice(0, 1, 2)).to(float64), exact.slice(0, 1, 2), 1e-5, 1e-5));
  CHECK(allclose(relu(y[1]).to(float64), exact[1], 1e-5, 1e-5));
}

TEST_CASE("a change in place is seen in every view, and by the tape") {
  Tensor x = in_blocks(images());
  const Tensor before = images();
  const Tensor flat = x.flatten();
  CHECK(equal(flat, before.flatten()));
  x.mutable_data<float>()[7] = 42;
  CHECK(layout_of(x) == Layout::plain);
  CHECK(flat.data<float>()[7] == 42);
  CHECK(relu(x).data<float>()[7] == 42);

  // Blocks that were copied from rows are forgotten with them.
  Tensor rows = images();
  CHECK(equal(in_blocks(rows), before));
  rows.fill_(3);
  CHECK(equal(in_blocks(rows), zeros({2, 32, 6, 6}) + 3));

  const Tensor leaf = images().requires_grad_();
  Tensor saved_input = in_blocks(images());
  const Tensor product = leaf * saved_input;
  saved_input.fill_(0);
  CHECK_THROWS_AS(product.sum().backward(), GraphError);
}

TEST_CASE("channels that fill no block stay in rows") {
  CHECK_FALSE(blockable({2, 12, 4, 4}, float32));
  CHECK_FALSE(blockable({2, 32, 4, 4}, float64));
  CHECK_FALSE(blockable({0, 32, 4, 4}, float32));
  CHECK_FALSE(blockable({32, 4, 4}, float32));
  CHECK(blockable({2, 32, 4, 4}, float32));
}

TEST_CASE("blocks of one tensor are copied once") {
  const Tensor x = images();
  const auto before = memory::statistics().allocations;
  const Tensor first = in_blocks(x);
  const Tensor second = in_blocks(x);
  CHECK(first.storage().get() == second.storage().get());
  CHECK(memory::statistics().allocations == before + 1);
}

TEST_CASE("an operation on a temporary may work in its memory, where nobody sees it") {
  const Tensor x = normal({2, 3}).requires_grad_();
  const auto fresh = [&] { return x * 2; };
  Tensor once = fresh();
  const auto* memory = once.storage().get();
  const Tensor y = relu(std::move(once));
  CHECK(y.storage().get() == memory);
  CHECK(equal(y.detach(), relu(fresh()).detach()));
  CHECK(equal(grad(y.sum(), x), grad(relu(std::as_const(once = fresh())).sum(), x)));

  Tensor held = fresh();
  const Tensor copy = held;
  CHECK(relu(std::move(held)).storage().get() != copy.storage().get());
  CHECK(equal(copy.detach(), fresh().detach()));
  const Tensor view = copy.detach();
  CHECK(relu(copy.reshape({6})).storage().get() != view.storage().get());

  // exp needs its result for the backward pass.
  CHECK(gradcheck([](const Tensor& v) { return relu(exp(v) - 1); }, {x}));
  CHECK(gradcheck([](const Tensor& v) { return relu(exp(v)); }, {x}));
  const Tensor leaf = normal({3}).requires_grad_();
  Tensor moved = leaf;
  relu(std::move(moved));
  CHECK(equal(leaf.detach(), normal({3})));
}

TEST_CASE("work in a temporary's memory is seen in either order of its values") {
  Tensor x = in_blocks(images());
  const Tensor exact = relu(images());
  x.data<float>();  // makes the copy in rows
  const Tensor y = relu(std::move(x));
  CHECK(equal(y, exact));
}

TEST_CASE("a gradient that something else holds is not computed over") {
  const Tensor x = normal({4}).requires_grad_();
  Tensor middle = x * 1;
  Tensor y = relu(middle);
  middle.retain_grad();
  y.retain_grad();
  const Tensor given = normal({4}, 2);
  y.backward(given);
  CHECK(equal(given, normal({4}, 2)));
  CHECK(equal(y.grad(), given));
  CHECK(equal(middle.grad(), xgrad::detail::mask_positive(given, y.detach())));
  Tensor seen;
  const Tensor z = relu(x * 1);
  const auto handle = z.grad_fn()->register_hook(
      [&](std::vector<Tensor>&, std::span<const Tensor> dys) { seen = dys[0].clone(); });
  (z * 3).sum().backward();
  CHECK(values(seen) == std::vector<double>{3, 3, 3, 3});
}
