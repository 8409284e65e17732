// Layers of one tensor, made with any options and then called. Linear layers and what is 2-d are in
// nn.cpp, sequences in sequences.cpp and layers_sequences.cpp.

#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;

namespace {

/// Looks at a result, and passes its gradient back.
void use(const Tensor& y) {
  Arguments::use(y);
  if (y.requires_grad()) y.sum().backward();
}

/// Made alone, as what no input can have is to be refused then; and called with an input.
template <class F>
void add(std::vector<Row>& rows, const std::string& name, const Shape& x, const F& make,
         const std::string& others = {}) {
  rows.push_back({name + others, [make](Arguments& from) { make(from); }});
  rows.push_back({name + "|net (" + name + ")" + others, [make, x](Arguments& from) {
                    auto layer = make(from);
                    if (from.flag()) layer.eval();
                    use(layer(from.tensor(x)));
                  }});
}

template <class Layer>
void add_plain(std::vector<Row>& rows, const std::string& name, const Shape& x) {
  add(rows, name, x, [](Arguments&) { return Layer(); });
}
template <class Layer>
void add_of_real(std::vector<Row>& rows, const std::string& name, const std::string& operation,
                 const Shape& x = {2, 3}) {
  add(
      rows, name, x, [](Arguments& from) { return Layer(from.real()); }, "|" + operation);
}
template <class Layer>
void add_of_size(std::vector<Row>& rows, const std::string& name, const Shape& x,
                 std::int64_t usual, const std::string& operation) {
  add(
      rows, name, x, [usual](Arguments& from) { return Layer(from.size(usual)); }, "|" + operation);
}

/// [1, 2, 4, …]
Shape image(int rank) {
  Shape shape{1, 2};
  for (int axis = 0; axis < rank; ++axis) shape.push_back(4);
  return shape;
}

template <class Layer, int rank>
void add_conv(std::vector<Row>& rows, const std::string& name) {
  add(rows, name, image(rank), [](Arguments& from) {
    const std::int64_t in = from.size(2);
    const std::int64_t out = from.size(4);
    const std::int64_t kernel = from.size(2);
    ConvOptions<rank> o{.stride = from.size(1)};
    const std::int64_t padding = from.size(1);
    const std::string word = from.text("valid");
    o.padding = from.flag() ? ConvPadding<rank>(word) : padding;
    o.dilation = from.size(1);
    o.groups = from.size(2);
    o.bias = from.flag(true);
    o.padding_mode = from.text("replicate");
    return Layer{in, out, kernel, o};
  });
}

template <class Layer, int rank>
void add_conv_transpose(std::vector<Row>& rows, const std::string& name) {
  const auto make = [](Arguments& from) {
    const std::int64_t in = from.size(2);
    const std::int64_t out = from.size(4);
    const std::int64_t kernel = from.size(2);
    return Layer{in,
                 out,
                 kernel,
                 {.stride = from.size(2),
                  .padding = from.size(1),
                  .output_padding = from.size(1),
                  .groups = from.size(2),
                  .bias = from.flag(true),
                  .dilation = from.size(1)}};
  };
  add(rows, name, image(rank), make);
  Shape size;
  for (int axis = 0; axis < rank; ++axis) size.push_back(9);
  rows.push_back({"net (" + name + ")", [size](Arguments& from) {
                    Layer layer{2, 2, 2, {.stride = 2}};
                    const Tensor x = from.tensor(image(rank));
                    use(layer(x, from.shape(size)));
                  }});
}

template <class Max, class Average, class Lp, class Unpool, int rank>
void add_pools(std::vector<Row>& rows) {
  const std::string d = std::to_string(rank) + "d";
  const auto max = [](Arguments& from) {
    const std::int64_t kernel = from.size(2);
    return Max{kernel,
               {.stride = from.size(2),
                .padding = from.size(1),
                .dilation = from.size(1),
                .ceil_mode = from.flag()}};
  };
  add(rows, "MaxPool" + d, image(rank), max);
  rows.push_back({"MaxPool" + d + "|max_pool" + d + "_with_indices", [max](Arguments& from) {
                    Max layer = max(from);
                    Arguments::use(layer.forward_with_indices(from.tensor(image(rank))).indices);
                  }});
  add(rows, "AvgPool" + d, image(rank), [](Arguments& from) {
    const std::int64_t kernel = from.size(2);
    return Average{kernel,
                   {.stride = from.size(2),
                    .padding = from.size(1),
                    .ceil_mode = from.flag(),
                    .count_include_pad = from.flag(true),
                    .divisor_override = from.size(3)}};
  });
  add(rows, "LPPool" + d, image(rank), [](Arguments& from) {
    const double p = from.real(2);
    const std::int64_t kernel = from.size(2);
    return Lp{p, kernel, {.stride = from.size(2), .ceil_mode = from.flag()}};
  });
  rows.push_back({"MaxUnpool" + d + "|net (MaxUnpool" + d + ")", [](Arguments& from) {
                    const std::int64_t kernel = from.size(2);
                    Unpool layer{kernel, {.stride = from.size(2), .padding = from.size(0)}};
                    const Tensor x = from.tensor(image(rank));
                    const Tensor at = from.index(image(rank));
                    use(layer(x, at, from.shape(Shape(std::vector<std::int64_t>(rank, 8)))));
                  }});
}

template <class Average, class Max, int rank>
void add_adaptive(std::vector<Row>& rows) {
  const std::string d = std::to_string(rank) + "d";
  add_of_size<Average>(rows, "AdaptiveAvgPool" + d, image(rank), 2, "adaptive_avg_pool" + d);
  add_of_size<Max>(rows, "AdaptiveMaxPool" + d, image(rank), 2, "adaptive_max_pool" + d);
  rows.push_back(
      {"adaptive_max_pool" + d + "|adaptive_max_pool" + d + "_with_indices", [](Arguments& from) {
         Max layer(from.size(2));
         Arguments::use(layer.forward_with_indices(from.tensor(image(rank))).indices);
       }});
}

template <class Layer>
void add_pad(std::vector<Row>& rows, const std::string& name, int rank) {
  const std::vector<std::int64_t> widths(static_cast<std::size_t>(2 * rank), 1);
  add(rows, name, image(rank),
      [widths](Arguments& from) { return Layer(nn::PadWidths(from.sizes(widths))); });
  add(rows, name, image(rank), [](Arguments& from) { return Layer(from.size(1)); });
}
template <class Layer>
void add_constant_pad(std::vector<Row>& rows, const std::string& name, int rank) {
  const std::vector<std::int64_t> widths(static_cast<std::size_t>(2 * rank), 1);
  add(rows, name, image(rank), [widths](Arguments& from) {
    const nn::PadWidths padding(from.sizes(widths));
    return Layer(padding, from.scalar());
  });
}

template <class Layer>
void add_instance_norm(std::vector<Row>& rows, const std::string& name, int rank) {
  add(
      rows, name, image(rank),
      [](Arguments& from) {
        const std::int64_t channels = from.size(2);
        return Layer(channels, {.eps = from.real(),
                                .momentum = from.real(),
                                .affine = from.flag(),
                                .track_running_stats = from.flag()});
      },
      "|instance_norm");
}
template <class Layer>
void add_batch_norm(std::vector<Row>& rows, const std::string& name, int rank) {
  add(
      rows, name, image(rank),
      [](Arguments& from) {
        const std::int64_t channels = from.size(2);
        return Layer(channels, {.eps = from.real(),
                                .momentum = from.real(),
                                .affine = from.flag(true),
                                .track_running_stats = from.flag(true)});
      },
      "|BatchNorm");
}

}  // namespace

