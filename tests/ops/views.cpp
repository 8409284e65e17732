// Tensors that see the memory of others: what shares, how it lies, and what is told where it cannot
// be had.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <cstdint>
#include <functional>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

Tensor counted(const Shape& shape, DType dtype = float64) {
  return arange(0, static_cast<double>(shape.numel()), 1, {.dtype = dtype}).reshape(shape);
}

std::int64_t allocations_of(const std::function<void()>& f) {
  const auto before = memory::statistics().allocations;
  f();
  return memory::statistics().allocations - before;
}

}  // namespace

TEST_CASE("strides are those of the memory that is seen") {
  const Tensor x = counted({2, 3, 4});
  CHECK(x.strides() == Strides{12, 4, 1});
  CHECK(x.is_contiguous());
  CHECK(x.t().strides() == Strides{12, 1, 4});
  CHECK_FALSE(x.t().is_contiguous());
  CHECK(x.permute({2, 0, 1}).strides() == Strides{1, 12, 4});
  CHECK(x.slice(2, 1, 4, 2).strides() == Strides{12, 4, 2});
  CHECK(x.select(1, 2).strides() == Strides{12, 1});
  CHECK(x.slice(0, 1).is_contiguous());
  CHECK(x.slice(1, 0, 2).strides() == Strides{12, 4, 1});
  CHECK_FALSE(x.slice(1, 0, 2).is_contiguous());
  CHECK(x.slice(0, 0, 1).slice(1, 1).is_contiguous());  // an axis of one element has any stride
  CHECK(counted({3, 1}).expand({3, 4}).strides() == Strides{1, 0});
  CHECK(counted({3}).expand({2, 3}).strides() == Strides{0, 1});
  CHECK(x.t().unsqueeze(1).strides() == Strides{12, 12, 1, 4});
  CHECK(x.t().detach().strides() == x.t().strides());
  CHECK(counted({0, 3}).t().is_contiguous());
  CHECK(counted({}).strides() == Strides{});
  CHECK(x.t().contiguous().strides() == Strides{12, 3, 1});
  CHECK(x.contiguous().impl() == x.impl());
  CHECK(equal(x.t().contiguous(), x.t()));
  CHECK(x.t().clone().is_contiguous());
  CHECK(message_of<ValueError>([] { Tensor().strides(); }).starts_with("strides: "));
}

TEST_CASE("views take no memory") {
  const Tensor x = counted({4, 6, 5});
  CHECK(allocations_of([&] {
          x.t();
          x.permute({2, 0, 1});
          x.slice(1, 0, 6, 2);
          x.select(2, 3);
          x.split(2, 1);
          x.chunk(3, -1);
          unbind(x, 1);
          x.unsqueeze(0).expand({3, 4, 6, 5});
          x.t().unsqueeze(1).squeeze();
          x.slice(2, 0, 2).reshape({2, 2, 6, 2});
          x.t().view({2, 2, 5, 6});
          x.slice(1, 0, 2).flatten(0, 0);
        }) == 0);
  CHECK(allocations_of([&] { x.t().reshape({120}); }) == 1);
}

