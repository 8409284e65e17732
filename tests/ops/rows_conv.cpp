// Convolutions over one and three axes, and transposed ones over one to three.
#include "ops/table.hpp"

namespace table {
namespace {

template <class Options>
struct Case {
  const char* name;
  Shape x, w;
  Options options;
};
template <class Options>
using Cases = std::vector<Case<Options>>;

template <class Options>
using Convolution = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Options&);
/// Of dy and weight, or of x and dy, to the shape of what is left out.
template <class Options>
using Adjoint = Tensor (*)(const Tensor&, const Tensor&, const Shape&, const Options&);

template <class Options>
Row row(const Case<Options>& item, Convolution<Options> f, std::int64_t filters) {
  const auto o = item.options;
  return {item.name,
          {normal(item.x, 1), normal(item.w, 2), normal({filters}, 3)},
          [f, o](const Inputs& in) { return f(in[0], in[1], in[2], o); }};
}

template <class Options>
Rows forward(const Cases<Options>& cases, Convolution<Options> f) {
  Rows rows;
  for (const auto& item : cases) rows.push_back(row(item, f, item.w[0]));
  const auto o = cases.front().options;
  rows.push_back({"no bias",
                  {normal(cases.front().x), normal(cases.front().w, 2)},
                  [f, o](const Inputs& in) { return f(in[0], in[1], {}, o); }});
  return rows;
}

template <class Options>
Rows transposed(const Cases<Options>& cases, Convolution<Options> f) {
  Rows rows;
  for (const auto& item : cases) rows.push_back(row(item, f, item.w[1] * item.options.groups));
  const auto o = cases.front().options;
  rows.push_back({"no bias",
                  {normal(cases.front().x), normal(cases.front().w, 2)},
                  [f, o](const Inputs& in) { return f(in[0], in[1], {}, o); }});
  return rows;
}

template <class Options>
Rows inputs(const Cases<Options>& cases, Convolution<Options> forward, Adjoint<Options> f) {
  Rows rows;
  for (const auto& [name, x, w, options] : cases) {
    const Tensor weight = normal(w, 2);
    const Tensor dy = normal(forward(normal(x), weight, {}, options).shape(), 3);
    rows.push_back({name, {dy, weight}, [f, shape = x, o = options](const Inputs& in) {
                      return f(in[0], in[1], shape, o);
                    }});
  }
  return rows;
}

template <class Options>
Rows weights(const Cases<Options>& cases, Convolution<Options> forward, Adjoint<Options> f) {
  Rows rows;
  for (const auto& [name, x, w, options] : cases) {
    const Tensor input = normal(x, 1);
    const Tensor dy = normal(forward(input, normal(w), {}, options).shape(), 3);
    rows.push_back({name, {input, dy}, [f, shape = w, o = options](const Inputs& in) {
                      return f(in[0], in[1], shape, o);
                    }});
  }
  return rows;
}

Cases<Conv1dOptions> cases1d() {
  return {{"plain", {2, 3, 6}, {4, 3, 3}, {}},
          {"stride, padding, dilation",
           {1, 2, 8},
           {3, 2, 3},
           {.stride = 2, .padding = 3, .dilation = 2}},
          {"groups", {2, 4, 5}, {6, 2, 2}, {.groups = 2}},
          {"depthwise", {1, 3, 5}, {3, 1, 3}, {.padding = 1, .groups = 3}},
          {"same", {2, 2, 5}, {2, 2, 4}, {.padding = "same"}},
          {"same, dilation", {1, 2, 5}, {1, 2, 2}, {.padding = "same", .dilation = 3}},
          {"valid, window of one", {1, 2, 3}, {2, 2, 1}, {.padding = "valid"}},
          {"nothing", {0, 2, 4}, {3, 2, 3}, {}}};
}

Cases<Conv3dOptions> cases3d() {
  return {{"plain", {1, 2, 3, 3, 3}, {2, 2, 2, 2, 3}, {}},
          {"stride, padding, dilation",
           {1, 1, 5, 4, 4},
           {2, 1, 2, 2, 2},
           {.stride = {2, 1, 2}, .padding = {1, 0, 1}, .dilation = {2, 1, 1}}},
          {"groups", {2, 2, 2, 2, 3}, {4, 1, 2, 1, 2}, {.padding = {0, 1, 0}, .groups = 2}},
          {"same", {1, 1, 2, 3, 2}, {1, 1, 2, 3, 2}, {.padding = "same"}},
          {"a plane", {1, 2, 1, 3, 3}, {2, 2, 1, 2, 2}, {}},
          {"padding in depth alone", {1, 1, 1, 2, 2}, {2, 1, 1, 1, 1}, {.padding = {1, 0, 0}}},
          {"nothing", {0, 2, 3, 3, 3}, {2, 2, 2, 2, 2}, {}}};
}

/// Without a batch, and with other borders than zeros.
template <class Options>
Rows with_modes(Rows rows, Convolution<Options> f, const Shape& x, const Shape& w) {
  const Shape one(std::span(x.begin() + 1, x.end()));
  const auto add = [&](const char* name, const Shape& shape, const Options& o) {
    rows.push_back(row(Case<Options>{name, shape, w, o}, f, w[0]));
  };
  add("no batch", one, {.padding = 1});
  add("reflect", x, {.stride = 2, .padding = 1, .padding_mode = "reflect"});
  add("replicate, same", x, {.padding = "same", .padding_mode = "replicate"});
  add("circular, no batch", one, {.padding = 1, .padding_mode = "circular"});
  return rows;
}

}  // namespace

