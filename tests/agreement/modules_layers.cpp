// Activations, linear, embeddings, distances, shapes, dropout, padding, folding, resampling.
#include <cmath>

#include "modules.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using Sizes = std::vector<std::int64_t>;

Input picture() { return random({2, 4, 5, 6}); }
Input table() { return random({3, 4}); }

/// Of each value: images, and no values at all.
template <class F, class G>
void pointwise_module(Modules& s, const std::string& module, const std::string& options, F f, G g) {
  for (const Input& x : {picture(), table(), random({0, 3}), random({}), random({7, 1, 9})})
    compare(s, {module, options, {x}}, f, g);
}

template <class F, class G>
void along_axes(Modules& s, const std::string& module, F f, G g) {
  for (const std::int64_t axis : {0, 1, -1, -2})
    compare(
        s, {module, "axis " + std::to_string(axis), {picture()}}, [=] { return f(axis); },
        [=] { return g(axis); });
  refuse(
      s, {module, "axis 4", {picture()}}, [=] { return f(4); }, [=] { return g(4); });
}

void smooth_activations(Modules& s) {
  pointwise_module(
      s, "GELU", "", [] { return nn::GELU(); }, [] { return torch::nn::GELU(); });
  pointwise_module(
      s, "GELU", "tanh", [] { return nn::GELU({.approximate = nn::Approximate::tanh}); },
      [] { return torch::nn::GELU(torch::nn::GELUOptions().approximate("tanh")); });
  pointwise_module(
      s, "Sigmoid", "", [] { return nn::Sigmoid(); }, [] { return torch::nn::Sigmoid(); });
  pointwise_module(
      s, "Tanh", "", [] { return nn::Tanh(); }, [] { return torch::nn::Tanh(); });
  pointwise_module(
      s, "SiLU", "", [] { return nn::SiLU(); }, [] { return torch::nn::SiLU(); });
  pointwise_module(
      s, "Mish", "", [] { return nn::Mish(); }, [] { return torch::nn::Mish(); });
  pointwise_module(
      s, "Softsign", "", [] { return nn::Softsign(); }, [] { return torch::nn::Softsign(); });
  pointwise_module(
      s, "LogSigmoid", "", [] { return nn::LogSigmoid(); }, [] { return torch::nn::LogSigmoid(); });
  pointwise_module(
      s, "Tanhshrink", "", [] { return nn::Tanhshrink(); }, [] { return torch::nn::Tanhshrink(); });
  pointwise_module(
      s, "Softplus", "", [] { return nn::Softplus(); }, [] { return torch::nn::Softplus(); });
  pointwise_module(
      s, "Softplus", "beta 2, threshold 1", [] { return nn::Softplus(2, 1); },
      [] { return torch::nn::Softplus(torch::nn::SoftplusOptions().beta(2).threshold(1)); });
}

