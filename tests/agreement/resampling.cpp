// resample.hpp.
#include <cmath>

#include "windows.hpp"
#include <torch/nn/functional/upsampling.h>
#include <torch/nn/functional/vision.h>

namespace agreement {
namespace {

namespace functional = torch::nn::functional;
using xgrad::Shape;
using List = std::vector<std::int64_t>;
using Mode = functional::InterpolateFuncOptions::mode_t;

/// How libtorch calls a mode.
Mode mode_of(const std::string& word) {
  static const std::map<std::string, Mode> modes{
      {"nearest", torch::kNearest},    {"nearest-exact", torch::kNearestExact},
      {"area", torch::kArea},          {"linear", torch::kLinear},
      {"bilinear", torch::kBilinear},  {"bicubic", torch::kBicubic},
      {"trilinear", torch::kTrilinear}};
  return modes.at(word);
}

/// Either sizes or factors, one for each axis.
struct Size {
  List sizes;
  std::vector<double> factors;

  std::string what() const {
    std::string all = sizes.empty() ? "by" : "to";
    for (const std::int64_t size : sizes) all += " " + std::to_string(size);
    for (const double factor : factors) all += " " + std::to_string(factor);
    return all;
  }
};

struct How {
  std::string mode;
  std::optional<bool> align_corners, recompute;
  bool antialias = false;

  std::string what() const {
    const auto flag = [](const char* name, const std::optional<bool>& value) {
      return value ? std::string(name) + (*value ? " true" : " false") : std::string();
    };
    return mode + flag(" align_corners", align_corners) + flag(" recompute", recompute) +
           (antialias ? " antialias" : "");
  }
};

template <class T>
c10::optional<std::vector<T>> given(const std::vector<T>& values) {
  return values.empty() ? c10::optional<std::vector<T>>() : values;
}

void resize(Suite& s, const Input& x, const Size& size, const How& how) {
  check(
      s, "interpolate", {x}, how.what() + " " + size.what(),
      [=](const Ours& x) {
        return xgrad::interpolate(x[0], {.size = size.sizes,
                                         .scale_factor = size.factors,
                                         .mode = how.mode,
                                         .align_corners = how.align_corners,
                                         .recompute_scale_factor = how.recompute,
                                         .antialias = how.antialias});
      },
      [=](const Theirs& x) {
        return functional::detail::interpolate(x[0], given(size.sizes), given(size.factors),
                                               mode_of(how.mode), theirs_of(how.align_corners),
                                               theirs_of(how.recompute), how.antialias);
      });
}

std::vector<How> hows() {
  std::vector<How> all;
  for (const char* const mode : {"nearest", "nearest-exact", "area"}) {
    all.push_back({mode, {}, {}});
    all.push_back({mode, {}, true});
  }
  all.push_back({"nearest", true, {}});
  for (const char* const mode : {"linear", "bilinear", "bicubic", "trilinear"})
    for (const std::optional<bool> align : {std::optional<bool>(), {false}, {true}}) {
      all.push_back({mode, align, {}});
      all.push_back({mode, align, true});
      all.push_back({mode, align, {}, true});
    }
  return all;
}

template <int rank>
void sizes(Suite& s) {
  const PerAxis place{3, 4, 5};
  const List old = list<rank>(place);
  std::vector<Size> all{{list<rank>({6, 8, 10}), {}}, {list<rank>({2, 3, 2}), {}},
                        {list<rank>({1, 1, 1}), {}},  {list<rank>({7, 2, 9}), {}},
                        {list<rank>({3, 4, 5}), {}},  {list<rank>({0, 2, 0}), {}},
                        {list<rank>({-1, 2, -1}), {}}};
  for (const double factor : {2.0, 1.0, 0.5, 1.7, 0.3, 0.1, 2.55})
    all.push_back({{}, std::vector<double>(static_cast<std::size_t>(rank), factor)});
  all.push_back({{}, {}});
  all.push_back({List(rank + 1, 4), {}});
  for (const How& how : hows()) {
    for (const Size& size : all)
      for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
        resize(s, random(shape_of<rank>({2, 3}, place), dtype), size, how);
    for (const Size& size : {all[0], all[1]}) {
      for (const List& outer : std::vector<List>{{0, 3}, {2, 0}, {3}, {1, 2, 3}})
        resize(s, random(shape_of<rank>(outer, place)), size, how);
      for (const xgrad::DType dtype : all_dtypes)
        resize(s, whole(shape_of<rank>({1, 2}, place), dtype, 0, 9), size, how);
      resize(s, random(shape_of<rank>({1, 2}, {1, 1, 1})), size, how);
      resize(s, random(shape_of<rank>({1, 2}, {2, 0, 3})), size, how);
      const Input some = random(shape_of<rank>({1, 2}, place));
      for (const double value : {double(NAN), double(INFINITY)})
        resize(s, with_value(some, 2, value), size, how);
      const xgrad::Tensor x = some.tensor;
      resize(s, {"turned", xgrad::contiguous(x.transpose(1, -1)).transpose(1, -1)}, size, how);
    }
  }
}

void shuffles(Suite& s) {
  for (const Shape& shape : {Shape{2, 12, 4, 6}, Shape{12, 4, 6}, Shape{1, 2, 4, 4, 6},
                             Shape{2, 12, 4}, Shape{4, 6}, Shape{0, 12, 4, 6}, Shape{2, 0, 4, 6},
                             Shape{2, 4, 0, 6}, Shape{6}, Shape{}, Shape{2, 9, 3, 3}})
    for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32, xgrad::int64, xgrad::boolean})
      for (const std::int64_t n : {1, 2, 3, 0, -1, 5}) {
        const Input x = whole(shape, dtype, 0, 2);
        const std::string with = std::to_string(n);
        check(s, "pixel_shuffle", {x}, with, [n](const auto& x) { return pixel_shuffle(x[0], n); });
        check(s, "pixel_unshuffle", {x}, with,
              [n](const auto& x) { return pixel_unshuffle(x[0], n); });
        check(s, "channel_shuffle", {x}, with,
              [n](const auto& x) { return channel_shuffle(x[0], n); });
      }
}

