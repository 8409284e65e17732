#include "networks.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/ops/ops.hpp>

#include <algorithm>
#include <iterator>
#include <sstream>

#include <fmt/ranges.h>

namespace examples {

using xgrad::Tensor;
namespace nn = xgrad::nn;

namespace {

/// "vgg 3 64 128": a kind and its numbers.
std::string joined(const std::string& kind, const std::vector<std::int64_t>& numbers) {
  return fmt::format("{} {}", kind, fmt::join(numbers, " "));
}

}  // namespace

std::unique_ptr<nn::Module> make_network(const std::string& name) {
  std::istringstream words(name);
  std::string kind;
  words >> kind;
  const std::vector<std::int64_t> numbers{std::istream_iterator<std::int64_t>(words), {}};
  // A name may come from a file: its numbers are not to take all memory.
  constexpr std::int64_t widest = 1024;
  constexpr std::size_t deepest = 8;
  const bool small = numbers.size() <= deepest && std::ranges::all_of(numbers, [](auto width) {
                       return width > 0 && width <= widest;
                     });
  if (name == AssignmentMNIST::name()) return std::make_unique<AssignmentMNIST>();
  if (name == AssignmentCIFAR::name()) return std::make_unique<AssignmentCIFAR>();
  if (small && words.eof() && kind == "vgg" && numbers.size() > 1)
    return std::make_unique<VGG>(numbers[0],
                                 std::vector<std::int64_t>(numbers.begin() + 1, numbers.end()));
  if (small && words.eof() && kind == "airbench" && numbers.size() == 3)
    return std::make_unique<Airbench>(numbers);
  throw xgrad::ValueError(
      fmt::format("there is no network '{}' in the examples", xgrad::excerpt(name)));
}

Tensor AssignmentMNIST::forward(const Tensor& images) {
  auto x = pool1(xgrad::relu(conv1(images)));
  x = pool2(xgrad::relu(conv2(x)));
  return fc(x.flatten(1));
}

void AssignmentMNIST::assignment_init() {
  nn::init::assignment_(conv1.weight, 5 * 5 * 3);  // the course's code counts three channels
  nn::init::assignment_(conv2.weight, 5 * 5 * 16);
  nn::init::assignment_(fc.weight, 16 * 7 * 7);
  for (const auto& bias : {conv1.bias, conv2.bias, fc.bias}) nn::init::zeros_(bias);
}

AssignmentCIFAR::AssignmentCIFAR() {
  nn::init::assignment_(conv1.weight, 5 * 5 * 3, 0.1);
  nn::init::assignment_(conv2.weight, 5 * 5 * 16, 0.1);
  nn::init::assignment_(fc.weight, 16 * 16 * 16);
  for (const auto& bias : {conv1.bias, conv2.bias, fc.bias}) nn::init::zeros_(bias);
}

Tensor AssignmentCIFAR::forward(const Tensor& images) {
  auto x = pool1(xgrad::relu(conv1(images)));
  x = xgrad::relu(conv2(x));
  return fc(x.flatten(1));
}

VGG::VGG(std::int64_t channels, const std::vector<std::int64_t>& widths)
    : features(add("features", nn::Sequential{})) {
  for (const std::int64_t width : widths) {
    for (int layer = 0; layer < 2; ++layer) {
      features.push_back(nn::Conv2d{channels, width, 3, {.padding = 1, .bias = false}})
          .push_back(nn::BatchNorm2d{width})
          .push_back(nn::ReLU{});
      channels = width;
    }
    features.push_back(nn::MaxPool2d{2});
  }
  head = add("head", nn::Linear{channels, 10});
}

Tensor VGG::forward(const Tensor& images) { return head(features(images).mean({2, 3})); }

std::string VGG::name() const {
  std::vector<std::int64_t> numbers;
  bool first_of_group = true;
  for (const auto& [path, layer] : features.children()) {
    const auto* conv = dynamic_cast<const nn::Conv2d*>(layer);
    if (conv == nullptr) continue;
    if (numbers.empty()) numbers.push_back(conv->weight.size(1));
    if (first_of_group) numbers.push_back(conv->weight.size(0));
    first_of_group = !first_of_group;
  }
  return joined("vgg", numbers);
}

Group::Group(std::int64_t in, std::int64_t out, bool identity)
    : conv1(add("conv1", nn::Conv2d{in, out, 3, {.padding = 1, .bias = false}})),
      conv2(add("conv2", nn::Conv2d{out, out, 3, {.padding = 1, .bias = false}})),
      norm1(add("norm1", nn::BatchNorm2d{out, {.eps = 1e-12, .momentum = 0.4}})),
      norm2(add("norm2", nn::BatchNorm2d{out, {.eps = 1e-12, .momentum = 0.4}})) {
  for (const auto& conv : {conv1, conv2}) {
    if (!identity) break;
    const std::int64_t inputs = conv.weight.size(1);
    nn::init::dirac_(conv.weight.detach().slice(0, 0, std::min(inputs, out)));
  }
  for (auto& norm : {norm1, norm2}) Tensor(norm.weight).requires_grad_(false);
}

Tensor Group::forward(const Tensor& x) {
  const auto y = xgrad::gelu(norm1(pool(conv1(x))));
  return xgrad::gelu(norm2(conv2(y)));
}

Airbench::Airbench(const std::vector<std::int64_t>& widths, bool identity)
    : group1(add("group1", Group{24, widths.at(0), identity})),
      group2(add("group2", Group{widths[0], widths.at(1), identity})),
      group3(add("group3", Group{widths[1], widths.at(2), identity})),
      head(add("head", nn::Linear{widths[2], 10, {.bias = false}})) {
  Tensor(whiten.weight).requires_grad_(false);
  const xgrad::NoGradGuard guard;
  const Tensor weight = head.weight.detach();
  const double deviation = xgrad::sqrt(xgrad::var(weight)).item();
  head.weight.detach().copy_(weight / deviation);
}

Tensor Airbench::forward(const Tensor& images) {
  auto x = xgrad::gelu(whiten(images));
  x = xgrad::max_pool2d(group3(group2(group1(x))), 3).flatten(1);
  return head(x) / static_cast<double>(head.weight.size(1));
}

std::string Airbench::name() const {
  std::vector<std::int64_t> widths;
  for (const Group* group : {&group1, &group2, &group3})
    widths.push_back(group->conv1.weight.size(0));
  return joined("airbench", widths);
}

std::vector<Tensor> Airbench::filters() const {
  std::vector<Tensor> result;
  for (const Group* group : {&group1, &group2, &group3})
    for (const auto* conv : {&group->conv1, &group->conv2}) result.push_back(conv->weight);
  return result;
}

std::vector<Tensor> Airbench::biases() const {
  std::vector<Tensor> result;
  for (const Group* group : {&group1, &group2, &group3})
    for (const auto* norm : {&group->norm1, &group->norm2}) result.push_back(norm->bias);
  return result;
}

}  // namespace examples