TEST_CASE("hostile: layers that are convolutions") {
  std::vector<Row> rows;
  add_conv<nn::Conv1d, 1>(rows, "Conv1d");
  add_conv<nn::Conv2d, 2>(rows, "Conv2d");
  add_conv<nn::Conv3d, 3>(rows, "Conv3d");
  add_conv_transpose<nn::ConvTranspose1d, 1>(rows, "ConvTranspose1d");
  add_conv_transpose<nn::ConvTranspose2d, 2>(rows, "ConvTranspose2d");
  add_conv_transpose<nn::ConvTranspose3d, 3>(rows, "ConvTranspose3d");
  sweep(rows);
}

TEST_CASE("hostile: layers that are pools") {
  std::vector<Row> rows;
  add_pools<nn::MaxPool1d, nn::AvgPool1d, nn::LPPool1d, nn::MaxUnpool1d, 1>(rows);
  add_pools<nn::MaxPool2d, nn::AvgPool2d, nn::LPPool2d, nn::MaxUnpool2d, 2>(rows);
  add_pools<nn::MaxPool3d, nn::AvgPool3d, nn::LPPool3d, nn::MaxUnpool3d, 3>(rows);
  add_adaptive<nn::AdaptiveAvgPool1d, nn::AdaptiveMaxPool1d, 1>(rows);
  add_adaptive<nn::AdaptiveAvgPool2d, nn::AdaptiveMaxPool2d, 2>(rows);
  add_adaptive<nn::AdaptiveAvgPool3d, nn::AdaptiveMaxPool3d, 3>(rows);
  sweep(rows);
}