void bent_activations(Modules& s) {
  pointwise_module(
      s, "ReLU", "", [] { return nn::ReLU(); }, [] { return torch::nn::ReLU(); });
  pointwise_module(
      s, "ReLU6", "", [] { return nn::ReLU6(); }, [] { return torch::nn::ReLU6(); });
  pointwise_module(
      s, "SELU", "", [] { return nn::SELU(); }, [] { return torch::nn::SELU(); });
  pointwise_module(
      s, "LeakyReLU", "", [] { return nn::LeakyReLU(); }, [] { return torch::nn::LeakyReLU(); });
  pointwise_module(
      s, "LeakyReLU", "0.3", [] { return nn::LeakyReLU(0.3); },
      [] { return torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(0.3)); });
  pointwise_module(
      s, "ELU", "", [] { return nn::ELU(); }, [] { return torch::nn::ELU(); });
  pointwise_module(
      s, "ELU", "alpha 0.4", [] { return nn::ELU(0.4); },
      [] { return torch::nn::ELU(torch::nn::ELUOptions().alpha(0.4)); });
  pointwise_module(
      s, "CELU", "", [] { return nn::CELU(); }, [] { return torch::nn::CELU(); });
  pointwise_module(
      s, "CELU", "alpha 0.5", [] { return nn::CELU(0.5); },
      [] { return torch::nn::CELU(torch::nn::CELUOptions().alpha(0.5)); });
  compare(
      s,
      {.module = "CELU",
       .options = "alpha 0.4",
       .inputs = {table()},
       .but = {Part::gradients},
       .because = "CELU: libtorch's derivative has 1 / alpha in float32"},
      [] { return nn::CELU(0.4); },
      [] { return torch::nn::CELU(torch::nn::CELUOptions().alpha(0.4)); });
  pointwise_module(
      s, "Hardtanh", "", [] { return nn::Hardtanh(); }, [] { return torch::nn::Hardtanh(); });
  pointwise_module(
      s, "Hardtanh", "-0.5, 2", [] { return nn::Hardtanh(-0.5, 2); },
      [] { return torch::nn::Hardtanh(torch::nn::HardtanhOptions().min_val(-0.5).max_val(2)); });
  refuse(
      s, {"Hardtanh", "2, -2", {picture()}}, [] { return nn::Hardtanh(2, -2); },
      [] { return torch::nn::Hardtanh(torch::nn::HardtanhOptions().min_val(2).max_val(-2)); });
  pointwise_module(
      s, "Hardshrink", "", [] { return nn::Hardshrink(); }, [] { return torch::nn::Hardshrink(); });
  pointwise_module(
      s, "Hardshrink", "1.5", [] { return nn::Hardshrink(1.5); },
      [] { return torch::nn::Hardshrink(1.5); });
  pointwise_module(
      s, "Softshrink", "", [] { return nn::Softshrink(); }, [] { return torch::nn::Softshrink(); });
  pointwise_module(
      s, "Softshrink", "1.5", [] { return nn::Softshrink(1.5); },
      [] { return torch::nn::Softshrink(1.5); });
  refuse(
      s, {"Softshrink", "-1", {picture()}}, [] { return nn::Softshrink(-1); },
      [] { return torch::nn::Softshrink(-1); });
  pointwise_module(
      s, "Threshold", "0.5, -2", [] { return nn::Threshold(0.5, -2); },
      [] { return torch::nn::Threshold(0.5, -2); });
}

void activations_with_weights(Modules& s) {
  pointwise_module(
      s, "PReLU", "", [] { return nn::PReLU(); }, [] { return torch::nn::PReLU(); });
  compare(
      s, {"PReLU", "4, 0.1", {picture()}}, [] { return nn::PReLU(4, 0.1); },
      [] { return torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(4).init(0.1)); });
  refuse(
      s, {"PReLU", "3", {picture()}}, [] { return nn::PReLU(3); },
      [] { return torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(3)); });
  compare(
      s, {"RReLU", "", {picture()}, 9, false}, [] { return nn::RReLU(); },
      [] { return torch::nn::RReLU(); });
  compare(
      s, {"RReLU", "0.2, 0.2", {picture()}}, [] { return nn::RReLU(0.2, 0.2); },
      [] { return torch::nn::RReLU(torch::nn::RReLUOptions().lower(0.2).upper(0.2)); });
  refuse(
      s, {"RReLU", "0.4, 0.2", {picture()}}, [] { return nn::RReLU(0.4, 0.2); },
      [] { return torch::nn::RReLU(torch::nn::RReLUOptions().lower(0.4).upper(0.2)); });
}

void softmaxes(Modules& s) {
  along_axes(
      s, "Softmax", [](std::int64_t axis) { return nn::Softmax(axis); },
      [](std::int64_t axis) { return torch::nn::Softmax(axis); });
  along_axes(
      s, "LogSoftmax", [](std::int64_t axis) { return nn::LogSoftmax(axis); },
      [](std::int64_t axis) { return torch::nn::LogSoftmax(axis); });
  along_axes(
      s, "Softmin", [](std::int64_t axis) { return nn::Softmin(axis); },
      [](std::int64_t axis) { return torch::nn::Softmin(axis); });
  for (const std::int64_t axis : {0, 1, -1})
    compare(
        s, {"GLU", "axis " + std::to_string(axis), {picture()}}, [=] { return nn::GLU(axis); },
        [=] { return torch::nn::GLU(axis); });
  refuse(
      s, {"GLU", "of 5", {picture()}}, [] { return nn::GLU(2); }, [] { return torch::nn::GLU(2); });
  const auto ours = [] { return nn::Softmax2d(); };
  const auto theirs = [] { return torch::nn::Softmax2d(); };
  compare(s, {"Softmax2d", "", {picture()}}, ours, theirs);
  compare(s, {"Softmax2d", "", {random({4, 5, 6})}}, ours, theirs);
  refuse(s, {"Softmax2d", "", {table()}}, ours, theirs);
}

