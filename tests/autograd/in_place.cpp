#include <xgrad/ops/rules.hpp>

#include <functional>

#include "support.hpp"

using namespace support;

namespace {

Tensor counted(const Shape& shape, DType dtype = float64) {
  return arange(0, static_cast<double>(shape.numel()), 1, {.dtype = dtype}).reshape(shape);
}

using View = std::function<Tensor(const Tensor&)>;

struct Part {
  const char* name;
  View of;
};

// What a user of other frameworks takes for a view.
const std::vector<Part> parts{
    {"[i]", [](const Tensor& x) { return x[1]; }},
    {"select of the first axis", [](const Tensor& x) { return x.select(0, 1); }},
    {"select", [](const Tensor& x) { return x.select(1, 2); }},
    {"slice of the first axis", [](const Tensor& x) { return x.slice(0, 1, 3); }},
    {"slice in steps", [](const Tensor& x) { return x.slice(0, 0, 3, 2); }},
    {"slice in steps of one element", [](const Tensor& x) { return x.slice(0, 1, 2, 2); }},
    {"slice", [](const Tensor& x) { return x.slice(1, 0, 4, 2); }},
    {"split of the first axis", [](const Tensor& x) { return x.split(2)[1]; }},
    {"split", [](const Tensor& x) { return x.split(2, 1)[0]; }},
    {"chunk", [](const Tensor& x) { return x.chunk(2, 1)[1]; }},
    {"unbind", [](const Tensor& x) { return unbind(x, 1)[3]; }},
    {"t", [](const Tensor& x) { return x.t(); }},
    {"transpose", [](const Tensor& x) { return x.transpose(0, 1); }},
    {"permute",
     [](const Tensor& x) {
       return x.reshape({3, 2, 2}).permute({2, 0, 1});
     }},
    {"permute that moves nothing",
     [](const Tensor& x) {
       return x.permute({0, 1});
     }},
    {"expand to its own shape",
     [](const Tensor& x) {
       return x.expand({3, 4});
     }},
    {"reshape",
     [](const Tensor& x) {
       return x.reshape({4, 3});
     }},
    {"reshape of a slice",
     [](const Tensor& x) {
       return x.slice(1, 0, 2).reshape({3, 1, 2});
     }},
    {"view of t",
     [](const Tensor& x) {
       return x.t().view({2, 2, 3});
     }},
    {"unsqueeze of t", [](const Tensor& x) { return x.t().unsqueeze(0).detach(); }},
    {"flatten", [](const Tensor& x) { return x.flatten(); }},
    {"squeeze", [](const Tensor& x) { return x.squeeze(); }},
    {"detach", [](const Tensor& x) { return x.detach(); }},
};

struct Change {
  const char* name;
  std::function<void(Tensor)> apply;
};

const std::vector<Change> changes{
    {"fill_", [](Tensor y) { y.fill_(-7); }},
    {"zero_", [](Tensor y) { y.zero_(); }},
    {"copy_", [](Tensor y) { y.copy_(full(y.shape(), -7, {.dtype = y.dtype()})); }},
    {"operator=", [](Tensor y) { y.unsqueeze(0) = -7; }},
};

}  // namespace

TEST_CASE("a change of a part changes the same values of the whole, and no others") {
  for (const Part& part : parts)
    for (const Change& change : changes) {
      CAPTURE(std::string(part.name));
      CAPTURE(std::string(change.name));
      const Tensor x = counted({3, 4});
      std::vector<double> expected = values(x);
      for (const double place : values(part.of(x))) expected[static_cast<std::size_t>(place)] = -7;
      if (std::string(change.name) == "zero_")
        for (double& value : expected) value = value == -7 ? 0 : value;
      change.apply(part.of(x));
      CHECK(values(x) == expected);
      change.apply(part.of(x).clone());  // a tensor of its own
      CHECK(values(x) == expected);
    }
}