template <>
Rows rows<Op::conv1d>() {
  return with_modes<Conv1dOptions>(forward<Conv1dOptions>(cases1d(), conv1d), conv1d, {2, 2, 4},
                                   {3, 2, 2});
}
template <>
Rows rows<Op::conv1d_input>() {
  return inputs<Conv1dOptions>(cases1d(), conv1d, conv1d_input);
}
template <>
Rows rows<Op::conv1d_weight>() {
  return weights<Conv1dOptions>(cases1d(), conv1d, conv1d_weight);
}

template <>
Rows rows<Op::conv3d>() {
  return with_modes<Conv3dOptions>(forward<Conv3dOptions>(cases3d(), conv3d), conv3d,
                                   {1, 1, 2, 3, 2}, {2, 1, 2, 1, 2});
}
template <>
Rows rows<Op::conv3d_input>() {
  return inputs<Conv3dOptions>(cases3d(), conv3d, conv3d_input);
}
template <>
Rows rows<Op::conv3d_weight>() {
  return weights<Conv3dOptions>(cases3d(), conv3d, conv3d_weight);
}

template <>
Rows rows<Op::conv_transpose1d>() {
  return transposed<ConvTranspose1dOptions>(
      {{"plain", {2, 3, 4}, {3, 2, 3}, {}},
       {"stride", {1, 2, 4}, {2, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1}},
       {"output padding of a dilation", {1, 2, 3}, {2, 2, 2}, {.output_padding = 2, .dilation = 3}},
       {"groups", {1, 4, 3}, {4, 2, 2}, {.stride = 3, .groups = 2}},
       {"no batch", {2, 3}, {2, 2, 3}, {.padding = 1}},
       {"nothing", {0, 2, 3}, {2, 2, 3}, {}}},
      conv_transpose1d);
}

template <>
Rows rows<Op::conv_transpose2d>() {
  return transposed<ConvTranspose2dOptions>(
      {{"plain", {2, 2, 2, 3}, {2, 3, 2, 2}, {}},
       {"stride",
        {1, 2, 2, 3},
        {2, 2, 3, 4},
        {.stride = 2, .padding = 1, .output_padding = {1, 0}}},
       {"uneven", {1, 1, 3, 2}, {1, 2, 2, 1}, {.stride = {1, 3}, .output_padding = {0, 2}}},
       {"groups", {1, 4, 2, 2}, {4, 1, 2, 2}, {.groups = 4, .dilation = {1, 2}}},
       {"no batch", {2, 2, 2}, {2, 1, 3, 3}, {.stride = 2}}},
      conv_transpose2d);
}

template <>
Rows rows<Op::conv_transpose3d>() {
  return transposed<ConvTranspose3dOptions>(
      {{"plain", {1, 2, 2, 2, 2}, {2, 2, 2, 1, 2}, {}},
       {"stride",
        {1, 1, 2, 2, 2},
        {1, 2, 2, 2, 1},
        {.stride = {2, 1, 2}, .padding = {1, 0, 0}, .output_padding = {1, 0, 1}}},
       {"groups", {1, 2, 2, 1, 2}, {2, 1, 1, 2, 2}, {.groups = 2, .dilation = {1, 1, 2}}},
       {"no batch", {1, 2, 2, 2}, {1, 1, 2, 2, 2}, {}}},
      conv_transpose3d);
}

}  // namespace table
