#include <limits>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;
using Tensors = std::vector<Tensor>;

}  // namespace

TEST_CASE("repetitions, rolls and turns by hand") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(values(x.repeat({1, 2})) == Values{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  CHECK(values(x.repeat({2, 1})) == Values{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
  CHECK(x.repeat({2, 1, 3}).shape() == Shape{2, 2, 9});
  CHECK(x.repeat({0, 1}).shape() == Shape{0, 3});
  CHECK(x.repeat({1, 1}).data<std::int64_t>() != x.data<std::int64_t>());
  CHECK(zeros({2, 1, 2, 1, 2, 1, 2, 1}).repeat({2, 2, 2, 2, 2, 2, 2, 2}).shape() ==
        Shape{4, 2, 4, 2, 4, 2, 4, 2});
  CHECK(values(tile(x, {2})) == values(x.repeat({1, 2})));
  CHECK(tile(x, {2, 1, 1}).shape() == Shape{2, 2, 3});
  CHECK(values(x.roll(1)) == Values{6, 1, 2, 3, 4, 5});
  CHECK(values(x.roll(1, 1)) == Values{3, 1, 2, 6, 4, 5});
  CHECK(values(x.roll(-4, -1)) == Values{2, 3, 1, 5, 6, 4});
  CHECK(values(x.roll({1, -1}, {0, 1})) == Values{5, 6, 4, 2, 3, 1});
  CHECK(values(roll(x, {1, 1}, {1, 1})) == Values{2, 3, 1, 5, 6, 4});
  CHECK(values(roll(tensor(5), 3)) == Values{5});
  CHECK(values(rot90(x)) == Values{3, 6, 2, 5, 1, 4});
  CHECK(values(rot90(x, 2)) == Values{6, 5, 4, 3, 2, 1});
  CHECK(values(rot90(x, -1)) == Values{4, 1, 5, 2, 6, 3});
  CHECK(equal(rot90(x, 1, {1, 0}), rot90(x, 3)));
  CHECK(equal(rot90(x, std::numeric_limits<std::int64_t>::min()), x));
}

TEST_CASE("axes that move, split and narrow are views") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const auto* const memory = x.data<std::int64_t>();
  CHECK(movedim(x, 0, 2).shape() == Shape{3, 4, 2});
  CHECK(movedim(x, {0, 1}, {1, 2}).shape() == Shape{4, 2, 3});
  CHECK(equal(movedim(x, {-1, 0}, {0, -1}), x.permute({2, 1, 0})));
  CHECK(equal(swapaxes(x, 0, 2), x.transpose(0, 2)));
  CHECK(unflatten(x, -1, {2, -1}).shape() == Shape{2, 3, 2, 2});
  CHECK(unflatten(x, -1, {2, -1}).data<std::int64_t>() == memory);
  CHECK(x.narrow(0, -1, 1).data<std::int64_t>() == memory + 12);
  CHECK(x.narrow(2, 4, 0).shape() == Shape{2, 3, 0});
  CHECK(atleast_1d(tensor(1)).shape() == Shape{1});
  CHECK(atleast_2d(arange(3)).shape() == Shape{1, 3});
  CHECK(atleast_3d(arange(3)).shape() == Shape{1, 3, 1});
  CHECK(atleast_3d(zeros({2, 3})).shape() == Shape{2, 3, 1});
  CHECK(atleast_3d(tensor(1)).shape() == Shape{1, 1, 1});
}

TEST_CASE("diagonals by hand, which are views") {
  const Tensor x = arange(12).reshape({3, 4});
  CHECK(values(diagonal(x)) == Values{0, 5, 10});
  CHECK(values(diagonal(x, 1)) == Values{1, 6, 11});
  CHECK(values(diagonal(x, 3)) == Values{3});
  CHECK(values(diagonal(x, -2)) == Values{8});
  CHECK(values(diagonal(x, 1, 1, 0)) == Values{4, 9});
  CHECK(diagonal(x, 4).shape() == Shape{0});
  CHECK(diagonal(x, std::numeric_limits<std::int64_t>::min()).shape() == Shape{0});
  CHECK(diagonal(zeros({2, 3, 4}), 0, 0, 2).shape() == Shape{3, 2});
  diagonal(x).fill_(-1);
  CHECK(values(x) == Values{-1, 1, 2, 3, 4, -1, 6, 7, 8, 9, -1, 11});
  CHECK(values(diag(tensor({1, 2}), 1)) == Values{0, 1, 0, 0, 0, 2, 0, 0, 0});
  CHECK(values(diag(tensor({{1, 2}, {3, 4}}), -1)) == Values{3});
  CHECK(values(diag_embed(tensor({{1, 2}, {3, 4}}))) == Values{1, 0, 0, 2, 3, 0, 0, 4});
  CHECK(values(diag_embed(tensor({1, 2}), -1)) == Values{0, 0, 0, 1, 0, 0, 0, 2, 0});
  CHECK(values(diag_embed(tensor({1, 2}), 1, 1, 0)) == Values{0, 0, 0, 1, 0, 0, 0, 2, 0});
  CHECK(diag_embed(zeros({2, 3}), 0, 0, -1).shape() == Shape{3, 2, 3});
  CHECK(values(diagonal_scatter(zeros({2, 2}), tensor({1., 2.}))) == Values{1, 0, 0, 2});
}

TEST_CASE("triangles of every dtype, and NaN outside of them") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(values(x.tril()) == Values{1, 0, 0, 4, 5, 0});
  CHECK(values(x.triu()) == Values{1, 2, 3, 0, 5, 6});
  CHECK(values(x.tril(1)) == Values{1, 2, 0, 4, 5, 6});
  CHECK(values(x.triu(2)) == Values{0, 0, 3, 0, 0, 0});
  CHECK(values(x.tril(-2)) == Values{0, 0, 0, 0, 0, 0});
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(equal(x.tril(most), x));
  CHECK(equal(x.triu(-most - 1), x));
  CHECK(values(x.triu(most)) == Values{0, 0, 0, 0, 0, 0});
  CHECK(values(x.tril(-most - 1)) == Values{0, 0, 0, 0, 0, 0});
  for (const DType dtype : {float32, float64, bfloat16, float16, int64, int32, uint8, boolean}) {
    CAPTURE(dtype);
    CHECK(ones({2, 2}, {.dtype = dtype}).tril().dtype() == dtype);
    CHECK(values(ones({2, 2}, {.dtype = dtype}).tril()) == Values{1, 0, 1, 1});
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(values(full({2, 2}, nan).triu(1).tril()) == Values{0, 0, 0, 0});
}

TEST_CASE("windows, grids and stacks by hand") {
  const Tensor x = arange(7);
  CHECK(values(unfold(x, 0, 3, 2)) == Values{0, 1, 2, 2, 3, 4, 4, 5, 6});
  CHECK(unfold(zeros({2, 5, 3}), 1, 2, 3).shape() == Shape{2, 2, 3, 2});
  CHECK(unfold(x, 0, 3, 2).shape() == Shape{3, 3});
  CHECK(unfold(x, 0, 7, 9).shape() == Shape{1, 7});
  CHECK(unfold(tensor(5.), 0, 1, 1).shape() == Shape{1});

  const Tensors ij = meshgrid({arange(2), arange(3)});
  CHECK(values(ij[0]) == Values{0, 0, 0, 1, 1, 1});
  CHECK(values(ij[1]) == Values{0, 1, 2, 0, 1, 2});
  const Tensors xy = meshgrid({arange(2), arange(3)}, "xy");
  CHECK(xy[0].shape() == Shape{3, 2});
  CHECK(values(xy[0]) == Values{0, 1, 0, 1, 0, 1});
  CHECK(values(xy[1]) == Values{0, 0, 1, 1, 2, 2});
  CHECK(meshgrid({arange(2), arange(3), arange(4)}, "xy")[2].shape() == Shape{3, 2, 4});
  CHECK(meshgrid({arange(2)}, "xy")[0].shape() == Shape{2});

  const Tensors both = broadcast_tensors({zeros({2, 1}), zeros({3})});
  CHECK(both[0].shape() == Shape{2, 3});
  CHECK(both[1].shape() == Shape{2, 3});
  CHECK(broadcast_tensors({}).empty());
  CHECK(values(broadcast_to(tensor({{1}, {2}}), {2, 2})) == Values{1, 1, 2, 2});

  CHECK(values(vstack({tensor({1, 2}), tensor({{3, 4}})})) == Values{1, 2, 3, 4});
  CHECK(values(hstack({tensor({1, 2}), tensor({3})})) == Values{1, 2, 3});
  CHECK(values(hstack({tensor({{1}, {2}}), tensor({{3}, {4}})})) == Values{1, 3, 2, 4});
  CHECK(hstack({tensor(1), tensor(2)}).shape() == Shape{2});
}

TEST_CASE("wrong arrangements are told") {
  const Tensor x = zeros({2, 3});
  const auto shape_error = [](const auto& f) { return message_of<ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<ValueError>(f); };
  CHECK(shape_error([&] {
          unflatten(x, 1, {2, 2});
        }) == "unflatten: sizes [2, 2] do not make up axis 1 of shape [2, 3]");
  CHECK(shape_error([&] {
          unflatten(x, 1, {-1, -1});
        }) == "unflatten: sizes [-1, -1] do not make up axis 1 of shape [2, 3]");
  CHECK(shape_error([&] { unflatten(x, 1, {-2}); }) ==
        "unflatten: sizes [-2]; they are not negative, but for one -1");
  CHECK(shape_error([&] { unflatten(x, 1, {}); }) ==
        "unflatten: no sizes for axis 1 of shape [2, 3]");
  CHECK(shape_error([&] {
          movedim(x, {0, 1}, 1);
        }) == "movedim: axes [0, 1] to [1]; give as many places as axes");
  CHECK(shape_error([&] {
          movedim(x, {0, 1}, {1, -1});
        }) == "movedim: axes [1, -1] name an axis twice");
  CHECK(shape_error([&] { repeat(x, {2}); }) ==
        "repeat: 1 numbers for shape [2, 3]; give one for each axis");
  CHECK(value_error([&] { tile(x, {-2}); }) == "tile: -2 times; it must not be negative");
  CHECK(value_error([&] { narrow(x, 1, 4, 0); }) ==
        "narrow: start 4 in axis 1, which has 3 elements (shape [2, 3])");
  CHECK(value_error([&] { narrow(x, 1, 2, 2); }) ==
        "narrow: 2 elements from 2 on of axis 1, which has 3 (shape [2, 3])");
  CHECK(shape_error([&] {
          roll(x, {1, 2}, 0);
        }) == "roll: shifts [1, 2] along axes [0]; give one for each axis");
  CHECK(shape_error([&] { rot90(x, 1, 0); }) ==
        "rot90: axes [0]; give the two that span the plane");
  CHECK(shape_error([&] { diagonal(x, 0, 1, -1); }) ==
        "diagonal: axes 1 and -1 are one; a diagonal has two");
  CHECK(shape_error([&] { diagonal_scatter(x, zeros({3})); }) ==
        "diagonal_scatter: source [3] for diagonal 0 of axes 0 and 1 of shape [2, 3]: it must be "
        "[2]");
  CHECK(message_of<DTypeError>([&] { diagonal_scatter(x, zeros({2}, {.dtype = int64})); }) ==
        "diagonal_scatter: the source is int64, it must be float32 as x is");
  CHECK(shape_error([&] {
          diag(zeros({1, 2, 3}));
        }) == "diag: shape [1, 2, 3]; it takes a vector or a matrix (see diagonal, diag_embed)");
  CHECK(shape_error([&] { diag_embed(tensor(1)); }) ==
        "diag_embed: a scalar has no axis to put on a diagonal");
  CHECK(shape_error([&] { tril(zeros({3})); }) ==
        "tril: shape [3]; it takes a matrix or a batch of them");
  CHECK(value_error([&] { unfold(x, 1, 4, 1); }) ==
        "unfold: windows of 4 in axis 1, which has 3 elements (shape [2, 3])");
  CHECK(value_error([&] { unfold(x, 1, 2, 0); }) == "unfold: a step of 0; it must be positive");
  CHECK(value_error([&] { meshgrid({}); }) == "meshgrid: no tensors");
  CHECK(value_error([&] { meshgrid({arange(2)}, "ji"); }) ==
        "meshgrid: indexing 'ji'; it is 'ij' or 'xy'");
  CHECK(shape_error([&] { meshgrid({x}); }) ==
        "meshgrid: tensor 0 has shape [2, 3]; it must be a vector");
  CHECK(message_of<DTypeError>([&] {
          meshgrid({arange(2), zeros({2})});
        }) == "meshgrid: tensor 1 is float32, the first int64");
  CHECK(value_error([&] { vstack({}); }) == "vstack: no tensors");
}