TEST_CASE("hostile: layers that are pads") {
  std::vector<Row> rows;
  add_pad<nn::ReflectionPad1d>(rows, "ReflectionPad1d", 1);
  add_pad<nn::ReflectionPad2d>(rows, "ReflectionPad2d", 2);
  add_pad<nn::ReflectionPad3d>(rows, "ReflectionPad3d", 3);
  add_pad<nn::ReplicationPad1d>(rows, "ReplicationPad1d", 1);
  add_pad<nn::ReplicationPad2d>(rows, "ReplicationPad2d", 2);
  add_pad<nn::ReplicationPad3d>(rows, "ReplicationPad3d", 3);
  add_pad<nn::CircularPad1d>(rows, "CircularPad1d", 1);
  add_pad<nn::CircularPad2d>(rows, "CircularPad2d", 2);
  add_pad<nn::CircularPad3d>(rows, "CircularPad3d", 3);
  add_pad<nn::ZeroPad1d>(rows, "ZeroPad1d", 1);
  add_pad<nn::ZeroPad2d>(rows, "ZeroPad2d", 2);
  add_pad<nn::ZeroPad3d>(rows, "ZeroPad3d", 3);
  add_constant_pad<nn::ConstantPad1d>(rows, "ConstantPad1d", 1);
  add_constant_pad<nn::ConstantPad2d>(rows, "ConstantPad2d", 2);
  add_constant_pad<nn::ConstantPad3d>(rows, "ConstantPad3d", 3);
  sweep(rows);
}