void linear(Modules& s) {
  for (const bool bias : {true, false}) {
    const std::string options = bias ? "" : "no bias";
    const auto ours = [=] { return nn::Linear(4, 3, {.bias = bias}); };
    const auto theirs = [=] {
      return torch::nn::Linear(torch::nn::LinearOptions(4, 3).bias(bias));
    };
    for (const Shape& shape :
         {Shape{2, 4}, Shape{4}, Shape{2, 3, 4}, Shape{2, 1, 3, 4}, Shape{0, 4}})
      compare(s, {"Linear", options, {random(shape)}}, ours, theirs);
    for (const Shape& shape : {Shape{2, 3}, Shape{4, 3}, Shape{}})
      refuse(s, {"Linear", options, {random(shape)}}, ours, theirs);
    const auto our_product = [=] { return nn::Bilinear(4, 5, 3, {.bias = bias}); };
    const auto their_product = [=] {
      return torch::nn::Bilinear(torch::nn::BilinearOptions(4, 5, 3).bias(bias));
    };
    for (const Sizes& front : {Sizes{2}, Sizes{2, 3}, Sizes{0}, Sizes{}}) {
      Sizes left = front, right = front;
      left.push_back(4);
      right.push_back(5);
      compare(
          s,
          {"Bilinear", options, {random(Shape(std::span(left))), random(Shape(std::span(right)))}},
          our_product, their_product, Of<2>());
    }
    refuse(s, {"Bilinear", options, {random({2, 4}), random({3, 5})}}, our_product, their_product,
           Of<2>());
    refuse(s, {"Bilinear", options, {random({2, 5}), random({2, 4})}}, our_product, their_product,
           Of<2>());
  }
  compare(
      s, {"Identity", "", {picture()}}, [] { return nn::Identity(); },
      [] { return torch::nn::Identity(); });
}

void embeddings(Modules& s) {
  const auto line = [](const std::string& options, const Shape& shape = {2, 3}) {
    return Line{"Embedding", options, {whole(shape, xgrad::int64, 0, 5)}};
  };
  const auto with = [&](const std::string& options, const nn::EmbeddingOptions& ours,
                        const torch::nn::EmbeddingOptions& theirs) {
    for (const Shape& shape : {Shape{2, 3}, Shape{}, Shape{0}, Shape{2, 2, 5}})
      compare(
          s, line(options, shape), [=] { return nn::Embedding(5, 3, ours); },
          [=] { return torch::nn::Embedding(theirs); });
  };
  const torch::nn::EmbeddingOptions plain(5, 3);
  with("", {}, plain);
  with("padding_idx 2", {.padding_idx = 2}, torch::nn::EmbeddingOptions(plain).padding_idx(2));
  with("padding_idx -1", {.padding_idx = -1}, torch::nn::EmbeddingOptions(plain).padding_idx(-1));
  with("max_norm 0.5", {.max_norm = 0.5}, torch::nn::EmbeddingOptions(plain).max_norm(0.5));
  with("max_norm 0.5, norm_type 1", {.max_norm = 0.5, .norm_type = 1},
       torch::nn::EmbeddingOptions(plain).max_norm(0.5).norm_type(1));
  with("scale_grad_by_freq", {.scale_grad_by_freq = true},
       torch::nn::EmbeddingOptions(plain).scale_grad_by_freq(true));
  for (const std::int64_t padding : {5, -6})
    refuse(
        s, line("padding_idx " + std::to_string(padding)),
        [=] { return nn::Embedding(5, 3, {.padding_idx = padding}); },
        [=] {
          return torch::nn::Embedding(torch::nn::EmbeddingOptions(5, 3).padding_idx(padding));
        });
  for (const Input& indices :
       {integers({1, 5}), integers({-1}), random({2}), whole({2}, xgrad::uint8, 0, 5)})
    refuse(
        s, {"Embedding", "", {indices}}, [] { return nn::Embedding(5, 3); },
        [] { return torch::nn::Embedding(5, 3); });
  const Input rows = random({5, 3});
  for (const bool freeze : {true, false})
    compare(
        s, {"Embedding", freeze ? "from_pretrained" : "from_pretrained, trained", line("").inputs},
        [=] {
          return nn::Embedding::from_pretrained(rows.tensor.clone(), freeze, {.padding_idx = 1});
        },
        [=] {
          return torch::nn::Embedding::from_pretrained(
              theirs(rows.tensor),
              torch::nn::EmbeddingFromPretrainedOptions().freeze(freeze).padding_idx(1));
        });
}

