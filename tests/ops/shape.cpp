#include "support.hpp"

using namespace support;

TEST_CASE("reshape, flatten, squeeze and slices share memory") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const auto* memory = x.data<std::int64_t>();
  CHECK(x.reshape({6, -1}).data<std::int64_t>() == memory);
  CHECK(x.flatten(1).data<std::int64_t>() == memory);
  CHECK(x.unsqueeze(0).squeeze(0).data<std::int64_t>() == memory);
  CHECK(x.slice(0, 1, 2).data<std::int64_t>() == memory + 12);
  CHECK(x[1].data<std::int64_t>() == memory + 12);
  CHECK(x.slice(1, 1)[0].data<std::int64_t>() == memory + 4);
}

TEST_CASE("permutations agree with a plain loop") {
  const Tensor x = normal({3, 35, 2, 18});
  const Shape& s = x.shape();
  for (const Axes& axes : {Axes{3, 2, 1, 0}, Axes{0, 2, 3, 1}, Axes{1, 0, 3, 2}, Axes{2, 3, 0, 1},
                           Axes{0, 3, 1, 2}, Axes{0, 1, 3, 2}}) {
    CAPTURE(to_string(axes));
    const Tensor y = permute(x, axes).contiguous();
    bool same = true;
    std::int64_t at = 0;
    std::array<std::int64_t, 4> i{};
    const auto extent = [&](std::size_t k) { return s[static_cast<std::size_t>(axes[k])]; };
    for (i[0] = 0; i[0] < extent(0); ++i[0])
      for (i[1] = 0; i[1] < extent(1); ++i[1])
        for (i[2] = 0; i[2] < extent(2); ++i[2])
          for (i[3] = 0; i[3] < extent(3); ++i[3]) {
            std::array<std::int64_t, 4> from{};
            for (std::size_t k = 0; k < 4; ++k) from[static_cast<std::size_t>(axes[k])] = i[k];
            const std::int64_t place =
                ((from[0] * s[1] + from[1]) * s[2] + from[2]) * s[3] + from[3];
            same &= y.data<double>()[at++] == x.data<double>()[place];
          }
    CHECK(same);
  }
  CHECK(equal(normal({700, 900}).t().t(), normal({700, 900})));
  CHECK(normal({700, 900}).t()[0][1].item() == normal({700, 900}).data<double>()[900]);
}

TEST_CASE("slices, pads, flips and joins by hand") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(values(slice(x, 1, 0, {}, 2)) == std::vector<double>{1, 3, 4, 6});
  CHECK(values(slice(x, 1, -2)) == std::vector<double>{2, 3, 5, 6});
  CHECK(slice(x, 0, 5, 9).shape() == Shape{0, 3});
  for (const std::int64_t step : {1, 2, 3, 7})
    for (const std::int64_t start : {0, 1, 2, 3})
      CHECK(slice(x, 1, start, start, step).shape() == Shape{2, 0});
  CHECK(values(pad(x, {1, 0}, 9)) == std::vector<double>{9, 1, 2, 3, 9, 4, 5, 6});
  CHECK(values(flip(x, {0, 1})) == std::vector<double>{6, 5, 4, 3, 2, 1});
  CHECK(values(cat({x, x}, 1)) == std::vector<double>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  CHECK(stack({x, x}, 1).shape() == Shape{2, 2, 3});
  CHECK(stack({x, x}, -1).shape() == Shape{2, 3, 2});
  CHECK(values(expand(tensor({{1}, {2}}), {2, 2})) == std::vector<double>{1, 1, 2, 2});
  CHECK(split(x, 2, 1).size() == 2);
  CHECK(split(x, 2, 1)[1].shape() == Shape{2, 1});
  CHECK(chunk(arange(5), 2)[0].numel() == 3);
  CHECK(x[-1].shape() == Shape{3});
}

