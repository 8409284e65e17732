// Convolutions, pools and norms.
#include "modules.hpp"
#include "windows.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using xgrad::Tensor;

template <int rank>
torch::ExpandingArray<rank> expanding(const PerAxis& all) {
  return torch::ExpandingArray<rank>(list<rank>(all));
}

/// [2, channels, …] and the same without a batch.
template <int rank>
Inputs pictures(std::int64_t channels, const PerAxis& extents) {
  return {random(shape_of<rank>({2, channels}, extents)),
          random(shape_of<rank>({channels}, extents))};
}

// ---- convolutions

template <int rank>
using OurConv =
    decltype(of_rank<rank>(std::type_identity<nn::Conv1d>(), std::type_identity<nn::Conv2d>(),
                           std::type_identity<nn::Conv3d>()))::type;
template <int rank>
using TheirConv = decltype(of_rank<rank>(std::type_identity<torch::nn::Conv1d>(),
                                         std::type_identity<torch::nn::Conv2d>(),
                                         std::type_identity<torch::nn::Conv3d>()))::type;

struct Windows {
  PerAxis kernel{3, 2, 3}, stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};
  std::int64_t groups = 1;
  bool bias = true;
  PerAxis output_padding{0, 0, 0};

  std::string what() const {
    return text("kernel", kernel) + text(", stride", stride) + text(", padding", padding) +
           text(", dilation", dilation) + ", groups " + std::to_string(groups) +
           (bias ? "" : ", no bias") + text(", output padding", output_padding);
  }
};

std::vector<Windows> windows() {
  return {
      {},
      {.kernel = {1, 1, 1}},
      {.stride = {2, 1, 2}},
      {.padding = {1, 0, 2}},
      {.dilation = {1, 2, 2}},
      {.groups = 2},
      {.bias = false},
      {.kernel = {2, 3, 2}, .stride = {1, 2, 3}, .padding = {0, 1, 1}, .groups = 2, .bias = false}};
}

template <int rank>
void convolution(Modules& s) {
  const std::string module = over_axes<rank>("Conv");
  const auto ours = [](const Windows& w, const auto& padding, const std::string& mode) {
    return OurConv<rank>(4, 6, extents<rank>(w.kernel),
                         {.stride = extents<rank>(w.stride),
                          .padding = padding,
                          .dilation = extents<rank>(w.dilation),
                          .groups = w.groups,
                          .bias = w.bias,
                          .padding_mode = mode});
  };
  const auto options = [](const Windows& w) {
    return torch::nn::ConvOptions<rank>(4, 6, expanding<rank>(w.kernel))
        .stride(expanding<rank>(w.stride))
        .dilation(expanding<rank>(w.dilation))
        .groups(w.groups)
        .bias(w.bias);
  };
  for (const Windows& w : windows())
    for (const Input& x : pictures<rank>(4, {4, 5, 8}))
      compare(
          s, {module, w.what(), {x}}, [=] { return ours(w, extents<rank>(w.padding), "zeros"); },
          [=] { return TheirConv<rank>(options(w).padding(expanding<rank>(w.padding))); });
  const Inputs x{pictures<rank>(4, {4, 5, 8})[0]};
  const Windows uneven{.kernel = {3, 2, 4}, .dilation = {1, 2, 1}};
  compare(
      s, {module, "same", x}, [=] { return ours(uneven, "same", "zeros"); },
      [=] { return TheirConv<rank>(options(uneven).padding(torch::kSame)); });
  compare(
      s, {module, "valid", x}, [=] { return ours(uneven, "valid", "zeros"); },
      [=] { return TheirConv<rank>(options(uneven).padding(torch::kValid)); });
  refuse(
      s, {module, "same, stride 2", x},
      [=] {
        return ours({.stride = {2, 2, 2}}, "same", "zeros");
      },
      [=] {
        return TheirConv<rank>(options({.stride = {2, 2, 2}}).padding(torch::kSame));
      });
  using Mode = torch::nn::detail::conv_padding_mode_t;
  for (const auto& [mode, theirs] : {std::pair<std::string, Mode>{"reflect", torch::kReflect},
                                     {"replicate", torch::kReplicate},
                                     {"circular", torch::kCircular}}) {
    const Windows w{.padding = {1, 1, 2}};
    compare(
        s, {module, mode, x}, [=, mode = mode] { return ours(w, extents<rank>(w.padding), mode); },
        [=, theirs = theirs] {
          return TheirConv<rank>(
              options(w).padding(expanding<rank>(w.padding)).padding_mode(theirs));
        });
    Line uneven_same{module, mode + ", same", x};
    if (rank > 1) {
      uneven_same.but = {Part::outputs, Part::gradients};
      uneven_same.because =
          "Conv: libtorch's C++ takes the axes in the wrong order where it pads for same";
    }
    compare(
        s, uneven_same, [=, mode = mode] { return ours(uneven, "same", mode); },
        [=, theirs = theirs] {
          return TheirConv<rank>(options(uneven).padding(torch::kSame).padding_mode(theirs));
        });
  }
  for (const Windows& w : {Windows{.groups = 3}})
    refuse(
        s, {module, w.what(), x}, [=] { return ours(w, extents<rank>(w.padding), "zeros"); },
        [=] { return TheirConv<rank>(options(w)); });
  for (const Input& wrong :
       {pictures<rank>(3, {4, 5, 8})[0], pictures<rank>(4, {1, 1, 1})[0], random({4})})
    refuse(
        s, {module, "", {wrong}}, [=] { return ours({}, 0, "zeros"); },
        [=] { return TheirConv<rank>(options({})); });
}