void distances(Modules& s) {
  const Input a = random({3, 4, 5}), b = random({3, 4, 5}, xgrad::float64, -3, 3, 2);
  for (const std::int64_t axis : {0, 1, 2, -1})
    for (const double eps : {1e-8, 0.5})
      compare(
          s,
          {"CosineSimilarity",
           "axis " + std::to_string(axis) + ", eps " + std::to_string(eps),
           {a, b}},
          [=] { return nn::CosineSimilarity(axis, eps); },
          [=] {
            return torch::nn::CosineSimilarity(
                torch::nn::CosineSimilarityOptions().dim(axis).eps(eps));
          },
          Of<2>());
  for (const double p : {1., 2., 3., 0.5, double(INFINITY)})
    for (const bool keepdim : {false, true})
      for (const Inputs& pair : {Inputs{a, b}, Inputs{random({3, 4}), random({4})}})
        compare(
            s, {"PairwiseDistance", "p " + std::to_string(p) + (keepdim ? ", keepdim" : ""), pair},
            [=] { return nn::PairwiseDistance(p, 1e-3, keepdim); },
            [=] {
              return torch::nn::PairwiseDistance(
                  torch::nn::PairwiseDistanceOptions().p(p).eps(1e-3).keepdim(keepdim));
            },
            Of<2>());
}

void shaping(Modules& s) {
  for (const auto& [start, end] :
       {std::pair<std::int64_t, std::int64_t>{1, -1}, {0, -1}, {1, 2}, {-2, -1}, {2, 2}})
    compare(
        s, {"Flatten", std::to_string(start) + " to " + std::to_string(end), {picture()}},
        [start = start, end = end] { return nn::Flatten(start, end); },
        [start = start, end = end] {
          return torch::nn::Flatten(torch::nn::FlattenOptions().start_dim(start).end_dim(end));
        });
  refuse(
      s, {"Flatten", "2 to 1", {picture()}}, [] { return nn::Flatten(2, 1); },
      [] { return torch::nn::Flatten(torch::nn::FlattenOptions().start_dim(2).end_dim(1)); });
  compare(
      s, {"Unflatten", "6 as 2, 3", {picture()}},
      [] {
        return nn::Unflatten(-1, {2, 3});
      },
      [] {
        return torch::nn::Unflatten(-1, Sizes{2, 3});
      });
  compare(
      s, {"Unflatten", "4 as 2, -1", {picture()}},
      [] {
        return nn::Unflatten(1, {2, -1});
      },
      [] {
        return torch::nn::Unflatten(1, Sizes{2, -1});
      });
  refuse(
      s, {"Unflatten", "6 as 2, 2", {picture()}},
      [] {
        return nn::Unflatten(-1, {2, 2});
      },
      [] {
        return torch::nn::Unflatten(-1, Sizes{2, 2});
      });
}

