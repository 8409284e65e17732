// Options together: each loss against the sum that its definition writes out, for the rows that
// count; convolution against loops, and whether the kernel that is planned for it is to be had.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/kernels/conv.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string_view>

#include "support.hpp"

using namespace support;

namespace {

// ---- losses

/// A classification: logits [N, C], [N, C, d] or [C], and what the targets are.
struct Classes {
  Shape logits;
  std::vector<std::int64_t> target;  ///< by position, in row-major order

  std::size_t axis() const { return logits.size() == 1 ? 0 : 1; }
  std::int64_t count() const { return logits[axis()]; }
  Shape target_shape() const {
    Shape shape = logits;
    shape.erase(axis());
    return shape;
  }
};

struct Options {
  bool weighted;
  std::int64_t ignore_index;
  double smoothing;
  Reduction reduction;
};

double weight_of(const Options& o, std::int64_t c) {
  return o.weighted ? 0.5 + 0.75 * static_cast<double>(c) : 1;
}

Tensor weights(const Options& o, std::int64_t classes, DType dtype) {
  std::vector<double> each;
  for (std::int64_t c = 0; c < classes; ++c) each.push_back(weight_of(o, c));
  return o.weighted ? from_vector(each).to(dtype) : Tensor();
}

/// How much of −log p each class of each position takes: [positions, C], 0 for what is ignored.
Tensor shares(const Classes& given, const Options& o) {
  const std::int64_t classes = given.count();
  const auto positions = static_cast<std::int64_t>(given.target.size());
  Tensor q = zeros({positions, classes}, {.dtype = float64});
  double* const to = q.mutable_data<double>();
  double total = 0;
  for (std::int64_t i = 0; i < positions; ++i) {
    const std::int64_t target = given.target[static_cast<std::size_t>(i)];
    if (target == o.ignore_index) continue;
    total += weight_of(o, target);
    for (std::int64_t c = 0; c < classes; ++c)
      to[i * classes + c] = weight_of(o, c) * ((c == target ? 1 - o.smoothing : 0) +
                                               o.smoothing / static_cast<double>(classes));
  }
  return o.reduction == Reduction::mean ? q / total : q;
}

/// [positions, C] from the logits' shape.
Tensor as_rows(const Tensor& x) {
  if (x.dim() == 1) return x.reshape({1, x.size(0)});
  return x.dim() == 2 ? x : permute(x, {0, 2, 1}).reshape({-1, x.size(1)});
}

Tensor written_out(const Tensor& log_probabilities, const Classes& given, const Options& o) {
  const Tensor terms = as_rows(log_probabilities) * shares(given, o);
  if (o.reduction != Reduction::none) return -sum(terms);
  return -sum(terms, 1).reshape(given.target_shape());
}

struct Found {
  Tensor loss;
  Tensor gradient;
};

/// By the rules as they are without a graph, and as they are recorded.
Found found(const Tensor& given, const std::function<Tensor(const Tensor&)>& f, bool recorded) {
  const Tensor x = given.detach().clone().requires_grad_();
  const Tensor loss = f(x);
  const Tensor dy = uniform(loss.shape(), 0.5, 1.5, 3).to(loss.dtype());
  return {loss.detach(), grad(loss, x, {.grad_outputs = {dy}, .create_graph = recorded}).detach()};
}

bool close(const Tensor& x, const Tensor& exact, DType dtype) {
  const double unit = dtype == float32 ? 1e-6 : 1e-14;
  return x.shape() == exact.shape() && allclose(x.to(float64), exact, 4 * unit, 4 * unit);
}

/// f(options) for all of them together.
template <class F>
void for_options(const Classes& given, const std::vector<double>& smoothings, const F& f) {
  for (const bool weighted : {false, true})
    for (const std::int64_t ignore_index : {std::int64_t{-100}, given.target[0], given.count() + 7})
      for (const double smoothing : smoothings)
        for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
          CAPTURE(weighted);
          CAPTURE(ignore_index);
          CAPTURE(smoothing);
          CAPTURE(static_cast<int>(reduction));
          f(Options{weighted, ignore_index, smoothing, reduction});
        }
}

