#include "support.hpp"

using namespace support;

TEST_CASE("indexing by hand") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  CHECK(values(index_select(x, 1, tensor({2, 0, 2}))) == std::vector<double>{3, 1, 3, 6, 4, 6});
  CHECK(values(gather(x, 1, tensor({{2, 0}, {1, 1}}))) == std::vector<double>{3, 1, 5, 5});
  CHECK(values(gather(x, 0, tensor({{1, 0, 1}}))) == std::vector<double>{4, 2, 6});
  CHECK(values(index_embed(tensor({1., 2.}), 0, tensor({1, 1}), 3)) ==
        std::vector<double>{0, 3, 0});
  CHECK(values(scatter(tensor({{1., 2.}}), 1, tensor({{2, 2}}), {2, 3})) ==
        std::vector<double>{0, 0, 3, 0, 0, 0});
}

TEST_CASE("many rows are gathered and scattered alike on several threads") {
  const Tensor x = normal({5000, 40});
  const Tensor index = randint(0, 40, {5000, 30});
  const Tensor y = gather(x, 1, index);
  const Tensor z = scatter(y, 1, index, {5000, 40});
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
}