/// What is drawn differs; nothing or all is dropped the same.
template <class Ours, class Theirs>
void dropout(Modules& s, const std::string& module, const Input& x) {
  for (const double p : {0., 0.4, 1.})
    compare(
        s, {module, "p " + std::to_string(p), {x}, 9, p != 0.4}, [=] { return Ours(p); },
        [=] { return Theirs(p); });
  for (const double p : {-0.1, 1.1, double(NAN)})
    refuse(
        s, {module, "p " + std::to_string(p), {x}}, [=] { return Ours(p); },
        [=] { return Theirs(p); });
}

void dropouts(Modules& s) {
  dropout<nn::Dropout, torch::nn::Dropout>(s, "Dropout", picture());
  dropout<nn::Dropout2d, torch::nn::Dropout2d>(s, "Dropout2d", picture());
  dropout<nn::Dropout3d, torch::nn::Dropout3d>(s, "Dropout3d", random({2, 3, 2, 3, 2}));
  dropout<nn::AlphaDropout, torch::nn::AlphaDropout>(s, "AlphaDropout", picture());
  dropout<nn::FeatureAlphaDropout, torch::nn::FeatureAlphaDropout>(s, "FeatureAlphaDropout",
                                                                   picture());
}

template <std::size_t rank>
torch::ExpandingArray<rank * 2> expanding(const Sizes& widths) {
  return torch::ExpandingArray<rank * 2>(widths);
}

/// Different widths, one for all, and such as cut.
template <std::size_t rank, class F, class G>
void padding(Modules& s, const std::string& module, F f, G g, bool is_limited) {
  const Sizes extents{2, 3, 4, 5, 6};
  const Sizes with_batch{extents.begin(), extents.begin() + 2 + rank};
  const Sizes without_batch{with_batch.begin() + 1, with_batch.end()};
  const std::vector<Sizes> all{
      {1, 2, 2, 1, 1, 3}, {1, 1, 1, 1, 1, 1}, {0, 2, 1, 0, 0, 0}, {-1, 2, 1, -1, 0, 1}};
  for (const Sizes& each : all) {
    const Sizes widths{each.begin(), each.begin() + 2 * rank};
    std::string options;
    for (const std::int64_t width : widths) options += std::to_string(width) + " ";
    for (const Sizes& shape : {with_batch, without_batch})
      compare(
          s, {module, options, {random(Shape(std::span(shape)))}}, [=] { return f(widths); },
          [=] { return g(expanding<rank>(widths)); });
  }
  if (!is_limited) return;
  const Sizes wide(2 * rank, 9);
  refuse(
      s, {module, "9", {random(Shape(std::span(with_batch)))}}, [=] { return f(wide); },
      [=] { return g(expanding<rank>(wide)); });
}

template <std::size_t rank, class Ours, class Theirs>
void bordered(Modules& s, const std::string& module, bool is_limited) {
  padding<rank>(
      s, module, [](const Sizes& widths) { return Ours(widths); },
      [](const auto& widths) { return Theirs(widths); }, is_limited);
}

template <std::size_t rank, class Ours, class Theirs, class Options>
void constant_padding(Modules& s, const std::string& module) {
  padding<rank>(
      s, module, [](const Sizes& widths) { return Ours(widths, -1.5); },
      [](const auto& widths) { return Theirs(Options(widths, -1.5)); }, false);
}

void paddings(Modules& s) {
  bordered<1, nn::ReflectionPad1d, torch::nn::ReflectionPad1d>(s, "ReflectionPad1d", true);
  bordered<2, nn::ReflectionPad2d, torch::nn::ReflectionPad2d>(s, "ReflectionPad2d", true);
  bordered<3, nn::ReflectionPad3d, torch::nn::ReflectionPad3d>(s, "ReflectionPad3d", true);
  bordered<1, nn::ReplicationPad1d, torch::nn::ReplicationPad1d>(s, "ReplicationPad1d", false);
  bordered<2, nn::ReplicationPad2d, torch::nn::ReplicationPad2d>(s, "ReplicationPad2d", false);
  bordered<3, nn::ReplicationPad3d, torch::nn::ReplicationPad3d>(s, "ReplicationPad3d", false);
  bordered<2, nn::ZeroPad2d, torch::nn::ZeroPad2d>(s, "ZeroPad2d", false);
  constant_padding<1, nn::ConstantPad1d, torch::nn::ConstantPad1d, torch::nn::ConstantPad1dOptions>(
      s, "ConstantPad1d");
  constant_padding<2, nn::ConstantPad2d, torch::nn::ConstantPad2d, torch::nn::ConstantPad2dOptions>(
      s, "ConstantPad2d");
  constant_padding<3, nn::ConstantPad3d, torch::nn::ConstantPad3d, torch::nn::ConstantPad3dOptions>(
      s, "ConstantPad3d");
}