template <int rank>
using OurTransposed = decltype(of_rank<rank>(std::type_identity<nn::ConvTranspose1d>(),
                                             std::type_identity<nn::ConvTranspose2d>(),
                                             std::type_identity<nn::ConvTranspose3d>()))::type;
template <int rank>
using TheirTransposed =
    decltype(of_rank<rank>(std::type_identity<torch::nn::ConvTranspose1d>(),
                           std::type_identity<torch::nn::ConvTranspose2d>(),
                           std::type_identity<torch::nn::ConvTranspose3d>()))::type;

template <int rank>
void transposed_convolution(Modules& s) {
  const std::string module = over_axes<rank>("ConvTranspose");
  const auto ours = [](const Windows& w) {
    return OurTransposed<rank>(4, 6, extents<rank>(w.kernel),
                               {.stride = extents<rank>(w.stride),
                                .padding = extents<rank>(w.padding),
                                .output_padding = extents<rank>(w.output_padding),
                                .groups = w.groups,
                                .bias = w.bias,
                                .dilation = extents<rank>(w.dilation)});
  };
  const auto theirs = [](const Windows& w) {
    return TheirTransposed<rank>(
        torch::nn::ConvTransposeOptions<rank>(4, 6, expanding<rank>(w.kernel))
            .stride(expanding<rank>(w.stride))
            .padding(expanding<rank>(w.padding))
            .output_padding(expanding<rank>(w.output_padding))
            .groups(w.groups)
            .bias(w.bias)
            .dilation(expanding<rank>(w.dilation)));
  };
  std::vector<Windows> all = windows();
  all.push_back({.stride = {2, 3, 2}, .output_padding = {1, 2, 0}});
  for (const Windows& w : all)
    for (const Input& x : pictures<rank>(4, {3, 4, 5}))
      compare(
          s, {module, w.what(), {x}}, [=] { return ours(w); }, [=] { return theirs(w); });
  const Inputs x{pictures<rank>(4, {3, 4, 5})[0]};
  const Windows strided{.stride = {2, 2, 2}};
  for (const std::int64_t more : {0, 1}) {
    const PerAxis size{7, 8 + more, 11 + more};
    const auto our_call = [=](auto& module, const Ours& x) {
      return module(x[0], shape_of<rank>({}, size));
    };
    const auto their_call = [=](auto& module, const Theirs& x) {
      return module(x[0], list<rank>(size));
    };
    compare(
        s, {module, "output_size, " + std::to_string(more) + " more", x},
        [=] { return ours(strided); }, [=] { return theirs(strided); }, our_call, their_call);
  }
  refuse(
      s, {module, "output_size", x}, [=] { return ours(strided); }, [=] { return theirs(strided); },
      [](auto& module, const Ours& x) {
        return module(x[0], shape_of<rank>({}, {20, 20, 20}));
      },
      [](auto& module, const Theirs& x) {
        return module(x[0], std::vector<std::int64_t>(rank, 20));
      });
  for (const Windows& w : {Windows{.groups = 3}, Windows{.output_padding = {1, 1, 1}}})
    refuse(
        s, {module, w.what(), x}, [=] { return ours(w); }, [=] { return theirs(w); });
  refuse(
      s, {module, "", {pictures<rank>(3, {3, 4, 5})[0]}}, [=] { return ours({}); },
      [=] { return theirs({}); });
}

