// Operations, their gradients and whole trainings compute the same bits on any number of threads.

#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/sgd.hpp>

#include <array>
#include <cstring>
#include <functional>
#include <optional>

#include "ops/table.hpp"
#include "support.hpp"

using namespace support;

namespace {

using List = std::vector<Tensor>;

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor left = xgrad::detail::in_rows(a);
  const Tensor right = xgrad::detail::in_rows(b);
  return dispatch(a.dtype(), [&]<class T>() {
    const auto bytes = static_cast<std::size_t>(a.numel()) * sizeof(T);
    return bytes == 0 || std::memcmp(left.data<T>(), right.data<T>(), bytes) == 0;
  });
}

/// What f gives on one thread is what it gives on others, and within a part of a loop.
void check_all_counts(const std::function<List()>& f) {
  const auto on = [&](int threads) {
    const Threads these(threads);
    return f();
  };
  const List one = on(1);
  const auto check = [&](const List& other) {
    REQUIRE(other.size() == one.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      CAPTURE(i);
      CHECK(same_bits(one[i], other[i]));
    }
  };
  for (const int threads : {2, 3, 4, 7}) {
    CAPTURE(threads);
    check(on(threads));
  }
  const Threads four(4);
  const kernels::SerialScope serial;
  check(f());
}

using Function = std::function<Tensor(const List&)>;

/// The result and the gradients of all inputs.
List everything(const List& inputs, const Function& f) {
  List leaves;
  for (const Tensor& x : inputs) {
    leaves.push_back(is_floating(x.dtype()) ? x.clone() : x);
    if (is_floating(x.dtype())) leaves.back().requires_grad_();
  }
  const Tensor y = f(leaves);
  List all{y.detach()};
  if (!y.requires_grad()) return all;
  Generator generator(11);
  y.backward(rand(y.shape(), {.dtype = y.dtype(), .generator = &generator}) - 0.5);
  for (const Tensor& x : leaves)
    if (x.requires_grad() && x.grad().defined()) all.push_back(x.grad());
  return all;
}

/// In both dtypes, from inputs in float64.
void check(const char* name, const List& inputs, const Function& f) {
  CAPTURE(std::string(name));
  for (const DType dtype : {float32, float64}) {
    CAPTURE(dtype);
    List own;
    for (const Tensor& x : inputs) own.push_back(is_floating(x.dtype()) ? x.to(dtype) : x);
    check_all_counts([&] { return everything(own, f); });
  }
}

}  // namespace

TEST_CASE("every row of the table, cut wherever it can be") {
  const xgrad::detail::FinestCut finest;
  for (const auto rows : {table::rows_of, table::image_rows})
    table::for_each_row_of(
        rows, [](Op, const table::Row& row) { check(row.name.c_str(), row.inputs, row.f); });
}

TEST_CASE("values, one by one") {
  const Shape shape{3, 40009};
  const List two{uniform(shape, 0.1, 2, 1), uniform(shape, 0.1, 2, 2)};
  check("operations", two, [](const List& x) {
    return exp(x[0]) * tanh(x[1]) + x[0] / x[1] - sigmoid(x[0]) * log(x[1]) + pow(x[0], x[1]);
  });
  check("activations", two, [](const List& x) {
    return gelu(x[0]) + silu(x[1]) * softplus(x[0]) - leaky_relu(x[0] - x[1], 0.1) + mish(x[1]);
  });
  check("of a row", {two[0], normal({40009}, 3)},
        [](const List& x) { return x[0] * x[1] + x[0] * x[0] * x[1]; });
}