void folding(Modules& s) {
  struct Windows {
    std::int64_t kernel, dilation, padding, stride;
  };
  for (const Windows w : {Windows{2, 1, 0, 1}, {3, 1, 1, 2}, {2, 2, 1, 1}, {2, 1, 1, 2}}) {
    const std::string options = "kernel " + std::to_string(w.kernel) + ", dilation " +
                                std::to_string(w.dilation) + ", padding " +
                                std::to_string(w.padding) + ", stride " + std::to_string(w.stride);
    const nn::FoldOptions ours{.dilation = w.dilation, .padding = w.padding, .stride = w.stride};
    for (const Input& x : {picture(), random({4, 5, 6})}) {
      Line line{"Unfold", options, {x}};
      if (x.tensor.dim() == 3) {
        line.but = {Part::refusal};
        line.because = "Unfold: libtorch's C++ takes no image without a batch";
      }
      compare(
          s, line, [=] { return nn::Unfold(w.kernel, ours); },
          [=] {
            return torch::nn::Unfold(torch::nn::UnfoldOptions(w.kernel)
                                         .dilation(w.dilation)
                                         .padding(w.padding)
                                         .stride(w.stride));
          });
    }
    const auto places = [&](std::int64_t extent) {
      return (extent + 2 * w.padding - w.dilation * (w.kernel - 1) - 1) / w.stride + 1;
    };
    const auto our_fold = [=] { return nn::Fold({5, 6}, w.kernel, ours); };
    const auto their_fold = [=] {
      return torch::nn::Fold(torch::nn::FoldOptions({5, 6}, w.kernel)
                                 .dilation(w.dilation)
                                 .padding(w.padding)
                                 .stride(w.stride));
    };
    const std::int64_t rows = 2 * w.kernel * w.kernel, columns = places(5) * places(6);
    compare(s, {"Fold", options, {random({3, rows, columns})}}, our_fold, their_fold);
    compare(s, {"Fold", options, {random({rows, columns})}}, our_fold, their_fold);
    refuse(s, {"Fold", options, {random({3, rows, columns + 1})}}, our_fold, their_fold);
    refuse(s, {"Fold", options, {random({3, rows + 1, columns})}}, our_fold, their_fold);
  }
}

void shuffles(Modules& s) {
  for (const std::int64_t factor : {1, 2}) {
    const std::string options = std::to_string(factor);
    for (const Shape& shape : {Shape{2, 8, 3, 4}, Shape{8, 3, 4}, Shape{2, 2, 4, 2, 6}})
      compare(
          s, {"PixelShuffle", options, {random(shape)}}, [=] { return nn::PixelShuffle(factor); },
          [=] { return torch::nn::PixelShuffle(factor); });
    for (const Shape& shape : {Shape{2, 3, 4, 6}, Shape{3, 4, 6}})
      compare(
          s, {"PixelUnshuffle", options, {random(shape)}},
          [=] { return nn::PixelUnshuffle(factor); },
          [=] { return torch::nn::PixelUnshuffle(factor); });
  }
  refuse(
      s, {"PixelShuffle", "3", {random({2, 8, 3, 4})}}, [] { return nn::PixelShuffle(3); },
      [] { return torch::nn::PixelShuffle(3); });
  refuse(
      s, {"PixelUnshuffle", "3", {random({2, 8, 3, 4})}}, [] { return nn::PixelUnshuffle(3); },
      [] { return torch::nn::PixelUnshuffle(3); });
  refuse(
      s, {"PixelShuffle", "2", {random({3, 4})}}, [] { return nn::PixelShuffle(2); },
      [] { return torch::nn::PixelShuffle(2); });
}