// ---- pools

constexpr auto with_indices = [](auto& module, const auto& x) {
  if constexpr (requires { module->forward_with_indices(x[0]); })
    return module->forward_with_indices(x[0]);
  else
    return module.forward_with_indices(x[0]);
};

struct Pool {
  PerAxis kernel{2, 2, 3};
  std::optional<PerAxis> stride = {};
  PerAxis padding{0, 0, 0}, dilation{1, 1, 1};
  bool ceil_mode = false, count_include_pad = true;
  std::optional<std::int64_t> divisor = {};

  std::string what() const {
    return text("kernel", kernel) + (stride ? text(", stride", *stride) : "") +
           text(", padding", padding) + text(", dilation", dilation) +
           (ceil_mode ? ", ceil_mode" : "") + (count_include_pad ? "" : ", without padding") +
           (divisor ? ", divisor " + std::to_string(*divisor) : "");
  }
  template <int rank>
  xgrad::Extents<rank> our_stride() const {
    return stride ? extents<rank>(*stride) : xgrad::Extents<rank>(0);
  }
};

template <int rank, class Ours, class Theirs>
void max_pool(Modules& s) {
  const std::string module = over_axes<rank>("MaxPool");
  const auto ours = [](const Pool& p) {
    return Ours(extents<rank>(p.kernel), {.stride = p.our_stride<rank>(),
                                          .padding = extents<rank>(p.padding),
                                          .dilation = extents<rank>(p.dilation),
                                          .ceil_mode = p.ceil_mode});
  };
  const auto theirs = [](const Pool& p) {
    torch::nn::MaxPoolOptions<rank> options(expanding<rank>(p.kernel));
    options.padding(expanding<rank>(p.padding))
        .dilation(expanding<rank>(p.dilation))
        .ceil_mode(p.ceil_mode);
    if (p.stride) options.stride(expanding<rank>(*p.stride));
    return Theirs(options);
  };
  for (const Pool& p : {Pool{}, Pool{.stride = PerAxis{1, 2, 2}}, Pool{.padding = {1, 0, 1}},
                        Pool{.stride = PerAxis{1, 1, 2}, .dilation = {1, 2, 2}},
                        Pool{.stride = PerAxis{2, 2, 2}, .padding = {1, 1, 1}, .ceil_mode = true}})
    for (const Input& x : pictures<rank>(3, {5, 6, 7})) {
      compare(
          s, {module, p.what(), {x}}, [=] { return ours(p); }, [=] { return theirs(p); });
      compare(
          s, {module, p.what() + ", with indices", {x}}, [=] { return ours(p); },
          [=] { return theirs(p); }, with_indices);
    }
  for (const Pool& p :
       {Pool{.padding = {2, 2, 2}}, Pool{.kernel = {0, 0, 0}}, Pool{.kernel = {9, 9, 9}}})
    refuse(
        s, {module, p.what(), {pictures<rank>(3, {5, 6, 7})[0]}}, [=] { return ours(p); },
        [=] { return theirs(p); });
}

