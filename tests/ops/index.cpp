#include <array>
#include <limits>
#include <string>

#include "support.hpp"

using namespace support;

TEST_CASE("indexing by hand") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  CHECK(values(index_select(x, 1, tensor({2, 0, 2}))) == std::vector<double>{3, 1, 3, 6, 4, 6});
  CHECK(values(gather(x, 1, tensor({{2, 0}, {1, 1}}))) == std::vector<double>{3, 1, 5, 5});
  CHECK(values(gather(x, 0, tensor({{1, 0, 1}}))) == std::vector<double>{4, 2, 6});
}

TEST_CASE("what is put or added at an index, by hand") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  const Tensor twice = tensor({{2, 2}});
  const Tensor source = tensor({{10., 20.}});
  CHECK(values(index_add(x, 1, tensor({1, 1}), tensor({{1., 2.}, {3., 4.}}))) ==
        std::vector<double>{1, 5, 3, 4, 12, 6});
  CHECK(values(index_add(x, 0, tensor({1}), tensor({{1., 2., 3.}}), -2)) ==
        std::vector<double>{1, 2, 3, 2, 1, 0});
  CHECK(values(scatter_add(x, 1, twice, source)) == std::vector<double>{1, 2, 33, 4, 5, 6});
  CHECK(values(scatter(x, 1, twice, source)) == std::vector<double>{1, 2, 20, 4, 5, 6});
  CHECK(values(scatter(x, -1, twice, 7)) == std::vector<double>{1, 2, 7, 4, 5, 6});
  // Of a larger source the leading part is taken, as PyTorch does.
  CHECK(values(scatter(x, 0, tensor({{1, 0}}), x)) == std::vector<double>{1, 2, 3, 1, 5, 6});
  // x stays as it was; a temporary is changed where it lies.
  CHECK(values(x) == std::vector<double>{1, 2, 3, 4, 5, 6});
  Tensor own = x * 1;
  const auto* const memory = own.data<float>();
  CHECK(scatter(std::move(own), 1, twice, source).data<float>() == memory);
  CHECK(values(scatter(tensor({true, false}), 0, tensor({1}), tensor({true}))) ==
        std::vector<double>{1, 1});
  CHECK(values(scatter(tensor({1, 2}), 0, tensor({1}), 2.7)) == std::vector<double>{1, 2});
}

TEST_CASE("of several that go to one place the last stays, and it alone has a gradient") {
  const Tensor x = tensor({1., 2., 3.}).requires_grad_();
  const Tensor source = tensor({10., 20., 30.}).requires_grad_();
  const Tensor y = scatter(x, 0, tensor({2, 0, 2}), source);
  CHECK(values(y.detach()) == std::vector<double>{20, 2, 30});
  y.backward(tensor({1., 2., std::numeric_limits<float>::infinity()}));
  CHECK(values(x.grad()) == std::vector<double>{0, 2, 0});
  CHECK(values(source.grad()) ==
        std::vector<double>{0, 1, std::numeric_limits<double>::infinity()});
}

TEST_CASE("one hot vectors, sums by group, and parts of a whole") {
  const Tensor labels = tensor({2, 0, 1, 2});
  CHECK(equal(scatter(zeros({4, 3}), 1, labels.unsqueeze(1), 1),
              (labels.unsqueeze(1) == arange(3)).to(float32)));
  CHECK(values(index_add(zeros({3}), 0, labels, tensor({1., 2., 3., 4.}))) ==
        std::vector<double>{2, 3, 5});
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  CHECK(values(select_scatter(x, tensor({5., 6.}), 1, -1)) == std::vector<double>{1, 5, 3, 6});
  CHECK(values(slice_scatter(x, tensor({{5.}, {6.}}), 1, 0, 1)) == std::vector<double>{5, 2, 6, 4});
}

TEST_CASE("many rows are gathered and scattered alike on several threads") {
  const Tensor x = normal({5000, 40});
  const Tensor index = randint(0, 40, {5000, 30});
  const Tensor y = gather(x, 1, index);
  const Tensor z = scatter_add(zeros({5000, 40}, {.dtype = float64}), 1, index, y);
  bool same = true;
  for (std::int64_t i = 0; i < 5000; ++i) {
    std::vector<double> row(40);
    for (std::int64_t j = 0; j < 30; ++j) {
      const auto k = index.data<std::int64_t>()[i * 30 + j];
      same &= y.data<double>()[i * 30 + j] == x.data<double>()[i * 40 + k];
      row[static_cast<std::size_t>(k)] += y.data<double>()[i * 30 + j];
    }
    same &= std::equal(row.begin(), row.end(), z.data<double>() + i * 40);
  }
  CHECK(same);
}