TEST_CASE("sums and the like, over any axes") {
  const Tensor x = normal({7, 301, 67});
  for (const Axes& axes : {Axes{0}, Axes{1}, Axes{2}, Axes{0, 1}, Axes{0, 2}, Axes{1, 2}, Axes{}}) {
    check("sum", {x}, [&](const List& v) { return sum(v[0] * v[0], axes); });
    check("var", {x}, [&](const List& v) { return var(v[0], axes); });
    check("amax", {x}, [&](const List& v) { return amax(v[0], axes); });
    check("logsumexp", {x}, [&](const List& v) { return logsumexp(v[0], axes); });
  }
  check("of a long row", {normal({300'007})}, [](const List& v) { return v[0].square().sum(); });
  for (const std::int64_t axis : {0, 1, 2}) {
    check("softmax", {x}, [=](const List& v) { return softmax(v[0], axis); });
    check("cumsum", {x}, [=](const List& v) { return cumsum(v[0], axis); });
    check("cumprod", {x}, [=](const List& v) { return cumprod(v[0], axis); });
    check("sort", {x}, [=](const List& v) { return sort(v[0], axis).values; });
  }
}

TEST_CASE("products of matrices") {
  constexpr std::array<std::array<std::int64_t, 3>, 23> sizes{
      {{1, 1, 5000},    {1, 300, 700},   {300, 1, 700},   {2, 999, 130},   {3, 700, 41},
       {5, 1000, 8},    {7, 513, 255},   {13, 260, 385},  {15, 600, 300},  {17, 33, 4000},
       {31, 65, 999},   {64, 512, 784},  {65, 129, 1001}, {100, 100, 100}, {127, 257, 513},
       {241, 33, 300},  {259, 259, 259}, {513, 64, 1025}, {517, 531, 40},  {700, 3, 700},
       {1030, 17, 129}, {24, 24, 20000}, {70, 66, 9000}}};
  for (const auto& size : sizes) {
    const std::int64_t m = size[0];
    const std::int64_t n = size[1];
    const std::int64_t k = size[2];
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    check("matmul", {normal({m, k}, 1), normal({k, n}, 2)},
          [](const List& x) { return matmul(x[0], x[1]); });
    check("linear", {normal({m, k}, 1), normal({n, k}, 2), normal({n}, 3)},
          [](const List& x) { return linear(x[0], x[1], x[2]); });
  }
  for (const std::int64_t batch : {1, 2, 5})
    check("a batch", {normal({batch, 65, 140}, 1), normal({batch, 140, 130}, 2)},
          [](const List& x) { return matmul(x[0], x[1]); });
}

TEST_CASE("a large product") {
  check_all_counts([] {
    return everything({normal({1031, 1100}, 1).to(float32), normal({1100, 1029}, 2).to(float32)},
                      [](const List& x) { return matmul(x[0], x[1]); });
  });
}

TEST_CASE("convolutions") {
  struct Case {
    const char* name;
    Shape x, weight;
    Conv2dOptions options;
  };
  for (const Case& c :
       {Case{"few channels", {9, 1, 28, 28}, {16, 1, 5, 5}, {.padding = 2}},
        Case{"few channels, one image", {1, 3, 40, 37}, {6, 3, 3, 3}, {}},
        Case{"a window of 5", {7, 16, 14, 14}, {16, 16, 5, 5}, {.padding = 2}},
        Case{"Winograd's", {5, 32, 15, 13}, {48, 32, 3, 3}, {.padding = 1}},
        Case{"Winograd's, few images", {1, 64, 17, 9}, {96, 64, 3, 3}, {.padding = 1}},
        Case{"many images", {65, 8, 6, 6}, {24, 8, 3, 3}, {}},
        Case{"many channels", {2, 128, 5, 5}, {160, 128, 3, 3}, {.stride = 2}},
        Case{"strided", {6, 32, 16, 16}, {64, 32, 3, 3}, {.stride = 2, .padding = 1}},
        Case{"one by one", {6, 64, 10, 10}, {48, 64, 1, 1}, {}},
        Case{"one by one, strided", {33, 64, 8, 8}, {128, 64, 1, 1}, {.stride = 2}},
        Case{"dilated", {3, 16, 20, 20}, {32, 16, 3, 3}, {.dilation = 2}},
        Case{"depthwise", {5, 32, 14, 14}, {32, 1, 3, 3}, {.padding = 1, .groups = 32}},
        Case{"groups", {5, 32, 11, 11}, {64, 16, 3, 3}, {.groups = 2}},
        Case{"a channel each", {4, 6, 19, 21}, {12, 1, 3, 3}, {.groups = 6}}})
    check(c.name, {normal(c.x, 1), normal(c.weight, 2), normal({c.weight[0]}, 3)},
          [&](const List& x) { return conv2d(x[0], x[1], x[2], c.options); });
  check("transposed", {normal({5, 32, 9, 9}, 1), normal({32, 24, 4, 4}, 2), normal({24}, 3)},
        [](const List& x) {
          return conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1});
        });
  check("over one axis", {normal({9, 24, 301}, 1), normal({40, 24, 7}, 2), normal({40}, 3)},
        [](const List& x) { return conv1d(x[0], x[1], x[2], {.padding = 3}); });
  check("over three axes", {normal({3, 8, 7, 12, 11}, 1), normal({16, 8, 3, 3, 3}, 2)},
        [](const List& x) { return conv3d(x[0], x[1], {}, {.padding = 1}); });
}

TEST_CASE("convolutions and products inside a part of a loop") {
  const auto several = [](bool in_parts) {
    List results(4);
    const auto compute = [&](std::int64_t i) {
      const auto seed = static_cast<std::uint64_t>(i);
      const List gradients = everything(
          {normal({5, 24, 12, 12}, seed).to(float32), normal({40, 24, 3, 3}, 5).to(float32)},
          [](const List& x) { return conv2d(x[0], x[1], {}, {.stride = 2}); });
      const Tensor product =
          matmul(normal({70, 400}, seed).to(float32), normal({400, 300}, 6).to(float32));
      results[static_cast<std::size_t>(i)] =
          cat({gradients[0].flatten(), gradients[2].flatten(), product.flatten()});
    };
    if (in_parts)
      kernels::parallel_for(4, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) compute(i);
      });
    else
      for (std::int64_t i = 0; i < 4; ++i) compute(i);
    return results;
  };
  const Threads three(3);
  const List inside = several(true), outside = several(false);
  for (std::size_t i = 0; i < 4; ++i) CHECK(same_bits(inside[i], outside[i]));
}

