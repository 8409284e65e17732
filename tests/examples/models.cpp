// The networks that come with the examples, and how pictures are made to fit them.

#include <xgrad/datasets/datasets.hpp>
#include <xgrad/nn/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model.hpp"
#include "networks.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// A thick L, `paper` where there is no `ink`.
Tensor letter(std::int64_t height, std::int64_t width, double ink, double paper) {
  Tensor picture = full({1, height, width}, paper, {.dtype = float32});
  const auto fill = [&](double top, double bottom, double left, double right) {
    const auto at = [](double part, std::int64_t extent) {
      return static_cast<std::int64_t>(part * static_cast<double>(extent));
    };
    auto* pixels = picture.mutable_data<float>();
    for (auto y = at(top, height); y < at(bottom, height); ++y)
      for (auto x = at(left, width); x < at(right, width); ++x)
        pixels[y * width + x] = static_cast<float>(ink);
  };
  fill(.2, .8, .2, .3);
  fill(.7, .8, .2, .6);
  return picture;
}

/// Of the first 2,000 test images, the part that is named rightly.
double accuracy_of(const examples::Model& model, datasets::ImageDataset& test) {
  const NoGradGuard guard;
  test.set_transform(datasets::transforms::normalize(model.scale.mean, model.scale.deviation));
  double right = 0;
  for (std::int64_t start = 0; start < 2000; start += 500) {
    const auto batch = test.batch(arange(start, start + 500).to_vector<std::int64_t>());
    right += sum((*model.net)(batch.data).argmax(1) == batch.target).item();
  }
  return right / 2000;
}

}  // namespace

TEST_CASE("a network is made again from its name") {
  const examples::VGG vgg(1, {4, 4, 8});
  CHECK(vgg.name() == "vgg 1 4 4 8");
  const auto other = examples::make_network(vgg.name());
  CHECK(other->parameter_count() == vgg.parameter_count());
  const examples::Airbench airbench({8, 16, 16});
  CHECK(airbench.name() == "airbench 8 16 16");
  CHECK(examples::make_network(airbench.name())->parameter_count() == airbench.parameter_count());
  CHECK(examples::make_network("assignment-mnist")->parameter_count() == 14682);
  for (const char* name : {"", "resnet", "vgg", "vgg 3", "vgg 3 x", "airbench 1 2"})
    CHECK_THROWS_AS(examples::make_network(name), ValueError);
}

TEST_CASE("a digit fits however large, and dark on bright as well") {
  const Shape size{1, 28, 28};
  const Tensor fitted = examples::fit(letter(90, 120, 1, 0), size);
  CHECK(fitted.shape() == size);
  CHECK(allclose(examples::fit(letter(90, 120, 0.1, 0.9), size), fitted, 0, 1e-6));
  // 20 of 28 pixels high, its centre of mass in the middle.
  const auto rows = fitted.max({0, 2}).to_vector<float>();
  CHECK(std::ranges::count_if(rows, [](float strength) { return strength > 0.25F; }) == 20);
  const Tensor places = arange(28).to(float32) + 0.5;
  for (const std::int64_t axis : {1, 2}) {
    const Tensor strength = fitted.sum({0, 3 - axis});
    CHECK(sum(strength * places).item() / sum(strength).item() ==
          doctest::Approx(14).epsilon(0.04));
  }
  const Tensor same = normal({1, 28, 28});
  CHECK(equal(examples::fit(same, size), same));
  CHECK_THROWS_AS(examples::fit(ones({1, 50, 50}), size), ValueError);
}

TEST_CASE("of a photograph the middle is seen") {
  const Tensor photo = cat({zeros({3, 10, 10}), ones({3, 10, 10}), zeros({3, 10, 10})}, 2);
  CHECK(allclose(examples::fit(photo, {3, 5, 5}), ones({3, 5, 5})));
}

TEST_CASE("a file that says nothing of its network is told") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  nn::save({{"x", ones({2})}}, path);
  CHECK(message_of<IOError>([&] {
          examples::load_model(path);
        }).find("does not say which network") != std::string::npos);
  nn::save({{"x", ones({2})}}, path,
           {.metadata = {{"network", "vgg 1 4"}, {"classes", "["}, {"image", "[1, 28, 28]"}}});
  CHECK_THROWS_AS(examples::load_model(path), IOError);
  CHECK_THROWS_AS(examples::load_model("nothing"), IOError);
}

TEST_CASE("what a file says of its network must fit it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const auto net = examples::make_network("assignment-mnist");
  const std::string ten = R"(["0","1","2","3","4","5","6","7","8","9"])";
  const auto problem = [&](const std::string& word, const std::string& value) {
    nn::Metadata words{{"network", "assignment-mnist"},
                       {"classes", ten},
                       {"mean", "[0.1]"},
                       {"deviation", "[1]"},
                       {"image", "[1,28,28]"}};
    words[word] = value;
    nn::save(*net, path, {.metadata = words});
    const auto message = message_of<IOError>([&] { examples::load_model(path); });
    const std::string begin = path + ": its metadata: ";
    return message.starts_with(begin) ? message.substr(begin.size()) : message;
  };
  CHECK(problem("image", "[1,28,28]") == "");
  CHECK(problem("image", "[1,28.5,28]") == "no picture has the shape [1, -1, 28]");
  CHECK(problem("image", "[1,28,28,28]") == "no picture has the shape [1, 28, 28, 28]");
  CHECK(problem("mean", "[0.1,0.2]") == "mean and deviation are not of the picture's channels");
  CHECK(problem("deviation", "[0]") == "a deviation is not positive");
  // Nothing in a file of some bytes takes the stack, all memory or the terminal.
  for (const char* word : {"image", "classes", "mean", "deviation"})
    CHECK(problem(word, std::string(200'000, '[')) == "JSON nested deeper than 8 levels");
  CHECK(problem("image", "[1,1000000,1000000]") ==
        "no picture has the shape [1, 1000000, 1000000]");
  CHECK(problem("network", "vgg 1 100000 100000") ==
        "there is no network 'vgg 1 100000 100000' in the examples");
  CHECK(problem("network", "\x1b[2J\n") == "there is no network '\\x1b[2J\\n' in the examples");
  CHECK(problem("classes", R"(["0","1"])") == "2 classes for a network that tells 10 apart");
}

TEST_CASE("the networks in examples/models are as good as stated") {
  const examples::Model pictures = examples::load_model("cifar10");
  const examples::Model digits = examples::load_model("mnist");
  CHECK(pictures.classes[3] == "cat");
  CHECK(digits.image == Shape{1, 28, 28});
  if (std::getenv("XGRAD_DATA") == nullptr) {
    MESSAGE("not tested on images: XGRAD_DATA is not set");
    return;
  }
  datasets::CIFAR10 cifar10({.split = "test"});
  CHECK(accuracy_of(pictures, cifar10) == doctest::Approx(0.9375).epsilon(0.002));
  datasets::MNIST mnist({.split = "test"});
  CHECK(accuracy_of(digits, mnist) == doctest::Approx(0.997).epsilon(0.001));
}
