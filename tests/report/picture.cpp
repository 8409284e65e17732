#include <xgrad/report/figures.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/text.hpp>

#include <cmath>
#include <memory>

#include "support.hpp"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb/stb_image.h>

using namespace support;
using report::Colour;
using report::Picture;

namespace {

int dark_pixels(const Picture& picture, int x, int y, int width, int height) {
  int count = 0;
  for (int row = y; row < y + height; ++row)
    for (int column = x; column < x + width; ++column) count += picture.at(column, row).red < 128;
  return count;
}

}  // namespace

TEST_CASE("drawing is clipped at the border") {
  Picture picture(4, 3);
  picture.fill(-2, -2, 4, 4, report::black);
  picture.set(100, 0, report::black);
  Picture dot(1, 1, {9, 8, 7});
  picture.draw(dot, 3, 2, 5);
  CHECK(picture.at(0, 0) == report::black);
  CHECK(picture.at(1, 1) == report::black);
  CHECK(picture.at(2, 1) == report::white);
  CHECK(picture.at(3, 2) == Colour{9, 8, 7});
  CHECK_THROWS_AS(picture.at(4, 0), ValueError);
  CHECK_THROWS_AS(Picture(0, 3), ValueError);
  CHECK_THROWS_AS(Picture(40000, 3), ValueError);
}

TEST_CASE("a PNG file holds the picture") {
  Picture picture(5, 2, {1, 2, 3});
  picture.set(4, 1, {200, 100, 50});
  const std::string bytes = picture.png();
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> read(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()),
                            static_cast<int>(bytes.size()), &width, &height, &channels, 3),
      &stbi_image_free);
  REQUIRE(read);
  REQUIRE(width == 5);
  REQUIRE(height == 2);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const stbi_uc* p = read.get() + (y * width + x) * 3;
      CHECK(picture.at(x, y) == Colour{p[0], p[1], p[2]});
    }
  CHECK_THROWS_AS(picture.save("/nowhere/a.png"), IOError);
}

TEST_CASE("text is drawn around its middle, and measured") {
  Picture picture(200, 40);
  picture.text(10, 20, "Hgß", 20);
  const int width = report::text_width("Hgß", 20);
  CHECK(width > 20);
  CHECK(width < 60);
  CHECK(dark_pixels(picture, 10, 8, width, 24) > 60);
  CHECK(dark_pixels(picture, 10 + width + 2, 0, 200 - width - 12, 40) == 0);
  CHECK(dark_pixels(picture, 0, 0, 200, 8) == 0);
  picture.text(190, 20, "beyond the border", 20);  // clipped
  // As many letters above as below the middle, about: the capital H alone.
  Picture h(40, 40);
  h.text(5, 20, "H", 24);
  CHECK(std::abs(dark_pixels(h, 0, 0, 40, 20) - dark_pixels(h, 0, 20, 40, 20)) < 12);
}

TEST_CASE("words too long for their place end in …") {
  CHECK(report::fitted("short", 16, 200) == "short");
  const std::string cut = report::fitted("ääääääääääääääääääää", 16, 60);
  CHECK(cut.ends_with("…"));
  CHECK(report::text_width(cut, 16) <= 60);
  CHECK(report::detail::escaped(cut) == cut);  // not cut inside a letter
}

TEST_CASE("what is not a number is drawn as the lowest") {
  CHECK(report::mix(report::black, report::white, NAN).red == 0);
  const report::Picture picture = report::to_picture(tensor({{NAN, 1.}, {-NAN, 0.}}), {0, 1});
  CHECK(picture.at(0, 0).red == 0);
  CHECK(picture.at(1, 0).red == 255);
  CHECK(picture.at(0, 1).red == 0);
}

