#include "support.hpp"

using namespace support;

TEST_CASE("a tensor is a handle: copies share values, clones do not") {
  Tensor x = tensor({1., 2.});
  Tensor same = x;
  Tensor copy = x.clone();
  x.mutable_data<float>()[0] = 9;
  CHECK(same.data<float>()[0] == 9);
  CHECK(copy.data<float>()[0] == 1);
  CHECK(x.reshape({2, 1}).data<float>()[0] == 9);
}

TEST_CASE("reading values") {
  CHECK(tensor(2.5).item() == 2.5);
  CHECK(tensor({7}).item<int>() == 7);
  CHECK(tensor({true}).item<bool>());
  CHECK(tensor({1, 2}).size(-1) == 2);
  CHECK(tensor({1., 2.}).to_vector<float>() == std::vector<float>{1, 2});
  CHECK(message_of<DTypeError>([] {
          tensor({1, 2}).data<float>();
        }) == "data: the tensor [2] holds int64, not float32");
  CHECK(message_of<ShapeError>([] {
          tensor({1, 2}).item();
        }) == "item: the tensor [2] has 2 elements, not one");
  CHECK(message_of<ValueError>([] {
          Tensor().shape();
        }).starts_with("shape: this tensor is undefined"));
  CHECK_FALSE(Tensor().defined());
}

TEST_CASE("changes in place") {
  Tensor x = zeros({2});
  x.fill_(3);
  CHECK(values(x) == std::vector<double>{3, 3});
  x.copy_(tensor({1, 2}));
  CHECK(values(x) == std::vector<double>{1, 2});
  CHECK(message_of<ShapeError>([&] {
          x.copy_(tensor({1}));
        }).starts_with("copy_: source has shape [1]"));
  x.requires_grad_();
  CHECK(message_of<GraphError>([&] { x.zero_(); }).starts_with("zero_: would change a tensor [2]"));
  no_grad([&] { x.zero_(); });
  CHECK(values(x) == std::vector<double>{0, 0});
}

TEST_CASE("what carries gradients") {
  CHECK(message_of<DTypeError>([] {
          tensor({1, 2}).requires_grad_();
        }) == "requires_grad_: only floating tensors carry gradients, got int64");
  const Tensor x = tensor({1.}, {.requires_grad = true});
  Tensor y = x * 2;
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  CHECK_FALSE(y.detach().requires_grad());
  CHECK(y.detach().data<float>() == y.data<float>());
  CHECK(message_of<GraphError>([&] {
          y.requires_grad_(false);
        }).starts_with("requires_grad_: this tensor [1] is a result of mul"));
  CHECK_FALSE(no_grad([&] { return x * 2; }).requires_grad());
  CHECK_FALSE((x > 0).requires_grad());
  const NoGradGuard guard;
  CHECK_FALSE((x * 2).requires_grad());
  const EnableGradGuard inner;
  CHECK((x * 2).requires_grad());
}

TEST_CASE("set_grad and set_data check what they are given") {
  Tensor x = tensor({1., 2.}, {.requires_grad = true});
  CHECK(message_of<ShapeError>([&] { x.set_grad(zeros({3})); }) ==
        "set_grad: the gradient has shape [3], its tensor [2]");
  CHECK_THROWS_AS(x.set_grad(zeros({2}, {.dtype = float64})), DTypeError);
  x.set_grad(ones({2}));
  CHECK(values(x.grad()) == std::vector<double>{1, 1});
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
  Tensor copy = x;
  x.set_data(tensor({5., 6., 7.}));
  CHECK(copy.numel() == 3);
  CHECK_THROWS_AS(x.set_data(tensor({1, 2})), DTypeError);
  Tensor y = x * 2;
  CHECK_THROWS_AS(y.set_data(x), GraphError);
}

TEST_CASE("set_data takes over all of a tensor: where it begins, its shape and its dtype") {
  Tensor x = tensor({1., 2.}, {.requires_grad = true});
  const Tensor whole = arange(12).to(float64).reshape({4, 3});
  x.set_data(whole.slice(0, 1, 3));
  CHECK(x.dtype() == float64);
  CHECK(x.numel() == 6);
  CHECK(x.shape() == Shape{2, 3});
  CHECK(values(x) == std::vector<double>{3, 4, 5, 6, 7, 8});
  CHECK(values((x * 2).detach()) == std::vector<double>{6, 8, 10, 12, 14, 16});
  // From a part to a whole, and on to a part of that: nothing is left of what was before.
  x.set_data(tensor({1., 2.}));
  CHECK(values(x) == std::vector<double>{1, 2});
  x.set_data(whole[3]);
  x.set_data(x.detach().slice(0, 1));
  CHECK(values(x) == std::vector<double>{10, 11});
  // It shares the memory.
  no_grad([&] { x.fill_(7); });
  CHECK(values(whole[3]) == std::vector<double>{9, 7, 7});
}