TEST_CASE("what several elements share is not changed") {
  const Tensor x = counted({3, 1});
  for (const Change& change : changes) {
    CAPTURE(std::string(change.name));
    CHECK_THROWS_AS(change.apply(x.expand({3, 4})), ValueError);
    CHECK_THROWS_AS(change.apply(x.expand({2, 3, 1}).select(1, 0)), ValueError);
    change.apply(x.expand({2, 3, 1}).select(0, 1).clone());
  }
  CHECK(equal(x, counted({3, 1})));
  CHECK(message_of<ValueError>([&] {
          x.expand({3, 4}).fill_(7);
        }) ==
        "fill_: several elements of this tensor [3, 4] lie in one place in memory (strides [1, "
        "0]), as expand() makes them; change a clone() of it");
  x.expand({2, 3, 1}).select(0, 1).fill_(7);  // one of the two alone
  CHECK(values(x) == std::vector<double>{7, 7, 7});
}

TEST_CASE("the tape counts what changes through a view") {
  for (const Part& part : parts) {
    CAPTURE(std::string(part.name));
    const Tensor x = counted({3, 4});
    Tensor w = counted({3, 4}).requires_grad_();
    const Tensor y = (w * x).sum();
    part.of(x).zero_();
    CHECK_THROWS_AS(y.backward(), GraphError);
    const Tensor v = part.of(x);
    const Tensor z = (part.of(w) * v).sum();
    x.zero_();
    CHECK_THROWS_AS(z.backward(), GraphError);
  }
}

TEST_CASE("results computed from parts, trained leaves and gradients are tensors of their own") {
  const Tensor x = counted({3, 4}).requires_grad_();
  const NoGradGuard guard;
  relu(x.t()).fill_(1);  // computed in the memory of the copy
  (x.t() + 1).zero_();
  xgrad::detail::mask_positive(x.t(), x.t()).zero_();
  Tensor w = x.detach().t();
  w.requires_grad_();
  w.fill_(2);
  {
    const EnableGradGuard again;
    (x.t() * 2).sum().backward();
    x.t().backward(ones({4, 3}, {.dtype = float64}));
    const Tensor g = grad(x.t().slice(1, 0, 2).sum(), x);
    g.detach().fill_(0);
  }
  x.grad().fill_(0);
}

TEST_CASE("what got other data is no part of what it was") {
  const Tensor x = counted({3, 4});
  Tensor part = x.t();
  part.set_data(counted({2, 2}));
  CHECK(part.strides() == Strides{2, 1});
  CHECK(values(part) == std::vector<double>{0, 1, 2, 3});
  part.fill_(1);
  CHECK(values(part) == std::vector<double>{1, 1, 1, 1});
  CHECK(equal(x, counted({3, 4})));
}

TEST_CASE("the tape notices a leaf that got another part or order of its own memory") {
  for (const View& view :
       {View([](const Tensor& x) { return x.t(); }), View([](const Tensor& x) { return x[1]; }),
        View([](const Tensor& x) { return x.slice(0, 0, 1); }), View([](const Tensor& x) {
          return x.reshape({1, 4}).expand({2, 4}).slice(1, 0, 2);
        })}) {
    const Tensor x = counted({2, 2}).requires_grad_();
    const Tensor y = (x * x).sum();
    x.set_data(view(x.detach()));
    CHECK_THROWS_AS(y.backward(), GraphError);
  }
  const Tensor x = counted({2, 2}).requires_grad_();
  const Tensor y = (x * x).sum();
  x.set_data(x.detach());  // the same
  y.backward();
  CHECK(values(x.grad()) == std::vector<double>{0, 2, 4, 6});
}

TEST_CASE("a leaf that was given up is still what its node says") {
  Tensor x = tensor({-1., 2.}, {.requires_grad = true});
  const Tensor y = relu(std::move(x));
  CHECK(values(y.detach()) == std::vector<double>{0, 2});
  CHECK(values(y.grad_fn()->edges()[0].leaf.detach()) == std::vector<double>{-1, 2});
}

