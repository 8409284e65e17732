#include "model.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/train/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "networks.hpp"

namespace examples {

using xgrad::Shape;
using xgrad::Tensor;
namespace nn = xgrad::nn;
namespace transforms = xgrad::datasets::transforms;
using nlohmann::json;

nn::Metadata describe_model(const std::string& network, const Data& data) {
  const Shape image = (*data.splits.train)[0].data.shape();
  return {{"network", network},
          {"classes", json(data.splits.classes).dump()},
          {"mean", json(data.scale.mean).dump()},
          {"deviation", json(data.scale.deviation).dump()},
          {"image", json(std::vector<std::int64_t>(image.begin(), image.end())).dump()}};
}

namespace {

/// What the metadata say must fit each other and the network.
void check(const Model& model, const std::string& path) {
  const auto expect = [&path](bool condition, const std::string& what) {
    if (!condition) throw xgrad::IOError(fmt::format("{}: its metadata: {}", path, what));
  };
  const Shape& image = model.image;
  constexpr std::int64_t largest = 256;  // so that no file of a few bytes takes all memory
  const auto is_side = [](std::int64_t extent) { return extent > 0 && extent <= largest; };
  expect(image.size() == 3 && (image[0] == 1 || image[0] == 3) && is_side(image[1]) &&
             is_side(image[2]),
         fmt::format("no picture has the shape {}", xgrad::to_string(image)));
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == 1 || values.size() == static_cast<std::size_t>(image[0]);
  };
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  expect(fits(model.scale.mean) && fits(model.scale.deviation),
         "mean and deviation are not of the picture's channels");
  expect(std::ranges::all_of(model.scale.deviation, positive), "a deviation is not positive");
  Shape batch = image;
  batch.insert(0, 1);
  const auto outputs = xgrad::no_grad([&] { return (*model.net)(xgrad::zeros(batch)); }).size(1);
  expect(
      static_cast<std::int64_t>(model.classes.size()) == outputs,
      fmt::format("{} classes for a network that tells {} apart", model.classes.size(), outputs));
}

/// The network without its weights.
Model described(const nn::Metadata& words, const std::string& path) try {
  using xgrad::train::parse_json;
  const auto image = parse_json(words.at("image"));
  Model model{.net = make_network(words.at("network")),
              .classes = parse_json(words.at("classes")),
              .scale = {parse_json(words.at("mean")), parse_json(words.at("deviation"))},
              .image = {}};
  // They are shown, on a terminal and in pictures.
  for (std::string& name : model.classes) name = xgrad::excerpt(name);
  for (const auto& extent : image)
    model.image.push_back(extent.is_number_integer() ? extent.get<std::int64_t>() : -1);
  return model;
} catch (const std::out_of_range&) {
  throw xgrad::IOError(fmt::format(
      "{} does not say which network it belongs to; the training programs save files that do",
      path));
} catch (const json::exception& error) {
  throw xgrad::IOError(fmt::format("{}: its metadata: {}", path, xgrad::excerpt(error.what())));
} catch (const xgrad::Error& error) {
  throw xgrad::IOError(fmt::format("{}: its metadata: {}", path, error.what()));
}

}  // namespace

Model load_model(const std::string& name_or_path) {
  const std::string shipped = XGRAD_MODELS "/" + name_or_path + ".safetensors";
  std::error_code none;  // reading tells what is wrong
  const std::string& path = std::filesystem::exists(shipped, none) ? shipped : name_or_path;
  const nn::File file = nn::load_file(path);
  Model model = described(file.metadata, path);
  model.net->load_state_dict(file.tensors);
  model.net->eval();
  check(model, path);
  return model;
}

namespace {

/// Where the ink of a picture is: first and one past the last row or column.
struct Extent {
  std::int64_t begin;
  std::int64_t end;
};

/// `strength` is how much ink a row or column has.
Extent extent_of(const std::vector<float>& strength) {
  const auto inked = [](float value) { return value > 0; };
  const auto begin = std::ranges::find_if(strength, inked) - strength.begin();
  const auto end = strength.rend() - std::find_if(strength.rbegin(), strength.rend(), inked);
  return {begin, end};
}

/// The mean position of the ink along an axis, in pixels.
double centre_of(const Tensor& strength) {
  const Tensor places = xgrad::arange(strength.numel()).to(strength.dtype()) + 0.5;
  return xgrad::sum(places * strength).item() / xgrad::sum(strength).item();
}

/// [1, H, W] with the ink at 1 and the paper at 0.
Tensor ink(const Tensor& picture) {
  const double low = picture.min().item();
  const double high = picture.max().item();
  if (high - low < 0.1)
    throw xgrad::ValueError("nothing is drawn in the picture: all of it has the same brightness");
  const Tensor stretched = (picture - low) / (high - low);
  // A drawing covers less than half of its paper.
  return stretched.mean().item() > 0.5 ? 1 - stretched : stretched;
}

/// As MNIST was made: the ink's box shrunk to 20 of 28 pixels, its centre of mass in the middle.
Tensor fit_digit(const Tensor& picture, std::int64_t size) {
  const Tensor drawn = ink(picture);
  const Tensor strong = xgrad::relu(drawn - 0.5);
  const Extent rows = extent_of(strong.sum({0, 2}).to_vector<float>());
  const Extent columns = extent_of(strong.sum({0, 1}).to_vector<float>());
  Tensor box = drawn.slice(1, rows.begin, rows.end).slice(2, columns.begin, columns.end);
  const double shrink = 20.0 / 28 * static_cast<double>(size) /
                        static_cast<double>(std::max(box.size(1), box.size(2)));
  const auto shrunk = [shrink](std::int64_t extent) {
    return std::max<std::int64_t>(1, std::llround(shrink * static_cast<double>(extent)));
  };
  box = transforms::resize(shrunk(box.size(1)), shrunk(box.size(2)))(box);
  // How far the box lies from an edge, and all of it inside.
  const auto before = [&](const Tensor& strength) {
    const auto place = std::llround(static_cast<double>(size) / 2 - centre_of(strength));
    return std::clamp<std::int64_t>(place, 0, size - strength.numel());
  };
  const std::int64_t top = before(box.sum({0, 2}));
  const std::int64_t left = before(box.sum({0, 1}));
  return xgrad::pad(box, {left, size - left - box.size(2), top, size - top - box.size(1)});
}

Tensor centre_square(const Tensor& picture) {
  const std::int64_t side = std::min(picture.size(1), picture.size(2));
  const std::int64_t top = (picture.size(1) - side) / 2;
  const std::int64_t left = (picture.size(2) - side) / 2;
  return picture.slice(1, top, top + side).slice(2, left, left + side);
}

}  // namespace

Tensor fit(const Tensor& picture, const Shape& image) {
  if (picture.shape() == image) return picture;
  if (image[0] == 1) return fit_digit(picture, image[1]);
  return transforms::resize(image[1], image[2])(centre_square(picture));
}

}  // namespace examples
