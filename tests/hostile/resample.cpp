// Other sizes of images, and places in them.

#include <xgrad/ops/rules.hpp>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: resampling") {
  std::vector<Row> rows;
  for (const std::string mode : {"nearest", "nearest-exact", "bilinear", "bicubic", "area"}) {
    rows.push_back({"interpolate", [mode](Arguments& from) {
                      const Tensor x = from.tensor({1, 2, 3, 2});
                      const std::int64_t height = from.size(4);
                      const InterpolateOptions o{.size = {height, from.size(2)}, .mode = mode};
                      Arguments::use(interpolate(x, o));
                    }});
    rows.push_back({"interpolate", [mode](Arguments& from) {
                      const Tensor x = from.tensor({1, 2, 3, 2});
                      const double height = from.real(2.5);
                      InterpolateOptions o{.scale_factor = {height, from.real(1)}, .mode = mode};
                      if (mode != "area") o.recompute_scale_factor = from.flag();
                      Arguments::use(interpolate(x, o));
                    }});
  }
  rows.push_back({"interpolate", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3, 2}, int64);
                    Arguments::use(interpolate(x, {.size = from.sizes({4, 3})}));
                  }});
  rows.push_back({"interpolate", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3, 2});
                    InterpolateOptions o{.size = from.sizes({4, 3}), .mode = from.text("bicubic")};
                    o.scale_factor = from.reals({});
                    o.antialias = from.flag(true);
                    if (from.flag(true)) o.align_corners = from.flag();
                    Arguments::use(interpolate(x, o));
                  }});
  rows.push_back({"interpolate", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3, 2, 2});
                    const std::int64_t size = from.size(4);
                    Arguments::use(interpolate(x, {.size = size, .mode = "trilinear"}));
                  }});
  rows.push_back({"interpolate", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3});
                    const std::int64_t size = from.size(4);
                    Arguments::use(interpolate(x, {.size = size, .mode = "linear"}));
                  }});
  rows.push_back({"pixel_shuffle", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 4, 3, 2});
                    Arguments::use(pixel_shuffle(x, from.size()));
                  }});
  rows.push_back({"pixel_unshuffle", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 1, 4, 2});
                    Arguments::use(pixel_unshuffle(x, from.size()));
                  }});
  rows.push_back({"channel_shuffle", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 4, 2});
                    Arguments::use(channel_shuffle(x, from.size()));
                  }});
  sweep(rows);
}

TEST_CASE("hostile: places in images") {
  std::vector<Row> rows;
  for (const std::string mode : {"bilinear", "nearest", "bicubic"})
    rows.push_back(
        {"grid_sample", [mode](Arguments& from) {
           const Tensor x = from.tensor({1, 2, 3, 2});
           const Tensor grid = from.tensor({1, 2, 2, 2});
           const std::string padding = from.text("reflection");
           const bool aligned = from.flag();
           Arguments::use(grid_sample(
               x, grid, {.mode = mode, .padding_mode = padding, .align_corners = aligned}));
         }});
  rows.push_back({"grid_sample", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3, 2, 2});
                    const Tensor grid = from.tensor({1, 2, 1, 2, 3});
                    Arguments::use(grid_sample(x, grid, {.mode = from.text("bilinear")}));
                  }});
  rows.push_back({"affine_grid", [](Arguments& from) {
                    const Tensor theta = from.tensor({2, 2, 3});
                    const Shape size = from.shape({2, 1, 3, 2});
                    Arguments::use(affine_grid(theta, size, from.flag()));
                  }});
  rows.push_back({"gather_sum", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3});
                    const Tensor w = from.tensor({1, 4, 2});
                    Arguments::use(xgrad::detail::gather_sum(x, w, from.index({1, 4, 2})));
                  }});
  rows.push_back({"gather_sum_input", [](Arguments& from) {
                    const Tensor y = from.tensor({1, 2, 4});
                    const Tensor w = from.tensor({1, 4, 2});
                    const Tensor at = from.index({1, 4, 2});
                    Arguments::use(xgrad::detail::gather_sum_input(y, w, at, from.size(3)));
                  }});
  rows.push_back({"gather_sum_weight", [](Arguments& from) {
                    const Tensor x = from.tensor({1, 2, 3});
                    const Tensor y = from.tensor({1, 2, 4});
                    Arguments::use(xgrad::detail::gather_sum_weight(x, y, from.index({1, 4, 2})));
                  }});
  sweep(rows);
}