TEST_CASE("reshape shares memory where axes lie evenly, and copies elsewhere") {
  const Tensor x = counted({4, 6});
  struct Case {
    Tensor x;
    Shape shape;
    bool shares;
  };
  const std::vector<Case> cases{
      {x.t(), {6, 2, 2}, true},
      {x.t(), {2, 3, 4}, true},
      {x.t(), {24}, false},
      {x.t(), {4, 6}, false},
      {x.slice(1, 0, 6, 2), {12}, true},
      {x.slice(1, 0, 6, 2), {2, 6}, true},
      {x.slice(1, 1, 6, 2), {4, 3, 1}, true},
      {x.slice(1, 0, 4), {16}, false},
      {x.slice(1, 0, 4), {2, 2, 2, 2}, true},
      {x.slice(0, 0, 4, 3), {2, 1, 6}, true},
      {x.slice(0, 0, 4, 3), {12}, false},
      {x.select(1, 0), {2, 2}, true},
      {x.slice(0, 0, 1).t(), {1, 6}, true},
      {counted({3, 1}).expand({3, 4}), {3, 2, 2}, true},
      {counted({3, 1}).expand({3, 4}), {12}, false},
      {counted({1}).expand({12}), {3, 4}, true},
      {counted({0, 4}).t(), {2, 0}, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.x.shape());
    CAPTURE(c.x.strides());
    CAPTURE(c.shape);
    const Tensor y = c.x.reshape(c.shape);
    CHECK(y.shape() == c.shape);
    CHECK((y.storage() == c.x.storage()) == c.shares);
    CHECK(values(y) == values(c.x));
    if (c.shares)
      CHECK(values(c.x.view(c.shape)) == values(c.x));
    else
      CHECK_THROWS_AS(c.x.view(c.shape), ShapeError);
  }
  CHECK(message_of<ShapeError>([&] { x.t().view({24}); }) ==
        "view: the memory of [6, 4] (strides [1, 6]) cannot be seen as [24]; use reshape, which "
        "copies where it must");
}

TEST_CASE("values that do not lie in a row are not handed out as if they did") {
  const Tensor x = counted({3, 2});
  CHECK(message_of<ValueError>([&] { x.t().data<double>(); }) ==
        "data: this tensor [2, 3] is a view whose values do not lie in row-major order (strides "
        "[1, 2]); take x.contiguous().data<T>()");
  CHECK(message_of<ValueError>([&] {
          x.t().mutable_data<double>();
        }).ends_with("change it with copy_() or fill_()"));
  CHECK(x.t().contiguous().data<double>()[1] == 2);
  CHECK(x.select(1, 1)[2].item() == 5);
  CHECK(x.t().to_vector<int>() == std::vector<int>{0, 2, 4, 1, 3, 5});
  std::ostringstream text;
  text << x.t();
  std::ostringstream same;
  same << x.t().clone();
  CHECK(text.str() == same.str());
}

TEST_CASE("views of every dtype are copied, filled, compared and converted") {
  for (const DType dtype : {float32, float64, int64, boolean}) {
    CAPTURE(dtype);
    const Tensor plain = uniform({5, 7}, 0, 1) > 0.5;
    Tensor x = plain.to(dtype);
    const Tensor turned = x.t();
    CHECK(equal(turned, x.t().clone()));
    CHECK(equal(turned == turned.clone(), ones({7, 5}, {.dtype = boolean})));
    CHECK(values(turned.to(float64)) == values(turned.clone()));
    CHECK(equal(cat({turned, turned}, 1).slice(1, 5), turned));
    CHECK(equal(flip(turned, 0), flip(turned.clone(), 0)));
    CHECK(equal(where(turned == 1, turned, zeros_like(turned)), turned));
    for (const DType from : {float32, float64, int64, boolean}) {
      Tensor target = zeros({7, 5}, {.dtype = dtype});
      target.copy_(plain.to(from).t());
      CHECK(equal(target, turned));
      Tensor across = zeros({5, 7}, {.dtype = dtype});
      across.t().copy_(plain.to(from).t());
      CHECK(equal(across, x));
    }
    x.slice(1, 1, 7, 3).fill_(1);
    CHECK(values(x.select(1, 4)) == std::vector<double>(5, 1));
  }
}