TEST_CASE("wrong shapes are told") {
  const Tensor x = zeros({2, 3});
  CHECK(message_of<ShapeError>([&] {
          x.reshape({4, 2});
        }) == "reshape: [2, 3] has 6 elements, they do not fill [4, 2]");
  CHECK(message_of<ShapeError>([&] {
          x.reshape({-1, 4});
        }) == "reshape: [2, 3] has 6 elements, they do not fill [-1, 4]");
  CHECK(message_of<ShapeError>([&] {
          x.reshape({-1, -1});
        }).starts_with("reshape: [-1, -1] is no shape"));
  CHECK(message_of<ShapeError>([&] {
          permute(x, {0, 0});
        }) == "permute: axes [0, 0] name an axis twice");
  CHECK(message_of<ShapeError>([&] {
          expand(x, {2, 4});
        }) == "expand: [2, 3] does not expand to [2, 4]: axis 1 has 3, only 1 can be repeated");
  CHECK(message_of<ShapeError>([&] {
          cat({x, zeros({2, 2})}, 0);
        }) == "cat: tensor 1 has shape [2, 2], the first [2, 3]; they may differ in axis 0 only");
  CHECK(message_of<ShapeError>([&] { stack({x, zeros({3, 2})}); }).starts_with("stack: tensor 1"));
  CHECK(message_of<ValueError>([&] { slice(x, 0, 0, 2, 0); }).starts_with("slice: a step of 0"));
  CHECK(message_of<ValueError>([&] { x[2]; }) ==
        "select: index 2 of axis 0, which has 2 elements (shape [2, 3])");
  CHECK(message_of<ShapeError>([&] {
          split(x, std::vector<std::int64_t>{1, 1}, 1);
        }).starts_with("split: pieces of 1, 1 do not make up axis 1 of shape [2, 3]"));
  CHECK(message_of<ShapeError>([&] {
          zeros({1, 1, 1, 1, 1, 1, 1, 1, 1});
        }).starts_with("shape: 9 axes"));
  CHECK(message_of<ValueError>([] { cat({}); }) == "cat: no tensors");
}

TEST_CASE("joined tensors meet in one dtype, and nothing stands beside anything, as in PyTorch") {
  const Tensor whole = tensor({{1, 2}, {3, 4}});
  const Tensor half = tensor({{0.5, 1.5}}, {.requires_grad = true});
  const Tensor joined = cat({whole, half});
  CHECK(joined.dtype() == float32);
  CHECK(values(joined) == std::vector<double>{1, 2, 3, 4, 0.5, 1.5});
  CHECK(values(grad((joined * joined).sum(), half)) == std::vector<double>{1, 3});
  CHECK(stack({whole, tensor({{true, false}, {true, true}})}).dtype() == int64);
  CHECK(cat({zeros({1}, {.dtype = bfloat16}), zeros({1}, {.dtype = float16})}).dtype() == float32);

  const Tensor nothing = zeros({0}, {.dtype = float64, .requires_grad = true});
  for (const std::int64_t axis : {0, 1}) {
    CHECK(cat({nothing, whole.to(float32)}, axis).shape() == Shape{2, 2});
    CHECK(cat({whole, nothing, whole}, axis).dtype() == float64);
  }
  CHECK(grad(cat({nothing, half}).sum(), nothing).shape() == Shape{0});
  CHECK(cat({nothing, nothing}).shape() == Shape{0});
  CHECK(message_of<ShapeError>([&] { cat({whole, zeros({0, 3})}); }).starts_with("cat: tensor 1"));
}

TEST_CASE("large transposed copies agree with a plain loop") {
  for (const auto& [rows, columns] : {std::pair{1040, 1120}, {1031, 1027}, {1024, 2048}}) {
    const Tensor x = normal({rows, columns}).to(float32);
    const Tensor y = x.t().contiguous();
    const Tensor back = y.t().contiguous();
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        right += y.data<float>()[j * rows + i] == x.data<float>()[i * columns + j];
    CHECK(right == x.numel());
    CHECK(equal(back, x));
  }
}