struct Sampled {
  Input x, grid;
  bool finite = true;  ///< a place that is not ends libtorch's program when it goes backward
};

std::vector<Sampled> sampled() {
  std::vector<Sampled> all;
  for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
    for (const double reach : {0.9, 1.3, 5.0}) {
      all.push_back({random({2, 3, 4, 5}, dtype), random({2, 3, 2, 2}, dtype, -reach, reach, 2)});
      all.push_back(
          {random({2, 3, 2, 4, 5}, dtype), random({2, 3, 2, 2, 3}, dtype, -reach, reach, 2)});
    }
  const Input x = random({1, 1, 4, 5});
  // Borders, centres, between two of them, beyond.
  all.push_back({x, listed({-1, -1, 1, 1, 0, 0, -0.8, 0.75, 0.2, -0.5, 0.4, 0.25, 1.2, -1.25, 3, -7,
                            -0.0, 1.0 / 3},
                           xgrad::float64, Shape{1, 3, 3, 2})});
  for (const double value : {double(NAN), double(INFINITY), -double(INFINITY), 1e300, -1e30, 1e10})
    all.push_back(
        {x, listed({value, 0.1, 0.2, value, value, value}, xgrad::float64, Shape{1, 3, 1, 2}),
         false});
  for (const double value : {double(NAN), double(INFINITY)})
    all.push_back({with_value(x, 7, value), random({1, 2, 2, 2}, xgrad::float64, -1.5, 1.5)});
  all.push_back({random({1, 2, 1, 1}), random({1, 3, 3, 2}, xgrad::float64, -1.5, 1.5)});
  for (const auto& [image, grid] :
       std::vector<std::pair<Shape, Shape>>{{{0, 3, 4, 5}, {0, 2, 2, 2}},
                                            {{2, 0, 4, 5}, {2, 2, 2, 2}},
                                            {{2, 3, 0, 5}, {2, 2, 2, 2}},
                                            {{2, 3, 4, 5}, {2, 0, 2, 2}},
                                            {{2, 3, 4, 5}, {1, 2, 2, 2}},
                                            {{2, 3, 4, 5}, {2, 2, 2, 3}},
                                            {{2, 3, 4, 5}, {2, 2, 2, 2, 3}},
                                            {{3, 4, 5}, {2, 2, 2}}})
    all.push_back({random(image), random(grid, xgrad::float64, -1, 1)});
  all.push_back({random({1, 1, 4, 5}), random({1, 2, 2, 2}, xgrad::float32, -1, 1)});
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back({whole({1, 1, 4, 5}, dtype, 0, 5), whole({1, 2, 2, 2}, dtype, 0, 2)});
  return all;
}

void samples(Suite& s) {
  constexpr const char* modes[] = {"bilinear", "nearest", "bicubic"};
  constexpr const char* paddings[] = {"zeros", "border", "reflection"};
  for (const Sampled& one : sampled())
    for (std::int64_t mode = 0; mode < 3; ++mode)
      for (std::int64_t padding = 0; padding < 3; ++padding)
        for (const bool align : {false, true})
          check(
              s, "grid_sample", {one.x, one.grid},
              std::string(modes[mode]) + " " + paddings[padding] + (align ? " aligned" : ""),
              [=, finite = one.finite](const Ours& x) {
                return xgrad::grid_sample(finite ? x[0] : x[0].detach(),
                                          finite ? x[1] : x[1].detach(),
                                          {.mode = modes[mode],
                                           .padding_mode = paddings[padding],
                                           .align_corners = align});
              },
              [=, finite = one.finite](const Theirs& x) {
                return at::grid_sampler(finite ? x[0] : x[0].detach(),
                                        finite ? x[1] : x[1].detach(), mode, padding, align);
              });
}

void grids(Suite& s) {
  for (const Input& theta :
       {random({2, 2, 3}), random({2, 3, 4}), random({0, 2, 3}), random({1, 2, 3}),
        random({2, 2, 3}, xgrad::float32), random({2, 2}), random({2, 3, 3}),
        whole({2, 2, 3}, xgrad::int64, 0, 5), filled({2, 2, 3}, double(NAN))})
    for (const List& size : std::vector<List>{{2, 3, 4, 5},
                                              {2, 3, 4, 5, 6},
                                              {2, 3, 1, 1},
                                              {2, 0, 4, 5},
                                              {2, 3, 0, 5},
                                              {0, 3, 4, 5},
                                              {2, 3, 4},
                                              {2, -1, 4, 5},
                                              {2, 3, -1, 5}})
      for (const bool align : {false, true})
        check(
            s, "affine_grid", {theta},
            xgrad::to_string(Shape(std::span(size))) + (align ? " aligned" : ""),
            [=](const Ours& x) { return xgrad::affine_grid(x[0], Shape(std::span(size)), align); },
            [=](const Theirs& x) { return functional::affine_grid(x[0], size, align); });
}

}  // namespace

void resampling(Suite& s) {
  sizes<1>(s);
  sizes<2>(s);
  sizes<3>(s);
  shuffles(s);
  samples(s);
  grids(s);
  for (const char* const rule : {"gather_sum", "gather_sum_input", "gather_sum_weight"})
    s.no_counterpart(rule, "what grid_sample is made of, ours alone");
}

}  // namespace agreement