TEST_CASE("reductions of views, whole and along each axis, are those of copies") {
  const Tensor x = normal({4, 5, 6, 3});
  const std::vector<Tensor> views{x.permute({3, 1, 0, 2}),
                                  x.permute({0, 2, 1, 3}),
                                  x.t(),
                                  x.slice(2, 0, 6, 2),
                                  x.slice(1, 1, 3),
                                  x.select(2, 4),
                                  x.slice(3, 0, 1).expand({4, 5, 6, 3})};
  for (const Tensor& view : views)
    for (std::int64_t axis = -1; axis < view.dim(); ++axis) {
      CAPTURE(view.strides());
      CAPTURE(axis);
      const Axes axes = axis < 0 ? Axes{} : Axes{axis};
      const Tensor copy = view.clone();
      CHECK(allclose(view.sum(axes), copy.sum(axes), 1e-13, 1e-13));
      CHECK(allclose(view.var(axes, 1, true), copy.var(axes, 1, true), 1e-12, 0));
      CHECK(equal(view.max(axes), copy.max(axes)));
      CHECK(equal(view.min(axes, true), copy.min(axes, true)));
      CHECK(allclose(view.logsumexp(axes), copy.logsumexp(axes), 1e-13, 0));
      CHECK(view.sum(axes, true).is_contiguous());
      if (axis >= 0) CHECK(equal(view.argmax(axis), copy.argmax(axis)));
      if (axis >= 0 && view.dim() > 1)
        CHECK(allclose(view.mean({axis, (axis + 1) % view.dim()}),
                       copy.mean({axis, (axis + 1) % view.dim()}), 1e-13, 1e-13));
    }
}

TEST_CASE("transposed factors are multiplied where they lie") {
  const Tensor q = normal({2, 3, 5, 4}, 1);
  const Tensor k = normal({2, 3, 7, 4}, 2);
  const Tensor by_copies = matmul(q, k.transpose(-1, -2).clone());
  for (const DType dtype : {float64, float32}) {
    const Tensor a = q.to(dtype);
    const Tensor b = k.to(dtype);
    const auto close = [&](const Tensor& y, const Tensor& right) {
      return allclose(y.to(float64), right, 0, dtype == float32 ? 1e-5 : 1e-12);
    };
    CHECK(close(matmul(a, b.transpose(-1, -2)), by_copies));
    CHECK(allocations_of([&] { matmul(a, b.transpose(-1, -2)); }) == 1);
    CHECK(close(matmul(b, a.transpose(-1, -2)).transpose(-1, -2), by_copies));
    // Heads beside each other, as attention has them.
    const Tensor beside = a.permute({0, 2, 1, 3}).contiguous().permute({0, 2, 1, 3});
    CHECK(close(matmul(beside, b.transpose(-1, -2)), by_copies));
    CHECK(allocations_of([&] { matmul(beside, b.transpose(-1, -2)); }) == 1);
    CHECK(close(matmul(a.slice(-1, 0, 4, 3), b.slice(-1, 0, 4, 3).transpose(-1, -2)),
                matmul(q.slice(-1, 0, 4, 3).clone(), k.slice(-1, 0, 4, 3).t().clone())));
    // One matrix for the whole batch, in rows, in columns, repeated.
    const Tensor w = k[0][0].to(dtype);
    CHECK(close(matmul(beside, w.t()), matmul(q, k[0][0].t().clone())));
    CHECK(close(matmul(a, w.t().expand({2, 3, 4, 7})), matmul(q, k[0][0].t().clone())));
    CHECK(close(matmul(w, a.transpose(-1, -2)), matmul(k[0][0], q.transpose(-1, -2).clone())));
    CHECK(close(linear(w.slice(0, 0, 7, 2), a[0][0].slice(0, 0, 5, 2)),
                matmul(k[0][0].slice(0, 0, 7, 2).clone(), q[0][0].slice(0, 0, 5, 2).t().clone())));
    CHECK(close(linear(w.t().slice(0, 0, 2), normal({3, 7}, 3).to(dtype)),
                matmul(k[0][0].t().slice(0, 0, 2).clone(), normal({3, 7}, 3).t().clone())));
  }
}