template <int rank, class Ours, class Theirs>
void average_pool(Modules& s) {
  const std::string module = over_axes<rank>("AvgPool");
  const auto ours = [](const Pool& p) {
    return Ours(extents<rank>(p.kernel), {.stride = p.our_stride<rank>(),
                                          .padding = extents<rank>(p.padding),
                                          .ceil_mode = p.ceil_mode,
                                          .count_include_pad = p.count_include_pad,
                                          .divisor_override = p.divisor});
  };
  const auto theirs = [](const Pool& p) {
    torch::nn::AvgPoolOptions<rank> options(expanding<rank>(p.kernel));
    options.padding(expanding<rank>(p.padding))
        .ceil_mode(p.ceil_mode)
        .count_include_pad(p.count_include_pad);
    if constexpr (rank > 1) options.divisor_override(theirs_of(p.divisor));
    if (p.stride) options.stride(expanding<rank>(*p.stride));
    return Theirs(options);
  };
  for (const Pool& p : {Pool{}, Pool{.stride = PerAxis{1, 2, 2}}, Pool{.padding = {1, 0, 1}},
                        Pool{.padding = {1, 1, 1}, .count_include_pad = false},
                        Pool{.stride = PerAxis{2, 2, 2}, .padding = {1, 1, 1}, .ceil_mode = true},
                        Pool{.stride = PerAxis{2, 2, 2},
                        .padding = {1, 1, 1},
                        .ceil_mode = true,
                        .count_include_pad = false},
                        Pool{.divisor = 5}})
    for (const Input& x : pictures<rank>(3, {5, 6, 7})) {
      if (rank == 1 && p.divisor) continue;
      compare(
          s, {module, p.what(), {x}}, [=] { return ours(p); }, [=] { return theirs(p); });
    }
  for (const Pool& p : {Pool{.padding = {2, 2, 2}}, Pool{.kernel = {9, 9, 9}}})
    refuse(
        s, {module, p.what(), {pictures<rank>(3, {5, 6, 7})[0]}}, [=] { return ours(p); },
        [=] { return theirs(p); });
}

template <int rank, class Ours, class Theirs>
void norm_pool(Modules& s) {
  for (const double p : {1., 2., 3.5})
    for (const std::optional<PerAxis>& stride :
         {std::optional<PerAxis>(), std::optional(PerAxis{1, 1, 2})})
      for (const bool ceil_mode : {false, true})
        for (const Input& images : pictures<rank>(3, {5, 6, 7})) {
          const Pool pool{.stride = stride, .ceil_mode = ceil_mode};
          // A power that is not even of a sum that may be negative is NaN on both sides.
          const Input x{"positive " + images.what, images.tensor.abs() + 0.1};
          compare(
              s, {over_axes<rank>("LPPool"), "p " + std::to_string(p) + ", " + pool.what(), {x}},
              [=] {
                return Ours(p, extents<rank>(pool.kernel),
                            {.stride = pool.our_stride<rank>(), .ceil_mode = ceil_mode});
              },
              [=] {
                torch::nn::LPPoolOptions<rank> options(p, expanding<rank>(pool.kernel));
                options.ceil_mode(ceil_mode);
                if (stride) options.stride(expanding<rank>(*stride));
                return Theirs(options);
              });
        }
}

template <int rank, class Pooling, class Ours, class Theirs>
void unpool(Modules& s) {
  const std::string module = over_axes<rank>("MaxUnpool");
  for (const Input& x : pictures<rank>(3, {4, 6, 9})) {
    Pooling pooling(extents<rank>({2, 2, 3}));
    const xgrad::Ranked pooled = pooling.forward_with_indices(x.tensor);
    const Inputs inputs{{"pooled " + x.what, pooled.values}, {"places", pooled.indices}};
    const auto ours = [] { return Ours(extents<rank>({2, 2, 3})); };
    const auto theirs = [] {
      return Theirs(torch::nn::MaxUnpoolOptions<rank>(expanding<rank>({2, 2, 3})));
    };
    const bool has_batch = x.tensor.dim() == rank + 2;
    const auto line = [&](const std::string& options, bool agrees) {
      Line one{module, options, inputs};
      if (agrees) return one;
      one.but = {Part::refusal};
      one.because = "MaxUnpool: libtorch's C++ takes neither an output_size nor no batch";
      return one;
    };
    compare(s, line("", has_batch), ours, theirs, Of<2>());
    std::vector<std::int64_t> size = list<rank>({5, 7, 10});
    compare(
        s, line("output_size", false), ours, theirs,
        [=](auto& made, const agreement::Ours& y) {
          return made(y[0], y[1], Shape(std::span(size)));
        },
        [=](auto& made, const agreement::Theirs& y) { return made(y[0], y[1], size); });
    refuse(
        s, {module, "output_size too large", inputs}, ours, theirs,
        [](auto& made, const agreement::Ours& y) {
          return made(y[0], y[1], shape_of<rank>({}, {30, 30, 30}));
        },
        [](auto& made, const agreement::Theirs& y) {
          return made(y[0], y[1], std::vector<std::int64_t>(rank, 30));
        });
  }
}