/// Targets of which some are the first, so that ignoring it leaves others.
std::vector<Classes> classifications() {
  return {{{5, 4}, {2, 0, 2, 3, 1}},
          {{3, 4}, {1, 3, 3}},
          {{2, 3, 3}, {2, 1, 0, 2, 2, 1}},
          {{6, 2}, {1, 0, 0, 1, 0, 1}},
          {{4, 20}, {7, 19, 0, 7}}};
}

}  // namespace

TEST_CASE("a loss with any options together is that of the rows that count, written out") {
  for (const Classes& given : classifications()) {
    CAPTURE(given.logits);
    const Tensor wide = normal(given.logits, 2) * 2;
    const Tensor target = from_vector(given.target, given.target_shape());
    for (const DType dtype : {float32, float64})
      for (const bool recorded : {false, true}) {
        CAPTURE(name(dtype));
        CAPTURE(recorded);
        const Tensor x = wide.to(dtype);
        const Tensor exact = x.to(float64);
        for_options(given, {0, 0.1, 0.6, 1}, [&](const Options& o) {
          const Found loss = found(
              x,
              [&](const Tensor& v) {
                return cross_entropy(v, target,
                                     {.weight = weights(o, given.count(), dtype),
                                      .ignore_index = o.ignore_index,
                                      .label_smoothing = o.smoothing,
                                      .reduction = o.reduction});
              },
              recorded);
          const Found right = found(
              exact,
              [&](const Tensor& v) {
                return written_out(log_softmax(v, static_cast<std::int64_t>(given.axis())), given,
                                   o);
              },
              false);
          CHECK(close(loss.loss, right.loss, dtype));
          CHECK(close(loss.gradient, right.gradient, dtype));
        });
        for_options(given, {0}, [&](const Options& o) {
          const Found loss = found(
              x,
              [&](const Tensor& v) {
                return nll_loss(v, target,
                                {.weight = weights(o, given.count(), dtype),
                                 .ignore_index = o.ignore_index,
                                 .reduction = o.reduction});
              },
              recorded);
          const Found right = found(
              exact, [&](const Tensor& v) { return written_out(v, given, o); }, false);
          CHECK(close(loss.loss, right.loss, dtype));
          CHECK(close(loss.gradient, right.gradient, dtype));
        });
      }
  }
}

TEST_CASE("one example by itself is a batch of one, without its axis") {
  const Classes given{{4}, {2}};
  const Tensor x = normal({4});
  for_options({{1, 4}, {2}}, {0, 0.3}, [&](const Options& o) {
    if (o.ignore_index == 2) return;  // a mean over nothing
    const CrossEntropyOptions options{.weight = weights(o, 4, float64),
                                      .ignore_index = o.ignore_index,
                                      .label_smoothing = o.smoothing,
                                      .reduction = o.reduction};
    const Tensor loss = cross_entropy(x, tensor(2), options);
    CHECK(loss.shape() == Shape{});
    CHECK(close(loss, written_out(log_softmax(x, 0), given, o).reshape({}), float64));
  });
}

TEST_CASE("targets as probabilities with any options are the same sum") {
  for (const Classes& given : classifications()) {
    CAPTURE(given.logits);
    const auto axis = static_cast<std::int64_t>(given.axis());
    const Tensor p = softmax(normal(given.logits, 5), axis);
    const auto positions = static_cast<double>(given.target.size());
    for (const DType dtype : {float32, float64})
      for_options(given, {0, 0.1, 1}, [&](const Options& o) {
        const auto right = [&](const Tensor& v) {
          const auto classes = static_cast<double>(given.count());
          Tensor q = as_rows(p) * (1 - o.smoothing) + o.smoothing / classes;
          if (o.weighted) q = q * weights(o, given.count(), float64);
          const Tensor terms = -sum(as_rows(log_softmax(v, axis)) * q, 1);
          if (o.reduction == Reduction::none) return terms.reshape(given.target_shape());
          return o.reduction == Reduction::mean ? sum(terms) / positions : sum(terms);
        };
        const Tensor x = normal(given.logits, 2).to(dtype);
        const Found loss = found(
            x,
            [&](const Tensor& v) {
              return cross_entropy(v, p.to(dtype),
                                   {.weight = weights(o, given.count(), dtype),
                                    .label_smoothing = o.smoothing,
                                    .reduction = o.reduction});
            },
            false);
        const Found exact = found(x.to(float64), right, false);
        CHECK(close(loss.loss, exact.loss, dtype));
        CHECK(close(loss.gradient, exact.gradient, dtype));
      });
  }
}