TEST_CASE(
    "the gradient of a transposed factor lies as the factor, so that undoing it copies nothing") {
  const Tensor x = normal({5, 4}, 1).to(float32);
  Tensor w = normal({3, 4}, 2).to(float32).requires_grad_();
  const Tensor y = matmul(x, w.t());
  const Tensor dy = normal({5, 3}, 3).to(float32);
  CHECK(allocations_of([&] { y.backward(dy); }) == 1);
  CHECK(w.grad().is_contiguous());
  CHECK(allclose(w.grad(), matmul(dy.t().clone(), x), 1e-5, 1e-6));
}

TEST_CASE("leaves that are views are trained; what is kept for long is contiguous") {
  const Tensor memory = normal({4, 3}).to(float32);
  Tensor x = memory.t().detach().requires_grad_();
  (x * x).sum().backward();
  CHECK(equal(x.grad(), x.detach() * 2));
  CHECK(x.grad().is_contiguous());
  CHECK(message_of<ValueError>([&] {
          optim::SGD(std::vector{x}, {.lr = 0.1});
        }).ends_with("(strides [1, 3]); train a clone() of it"));

  Tensor leaf = memory.clone().requires_grad_();
  leaf.set_grad(memory.t().contiguous().t());
  optim::SGD sgd(std::vector{leaf}, {.lr = 0.5});
  CHECK(optim::clip_grad_norm_({leaf}, 1e9) > 0);
  sgd.step();
  CHECK(allclose(leaf.detach(), memory * 0.5, 1e-6, 0));

  nn::Linear layer{2, 2};
  const nn::Buffer view = layer.add_buffer("view", memory.t());
  const nn::Parameter other = layer.add_parameter("other", memory.t());
  for (const auto& named : layer.state_dict()) {
    CAPTURE(named.first);
    const Tensor& value = named.second;
    CHECK(value.is_contiguous());
    if (value.dim() == 2 && value.size(1) == 4) CHECK(equal(value.detach(), memory.t()));
  }
}

TEST_CASE("images in blocks are seen in another order of the same extents") {
  const Tensor x = normal({32, 32, 4, 4}, 1).to(float32);
  const Tensor weight = normal({32, 32, 3, 3}, 2).to(float32) * 0.1;
  const Tensor y = conv2d(x, weight, {}, {.padding = 1});
  const Tensor rows = y.clone();
  for (const Axes& axes : {Axes{0, 1, 3, 2}, Axes{1, 0, 2, 3}}) {
    CAPTURE(axes);
    CHECK(equal(relu(y.permute(axes)), relu(rows.permute(axes).contiguous())));
    CHECK(equal(max_pool2d(y.permute(axes), 2), max_pool2d(rows.permute(axes).contiguous(), 2)));
    CHECK(allclose(conv2d(y.permute(axes), weight), conv2d(rows.permute(axes).contiguous(), weight),
                   1e-5, 1e-5));
  }
}

TEST_CASE("the gradient of a part is added to one that came as a view") {
  const Tensor x = counted({3, 4}).requires_grad_();
  const Tensor part = x[0] * 2;  // after the other in the pass
  const Tensor turned = x.t() * 3;
  (part.sum() + turned.sum()).backward();
  CHECK(values(x.grad()) == std::vector<double>{5, 5, 5, 5, 3, 3, 3, 3, 3, 3, 3, 3});
}

TEST_CASE("initialisers fill views") {
  Tensor wide = zeros({6, 4});
  Generator generator(4);
  nn::init::uniform_(wide.slice(0, 0, 6, 2).t(), 1, 2, &generator);
  CHECK(values(wide.slice(0, 1, 6, 2)) == std::vector<double>(12, 0));
  CHECK(min(wide.slice(0, 0, 6, 2)).item() >= 1);
  Tensor kernels = zeros({3, 3, 2, 3});
  nn::init::dirac_(kernels.permute({1, 0, 3, 2}));
  CHECK(kernels.sum().item() == 3);
  CHECK(kernels[2][2][1][1].item() == 1);
}