template <int rank, class Ours, class Theirs>
void adaptive(Modules& s, const std::string& module, bool has_indices) {
  for (const PerAxis& size :
       {PerAxis{1, 1, 1}, PerAxis{2, 3, 4}, PerAxis{5, 6, 7}, PerAxis{6, 8, 9}})
    for (const Input& x : pictures<rank>(3, {5, 6, 7})) {
      const auto ours = [=] { return Ours(extents<rank>(size)); };
      const auto theirs = [=] { return Theirs(list<rank>(size)); };
      compare(s, {module, text("to", size), {x}}, ours, theirs);
      if constexpr (requires(Ours pool) { pool.forward_with_indices(Tensor()); })
        if (has_indices)
          compare(s, {module, text("to", size) + ", with indices", {x}}, ours, theirs,
                  with_indices);
    }
  refuse(
      s, {module, "to -3", {pictures<rank>(3, {5, 6, 7})[0]}},
      [] {
        return Ours(extents<rank>({-3, -3, -3}));
      },
      [] {
        return Theirs(list<rank>({-3, -3, -3}));
      });
}

template <int rank, class Ours, class Theirs>
void adaptive_unchanged(Modules& s, const std::string& module) {
  for (const Input& x : pictures<rank>(3, {5, 6, 7})) {
    xgrad::Extents<rank> ours = 2;
    ours[0] = xgrad::unchanged;
    compare(
        s, {module, "unchanged", {x}}, [=] { return Ours(ours); },
        [] {
          std::vector<c10::optional<std::int64_t>> size(rank, 2);
          size[0] = c10::nullopt;
          return Theirs(torch::ExpandingArrayWithOptionalElem<rank>(size));
        });
  }
}

void pooled(Modules& s) {
  max_pool<1, nn::MaxPool1d, torch::nn::MaxPool1d>(s);
  max_pool<2, nn::MaxPool2d, torch::nn::MaxPool2d>(s);
  max_pool<3, nn::MaxPool3d, torch::nn::MaxPool3d>(s);
  average_pool<1, nn::AvgPool1d, torch::nn::AvgPool1d>(s);
  average_pool<2, nn::AvgPool2d, torch::nn::AvgPool2d>(s);
  average_pool<3, nn::AvgPool3d, torch::nn::AvgPool3d>(s);
  norm_pool<1, nn::LPPool1d, torch::nn::LPPool1d>(s);
  norm_pool<2, nn::LPPool2d, torch::nn::LPPool2d>(s);
  s.no_counterpart("LPPool3d", "not in C++");
  unpool<1, nn::MaxPool1d, nn::MaxUnpool1d, torch::nn::MaxUnpool1d>(s);
  unpool<2, nn::MaxPool2d, nn::MaxUnpool2d, torch::nn::MaxUnpool2d>(s);
  unpool<3, nn::MaxPool3d, nn::MaxUnpool3d, torch::nn::MaxUnpool3d>(s);
  adaptive<1, nn::AdaptiveAvgPool1d, torch::nn::AdaptiveAvgPool1d>(s, "AdaptiveAvgPool1d", false);
  adaptive<2, nn::AdaptiveAvgPool2d, torch::nn::AdaptiveAvgPool2d>(s, "AdaptiveAvgPool2d", false);
  adaptive<3, nn::AdaptiveAvgPool3d, torch::nn::AdaptiveAvgPool3d>(s, "AdaptiveAvgPool3d", false);
  adaptive<1, nn::AdaptiveMaxPool1d, torch::nn::AdaptiveMaxPool1d>(s, "AdaptiveMaxPool1d", true);
  adaptive<2, nn::AdaptiveMaxPool2d, torch::nn::AdaptiveMaxPool2d>(s, "AdaptiveMaxPool2d", true);
  adaptive<3, nn::AdaptiveMaxPool3d, torch::nn::AdaptiveMaxPool3d>(s, "AdaptiveMaxPool3d", true);
  adaptive_unchanged<2, nn::AdaptiveAvgPool2d, torch::nn::AdaptiveAvgPool2d>(s,
                                                                             "AdaptiveAvgPool2d");
  adaptive_unchanged<3, nn::AdaptiveAvgPool3d, torch::nn::AdaptiveAvgPool3d>(s,
                                                                             "AdaptiveAvgPool3d");
  adaptive_unchanged<2, nn::AdaptiveMaxPool2d, torch::nn::AdaptiveMaxPool2d>(s,
                                                                             "AdaptiveMaxPool2d");
  adaptive_unchanged<3, nn::AdaptiveMaxPool3d, torch::nn::AdaptiveMaxPool3d>(s,
                                                                             "AdaptiveMaxPool3d");
}