TEST_CASE(
    "sums of many float32 at a place, along each axis, of an index that is smaller elsewhere") {
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    Shape shape{7, 6, 5}, part{6, 5, 4};
    shape[static_cast<std::size_t>(axis)] = 100;
    part[static_cast<std::size_t>(axis)] = 1500;
    const Tensor index = randint(0, 100, part);
    const Tensor values = to(normal(part, 2), float32);
    const Tensor whole = to(normal(shape), float32);
    const Tensor exact = scatter_add(to(whole, float64), axis, index, to(values, float64));
    CHECK(allclose(to(scatter_add(whole, axis, index, values), float64), exact, 1e-7, 1e-7));
    Tensor by_hand = to(whole, float64);
    for (std::int64_t i = 0; i < index.numel(); ++i) {
      std::array<std::int64_t, 3> at{i / (part[1] * part[2]), i / part[2] % part[1], i % part[2]};
      at[static_cast<std::size_t>(axis)] = index.data<std::int64_t>()[i];
      by_hand.mutable_data<double>()[(at[0] * shape[1] + at[1]) * shape[2] + at[2]] +=
          static_cast<double>(values.data<float>()[i]);
    }
    CHECK(allclose(exact, by_hand, 1e-12, 1e-12));
  }
}

TEST_CASE("a wrong index is found wherever it stands") {
  const Tensor x = zeros({4, 5000});
  for (const std::int64_t wrong :
       {std::int64_t{5000}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()})
    for (const std::int64_t place : {0, 1023, 1024, 4999, 19999}) {
      CAPTURE(wrong);
      CAPTURE(place);
      Tensor index = randint(0, 5000, {4, 5000});
      index.mutable_data<std::int64_t>()[place] = wrong;
      const std::string expected = ": index " + std::to_string(wrong) + " is outside axis -1";
      CHECK(message_of<ValueError>([&] { gather(x, -1, index); }).starts_with("gather" + expected));
      CHECK(message_of<ValueError>([&] {
              scatter(x, -1, index, 1);
            }).starts_with("scatter" + expected));
      CHECK(message_of<ValueError>([&] {
              scatter_add(x, -1, index, x);
            }).starts_with("scatter_add" + expected));
    }
}

TEST_CASE("wrong indices are told") {
  const Tensor x = zeros({2, 3});
  CHECK(message_of<ValueError>([&] {
          index_select(x, 1, tensor({0, 3}));
        }) == "index_select: index 3 is outside axis 1, which has 3 elements");
  CHECK(message_of<ValueError>([&] {
          gather(x, 0, tensor({{-1, 0, 0}}));
        }).starts_with("gather: index -1 is outside axis 0"));
  CHECK(message_of<DTypeError>([&] {
          gather(x, 0, tensor({{0., 0., 0.}}));
        }) == "gather: the index is float32, it must be int64");
  CHECK(
      message_of<ShapeError>([&] { gather(x, 0, tensor({0})); }).starts_with("gather: index [1]"));
  CHECK(message_of<ShapeError>([&] {
          index_select(x, 0, tensor({{0}}));
        }).starts_with("index_select: the index has shape [1, 1]"));
  CHECK(message_of<ValueError>([&] { scatter(x, 1, tensor({{3}}), 1); }) ==
        "scatter: index 3 is outside axis 1, which has 3 elements");
  CHECK(message_of<ShapeError>([&] {
          scatter_add(x, 1, tensor({{0, 1}}), zeros({1, 1}));
        }) == "scatter_add: source [1, 1] for index [1, 2]: it needs as many axes, none shorter");
  CHECK(message_of<DTypeError>([&] {
          scatter_add(x, 1, tensor({{0, 1}}), tensor({{0, 1}}));
        }) == "scatter_add: the source is int64, it must be float32 as x is");
  CHECK(message_of<ShapeError>([&] {
          index_add(x, 0, tensor({0, 1}), zeros({1, 3}));
        }) ==
        "index_add: index [2] and source [1, 3] for axis 0 of shape [2, 3]: the index has "
        "one axis, and the source an element of that axis for each of its own");
  CHECK(message_of<DTypeError>([&] {
          index_add(tensor({0, 1}), 0, tensor({0}), tensor({2}), 0.5);
        }) == "index_add: alpha is 0.5, a fraction, and x int64");
  CHECK(message_of<ShapeError>([&] {
          slice_scatter(x, zeros({2, 2}), 1, 0, 1);
        }) ==
        "slice_scatter: source [2, 2] for 0:1:1 of axis 1 of shape [2, 3]: it must be [2, 1]");
  CHECK(message_of<ValueError>([&] { slice_scatter(x, x, 0, 0, {}, 0); }) ==
        "slice_scatter: a step of 0; it must be positive");
  CHECK(message_of<DTypeError>([&] {
          slice_scatter(x, zeros({2, 3}, {.dtype = int64}));
        }) == "slice_scatter: the source is int64, it must be float32 as x is");
  CHECK(message_of<ValueError>([&] { select_scatter(x, zeros({3}), 0, 2); }) ==
        "select_scatter: index 2 of axis 0, which has 2 elements (shape [2, 3])");
  CHECK(message_of<ShapeError>([&] { select_scatter(x, zeros({2}), 0, -1); }) ==
        "select_scatter: source [2] for element -1 of axis 0 of shape [2, 3]: it must be [3]");
  CHECK(message_of<DTypeError>([&] { select_scatter(x, zeros({3}, {.dtype = int64}), 0, 1); }) ==
        "select_scatter: the source is int64, it must be float32 as x is");
}
