// The operations that arrange, choose and make values.

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: shapes") {
  sweep({
      {"reshape",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(reshape(x, from.shape({3, 2})));
       }},
      {"flatten",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         const std::int64_t start = from.size(1);
         Arguments::use(flatten(x, start, from.size(2)));
       }},
      {"transpose",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         const std::int64_t axis = from.size(1);
         Arguments::use(transpose(x, axis, from.size(2)));
       }},
      {"permute",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(permute(x, from.axes({1, 0})));
       }},
      {"squeeze",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 1});
         Arguments::use(squeeze(x, from.axes({1})));
       }},
      {"unsqueeze",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(unsqueeze(x, from.size(1)));
       }},
      {"unsqueeze",
       [](Arguments& from) {
         Arguments::use(unsqueeze(zeros({1, 1, 1, 1, 1, 1, 1}), from.size(1)));
       }},
      {"expand",
       [](Arguments& from) {
         const Tensor x = from.tensor({1, 3});
         Arguments::use(expand(x, from.shape({2, 3})));
       }},
      {"cat",
       [](Arguments& from) {
         const std::vector<Tensor> list = from.tensors({2, 3});
         Arguments::use(cat(list, from.size(1)));
       }},
      {"stack",
       [](Arguments& from) {
         const std::vector<Tensor> list = from.tensors({2, 3});
         Arguments::use(stack(list, from.size(1)));
       }},
      {"split",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const std::int64_t size = from.size(3);
         Arguments::use(split(x, size, from.size(1)));
       }},
      {"split",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const std::vector<std::int64_t> sizes = from.sizes({1, 3});
         Arguments::use(split(x, sizes, from.size(0)));
       }},
      {"chunk",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const std::int64_t chunks = from.size(3);
         Arguments::use(chunk(x, chunks, from.size(1)));
       }},
      {"slice",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const std::int64_t axis = from.size(1);
         const std::int64_t start = from.size(0);
         const std::int64_t end = from.size(3);
         Arguments::use(slice(x, axis, start, end, from.size(1)));
         Arguments::use(slice(x, axis, start));
       }},
      {"select",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 3});
         const std::int64_t axis = from.size(1);
         Arguments::use(select(x, axis, from.size(1)));
       }},
      {"slice_scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5});
         const Tensor source = from.tensor({2, 2});
         const std::int64_t axis = from.size(1);
         const std::int64_t start = from.size(1);
         const std::int64_t end = from.size(4);
         Arguments::use(slice_scatter(x, source, axis, start, end, from.size(2)));
       }},
      {"select_scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor source = from.tensor({2});
         const std::int64_t axis = from.size(1);
         Arguments::use(select_scatter(x, source, axis, from.size(2)));
       }},
      {"pad",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::vector<std::int64_t> widths = from.sizes({1, 0, 2, 1});
         Arguments::use(pad(x, widths, from.scalar()));
       }},
      {"pad",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::vector<std::int64_t> widths = from.sizes({1, 0});
         const std::string mode = from.text("reflect");
         Arguments::use(pad(x, widths, mode, from.scalar(0)));
       }},
      {"pad",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         Arguments::use(pad(x, from.sizes({1, 0, 2, 1}), "replicate"));
       }},
      {"pad",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3, 4});
         Arguments::use(pad(x, from.sizes({1, 0, -1, 2}), "circular"));
       }},
      {"flip",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(flip(x, from.axes({1})));
       }},
      {"sum_to",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(sum_to(x, from.shape({1, 3})));
       }},
  });
}

TEST_CASE("hostile: indices") {
  sweep({
      {"index_select",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t axis = from.size(1);
         Arguments::use(index_select(x, axis, from.index({4})));
       }},
      {"index_add",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({3});
         const Tensor source = from.tensor({2, 3}, int64);
         Arguments::use(index_add(x, axis, index, source, from.scalar()));
       }},
      {"gather",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::int64_t axis = from.size(1);
         Arguments::use(gather(x, axis, from.index({2, 4})));
       }},
      {"scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({2, 3});
         Arguments::use(scatter(x, axis, index, from.tensor({2, 3}, int64)));
       }},
      {"scatter a number|scatter",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({2, 3});
         Arguments::use(scatter(x, axis, index, from.scalar()));
       }},
      {"scatter_add",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 5}, int64);
         const std::int64_t axis = from.size(1);
         const Tensor index = from.index({2, 3});
         Arguments::use(scatter_add(x, axis, index, from.tensor({2, 3}, int64)));
       }},
  });
}

TEST_CASE("hostile: new tensors") {
  const auto options = [](Arguments& from) {
    TensorOptions result;
    if (from.flag()) result.dtype = int64;
    result.requires_grad = from.flag();
    return result;
  };
  sweep({
      {"empty|requires_grad_|shape",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         empty(shape, options(from));
       }},
      {"zeros|requires_grad_|shape",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         Arguments::use(zeros(shape, options(from)));
       }},
      {"ones|requires_grad_|shape",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         Arguments::use(ones(shape, options(from)));
       }},
      {"full|requires_grad_|shape",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         const Scalar value = from.scalar();
         Arguments::use(full(shape, value, options(from)));
       }},
      {"arange|requires_grad_",
       [=](Arguments& from) {
         const Scalar start = from.scalar(0);
         const Scalar end = from.scalar(9);
         const Scalar step = from.scalar(2);
         Arguments::use(arange(start, end, step, {.dtype = options(from).dtype}));
       }},
      {"arange", [](Arguments& from) { Arguments::use(arange(from.scalar(9))); }},
      {"linspace",
       [=](Arguments& from) {
         const Scalar start = from.scalar(0);
         const Scalar end = from.scalar(9);
         const std::int64_t steps = from.size(5);
         Arguments::use(linspace(start, end, steps, {.dtype = options(from).dtype}));
       }},
      {"eye",
       [](Arguments& from) {
         const std::int64_t n = from.size();
         Arguments::use(eye(n, from.size(3)));
         Arguments::use(eye(n));
       }},
      {"rand|requires_grad_",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         Arguments::use(rand(shape, options(from)));
       }},
      {"randn|requires_grad_",
       [=](Arguments& from) {
         const Shape shape = from.shape({2, 3});
         Arguments::use(randn(shape, options(from)));
       }},
      {"randint",
       [](Arguments& from) {
         const std::int64_t low = from.size(0);
         const std::int64_t high = from.size(9);
         Arguments::use(randint(low, high, from.shape({2, 3})));
       }},
      {"randint below|randint",
       [](Arguments& from) {
         const std::int64_t high = from.size(9);
         Arguments::use(randint(high, from.shape({2, 3})));
       }},
      {"randperm", [](Arguments& from) { Arguments::use(randperm(from.size(9))); }},
      {"from_vector",
       [](Arguments& from) {
         const std::vector<double> values = from.reals({1, 2, 3, 4});
         Arguments::use(
             from_vector(values, from.shape({2, 2}), {.dtype = from.flag() ? int64 : float32}));
       }},
      {"tensor of a vector|tensor",
       [](Arguments& from) {
         const std::vector<double> values = from.reals({1, 2, 3, 4});
         Arguments::use(tensor(values, {.dtype = from.flag() ? int64 : float32}));
       }},
      {"tensor",
       [](Arguments& from) {
         const Scalar a = from.scalar();
         const Scalar b = from.scalar();
         Arguments::use(tensor({a, b}, {.dtype = from.flag() ? int64 : float32}));
       }},
  });
}
