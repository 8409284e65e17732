#include <xgrad/ops/rules.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

Row of(const char* name, const Shape& shape, const Function& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return f(x[0]); }};
}

Row to_size(const char* name, const Shape& shape, const InterpolateOptions& options) {
  return of(name, shape, [options](const Tensor& x) { return interpolate(x, options); });
}

/// Inside and outside; of planes of up to 6 places all positions are 0.005 and more from where a
/// slope changes, which is at halves of places.
Tensor grid_of(const Shape& shape, double reach) {
  return round(uniform(shape, -reach, reach, 3) * 15) / 15 + 0.01;
}

Row sampled(const std::string& name, const Shape& x, const Shape& grid,
            const GridSampleOptions& options) {
  // Further out cubic weights meet at one place, the border's, where slopes are roundings alone.
  const bool is_flat_outside = options.mode == "bicubic" && options.padding_mode == "border";
  return {name,
          {normal(x), grid_of(grid, is_flat_outside ? 1.1 : 1.5)},
          [options](const Inputs& in) { return grid_sample(in[0], in[1], options); }};
}

/// Which places are mixed: some of them twice, some none.
const Tensor& places() {
  static const Tensor at = tensor({{{0, 4}, {4, -1}, {2, 2}}, {{-1, -1}, {1, 0}, {3, 4}}});
  return at;
}

}  // namespace

template <>
Rows rows<Op::interpolate>() {
  return {
      to_size("nearest", {2, 3, 4, 5}, {.size = {6, 3}}),
      to_size("nearest by factors", {1, 2, 3}, {.scale_factor = 2.5}),
      to_size("nearest-exact", {1, 2, 3, 4}, {.size = {5, 7}, .mode = "nearest-exact"}),
      to_size("nearest of a volume", {1, 2, 2, 3, 2}, {.scale_factor = 2}),
      to_size("linear", {2, 1, 5}, {.size = 8, .mode = "linear"}),
      to_size("linear, aligned", {2, 2, 5}, {.size = 3, .mode = "linear", .align_corners = true}),
      to_size("bilinear", {2, 2, 3, 4}, {.scale_factor = 2, .mode = "bilinear"}),
      to_size("bilinear, of one axis", {1, 2, 3, 4}, {.size = {3, 9}, .mode = "bilinear"}),
      to_size("bilinear, smaller", {1, 2, 7, 5}, {.size = {3, 2}, .mode = "bilinear"}),
      to_size("bilinear, to one place", {1, 2, 3, 4},
              {.size = 1, .mode = "bilinear", .align_corners = true}),
      to_size("bilinear, antialiased", {1, 2, 7, 9},
              {.size = {3, 4}, .mode = "bilinear", .antialias = true}),
      to_size("bicubic", {1, 2, 4, 5}, {.scale_factor = {2, 1.5}, .mode = "bicubic"}),
      to_size("bicubic, antialiased", {1, 1, 9, 6},
              {.size = {4, 8}, .mode = "bicubic", .antialias = true}),
      to_size("trilinear", {1, 2, 2, 3, 2}, {.size = {3, 2, 4}, .mode = "trilinear"}),
      to_size("area", {2, 2, 5, 7}, {.size = {2, 3}, .mode = "area"}),
      to_size("area, larger", {1, 2, 2, 3}, {.size = {5, 4}, .mode = "area"}),
      to_size("the same", {1, 2, 3, 4}, {.size = {3, 4}}),
      to_size("of one place", {1, 2, 1, 1}, {.size = {3, 2}, .mode = "bicubic"}),
      to_size("no images", {0, 2, 3, 4}, {.size = 5, .mode = "bilinear"}),
  };
}

template <>
Rows rows<Op::pixel_shuffle>() {
  return {
      of("images", {2, 8, 2, 3}, [](const Tensor& x) { return pixel_shuffle(x, 2); }),
      of("an image", {9, 1, 2}, [](const Tensor& x) { return pixel_shuffle(x, 3); }),
      of("two axes in front", {2, 1, 4, 2, 1}, [](const Tensor& x) { return pixel_shuffle(x, 2); }),
      of("no images", {0, 4, 2, 2}, [](const Tensor& x) { return pixel_shuffle(x, 2); })};
}