// ---- norms

template <class Ours, class Theirs>
void batch_norm(Modules& s, const std::string& module, const Inputs& inputs, const Inputs& wrong) {
  for (const bool affine : {true, false})
    for (const bool tracks : {true, false})
      for (const std::optional<double> momentum : {std::optional(0.1), std::optional(1.), {}}) {
        const std::string options = std::string(affine ? "affine" : "plain") +
                                    (tracks ? ", tracked" : "") + ", momentum " +
                                    (momentum ? std::to_string(*momentum) : "none");
        const auto ours = [=] {
          return Ours(
              3,
              {.eps = 1e-3, .momentum = momentum, .affine = affine, .track_running_stats = tracks});
        };
        const auto theirs = [=] {
          return Theirs(torch::nn::BatchNormOptions(3)
                            .eps(1e-3)
                            .momentum(theirs_of(momentum))
                            .affine(affine)
                            .track_running_stats(tracks));
        };
        for (const Input& x : inputs) compare(s, {module, options, {x}}, ours, theirs);
        for (const Input& x : wrong)
          // What keeps nothing for each channel takes any number of them.
          if (affine || tracks || x.tensor.dim() != inputs[0].tensor.dim())
            refuse(s, {module, options, {x}}, ours, theirs);
      }
}

template <class Ours, class Theirs>
void instance_norm(Modules& s, const std::string& module, const Inputs& inputs,
                   const Inputs& wrong) {
  for (const bool affine : {true, false})
    for (const bool tracks : {true, false}) {
      const std::string options =
          std::string(affine ? "affine" : "plain") + (tracks ? ", tracked" : "");
      const auto ours = [=] {
        return Ours(
            3, {.eps = 1e-3, .momentum = 0.3, .affine = affine, .track_running_stats = tracks});
      };
      const auto theirs = [=] {
        return Theirs(torch::nn::InstanceNormOptions(3)
                          .eps(1e-3)
                          .momentum(0.3)
                          .affine(affine)
                          .track_running_stats(tracks));
      };
      for (const Input& x : inputs) compare(s, {module, options, {x}}, ours, theirs);
      for (const Input& x : wrong) refuse(s, {module, options, {x}}, ours, theirs);
    }
}

void channel_norms(Modules& s) {
  const Input rows = random({5, 3}), lines = random({2, 3, 4}), pictures = random({2, 3, 4, 5}),
              volumes = random({2, 3, 2, 3, 4});
  batch_norm<nn::BatchNorm1d, torch::nn::BatchNorm1d>(s, "BatchNorm1d", {rows, lines},
                                                      {pictures, random({3}), random({2, 4})});
  batch_norm<nn::BatchNorm2d, torch::nn::BatchNorm2d>(s, "BatchNorm2d", {pictures},
                                                      {rows, lines, volumes, random({2, 4, 3, 3})});
  batch_norm<nn::BatchNorm3d, torch::nn::BatchNorm3d>(s, "BatchNorm3d", {volumes},
                                                      {rows, pictures, random({2, 4, 3, 3, 3})});
  refuse(
      s, {"BatchNorm1d", "one value", {random({1, 3})}}, [] { return nn::BatchNorm1d(3); },
      [] { return torch::nn::BatchNorm1d(3); });
  instance_norm<nn::InstanceNorm1d, torch::nn::InstanceNorm1d>(
      s, "InstanceNorm1d", {lines, random({3, 4})}, {pictures, random({3})});
  instance_norm<nn::InstanceNorm2d, torch::nn::InstanceNorm2d>(
      s, "InstanceNorm2d", {pictures, random({3, 4, 5})}, {rows, volumes});
  instance_norm<nn::InstanceNorm3d, torch::nn::InstanceNorm3d>(
      s, "InstanceNorm3d", {volumes, random({3, 2, 3, 4})}, {rows, lines});
}

