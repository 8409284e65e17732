#include "data.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/datasets/datasets.hpp>
#include <xgrad/ops/ops.hpp>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

namespace examples {

namespace datasets = xgrad::datasets;
namespace transforms = xgrad::datasets::transforms;

namespace {

/// The mean of each channel over the chosen images, in [0, 1].
std::vector<double> channel_means(const datasets::Images& images,
                                  const std::vector<std::int64_t>& chosen) {
  const std::int64_t plane = images.height * images.width;
  std::vector<double> means;
  for (std::int64_t c = 0; c < images.channels; ++c) {
    std::int64_t sum = 0;
    for (const std::int64_t i : chosen) {
      const auto begin = images.pixels.begin() + (i * images.channels + c) * plane;
      sum = std::accumulate(begin, begin + plane, sum);
    }
    means.push_back(static_cast<double>(sum) / 255 / static_cast<double>(plane) /
                    static_cast<double>(chosen.size()));
  }
  return means;
}

/// The library knows nothing of this program's options.
template <class Set, class... More>
Set read(const std::string& split, const Options& options, const More&... more) {
  try {
    return Set({.split = split, .root = options.data}, more...);
  } catch (const xgrad::IOError& error) {
    const std::string what = error.what();
    if (!what.starts_with("data: ")) throw;
    throw xgrad::IOError(what + "; here, --data names the directory");
  }
}

Data scaled(xgrad::train::Data splits, const Scale& scale) {
  splits.to_picture = transforms::denormalize(scale.mean, scale.deviation);
  return {std::move(splits), scale};
}

template <class Set>
Data digits_of(const std::string& name, const Options& options) {
  Set all = read<Set>("train", options);
  Set test = read<Set>("test", options);
  // The last of the shuffled images validate; the mean is that of the others.
  const auto order = xgrad::randperm(all.size()).template to_vector<std::int64_t>();
  const auto held_out = order.end() - std::min<std::int64_t>(2000, all.size() / 2);
  const std::vector<std::int64_t> chosen(order.begin(), held_out);
  const Scale scale{channel_means(all.images(), chosen), {1}};
  const auto centre = transforms::normalize(scale.mean, scale.deviation);
  all.set_transform(centre);
  test.set_transform(centre);
  return scaled(
      {.name = name,
       .train = datasets::Subset(all, chosen),
       .validation = datasets::Subset(all, std::vector<std::int64_t>(held_out, order.end())),
       .test = test,
       .classes = all.classes()},
      scale);
}

}  // namespace

Data digits(const Options& options) {
  try {
    return digits_of<datasets::MNIST>("MNIST", options);
  } catch (const xgrad::IOError&) {
    if (!options.or_fashion || !options.data.empty() || std::getenv("XGRAD_DATA")) throw;
    fmt::print("MNIST is not to be had here, so this is Fashion-MNIST, from {}\n",
               datasets::debian_fashion_mnist);
    Options installed = options;
    installed.data = datasets::debian_fashion_mnist;
    return digits_of<datasets::FashionMNIST>("Fashion-MNIST", installed);
  }
}

Data assignment_cifar10(const Options& options) {
  auto all = read<datasets::CIFAR10>("train", options, 2);
  auto test = read<datasets::CIFAR10>("test", options);
  const Scale scale{
      channel_means(all.images(), xgrad::arange(all.size()).to_vector<std::int64_t>()),
      {1. / 255, 1. / 255, 1. / 255}};
  std::vector<double> mean;
  for (const double value : scale.mean) mean.push_back(255 * value);
  const auto centre =
      transforms::compose({transforms::scale(255), transforms::normalize(mean, {1, 1, 1})});
  all.set_transform(centre);
  test.set_transform(centre);
  const std::int64_t held_out = std::min<std::int64_t>(2000, all.size() / 2);
  auto parts = datasets::random_split(all, {all.size() - held_out, held_out});
  return scaled({.name = "CIFAR-10",
                 .train = parts[0],
                 .validation = parts[1],
                 .test = test,
                 .classes = all.classes()},
                scale);
}

Data cifar10(const Options& options, std::int64_t validated) {
  const Scale scale{{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};
  auto all = read<datasets::CIFAR10>("train", options);
  auto test = read<datasets::CIFAR10>("test", options);
  const auto normalize = transforms::normalize(scale.mean, scale.deviation);
  all.set_transform(normalize);
  test.set_transform(normalize);
  Data result =
      scaled({.name = "CIFAR-10", .train = all, .test = test, .classes = all.classes()}, scale);
  xgrad::train::Data& data = result.splits;
  const std::int64_t held_out = options.hold_out.value_or(std::min(validated, all.size() / 2));
  if (held_out == 0) return result;
  if (held_out >= all.size())
    throw xgrad::ValueError(
        fmt::format("--hold-out {} leaves none of the {} training images", held_out, all.size()));
  auto parts = datasets::random_split(all, {all.size() - held_out, held_out}, 0);
  data.train = parts[0];
  data.validation = parts[1];
  if (options.hold_out) {
    data.test = parts[1];
    data.tested_on = "held-out";
  }
  return result;
}

}  // namespace examples