template <>
Rows rows<Op::pixel_unshuffle>() {
  return {of("images", {2, 2, 6, 3}, [](const Tensor& x) { return pixel_unshuffle(x, 3); }),
          of("an image", {1, 2, 4}, [](const Tensor& x) { return pixel_unshuffle(x, 2); }),
          of("no images", {0, 1, 2, 2}, [](const Tensor& x) { return pixel_unshuffle(x, 2); })};
}

template <>
Rows rows<Op::channel_shuffle>() {
  return {of("images", {2, 6, 2, 3}, [](const Tensor& x) { return channel_shuffle(x, 2); }),
          of("rows", {1, 4, 3}, [](const Tensor& x) { return channel_shuffle(x, 4); }),
          of("no images", {0, 4, 2, 1}, [](const Tensor& x) { return channel_shuffle(x, 2); })};
}

template <>
Rows rows<Op::grid_sample>() {
  Rows result;
  for (const std::string padding : {"zeros", "border", "reflection"})
    for (const bool aligned : {false, true}) {
      const std::string how = ", " + padding + (aligned ? ", aligned" : "");
      for (const std::string mode : {"bilinear", "bicubic", "nearest"})
        result.push_back(
            sampled(mode + how, {2, 2, 5, 6}, {2, 3, 4, 2},
                    {.mode = mode, .padding_mode = padding, .align_corners = aligned}));
      result.push_back(sampled("volume" + how, {1, 2, 2, 3, 4}, {1, 2, 1, 2, 3},
                               {.padding_mode = padding, .align_corners = aligned}));
    }
  result.push_back(sampled("one place", {1, 1, 1, 1}, {1, 1, 2, 2}, {}));
  result.push_back(sampled("no images", {0, 2, 3, 3}, {0, 2, 2, 2}, {}));
  result.push_back(sampled("nothing", {2, 1, 3, 3}, {2, 0, 2, 2}, {}));
  return result;
}

template <>
Rows rows<Op::gather_sum>() {
  return {{"a list",
           {normal({2, 3, 5}), normal({2, 3, 2}, 2)},
           [](const Inputs& x) { return xgrad::detail::gather_sum(x[0], x[1], places()); }},
          {"no channels", {normal({2, 0, 5}), normal({2, 3, 2}, 2)}, [](const Inputs& x) {
             return xgrad::detail::gather_sum(x[0], x[1], places());
           }}};
}

template <>
Rows rows<Op::gather_sum_input>() {
  return {{"a list", {normal({2, 4, 3}), normal({2, 3, 2}, 2)}, [](const Inputs& x) {
             return xgrad::detail::gather_sum_input(x[0], x[1], places(), 6);
           }}};
}

template <>
Rows rows<Op::gather_sum_weight>() {
  return {{"a list",
           {normal({2, 4, 5}), normal({2, 4, 3}, 2)},
           [](const Inputs& x) { return xgrad::detail::gather_sum_weight(x[0], x[1], places()); }},
          {"no channels", {normal({2, 0, 5}), normal({2, 0, 3}, 2)}, [](const Inputs& x) {
             return xgrad::detail::gather_sum_weight(x[0], x[1], places());
           }}};
}

template <>
Rows rows<Op::affine_grid>() {
  return {of("images", {2, 2, 3},
             [](const Tensor& x) {
               return affine_grid(x, {2, 1, 3, 4});
             }),
          of("aligned", {1, 2, 3},
             [](const Tensor& x) {
               return affine_grid(x, {1, 1, 2, 5}, true);
             }),
          of("volumes", {2, 3, 4},
             [](const Tensor& x) {
               return affine_grid(x, {2, 1, 2, 1, 3});
             }),
          of("and a grid's samples", {1, 2, 3}, [](const Tensor& x) {
            const Tensor image = normal({1, 1, 6, 6}, 5).to(x.dtype());
            return grid_sample(image, affine_grid(x * 0.05, {1, 1, 2, 2}));
          })};
}

}  // namespace table
