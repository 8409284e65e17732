#include <xgrad/ops/layer_norm.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

Inputs with_weights(const Shape& shape, const Shape& weights) {
  return {normal(shape), normal(weights, 2), normal(weights, 3)};
}

}  // namespace

template <>
Rows rows<Op::layer_norm>() {
  const auto over = [](const char* name, const Shape& shape, const Shape& own) {
    return Row{name, with_weights(shape, own),
               [own](const Inputs& x) { return layer_norm(x[0], own, x[1], x[2]); }};
  };
  return {over("rows", {3, 5}, {5}),
          over("two axes", {2, 2, 3}, {2, 3}),
          over("all", {4}, {4}),
          over("many examples", {20, 3}, {3}),
          over("no rows", {0, 3}, {3}),
          over("nothing in a row", {2, 0}, {0}),
          {"without bias",
           {normal({3, 4}), normal({4}, 2)},
           [](const Inputs& x) { return layer_norm(x[0], {4}, x[1], {}, 0.1); }},
          {"last axis alone", {normal({2, 3, 4})}, [](const Inputs& x) {
             return layer_norm(x[0], {x[0].size(-1)});
           }}};
}

template <>
Rows rows<Op::rms_norm>() {
  const auto over = [](const char* name, const Shape& shape, const Shape& own) {
    return Row{name, {normal(shape), normal(own, 2)}, [own](const Inputs& x) {
                 return rms_norm(x[0], own, x[1], 0.01);
               }};
  };
  return {over("rows", {3, 5}, {5}),
          over("two axes", {2, 2, 3}, {2, 3}),
          over("one", {4, 1}, {1}),
          over("no rows", {0, 3}, {3}),
          {"last axis alone", {normal({2, 3, 4})}, [](const Inputs& x) {
             return rms_norm(x[0], {x[0].size(-1)}, {}, 1e-5);
           }}};
}

template <>
Rows rows<Op::group_norm>() {
  const auto in = [](const char* name, const Shape& shape, std::int64_t groups) {
    return Row{name, with_weights(shape, {shape[1]}),
               [groups](const Inputs& x) { return group_norm(x[0], groups, x[1], x[2]); }};
  };
  return {in("images", {2, 4, 2, 3}, 2),
          in("one group", {2, 3, 4}, 1),
          in("a group each", {2, 3, 4}, 3),
          in("features", {5, 6}, 2),
          in("one place", {3, 8, 1, 1}, 2),
          in("no images", {0, 4, 2}, 2),
          {"without weight and bias", {normal({2, 4, 2, 3})}, [](const Inputs& x) {
             return group_norm(x[0], 2, {}, {}, 0.1);
           }}};
}

template <>
Rows rows<Op::instance_norm>() {
  const auto given = [](const Inputs& x) { return instance_norm(x[0], {}, {}, x[1], x[2]); };
  const Tensor mean = tensor({0.5, -1.0, 2.0}, {.dtype = float64});
  const Tensor var = tensor({1.5, 0.5, 2.0}, {.dtype = float64});
  return {{"images", with_weights({2, 3, 2, 3}, {3}), given},
          {"signals", with_weights({2, 3, 5}, {3}), given},
          {"no images", with_weights({0, 3, 2}, {3}), given},
          {"without weight and bias",
           {normal({2, 3, 4})},
           [](const Inputs& x) { return instance_norm(x[0]); }},
          {"running statistics", with_weights({2, 3, 2}, {3}), [=](const Inputs& x) {
             const auto dtype = x[0].dtype();
             return instance_norm(x[0], mean.to(dtype), var.to(dtype), x[1], x[2],
                                  {.use_input_stats = false});
           }}};
}

template <>
Rows rows<Op::local_response_norm>() {
  const auto by = [](const char* name, const Shape& shape, std::int64_t size,
                     const LocalResponseNormOptions& options) {
    return Row{name, {normal(shape)}, [size, options](const Inputs& x) {
                 return local_response_norm(x[0], size, options);
               }};
  };
  return {by("odd", {2, 5, 3}, 3, {.alpha = 0.5}),
          by("even", {2, 5, 2, 2}, 4, {.alpha = 0.5, .beta = 1.5, .k = 2}),
          by("one", {1, 3, 2}, 1, {}), by("wider than the channels", {1, 3, 2}, 9, {.alpha = 1}),
          by("no images", {0, 3, 2}, 3, {})};
}

template <>
Rows rows<Op::normalize>() {
  const auto by = [](const char* name, const Shape& shape, const NormalizeOptions& options) {
    return Row{
        name, {normal(shape)}, [options](const Inputs& x) { return normalize(x[0], options); }};
  };
  return {by("rows", {3, 4}, {}),
          by("columns", {3, 4}, {.axis = 0}),
          by("cubes", {2, 3, 2}, {.p = 3, .axis = -1}),
          by("magnitudes", {3, 4}, {.p = 1}),
          by("by the least", {3, 4}, {.eps = 100}),
          by("no rows", {0, 3}, {})};
}

}  // namespace table
