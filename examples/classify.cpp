// Says what is in a picture, and which of its pixels made the network say so.
//
//   classify photo.jpg                     one of CIFAR-10's ten classes
//   classify digit.png --model mnist       a handwritten digit
//   classify photo.jpg --model my.safetensors   with weights that `cifar10` or `mnist` saved

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/datasets/datasets.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/report/report.hpp>

#include <algorithm>
#include <cstdio>
#include <new>

#include "errors.hpp"
#include "model.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace report = xgrad::report;
namespace transforms = xgrad::datasets::transforms;
using examples::Model;
using xgrad::Tensor;

namespace {

struct Options {
  std::string image;
  std::string model = "cifar10";
  std::string saliency = "saliency.png";
};

void print_probabilities(const Model& model, const Tensor& scores) {
  const auto probabilities = xgrad::softmax(scores, 0).to_vector<float>();
  std::vector<std::size_t> order(probabilities.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return probabilities[i]; });
  constexpr double width = 40;
  for (const std::size_t i : order)
    fmt::print("{:<12} {:6.2f} %  {}\n", model.classes[i], 100 * probabilities[i],
               std::string(static_cast<std::size_t>(width * probabilities[i] + 0.5), '#'));
}

/// The image as the network sees it and, beside it, how strongly the answer depends on each pixel.
report::Picture picture(Model& model, const Tensor& image, const Tensor& input, std::int64_t said) {
  const Tensor depends =
      report::saliency(*model.net, input.unsqueeze(0), xgrad::tensor({said}))[0].max({0});
  const report::Grid grid{
      .name = "saliency",
      .title = fmt::format("Taken for {}", model.classes[static_cast<std::size_t>(said)]),
      .note = "Right: how strongly that depends on each pixel, from not at all (black) to most.",
      .tiles = {{report::to_picture(image), {"what the network sees"}},
                {report::to_picture(depends, {0, report::range_of(depends).high}),
                 {"what it was seen by"}}}};
  return report::draw(grid, 256);
}

void classify(const Options& options) {
  Model model = examples::load_model(options.model);
  const Tensor original = xgrad::datasets::read_image(options.image, model.image[0]);
  const Tensor image = examples::fit(original, model.image);
  const Tensor input = transforms::normalize(model.scale.mean, model.scale.deviation)(image);
  const Tensor scores = xgrad::no_grad([&] { return (*model.net)(input.unsqueeze(0))[0]; });
  fmt::print("{}, {} x {} pixels, seen as {} x {}\n\n", xgrad::excerpt(options.image),
             original.size(2), original.size(1), image.size(2), image.size(1));
  print_probabilities(model, scores);
  std::fflush(stdout);
  picture(model, image, input, scores.argmax(0).item<std::int64_t>()).save(options.saliency);
  fmt::print("\nwhat it was seen by: {}\n", xgrad::shown_path(options.saliency));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Says what is in a picture, and which of its pixels made the network say so.");
  app.add_option("image", options.image, "File with a picture: PNG, JPEG, BMP, GIF")->required();
  app.add_option("--model", options.model,
                 "cifar10, mnist, or a file of weights saved by those programs")
      ->capture_default_str();
  app.add_option("--saliency", options.saliency, "File for the picture of what it was seen by")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return examples::tell(app, error);
  }
  return examples::guarded([&] {
    classify(options);
    return 0;
  });
}