// ---- convolution

namespace {

using kernels::ConvDirection;
using kernels::ConvGeometry;
using kernels::ConvKernel;

struct Convolution {
  std::int64_t channels, filters, groups;
  Extents<2> window;
  Conv2dOptions options;
  bool bias;

  Shape x() const { return {4, channels, 9, 8}; }
  Shape weight() const { return {filters, channels / groups, window[0], window[1]}; }
  std::int64_t places(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                      std::int64_t padding, std::int64_t dilation) const {
    return (in + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  }
  Shape y() const {
    const auto& o = options;
    return {4, filters, places(9, window[0], o.stride[0], o.padding[0], o.dilation[0]),
            places(8, window[1], o.stride[1], o.padding[1], o.dilation[1])};
  }
  ConvGeometry geometry() const {
    const auto& o = options;
    return {.n = 4,
            .c = channels,
            .h = 9,
            .w = 8,
            .k = filters,
            .r = window[0],
            .s = window[1],
            .oh = y()[2],
            .ow = y()[3],
            .stride_h = o.stride[0],
            .stride_w = o.stride[1],
            .pad_h = o.padding[0],
            .pad_w = o.padding[1],
            .dilation_h = o.dilation[0],
            .dilation_w = o.dilation[1],
            .groups = groups};
  }
};

struct Numbers {
  std::vector<double> y, dx, dw, db;
};

/// The definition.
Numbers by_loops(const Convolution& c, const std::vector<double>& x, const std::vector<double>& w,
                 const std::vector<double>& b, const std::vector<double>& dy) {
  Numbers n{std::vector<double>(dy.size()), std::vector<double>(x.size()),
            std::vector<double>(w.size()), std::vector<double>(b.size())};
  const Shape xs = c.x(), ws = c.weight(), ys = c.y();
  const auto& o = c.options;
  const std::int64_t each = c.filters / c.groups;
  std::size_t out = 0;
  for (std::int64_t image = 0; image < ys[0]; ++image)
    for (std::int64_t k = 0; k < ys[1]; ++k)
      for (std::int64_t i = 0; i < ys[2]; ++i)
        for (std::int64_t j = 0; j < ys[3]; ++j, ++out) {
          n.y[out] = c.bias ? b[static_cast<std::size_t>(k)] : 0;
          n.db[static_cast<std::size_t>(k)] += dy[out];
          for (std::int64_t q = 0; q < ws[1]; ++q)
            for (std::int64_t r = 0; r < ws[2]; ++r)
              for (std::int64_t s = 0; s < ws[3]; ++s) {
                const std::int64_t row = i * o.stride[0] + r * o.dilation[0] - o.padding[0];
                const std::int64_t column = j * o.stride[1] + s * o.dilation[1] - o.padding[1];
                if (row < 0 || row >= xs[2] || column < 0 || column >= xs[3]) continue;
                const auto in = static_cast<std::size_t>(
                    ((image * xs[1] + k / each * ws[1] + q) * xs[2] + row) * xs[3] + column);
                const auto by = static_cast<std::size_t>(((k * ws[1] + q) * ws[2] + r) * ws[3] + s);
                n.y[out] += x[in] * w[by];
                n.dx[in] += dy[out] * w[by];
                n.dw[by] += dy[out] * x[in];
              }
        }
  return n;
}

bool agrees(const Tensor& found, const std::vector<double>& right, double tolerance) {
  const auto v = values(found);
  double largest = 1e-3;
  for (const double value : right) largest = std::max(largest, std::abs(value));
  bool good = v.size() == right.size();
  for (std::size_t i = 0; good && i < v.size(); ++i)
    good = std::abs(v[i] - right[i]) <= tolerance * largest;
  return good;
}

std::string_view setting() {
  const char* const name = std::getenv("XGRAD_CONV");
  return name == nullptr ? "auto" : name;
}

/// What kernels there are, by geometries that each can certainly do.
bool has_onednn() {
  const Convolution plain{16, 16, 1, 3, {.padding = 1}, false};
  const ConvGeometry g = plain.geometry();
  return kernels::onednn_can(ConvDirection::forward,
                             {ConvKernel::direct, Layout::blocked, Layout::blocked}, g);
}
bool has_winograd() {
  const Convolution plain{32, 32, 1, 3, {.padding = 1}, false};
  return kernels::winograd_can(ConvDirection::forward, plain.geometry());
}

/// As conv.hpp and conv.cpp say which is the fastest.
ConvKernel fastest(const Convolution& c, ConvDirection direction) {
  const auto& o = c.options;
  const bool is_plain = c.window == 3 && o.stride == 1 && o.dilation == 1 && c.groups == 1;
  // Of these sizes: four images of 6 tiles, more than half full wherever a window of 3 fits.
  if (has_winograd() && is_plain && c.channels % 32 == 0 && c.filters % 32 == 0)
    return ConvKernel::winograd;
  const std::int64_t each = c.channels / c.groups;
  const std::int64_t filters = c.filters / c.groups;
  const bool by_groups = (each == 1 && filters == 1) || (each >= 16 && filters >= 16);
  const bool at_once =
      c.channels >= 8 || (c.channels <= 4 && direction != ConvDirection::backward_input);
  const bool enough = c.filters >= 8 && (c.groups == 1 ? at_once : by_groups);
  return has_onednn() && enough ? ConvKernel::direct : ConvKernel::gemm;
}

/// Whether oneDNN surely has a kernel: it need not for windows that are no squares and what is
/// uneven, nor, with vectors of 8 or a filter for each channel, for gradients of what is dilated.
bool is_usual(const Convolution& c, ConvDirection direction) {
  const auto& o = c.options;
  const auto even = [](const Extents<2>& pair) { return pair[0] == pair[1]; };
  const bool is_depthwise = c.groups > 1 && c.groups == c.channels;
  const bool may_dilate =
      direction == ConvDirection::forward || (channel_block() == 16 && !is_depthwise);
  return c.window == 3 && even(o.stride) && even(o.padding) && even(o.dilation) &&
         (o.dilation == 1 || (may_dilate && o.stride == 1));
}

/// f(convolution) for each two of the options together.
template <class F>
void for_convolutions(const F& f) {
  struct Channels {
    std::int64_t in, out, groups;
  };
  // First layers, blocks, what fills none, and groups.
  for (const Channels& n : {Channels{3, 16, 1},
                            {32, 32, 1},
                            {16, 48, 1},
                            {12, 20, 1},
                            {5, 6, 1},
                            {4, 8, 2},
                            {32, 32, 2},
                            {6, 6, 6},
                            {16, 16, 16}})
    for (const Extents<2>& window : {Extents<2>(3), Extents<2>(1), Extents<2>(2, 3)})
      for (const Extents<2>& stride : {Extents<2>(1), Extents<2>(2), Extents<2>(1, 2)})
        for (const Extents<2>& padding : {Extents<2>(0), Extents<2>(1), Extents<2>(2, 0)})
          for (const Extents<2>& dilation : {Extents<2>(1), Extents<2>(2), Extents<2>(1, 3)}) {
            const auto apart = (window != 3) + (stride != 1) + (padding != 1) + (dilation != 1);
            if (apart > 2) continue;
            const bool bias = (stride[1] + padding[0] + dilation[1]) % 2 == 0;
            f(Convolution{
                n.in,
                n.out,
                n.groups,
                window,
                {.stride = stride, .padding = padding, .dilation = dilation, .groups = n.groups},
                bias});
          }
}

}  // namespace

TEST_CASE("convolution with any options together is what its loops give, forward and backward") {
  for_convolutions([](const Convolution& c) {
    const auto& o = c.options;
    INFO("channels ", c.channels, ", filters ", c.filters, ", groups ", c.groups, ", window ",
         c.window[0], " ", c.window[1], ", stride ", o.stride[0], " ", o.stride[1], ", padding ",
         o.padding[0], " ", o.padding[1], ", dilation ", o.dilation[0], " ", o.dilation[1]);
    for (const DType dtype : {float32, float64}) {
      // The reference's kernel and, of sizes that leave time for it, the fast ones.
      if (dtype == float64 && c.channels > 12) continue;
      const Tensor x = normal(c.x(), 1).to(dtype).requires_grad_();
      const Tensor w = normal(c.weight(), 2).to(dtype).requires_grad_();
      const Tensor b = normal({c.filters}, 3).to(dtype).requires_grad_();
      const Tensor dy = normal(c.y(), 4).to(dtype);
      const Tensor y = conv2d(x, w, c.bias ? b : Tensor(), o);
      REQUIRE(y.shape() == c.y());
      const Numbers right =
          by_loops(c, values(x.detach()), values(w.detach()), values(b.detach()), values(dy));
      y.backward(dy);
      const double tolerance = dtype == float32 ? 1e-5 : 1e-13;
      CHECK(agrees(y.detach(), right.y, tolerance));
      CHECK(agrees(x.grad(), right.dx, tolerance));
      CHECK(agrees(w.grad(), right.dw, tolerance));
      if (c.bias) CHECK(agrees(b.grad(), right.db, tolerance));
    }
  });
}

TEST_CASE("the kernel that is meant for a convolution is the one it gets") {
  if (setting() != "auto") return;
  MESSAGE("oneDNN: ", has_onednn(), ", Winograd: ", has_winograd());
  for_convolutions([](const Convolution& c) {
    const auto& o = c.options;
    INFO("channels ", c.channels, ", filters ", c.filters, ", groups ", c.groups, ", window ",
         c.window[0], " ", c.window[1], ", stride ", o.stride[0], " ", o.stride[1], ", padding ",
         o.padding[0], " ", o.padding[1], ", dilation ", o.dilation[0], " ", o.dilation[1]);
    for (const auto direction :
         {ConvDirection::forward, ConvDirection::backward_input, ConvDirection::backward_weight}) {
      CAPTURE(static_cast<int>(direction));
      const kernels::ConvPlan plan = kernels::plan_conv(direction, c.geometry(), float32);
      const ConvKernel wanted = fastest(c, direction);
      if (is_usual(c, direction) || plan.kernel != ConvKernel::gemm) CHECK(plan.kernel == wanted);
      const bool in_blocks = plan.kernel != ConvKernel::gemm;
      const auto layout = [&](std::int64_t channels) {
        return in_blocks && channels % channel_block() == 0 ? Layout::blocked : Layout::plain;
      };
      CHECK(plan.x == layout(c.channels));
      CHECK(plan.y == layout(c.filters));
    }
    const Tensor x = zeros(c.x());
    const Tensor w = zeros(c.weight());
    const kernels::ConvPlan plan =
        kernels::plan_conv(ConvDirection::forward, c.geometry(), float32);
    CHECK(layout_of(conv2d(x, w, {}, o)) == plan.y);
    // And what ran says so.
    profiler::start();
    const Tensor y = conv2d(x.requires_grad_(), w.requires_grad_(), {}, o);
    y.backward(zeros(c.y()));
    const profiler::Profile profile = profiler::stop();
    for (const auto& [direction, name] :
         {std::pair{ConvDirection::forward, "conv2d"},
          std::pair{ConvDirection::backward_input, "conv2d_input"},
          std::pair{ConvDirection::backward_weight, "conv2d_weight"}}) {
      const auto event =
          std::ranges::find(profile.events, std::string(name), &profiler::Event::name);
      REQUIRE(event != profile.events.end());
      CHECK(std::string(event->work.kernel) ==
            kernels::name(kernels::plan_conv(direction, c.geometry(), float32).kernel));
    }
  });
}

TEST_CASE("oneDNN convolves in groups with windows that are not square, where it is asked to") {
  if (setting() != "direct" || !has_onednn()) return;
  const Conv2dOptions in_groups{.padding = {1, 0}, .groups = 2};
  const kernels::ConvGeometry g{.n = 2,
                                .c = 64,
                                .h = 9,
                                .w = 8,
                                .k = 64,
                                .r = 3,
                                .s = 2,
                                .oh = 9,
                                .ow = 7,
                                .stride_h = 1,
                                .stride_w = 1,
                                .pad_h = 1,
                                .pad_w = 0,
                                .dilation_h = 1,
                                .dilation_w = 1,
                                .groups = 2};
  const kernels::ConvPlan plan = kernels::plan_conv(ConvDirection::forward, g, float32);
  CHECK(plan.kernel == ConvKernel::direct);
  CHECK(layout_of(conv2d(zeros({2, 64, 9, 8}), zeros({64, 32, 3, 2}), {}, in_groups)) == plan.y);
}

TEST_CASE("an option that is NaN is refused") {
  const double nan = std::nan("");
  const Tensor x = randn({3, 4});
  const Tensor y = randn({3, 4});
  const Tensor signs = where(y > 0, 1., -1.);
  const Tensor heads = randn({1, 1, 4, 4});
  const std::vector<std::pair<std::string, std::function<void()>>> calls{
      {"leaky_relu: negative_slope", [&] { leaky_relu(x, nan); }},
      {"elu: alpha", [&] { elu(x, nan); }},
      {"hardshrink: lambd", [&] { hardshrink(x, nan); }},
      {"threshold: threshold", [&] { threshold(x, nan, 0); }},
      {"softplus: beta", [&] { softplus(x, nan); }},
      {"softplus: threshold", [&] { softplus(x, 1, nan); }},
      {"logit: eps", [&] { logit(x, nan); }},
      {"norm: p", [&] { norm(x, nan); }},
      {"normalize: eps", [&] { normalize(x, {.eps = nan}); }},
      {"local_response_norm: alpha", [&] { local_response_norm(heads, 1, {.alpha = nan}); }},
      {"local_response_norm: beta", [&] { local_response_norm(heads, 1, {.beta = nan}); }},
      {"local_response_norm: k", [&] { local_response_norm(heads, 1, {.k = nan}); }},
      {"pairwise_distance: p", [&] { pairwise_distance(x, y, nan); }},
      {"pairwise_distance: eps", [&] { pairwise_distance(x, y, 2, nan); }},
      {"cosine_similarity: eps", [&] { cosine_similarity(x, y, 1, nan); }},
      {"hinge_embedding_loss: margin", [&] { hinge_embedding_loss(x, signs, {.margin = nan}); }},
      {"margin_ranking_loss: margin", [&] { margin_ranking_loss(x, y, signs, {.margin = nan}); }},
      {"multi_margin_loss: margin", [&] { multi_margin_loss(x, arange(3), {.margin = nan}); }},
      {"triplet_margin_loss: p", [&] { triplet_margin_loss(x, y, x, {.p = nan}); }},
      {"triplet_margin_loss: eps", [&] { triplet_margin_loss(x, y, x, {.eps = nan}); }},
      {"cosine_embedding_loss: margin",
       [&] { cosine_embedding_loss(x, y, ones({3}), {.margin = nan}); }},
      {"poisson_nll_loss: eps", [&] { poisson_nll_loss(x, y, {.eps = nan}); }},
      {"gaussian_nll_loss: eps", [&] { gaussian_nll_loss(x, y, abs(y), {.eps = nan}); }},
      {"scaled_dot_product_attention: scale",
       [&] { scaled_dot_product_attention(heads, heads, heads, {.scale = nan}); }},
  };
  for (const auto& [option, call] : calls)
    CHECK(message_of<ValueError>(call) == option + " is nan; it must be a number");
}
