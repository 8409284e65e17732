#pragma once
// What is measured, as plain data: both programs build the same networks from it and fill them with
// the same numbers, and the comparison refuses to time them if they then compute different things.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

enum class Kind { convolution, batch_norm, relu, max_pool, flatten, linear };

/// `in` and `out` are channels or features; `window` is the kernel's or the pool's extent.
struct Layer {
  Kind kind;
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t window = 0;
  std::int64_t padding = 0;
};

struct Network {
  std::vector<std::int64_t> example;  // shape of one
  std::vector<Layer> layers;
};

struct NetworkWork {
  std::string name;
  Network network;
  std::int64_t batch;
  bool training;
};

inline void add_convolution(Network& net, std::int64_t in, std::int64_t out, std::int64_t window) {
  net.layers.push_back({Kind::convolution, in, out, window, window / 2});
}

inline void add_pool(Network& net, std::int64_t window) {
  net.layers.push_back({.kind = Kind::max_pool, .window = window});
}

inline void add_classifier(Network& net, std::int64_t features) {
  net.layers.push_back({.kind = Kind::flatten});
  net.layers.push_back({Kind::linear, features, 10});
}

/// The assignment's network for images of 1x28x28.
inline Network mnist() {
  Network net{{1, 28, 28}, {}};
  for (const std::int64_t in : {1, 16}) {
    add_convolution(net, in, 16, 5);
    net.layers.push_back({.kind = Kind::relu});
    add_pool(net, 2);
  }
  add_classifier(net, 16 * 7 * 7);
  return net;
}

/// The assignment's network for images of 3x32x32, without a second pool.
inline Network cifar() {
  Network net{{3, 32, 32}, {}};
  add_convolution(net, 3, 16, 5);
  net.layers.push_back({.kind = Kind::relu});
  add_pool(net, 2);
  add_convolution(net, 16, 16, 5);
  net.layers.push_back({.kind = Kind::relu});
  add_classifier(net, 16 * 16 * 16);
  return net;
}

inline Network mlp() {
  Network net{{784}, {}};
  net.layers = {{Kind::linear, 784, 512},
                {Kind::relu},
                {Kind::linear, 512, 512},
                {Kind::relu},
                {Kind::linear, 512, 10}};
  return net;
}

/// 0.61 GFLOP forward an image of 3x32x32.
inline Network vgg() {
  Network net{{3, 32, 32}, {}};
  const auto block = [&](std::int64_t in, std::int64_t out, std::int64_t pool) {
    add_convolution(net, in, out, 3);
    net.layers.push_back({Kind::batch_norm, out});
    net.layers.push_back({.kind = Kind::relu});
    if (pool > 0) add_pool(net, pool);
  };
  block(3, 64, 0);
  block(64, 128, 2);
  block(128, 128, 0);
  block(128, 128, 0);
  block(128, 256, 2);
  block(256, 256, 2);
  block(256, 256, 4);
  add_classifier(net, 256);
  return net;
}

inline std::vector<NetworkWork> network_works() {
  return {{"mnist train b4", mnist(), 4, true},    {"mnist train b16", mnist(), 16, true},
          {"mnist train b64", mnist(), 64, true},  {"mnist train b256", mnist(), 256, true},
          {"mnist infer b64", mnist(), 64, false}, {"cifar train b4", cifar(), 4, true},
          {"cifar train b16", cifar(), 16, true},  {"cifar train b128", cifar(), 128, true},
          {"mlp train b64", mlp(), 64, true},      {"vgg train b64", vgg(), 64, true},
          {"vgg infer b64", vgg(), 64, false}};
}

/// How many additions the tape's rows chain.
inline constexpr int chain = 1000;

/// The i-th of a fixed sequence of numbers, even in [-1, 1) (splitmix64).
inline float noise(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>(static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1);
}

inline void fill(float* values, std::int64_t n, std::uint64_t seed, double scale = 1) {
  for (std::int64_t i = 0; i < n; ++i)
    values[i] = static_cast<float>(scale) * noise((seed << 32) + static_cast<std::uint64_t>(i));
}

/// Weights as the works start with them, by how many inputs each of the `rows` outputs has. Biases
/// start at 0.
inline void fill_weight(float* values, std::int64_t n, std::int64_t rows, std::uint64_t index) {
  fill(values, n, 1000 + index,
       std::sqrt(3.0 * static_cast<double>(rows) / static_cast<double>(n)));
}

}  // namespace bench
