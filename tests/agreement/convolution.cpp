// conv.hpp: convolutions, transposed ones, and the adjoints that have a name.
#include <exception>
#include <limits>

#include "windows.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using List = std::vector<std::int64_t>;

/// All but the numbers.
struct Geometry {
  PerAxis stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1}, output_padding{0, 0, 0};
  std::int64_t groups = 1;
  PerAxis image{5, 6, 7}, kernel{2, 3, 2};
  List batch{2};

  std::string what() const {
    return text("stride", stride) + text(" padding", padding) + text(" dilation", dilation) +
           text(" output_padding", output_padding) + " groups " + std::to_string(groups);
  }
  template <int rank>
  xgrad::ConvOptions<rank> options() const {
    return {.stride = extents<rank>(stride),
            .padding = extents<rank>(padding),
            .dilation = extents<rank>(dilation),
            .groups = groups};
  }
  template <int rank>
  xgrad::ConvTransposeOptions<rank> transposed() const {
    return {.stride = extents<rank>(stride),
            .padding = extents<rank>(padding),
            .output_padding = extents<rank>(output_padding),
            .groups = groups,
            .dilation = extents<rank>(dilation)};
  }
};

std::vector<Geometry> geometries() {
  return {{},
          {.stride = {1, 2, 3}},
          {.stride = {4, 5, 9}},
          {.padding = {1, 0, 2}},
          {.padding = {2, 3, 4}},
          {.dilation = {2, 1, 3}},
          {.stride = {2, 2, 2}, .padding = {1, 1, 1}, .dilation = {2, 2, 2}},
          {.groups = 2},
          {.stride = {2, 1, 2}, .padding = {1, 1, 0}, .groups = 4},
          {.kernel = {1, 1, 1}},
          {.stride = {2, 2, 2}, .kernel = {1, 1, 1}},
          {.kernel = {5, 6, 7}},
          {.image = {1, 1, 1}, .kernel = {1, 1, 1}},
          {.padding = {1, 1, 1}, .image = {1, 1, 1}, .kernel = {3, 3, 3}},
          {.stride = {3, 3, 3}, .output_padding = {1, 2, 0}},
          {.stride = {2, 2, 2}, .dilation = {3, 3, 3}, .output_padding = {2, 2, 2}},
          {.batch = {}},
          {.batch = {0}},
          {.batch = {2, 1}},
          // Refused.
          {.kernel = {5, 6, 8}},
          {.stride = {1, 1, 0}},
          {.padding = {0, 0, -1}},
          {.dilation = {1, 1, 0}},
          {.groups = 3},
          {.groups = 0},
          {.output_padding = {1, 1, 1}},
          {.output_padding = {-1, -1, -1}},
          {.image = {5, 6, 0}},
          {.kernel = {2, 3, 0}}};
}

template <class X>
X bias_of(const std::vector<X>& x) {
  return x.size() > 2 ? x[2] : X();
}

template <int rank>
constexpr auto our_convolution = of_rank<rank>(xgrad::conv1d, xgrad::conv2d, xgrad::conv3d);

at::Tensor their_convolution(const Theirs& x, const List& stride, const List& padding,
                             const List& dilation, std::int64_t groups, int rank) {
  const at::Tensor bias = bias_of(x);
  if (rank == 1) return at::conv1d(x[0], x[1], bias, stride, padding, dilation, groups);
  if (rank == 2) return at::conv2d(x[0], x[1], bias, stride, padding, dilation, groups);
  return at::conv3d(x[0], x[1], bias, stride, padding, dilation, groups);
}

template <int rank>
void convolution(Suite& s, const Inputs& inputs, const Geometry& g) {
  check(
      s, over_axes<rank>("conv"), inputs, g.what(),
      [=](const Ours& x) {
        return our_convolution<rank>(x[0], x[1], bias_of(x), g.options<rank>());
      },
      [=](const Theirs& x) {
        return their_convolution(x, list<rank>(g.stride), list<rank>(g.padding),
                                 list<rank>(g.dilation), g.groups, rank);
      });
}