TEST_CASE("parts of images in blocks are copied onto each other") {
  Generator generator(3);
  const Tensor images = randn({3, 16, 5, 4}, {.generator = &generator});
  const Tensor kernel = randn({32, 16, 3, 3}, {.generator = &generator});
  Tensor y = conv2d(images, kernel, {}, {.padding = 1});
  const Tensor before = y.to(float64).clone();
  y[0].copy_(y[2]);
  CHECK(equal(y[0].to(float64), before[2]));
  CHECK(equal(y.slice(0, 1).to(float64), before.slice(0, 1)));
}

TEST_CASE("assigning to a part changes the whole") {
  const Tensor x = counted({3, 4});
  x[0] = tensor({9., 8., 7., 6.});
  CHECK(values(x[0]) == std::vector<double>{9, 8, 7, 6});
  x[1] = 5;
  CHECK(values(x[1]) == std::vector<double>{5, 5, 5, 5});
  x[2][3] = -1.5;
  CHECK(x[2][3].item() == -1.5);
  x.slice(0, 0, 2) = zeros({2, 4});  // converted, as by copy_()
  CHECK(values(x[1]) == std::vector<double>{0, 0, 0, 0});
  x.select(1, 0) = tensor({1., 2., 3.});
  CHECK(values(x.t()[0]) == std::vector<double>{1, 2, 3});
  CHECK_THROWS_AS((x[0] = zeros({3})), ShapeError);
  CHECK_THROWS_AS((x[0] = Tensor()), ValueError);
  Tensor y = x[0];
  y = zeros({2});  // a name is another handle, nothing is copied
  CHECK(y.shape() == Shape{2});
  CHECK(x.shape() == Shape{3, 4});
}

TEST_CASE("a copy in place never loses a gradient in silence") {
  const Tensor w = tensor({1., 2.}, {.requires_grad = true});
  Tensor out = zeros({2, 2}, {.dtype = float64});
  CHECK(message_of<GraphError>([&] { out[0] = w * 2; }) ==
        "copy_: the source [2] requires a gradient, and changes in place are not recorded; put "
        "results together with cat, stack or where, or copy source.detach()");
  out[0] = (w * 2).detach();
  no_grad([&] { out[1].copy_(w); });
  CHECK(values(out) == std::vector<double>{2, 4, 1, 2});
}

TEST_CASE("parts of one tensor that overlap are copied as if apart") {
  for (const DType dtype : {float32, float64, int64}) {
    Tensor x = counted({10}, dtype);
    x.slice(0, 1).copy_(x.slice(0, 0, 9));
    CHECK(values(x) == std::vector<double>{0, 0, 1, 2, 3, 4, 5, 6, 7, 8});
    x = counted({10}, dtype);
    x.slice(0, 0, 9).copy_(x.slice(0, 1));
    CHECK(values(x) == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 9});
    x.reshape({2, 5}).t().copy_(x.reshape({5, 2}));
    CHECK(values(x) == std::vector<double>{1, 3, 5, 7, 9, 2, 4, 6, 8, 9});
    x.slice(0, 0, 9, 2).copy_(x.slice(0, 0, 5));
    CHECK(values(x) == std::vector<double>{1, 3, 3, 7, 5, 2, 7, 6, 9, 9});
    x = from_vector(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 9}).to(dtype);
    x.copy_(x);
    CHECK(values(x) == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 9});
  }
  // Images that convolution left in blocks of channels are taken out of them by the change.
  const Tensor y = conv2d(ones({2, 32, 8, 8}), ones({32, 32, 3, 3}), {}, {.padding = 1});
  const Tensor expected = y[1].clone();
  const Tensor other = conv2d(zeros({2, 32, 8, 8}), ones({32, 32, 3, 3}), {}, {.padding = 1});
  other[0] = y[1];
  CHECK(equal(other[0], expected));
  y.detach().copy_(y);
  y[0] = y[1];
  CHECK(equal(y[0], expected));
}