using TheirMode =
    std::remove_cvref_t<decltype(std::declval<const torch::nn::UpsampleOptions&>().mode())>;

/// A mode on both sides, and an input of it.
struct Mode {
  const char* name;
  TheirMode theirs;
  Sizes shape;
  bool aligns;
};

void upsampling(Modules& s) {
  const std::vector<Mode> modes{{"nearest", torch::kNearest, {2, 3, 5}, false},
                                {"nearest", torch::kNearest, {2, 3, 4, 5}, false},
                                {"nearest", torch::kNearest, {2, 2, 3, 4, 2}, false},
                                {"linear", torch::kLinear, {2, 3, 5}, true},
                                {"bilinear", torch::kBilinear, {2, 3, 4, 5}, true},
                                {"bicubic", torch::kBicubic, {2, 3, 4, 5}, true},
                                {"trilinear", torch::kTrilinear, {2, 2, 3, 4, 2}, true}};
  for (const Mode& mode : modes) {
    const std::size_t axes = mode.shape.size() - 2;
    const Inputs x{random(Shape(std::span(mode.shape)))};
    for (const std::optional<bool> aligned :
         {std::optional<bool>{}, std::optional(false), std::optional(true)}) {
      if (aligned && !mode.aligns) continue;
      const std::string options = std::string(mode.name) + (!aligned   ? ""
                                                            : *aligned ? ", aligned"
                                                                       : ", not aligned");
      for (const double factor : {2., 1.5, 0.6})
        compare(
            s, {"Upsample", options + ", by " + std::to_string(factor), x},
            [=] {
              return nn::Upsample(
                  {.scale_factor = factor, .mode = mode.name, .align_corners = aligned});
            },
            [=] {
              return torch::nn::Upsample(torch::nn::UpsampleOptions()
                                             .scale_factor(std::vector<double>(axes, factor))
                                             .mode(mode.theirs)
                                             .align_corners(theirs_of(aligned)));
            });
      const Sizes size{7, 3, 6};
      const Sizes own{size.begin(), size.begin() + static_cast<std::ptrdiff_t>(axes)};
      compare(
          s, {"Upsample", options + ", to 7, 3, 6", x},
          [=] { return nn::Upsample({.size = own, .mode = mode.name, .align_corners = aligned}); },
          [=] {
            return torch::nn::Upsample(torch::nn::UpsampleOptions()
                                           .size(own)
                                           .mode(mode.theirs)
                                           .align_corners(theirs_of(aligned)));
          });
    }
  }
  const Inputs x{picture()};
  refuse(
      s, {"Upsample", "neither size nor factor", x}, [] { return nn::Upsample({}); },
      [] { return torch::nn::Upsample(torch::nn::UpsampleOptions()); });
  refuse(
      s, {"Upsample", "nearest, aligned", x},
      [] { return nn::Upsample({.scale_factor = 2, .align_corners = true}); },
      [] {
        return torch::nn::Upsample(torch::nn::UpsampleOptions()
                                       .scale_factor(std::vector<double>{2, 2})
                                       .align_corners(true));
      });
  refuse(
      s, {"Upsample", "linear of images", x},
      [] { return nn::Upsample({.scale_factor = 2, .mode = "linear"}); },
      [] {
        return torch::nn::Upsample(torch::nn::UpsampleOptions()
                                       .scale_factor(std::vector<double>{2, 2})
                                       .mode(torch::kLinear));
      });
}

}  // namespace

void layers(Modules& s) {
  smooth_activations(s);
  bent_activations(s);
  activations_with_weights(s);
  softmaxes(s);
  linear(s);
  embeddings(s);
  distances(s);
  shaping(s);
  dropouts(s);
  paddings(s);
  folding(s);
  shuffles(s);
  upsampling(s);
  for (const char* const one :
       {"Hardsigmoid", "Hardswish", "Dropout1d", "ChannelShuffle", "CircularPad1d", "CircularPad2d",
        "CircularPad3d", "ZeroPad1d", "ZeroPad3d", "UpsamplingNearest2d", "UpsamplingBilinear2d"})
    s.no_counterpart(one, "not in C++");
}

}  // namespace agreement