template <int rank>
void transposed(Suite& s, const Inputs& inputs, const Geometry& g) {
  check(
      s, over_axes<rank>("conv_transpose"), inputs, g.what(),
      [=](const Ours& x) {
        constexpr auto f = of_rank<rank>(xgrad::conv_transpose1d, xgrad::conv_transpose2d,
                                         xgrad::conv_transpose3d);
        return f(x[0], x[1], bias_of(x), g.transposed<rank>());
      },
      [=](const Theirs& x) {
        const auto f = of_rank<rank>([](auto&&... a) { return at::conv_transpose1d(a...); },
                                     [](auto&&... a) { return at::conv_transpose2d(a...); },
                                     [](auto&&... a) { return at::conv_transpose3d(a...); });
        return f(x[0], x[1], bias_of(x), list<rank>(g.stride), list<rank>(g.padding),
                 list<rank>(g.output_padding), g.groups, list<rank>(g.dilation));
      });
}

/// The numbers of a convolution: x, the weight and perhaps a bias.
template <int rank>
Inputs operands(const Geometry& g, bool biased, bool is_transposed,
                xgrad::DType dtype = xgrad::float64) {
  constexpr std::int64_t channels = 4, filters = 8;
  const std::int64_t groups = std::max<std::int64_t>(g.groups, 1);
  List images = g.batch;
  images.push_back(channels);
  Inputs all{random(shape_of<rank>(images, g.image), dtype),
             random(is_transposed ? shape_of<rank>({channels, filters / groups}, g.kernel)
                                  : shape_of<rank>({filters, channels / groups}, g.kernel),
                    dtype, -3, 3, 2)};
  if (biased) all.push_back(random({filters}, dtype, -3, 3, 3));
  return all;
}

/// The adjoints, of what comes back from a convolution.
template <int rank>
void adjoints(Suite& s, const Geometry& g) {
  const Inputs forward = operands<rank>(g, false, false);
  const Shape input = forward[0].tensor.shape();
  const Shape weight = forward[1].tensor.shape();
  Shape output = input;
  try {
    output =
        our_convolution<rank>(forward[0].tensor, forward[1].tensor, {}, g.options<rank>()).shape();
  } catch (const std::exception&) {
    return;  // nothing comes back of what is refused
  }
  if (output.size() != rank + 2) return;  // libtorch's takes batches alone
  const Input dy = random(output, xgrad::float64, -3, 3, 4);
  const auto theirs = [=](const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                          bool of_x) {
    const auto [dx, dw, db] = at::convolution_backward(
        dy, x, w, c10::nullopt, list<rank>(g.stride), list<rank>(g.padding), list<rank>(g.dilation),
        false, list<rank>({0, 0, 0}), g.groups, {of_x, !of_x, false});
    return of_x ? dx : dw;
  };
  check(
      s, over_axes<rank>("conv", "_input"), {dy, forward[1]}, g.what(),
      [=](const Ours& x) {
        constexpr auto f =
            of_rank<rank>(xgrad::conv1d_input, xgrad::conv2d_input, xgrad::conv3d_input);
        return f(x[0], x[1], input, g.options<rank>());
      },
      [=](const Theirs& x) {
        return theirs(x[0], at::zeros(list(input), x[0].options()), x[1], true);
      });
  check(
      s, over_axes<rank>("conv", "_weight"), {forward[0], dy}, g.what(),
      [=](const Ours& x) {
        constexpr auto f =
            of_rank<rank>(xgrad::conv1d_weight, xgrad::conv2d_weight, xgrad::conv3d_weight);
        return f(x[0], x[1], weight, g.options<rank>());
      },
      [=](const Theirs& x) {
        return theirs(x[1], x[0], at::zeros(list(weight), x[0].options()), false);
      });
}

