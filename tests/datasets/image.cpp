#include <xgrad/datasets/datasets.hpp>
#include <xgrad/report/picture.hpp>

#include "support.hpp"

using namespace support;
using datasets::read_image;
namespace transforms = datasets::transforms;

TEST_CASE("pictures are read from files, in the channels asked for") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("two.png");
  report::Picture picture(2, 1);
  picture.set(0, 0, {255, 0, 0});
  picture.set(1, 0, {51, 51, 51});
  picture.save(path);
  const Tensor image = read_image(path);
  CHECK(image.shape() == Shape{3, 1, 2});
  CHECK(allclose(image.to(float64), tensor({{{1., .2}}, {{0., .2}}, {{0., .2}}})));
  const Tensor grey = read_image(path, 1);
  CHECK(grey.shape() == Shape{1, 1, 2});
  CHECK(grey[0][0][0].item() == doctest::Approx(0.3).epsilon(0.01));  // red's luminance
  CHECK(grey[0][0][1].item() == doctest::Approx(0.2));
}

TEST_CASE("what is no picture is told") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("words.png");
  write_file(path, "these are words");
  const auto message = message_of<IOError>([&] { read_image(path); });
  CHECK(message == "read_image: " + path + ": not a PNG, JPEG, BMP or GIF file");
  write_file(path, "");
  CHECK_THROWS_AS(read_image(path), IOError);
  write_file(path, "P6 20000 20000 255\n\xff");
  CHECK_THROWS_AS(read_image(path), IOError);
  write_file(path, report::Picture(3, 3).png().substr(0, 40));
  CHECK_THROWS_AS(read_image(path), IOError);
  CHECK(message_of<IOError>([&] { read_image(directory.file("none")); }).find("No such file") !=
        std::string::npos);
  CHECK_THROWS_AS(read_image(directory.path()), IOError);
  CHECK_THROWS_AS(read_image(path, 2), ValueError);
}

TEST_CASE("resizing: nothing changes at the same size, triangles otherwise") {
  const Tensor image = normal({2, 3, 5, 7});
  CHECK(allclose(transforms::resize(5, 7)(image), image));
  CHECK(allclose(transforms::resize(3, 4)(ones({1, 6, 9})), ones({1, 3, 4})));
  CHECK(allclose(transforms::resize(11, 2)(ones({1, 6, 9})), ones({1, 11, 2})));
  // To half: the triangle reaches two old pixels far, weights 1 : 3 : 3 : 1 away from the edges.
  const Tensor row = tensor({{0., 0., 0., 8., 0., 0., 0., 0.}});
  CHECK(allclose(transforms::resize(1, 4)(row), tensor({{0., 3., 1., 0.}})));
  // To double: linear between the centres of the old pixels, constant beyond them.
  CHECK(allclose(transforms::resize(1, 4)(tensor({{0., 8.}})), tensor({{0., 2., 6., 8.}})));
  CHECK(allclose(transforms::resize(4, 1)(tensor({{0.}, {8.}})), tensor({{0.}, {2.}, {6.}, {8.}})));
  CHECK_THROWS_AS(transforms::resize(0, 3), ValueError);
  const auto too_high = transforms::resize(std::int64_t{1} << 62, 3);
  CHECK_THROWS_AS(too_high(ones({1, 6, 9})), ShapeError);
  CHECK_THROWS_AS(transforms::resize(3, 3)(ones({4})), ShapeError);
  for (const Shape& shape : {Shape{1, 0, 4}, Shape{1, 4, 0}, Shape{0, 4, 4}, Shape{4}})
    CHECK(message_of<ShapeError>([&] { transforms::resize(2, 2)(zeros(shape)); }) ==
          "resize: " + to_string(shape) + " is no image");
}