void other_norms(Modules& s) {
  for (const bool affine : {true, false}) {
    const std::string options = affine ? "affine" : "plain";
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{4}, std::vector<std::int64_t>{3, 4}}) {
      const auto ours = [=] {
        return nn::LayerNorm(Shape(std::span(shape)), {.eps = 1e-3, .elementwise_affine = affine});
      };
      const auto theirs = [=] {
        return torch::nn::LayerNorm(
            torch::nn::LayerNormOptions(shape).eps(1e-3).elementwise_affine(affine));
      };
      const std::string of = options + ", of " + std::to_string(shape.size()) + " axes";
      for (const Input& x :
           {random({2, 3, 4}), random({3, 4}), random({2, 2, 3, 4}), random({0, 3, 4})})
        compare(s, {"LayerNorm", of, {x}}, ours, theirs);
      for (const Input& x : {random({2, 3, 5}), random({5})})
        refuse(s, {"LayerNorm", of, {x}}, ours, theirs);
    }
    for (const std::int64_t groups : {1, 2, 6}) {
      const auto ours = [=] { return nn::GroupNorm(groups, 6, {.eps = 1e-3, .affine = affine}); };
      const auto theirs = [=] {
        return torch::nn::GroupNorm(
            torch::nn::GroupNormOptions(groups, 6).eps(1e-3).affine(affine));
      };
      const std::string of = options + ", groups " + std::to_string(groups);
      for (const Input& x : {random({2, 6}), random({2, 6, 4}), random({2, 6, 3, 4})})
        // Of a single value nothing but rounding is left.
        if (groups < 6 || x.tensor.dim() > 2) compare(s, {"GroupNorm", of, {x}}, ours, theirs);
      for (const Input& x : {random({2, 5, 4}), random({6})})
        if (affine || groups > 1 || x.tensor.dim() == 1)
          refuse(s, {"GroupNorm", of, {x}}, ours, theirs);
    }
  }
  refuse(
      s, {"GroupNorm", "4 groups of 6", {random({2, 6, 4})}}, [] { return nn::GroupNorm(4, 6); },
      [] { return torch::nn::GroupNorm(4, 6); });
  for (const std::int64_t size : {1, 2, 3, 5}) {
    const std::string options = "size " + std::to_string(size);
    for (const Input& x : {random({2, 6, 4}), random({2, 6, 3, 4}), random({2, 6, 2, 3, 4})})
      compare(
          s, {"LocalResponseNorm", options, {x}},
          [=] { return nn::LocalResponseNorm(size, {.alpha = 0.3, .beta = 0.6, .k = 2}); },
          [=] {
            return torch::nn::LocalResponseNorm(
                torch::nn::LocalResponseNormOptions(size).alpha(0.3).beta(0.6).k(2));
          });
    Line line{"CrossMapLRN2d", options, {random({2, 6, 3, 4})}};
    const bool takes_it = size % 2 == 1 && size > 1;
    line.but = takes_it ? std::vector{Part::outputs, Part::gradients} : std::vector{Part::refusal};
    line.because =
        takes_it ? "CrossMapLRN2d: libtorch's never takes the first channel out of its sums again"
                 : "CrossMapLRN2d: of even sizes and of 1 libtorch looks beyond the last channel";
    compare(
        s, line, [=] { return nn::CrossMapLRN2d(size, {.alpha = 0.3, .beta = 0.6, .k = 2}); },
        [=] {
          return torch::nn::CrossMapLRN2d(
              torch::nn::CrossMapLRN2dOptions(size).alpha(0.3).beta(0.6).k(2));
        });
  }
  s.no_counterpart("SyncBatchNorm", "not in C++");
  s.no_counterpart("RMSNorm", "since PyTorch 2.4");
}

}  // namespace

void images(Modules& s) {
  convolution<1>(s);
  convolution<2>(s);
  convolution<3>(s);
  transposed_convolution<1>(s);
  transposed_convolution<2>(s);
  transposed_convolution<3>(s);
  pooled(s);
  channel_norms(s);
  other_norms(s);
}

}  // namespace agreement