/// Padding by words, and with values other than zeros: libtorch's layers pad first.
template <int rank>
void surrounded(Suite& s) {
  const Geometry plain;
  for (const char* const word : {"same", "valid", "else"})
    for (const PerAxis& stride : {PerAxis{1, 1, 1}, PerAxis{2, 2, 2}})
      for (const PerAxis& dilation : {PerAxis{1, 1, 1}, PerAxis{2, 1, 2}})
        check(
            s, over_axes<rank>("conv"), operands<rank>(plain, true, false),
            std::string(word) + text(" stride", stride) + text(" dilation", dilation),
            [=](const Ours& x) {
              return our_convolution<rank>(x[0], x[1], x[2],
                                           {.stride = extents<rank>(stride),
                                            .padding = word,
                                            .dilation = extents<rank>(dilation)});
            },
            [=](const Theirs& x) {
              const auto f = of_rank<rank>([](auto&&... a) { return at::conv1d(a...); },
                                           [](auto&&... a) { return at::conv2d(a...); },
                                           [](auto&&... a) { return at::conv3d(a...); });
              return f(x[0], x[1], x[2], list<rank>(stride), c10::string_view(word),
                       list<rank>(dilation));
            });
  for (const char* const mode : {"reflect", "replicate", "circular", "else"})
    for (const PerAxis& padding : {PerAxis{1, 0, 2}, PerAxis{4, 5, 6}, PerAxis{5, 6, 7}})
      check(
          s, over_axes<rank>("conv"), operands<rank>(plain, true, false),
          mode + text(" padding", padding),
          [=](const Ours& x) {
            return our_convolution<rank>(x[0], x[1], x[2],
                                         {.padding = extents<rank>(padding), .padding_mode = mode});
          },
          [=](const Theirs& x) {
            List widths;
            for (int i = 2; i >= 3 - rank; --i)
              widths.insert(widths.end(), 2, padding[static_cast<std::size_t>(i)]);
            const PerAxis none{0, 0, 0}, ones{1, 1, 1};
            return their_convolution({at::pad(x[0], widths, mode), x[1], x[2]}, list<rank>(ones),
                                     list<rank>(none), list<rank>(ones), 1, rank);
          });
}

/// Dtypes, layouts and operands that do not fit each other.
template <int rank>
std::vector<Inputs> awkward_operands() {
  const Geometry plain;
  std::vector<Inputs> all;
  for (const xgrad::DType dtype : all_dtypes)
    all.push_back(operands<rank>(plain, true, false, dtype));
  const Inputs fitting = operands<rank>(plain, true, false);
  const auto with = [&](std::size_t place, const Input& other) {
    Inputs changed = fitting;
    changed[place] = other;
    all.push_back(changed);
  };
  with(0, random(shape_of<rank>({2, 3}, plain.image)));
  with(0, random(shape_of<rank>({2, 4}, plain.image), xgrad::float32));
  with(1, random(shape_of<rank>({8, 4}, plain.kernel), xgrad::float32));
  with(1, random(shape_of<rank>({0, 4}, plain.kernel)));
  with(1, random({8, 4}));
  with(2, random({7}));
  with(2, random({1}));
  with(2, random({}));
  with(2, random({8}, xgrad::float32));
  for (const double value :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    with(0, with_value(fitting[0], 5, value));
  // Channels last, and the axes of the weight in another order.
  const auto turned = [](const Input& x) {
    return Input{x.what + " turned", xgrad::contiguous(x.tensor.transpose(1, -1)).transpose(1, -1)};
  };
  with(0, turned(fitting[0]));
  with(1, turned(fitting[1]));
  with(0, {"expanded", fitting[0].tensor.slice(0, 0, 1).expand(fitting[0].tensor.shape())});
  Geometry empty;
  all.push_back({random(shape_of<rank>({2, 0}, empty.image)),
                 random(shape_of<rank>({8, 0}, empty.kernel)), random({8})});
  all.push_back({random(shape_of<rank>({2, 16}, {8, 9, 10})),
                 random(shape_of<rank>({16, 16}, {3, 3, 3})), random({16})});
  return all;
}

template <int rank>
void over(Suite& s) {
  for (const Geometry& g : geometries()) {
    for (const bool biased : {false, true}) {
      convolution<rank>(s, operands<rank>(g, biased, false), g);
      transposed<rank>(s, operands<rank>(g, biased, true), g);
    }
    convolution<rank>(s, operands<rank>(g, true, false, xgrad::float32), g);
    transposed<rank>(s, operands<rank>(g, true, true, xgrad::float32), g);
    adjoints<rank>(s, g);
  }
  surrounded<rank>(s);
  for (const Inputs& x : awkward_operands<rank>()) {
    convolution<rank>(s, x, {});
    transposed<rank>(s, x, {});
  }
}

}  // namespace

void convolutions(Suite& s) {
  over<1>(s);
  over<2>(s);
  over<3>(s);
}

}  // namespace agreement