TEST_CASE("hostile: layers that are norms") {
  std::vector<Row> rows;
  add_batch_norm<nn::BatchNorm1d>(rows, "BatchNorm1d", 1);
  add_batch_norm<nn::BatchNorm3d>(rows, "BatchNorm3d", 3);
  add_batch_norm<nn::SyncBatchNorm>(rows, "SyncBatchNorm", 2);
  add_instance_norm<nn::InstanceNorm1d>(rows, "InstanceNorm1d", 1);
  add_instance_norm<nn::InstanceNorm2d>(rows, "InstanceNorm2d", 2);
  add_instance_norm<nn::InstanceNorm3d>(rows, "InstanceNorm3d", 3);
  add(
      rows, "LayerNorm", {2, 3, 4},
      [](Arguments& from) {
        const Shape shape = from.shape({3, 4});
        return nn::LayerNorm(
            shape,
            {.eps = from.real(), .elementwise_affine = from.flag(true), .bias = from.flag(true)});
      },
      "|layer_norm");
  add(
      rows, "RMSNorm", {2, 3, 4},
      [](Arguments& from) {
        const Shape shape = from.shape({3, 4});
        return nn::RMSNorm(shape, {.eps = from.real(), .elementwise_affine = from.flag(true)});
      },
      "|rms_norm");
  add(
      rows, "GroupNorm", {2, 4, 3},
      [](Arguments& from) {
        const std::int64_t groups = from.size(2);
        const std::int64_t channels = from.size(4);
        return nn::GroupNorm(groups, channels, {.eps = from.real(), .affine = from.flag(true)});
      },
      "|group_norm");
  const auto neighbours = [](Arguments& from) {
    const std::int64_t size = from.size(2);
    return std::pair{size, LocalResponseNormOptions{
                               .alpha = from.real(), .beta = from.real(), .k = from.real()}};
  };
  add(
      rows, "LocalResponseNorm", {2, 3, 4},
      [neighbours](Arguments& from) {
        const auto [size, options] = neighbours(from);
        return nn::LocalResponseNorm(size, options);
      },
      "|local_response_norm");
  add(
      rows, "CrossMapLRN2d", {2, 3, 4, 2},
      [neighbours](Arguments& from) {
        const auto [size, options] = neighbours(from);
        return nn::CrossMapLRN2d(size, options);
      },
      "|local_response_norm");
  sweep(rows);
}

TEST_CASE("hostile: layers that drop, or look up") {
  std::vector<Row> rows;
  add_of_real<nn::Dropout1d>(rows, "Dropout1d", "dropout", {2, 3, 4});
  add_of_real<nn::Dropout2d>(rows, "Dropout2d", "dropout", {2, 3, 4, 2});
  add_of_real<nn::Dropout3d>(rows, "Dropout3d", "dropout", {2, 3, 4, 2, 2});
  add_of_real<nn::AlphaDropout>(rows, "AlphaDropout", "dropout");
  add_of_real<nn::FeatureAlphaDropout>(rows, "FeatureAlphaDropout", "dropout");
  const auto options = [](Arguments& from) {
    return nn::EmbeddingOptions{.padding_idx = from.size(1),
                                .max_norm = from.real(),
                                .norm_type = from.real(2),
                                .scale_grad_by_freq = from.flag()};
  };
  rows.push_back({"Embedding|net (Embedding)|embedding", [options](Arguments& from) {
                    const std::int64_t count = from.size(4);
                    const std::int64_t width = from.size(3);
                    nn::Embedding layer{count, width, options(from)};
                    use(layer(from.index({2, 3})));
                  }});
  rows.push_back(
      {"Embedding|net (Embedding)|embedding|from_pretrained|add_parameter|requires_grad_",
       [options](Arguments& from) {
         const Tensor weights = from.tensor({4, 3});
         const bool freezes = from.flag(true);
         nn::Embedding layer = nn::Embedding::from_pretrained(weights, freezes, options(from));
         use(layer(from.index({2, 3})));
       }});
  sweep(rows);
}