TEST_CASE("tensors as pictures") {
  const Tensor grey = tensor({{0., 0.5}, {1., 2.}});
  const Picture picture = report::to_picture(grey);
  CHECK(picture.width() == 2);
  CHECK(picture.at(0, 0) == Colour{0, 0, 0});
  CHECK(picture.at(1, 0) == Colour{128, 128, 128});
  CHECK(picture.at(1, 1) == report::white);  // clipped
  CHECK(report::to_picture(grey, {0, 2}).at(0, 1) == Colour{128, 128, 128});
  const Tensor rgb = tensor({{{1.}}, {{0.}}, {{0.2}}});
  CHECK(report::to_picture(rgb).at(0, 0) == Colour{255, 0, 51});
  CHECK(report::to_picture(tensor({{NAN}})).at(0, 0) == report::black);
  CHECK(report::to_picture(tensor({{3.}}), {3, 3}).at(0, 0) == report::black);
  CHECK_THROWS_AS(report::to_picture(zeros({2, 4, 4})), ShapeError);
  CHECK_THROWS_AS(report::to_picture(zeros({1, 0, 4})), ShapeError);
  const report::Range range = report::range_of(tensor({NAN, -1., 3., INFINITY}));
  CHECK(range.low == -1);
  CHECK(range.high == 3);
  CHECK(report::range_of(tensor({NAN})).high == 1);
}

TEST_CASE("grids hold their tiles and captions") {
  const auto grid = report::image_grid(zeros({3, 1, 4, 5}), {"a", "b",
                                                             "a name far too long to fit "
                                                             "beneath its picture"});
  REQUIRE(grid.tiles.size() == 3);
  CHECK(grid.tiles[2].picture.width() == 5);
  const Picture drawn = report::draw(grid);
  CHECK(drawn.width() > 3 * 80);
  CHECK(report::draw({.name = "none", .title = "Nothing", .note = ""}).width() > 100);
  CHECK_THROWS_AS(report::image_grid(zeros({3, 4, 5}), {"a"}), ValueError);
  CHECK_THROWS_AS(report::image_grid(zeros({4, 5})), ShapeError);
}

TEST_CASE("filters are each on their own scale, which is stated") {
  const Tensor weight = tensor({{{{-1., 0.}, {1., 3.}}}, {{{0., 0.}, {0., 10.}}}});
  const auto grid = report::filter_grid(weight);
  REQUIRE(grid.tiles.size() == 2);
  CHECK(grid.tiles[0].caption == std::vector<std::string>{"-1 … 3"});
  CHECK(grid.tiles[0].picture.at(0, 0) == report::black);
  CHECK(grid.tiles[0].picture.at(1, 0) == Colour{64, 64, 64});
  CHECK(grid.tiles[1].picture.at(1, 1) == report::white);
  CHECK(report::filter_grid(zeros({2, 3, 5, 5})).note.find("colours") != std::string::npos);
  CHECK(report::filter_grid(zeros({100, 7, 2, 2})).tiles.size() == 64);
  CHECK_THROWS_AS(report::filter_grid(zeros({2, 3})), ShapeError);
}

TEST_CASE("the heat map colours right and wrong, and what does not occur") {
  report::ConfusionMatrix matrix({"yes", "no", "never"});
  matrix.add(tensor({0, 0, 0, 0, 1}), tensor({0, 0, 0, 1, 1}));
  CHECK(report::largest_confusion(matrix) == doctest::Approx(0.25));
  const Colour right = report::heat(matrix, 1, 1);
  const Colour wrong = report::heat(matrix, 0, 1);
  CHECK(right.blue > right.red);
  CHECK(wrong.red > wrong.blue);
  CHECK(report::heat(matrix, 0, 2) == report::white);
  CHECK(report::heat(matrix, 2, 2) == Colour{238, 238, 238});
  CHECK(report::heat_map(matrix).width() > 100);
  // A hundred classes fit, and one.
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("class number " + std::to_string(i));
  CHECK(report::heat_map(report::ConfusionMatrix(many)).width() < 4000);
  CHECK(report::heat_map(report::ConfusionMatrix({"one"})).width() > 50);
}