TEST_CASE("norms, pools and what resizes") {
  const Tensor images = normal({13, 32, 11, 9});
  const Tensor weight = normal({32}, 2), bias = normal({32}, 3);
  check("batch norm", {images, weight, bias},
        [](const List& x) { return batch_norm(x[0], {}, {}, x[1], x[2], {.training = true}); });
  check("batch norm of rows", {normal({301, 32}), weight, bias},
        [](const List& x) { return batch_norm(x[0], {}, {}, x[1], x[2], {.training = true}); });
  check("group norm", {images, weight, bias},
        [](const List& x) { return group_norm(x[0], 4, x[1], x[2]); });
  check("layer norm", {normal({401, 67}), normal({67}, 2), normal({67}, 3)},
        [](const List& x) { return layer_norm(x[0], {67}, x[1], x[2]); });
  check("rms norm", {normal({401, 67}), normal({67}, 2)},
        [](const List& x) { return rms_norm(x[0], {67}, x[1]); });
  check("max pool", {images}, [](const List& x) { return max_pool2d(x[0], 2); });
  check("average pool", {images}, [](const List& x) { return avg_pool2d(x[0], 3); });
  check("interpolate", {images}, [](const List& x) {
    return interpolate(x[0], {.size = {17, 21}, .mode = "bilinear"});
  });
}

TEST_CASE("attention, recurrent networks and what is looked up") {
  for (const bool is_causal : {false, true})
    check("attention",
          {normal({2, 3, 67, 20}, 1), normal({2, 3, 129, 20}, 2), normal({2, 3, 129, 33}, 3)},
          [=](const List& x) {
            return scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = is_causal});
          });
  for (const std::int64_t batch : {1, 3, 37}) {
    CAPTURE(batch);
    const List inputs{normal({9, batch, 20}, 1), normal({4 * 33, 20}, 2), normal({4 * 33, 33}, 3),
                      normal({4 * 33}, 4), normal({4 * 33}, 5)};
    check("lstm", inputs,
          [](const List& x) { return lstm(x[0], {}, List(x.begin() + 1, x.end())).output; });
    List three = inputs;
    for (std::size_t i = 1; i < three.size(); ++i) three[i] = three[i].slice(0, 0, 99).contiguous();
    check("gru", three,
          [](const List& x) { return gru(x[0], {}, List(x.begin() + 1, x.end())).output; });
  }
  Generator generator(5);
  const Tensor words = randint(0, 50, {7, 301}, {.dtype = int64, .generator = &generator});
  check("embedding", {normal({50, 40}), words},
        [](const List& x) { return embedding(x[0], x[1]); });
  check("index_add", {normal({50, 41}), words[0].contiguous(), normal({301, 41}, 2)},
        [](const List& x) { return index_add(x[0], 0, x[1], x[2]); });
  check("index_add along the last axis",
        {normal({41, 50}), words[0].contiguous(), normal({41, 301}, 2)},
        [](const List& x) { return index_add(x[0], 1, x[1], x[2]); });
}