TEST_CASE("hostile: layers that are activations") {
  std::vector<Row> rows;
  add_plain<nn::SELU>(rows, "SELU", {2, 3});
  add_plain<nn::SiLU>(rows, "SiLU", {2, 3});
  add_plain<nn::Mish>(rows, "Mish", {2, 3});
  add_plain<nn::Softsign>(rows, "Softsign", {2, 3});
  add_plain<nn::LogSigmoid>(rows, "LogSigmoid", {2, 3});
  add_plain<nn::ReLU6>(rows, "ReLU6", {2, 3});
  add_plain<nn::Hardsigmoid>(rows, "Hardsigmoid", {2, 3});
  add_plain<nn::Hardswish>(rows, "Hardswish", {2, 3});
  add_plain<nn::Tanhshrink>(rows, "Tanhshrink", {2, 3});
  add_plain<nn::Softmax2d>(rows, "Softmax2d", {2, 3, 2, 2});
  add_of_real<nn::LeakyReLU>(rows, "LeakyReLU", "leaky_relu");
  add_of_real<nn::ELU>(rows, "ELU", "elu");
  add_of_real<nn::CELU>(rows, "CELU", "celu");
  add_of_real<nn::Hardshrink>(rows, "Hardshrink", "hardshrink");
  add_of_real<nn::Softshrink>(rows, "Softshrink", "softshrink");
  add(
      rows, "Softplus", {2, 3},
      [](Arguments& from) {
        const double beta = from.real(1);
        return nn::Softplus(beta, from.real(20));
      },
      "|softplus");
  add(
      rows, "Hardtanh", {2, 3},
      [](Arguments& from) {
        const Scalar least = from.scalar(-1);
        return nn::Hardtanh(least, from.scalar(1));
      },
      "|hardtanh");
  add(
      rows, "Threshold", {2, 3},
      [](Arguments& from) {
        const Scalar threshold = from.scalar(1);
        return nn::Threshold(threshold, from.scalar(0));
      },
      "|threshold");
  add(rows, "PReLU", {2, 3}, [](Arguments& from) {
    const std::int64_t count = from.size(3);
    return nn::PReLU(count, from.real(0.25));
  });
  add(
      rows, "RReLU", {2, 3},
      [](Arguments& from) {
        const double lower = from.real(0.125);
        return nn::RReLU(lower, from.real(0.25));
      },
      "|rrelu");
  add_of_size<nn::GLU>(rows, "GLU", {2, 4}, 1, "glu");
  add_of_size<nn::Softmin>(rows, "Softmin", {2, 3}, 1, "softmin");
  sweep(rows);
}

TEST_CASE("hostile: layers that arrange and resample") {
  std::vector<Row> rows;
  add_of_size<nn::PixelShuffle>(rows, "PixelShuffle", {1, 4, 3, 2}, 2, "pixel_shuffle");
  add_of_size<nn::PixelUnshuffle>(rows, "PixelUnshuffle", {1, 1, 4, 2}, 2, "pixel_unshuffle");
  add_of_size<nn::ChannelShuffle>(rows, "ChannelShuffle", {1, 4, 2}, 2, "channel_shuffle");
  add(rows, "Unflatten", {2, 6}, [](Arguments& from) {
    const std::int64_t axis = from.size(1);
    return nn::Unflatten(axis, from.shape({2, 3}));
  });
  add(rows, "Upsample", {1, 2, 3, 2}, [](Arguments& from) {
    InterpolateOptions o{.size = from.sizes({4, 3}), .scale_factor = from.reals({})};
    o.mode = from.text("bilinear");
    o.align_corners = from.flag();
    o.recompute_scale_factor = from.flag();
    o.antialias = from.flag();
    return nn::Upsample(o);
  });
  add(rows, "Upsample", {1, 2, 3, 2}, [](Arguments& from) {
    return nn::Upsample({.scale_factor = from.real(1.5), .mode = from.text("nearest-exact")});
  });
  add(rows, "UpsamplingNearest2d", {1, 2, 3, 2}, [](Arguments& from) {
    return nn::UpsamplingNearest2d({.size = from.sizes({4, 3}), .scale_factor = from.reals({})});
  });
  add(rows, "UpsamplingBilinear2d", {1, 2, 3, 2}, [](Arguments& from) {
    return nn::UpsamplingBilinear2d({.size = from.sizes({}), .scale_factor = from.reals({2, 1.5})});
  });
  const auto windows = [](Arguments& from) {
    return FoldOptions{.dilation = from.pair(1), .padding = from.pair(1), .stride = from.pair(2)};
  };
  add(rows, "Unfold", image(2), [windows](Arguments& from) {
    const Extents<2> kernel = from.pair(2);
    return nn::Unfold(kernel, windows(from));
  });
  add(rows, "Fold", {1, 8, 9}, [windows](Arguments& from) {
    const Extents<2> size = from.pair(4);
    const Extents<2> kernel = from.pair(2);
    return nn::Fold(size, kernel, windows(from));
  });
  sweep(rows);
}