TEST_CASE("losses") {
  Generator generator(5);
  const Tensor classes = randint(0, 100, {801}, {.dtype = int64, .generator = &generator});
  check("cross entropy", {normal({801, 100}), classes},
        [](const List& x) { return cross_entropy(x[0], x[1], {.label_smoothing = 0.1}); });
  const List two{normal({801, 101}, 1), normal({801, 101}, 2)};
  check("mse", two, [](const List& x) { return mse_loss(x[0], x[1]); });
  check("smooth l1", two, [](const List& x) { return smooth_l1_loss(x[0], x[1]); });
  check("logits", {normal({801, 101}, 1), uniform({801, 101}, 0, 1)},
        [](const List& x) { return binary_cross_entropy_with_logits(x[0], x[1].detach()); });
  const Tensor targets = randint(1, 20, {9, 15}, {.dtype = int64, .generator = &generator});
  check("ctc", {normal({50, 9, 20}), targets}, [](const List& x) {
    return ctc_loss(log_softmax(x[0], 2), x[1], full({9}, 50, {.dtype = int64}),
                    full({9}, 15, {.dtype = int64}));
  });
}

namespace {

/// All that 30 steps of classifying `input` leave behind, with SGD and with Adam.
template <class Make>
void check_trainings(const Make& make, const std::function<Tensor()>& input) {
  const auto train = [&](const auto& optimizer_of) {
    manual_seed(7);
    auto net = make();
    auto optimizer = optimizer_of(net.parameters());
    const Tensor x = input();
    const Tensor y = randint(0, 10, {x.size(0)}, {.dtype = int64});
    List all;
    for (int step = 0; step < 30; ++step) {
      optimizer.zero_grad();
      all.push_back(cross_entropy(net(x), y));
      all.back().backward();
      optimizer.step();
    }
    for (const auto& [name, value] : net.state_dict()) all.push_back(value);
    return all;
  };
  check_all_counts([&] {
    return train([](const List& parameters) {
      return optim::SGD(parameters, {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-4});
    });
  });
  check_all_counts([&] {
    return train([](const List& parameters) { return optim::Adam(parameters, {.lr = 1e-3}); });
  });
}

struct Encoder : nn::Module {
  Tensor forward(const Tensor& words) override {
    return head(mean(encoder(embedding(words), {.is_causal = true}), 1));
  }

  nn::Embedding embedding = add("embedding", nn::Embedding{40, 48});
  nn::TransformerEncoder encoder = add(
      "encoder",
      nn::TransformerEncoder{
          nn::TransformerEncoderLayer{48, 4, {.dim_feedforward = 150, .batch_first = true}}, 2});
  nn::Linear head = add("head", nn::Linear{48, 10});
};

struct Reader : nn::Module {
  Tensor forward(const Tensor& x) override { return head(lstm(x).output.select(1, -1)); }

  nn::LSTM lstm = add("lstm", nn::LSTM{20, 65, {.num_layers = 2, .batch_first = true}});
  nn::Linear head = add("head", nn::Linear{65, 10});
};

}  // namespace

TEST_CASE("trainings of linear layers") {
  check_trainings(
      [] {
        return nn::Sequential{nn::Linear{501, 257}, nn::ReLU{}, nn::Dropout{0.2},
                              nn::Linear{257, 130}, nn::Tanh{}, nn::Linear{130, 10}};
      },
      [] {
        return randn({13, 501});
      });
}

TEST_CASE("trainings of convolutions") {
  check_trainings(
      [] {
        return nn::Sequential{nn::Conv2d{3, 16, 5, {.padding = 2}},
                              nn::BatchNorm2d{16},
                              nn::ReLU{},
                              nn::MaxPool2d{2},
                              nn::Conv2d{16, 32, 3, {.stride = 2, .padding = 1}},
                              nn::GroupNorm{4, 32},
                              nn::ReLU{},
                              nn::Conv2d{32, 32, 3, {.padding = 1}},
                              nn::AvgPool2d{2},
                              nn::Flatten{},
                              nn::Linear{32 * 9, 10}};
      },
      [] {
        return randn({13, 3, 24, 24});
      });
}

TEST_CASE("trainings of a transformer") {
  check_trainings([] { return Encoder{}; },
                  [] {
                    return randint(0, 40, {7, 33}, {.dtype = int64});
                  });
}

TEST_CASE("trainings of an LSTM") {
  check_trainings([] { return Reader{}; }, [] { return randn({19, 15, 20}); });
}
