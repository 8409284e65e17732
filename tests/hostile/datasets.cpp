// Data sets in memory, their loader, transforms and augmentations. Not here: readers of files and
// downloads (tests/datasets, tests/fuzz), many workers.

#include <xgrad/datasets/datasets.hpp>
#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;
using namespace xgrad::datasets;

namespace {

TensorDataset ten() { return {zeros({10, 2}), zeros({10}, {.dtype = int64})}; }

/// The augmentation of images, in example number 0, 1, ….
Tensor augmented(const Augmentation& augmentation, const Tensor& images) {
  const std::vector<std::int64_t> examples{0, 1};
  return augmentation(images, {.seed = 1, .epoch = 0, .examples = examples});
}

}  // namespace

TEST_CASE("hostile: data sets") {
  sweep({
      {"TensorDataset",
       [](Arguments& from) {
         const Tensor data = from.tensor({2, 3});
         const TensorDataset set(data, from.index({2}));
         Arguments::use(set.batch(from.sizes({0, 1})).data);
       }},
      {"TensorDataset", [](Arguments& from) { ten()[from.size(1)]; }},
      {"Subset",
       [](Arguments& from) {
         Arguments::use(Subset(ten(), from.sizes({1, 2})).batch(from.sizes({1})).data);
       }},
      {"random_split",
       [](Arguments& from) {
         random_split(ten(), from.sizes({4, 6}), static_cast<std::uint64_t>(from.size()));
       }},
      {"random_split|TensorDataset|arange",
       [](Arguments& from) {
         const TensorDataset all(from.tensor({2, 3}), from.index({2}));
         random_split(all, {all.size()}, 1);
       }},
      {"ImageDataset",
       [](Arguments& from) {
         Images images;
         images.count = from.size(2);
         images.channels = from.size(1);
         images.height = from.size(2);
         images.width = from.size(2);
         images.pixels.resize(from.flag() ? 7 : 8);
         images.labels.resize(from.flag() ? 1 : 2);
         const ImageDataset set(images, from.texts({"a", "b"}));
         Arguments::use(set.batch(from.sizes({1, 0})).data);
       }},
  });
}

TEST_CASE("hostile: loaders and samplers") {
  sweep({
      {"DataLoader|IndependentSampler",
       [](Arguments& from) {
         DataLoaderOptions options;
         options.batch_size = from.size(4);
         options.shuffle = from.flag();
         options.drop_last = from.flag();
         options.independent_batches = from.flag() ? from.size(2) : 0;
         options.prefetch = from.integer(2);
         options.workers = from.flag() ? -1 : 1;
         options.seed = 1;
         DataLoader loader(ten(), options);
         loader.size();
         auto batch = loader.begin();
         Arguments::use(batch->data);
       }},
      {"set_epoch",
       [](Arguments& from) {
         DataLoader loader(ten(), {.batch_size = 4, .seed = 1});
         const std::int64_t epoch = from.size(1);
         loader.set_epoch(epoch, from.size(1));
         for (int i = 0; i < 3; ++i)
           for (const auto& batch : loader) Arguments::use(batch.data);
       }},
      {.names = "EpochSampler",
       .call =
           [](Arguments& from) {
             const std::int64_t examples = from.size(10);
             const std::int64_t batch = from.size(4);
             const bool shuffle = from.flag();
             EpochSampler sampler(examples, batch, shuffle, from.flag());
             sampler.batches();
             if (!from.flag()) sampler.start(1, from.size(1));
             sampler.batch(from.size(1));
           },
       .computes = true},
      {"IndependentSampler",
       [](Arguments& from) {
         const std::int64_t examples = from.size(10);
         const std::int64_t batch = from.size(4);
         IndependentSampler sampler(examples, batch, from.size(5));
         sampler.batches();
         sampler.start(1, from.size(1));
         sampler.batch(from.size(1));
       }},
  });
}

TEST_CASE("hostile: transforms") {
  sweep({
      {"scale",
       [](Arguments& from) {
         const double factor = from.real();
         Arguments::use(transforms::scale(factor)(from.tensor({2, 1, 4, 4})));
       }},
      {"normalize",
       [](Arguments& from) {
         const std::vector<double> mean = from.reals({1, 2, 3});
         const std::vector<double> std = from.reals({1, 2, 3});
         Arguments::use(transforms::normalize(mean, std)(from.tensor({2, 3, 4, 4})));
       }},
      {"denormalize",
       [](Arguments& from) {
         const std::vector<double> mean = from.reals({1, 2, 3});
         const std::vector<double> std = from.reals({1, 2, 3});
         Arguments::use(transforms::denormalize(mean, std)(from.tensor({2, 3, 4, 4})));
       }},
      {"translate|translated",
       [](Arguments& from) {
         const std::int64_t down = from.size(1);
         const std::int64_t right = from.size(1);
         Arguments::use(transforms::translate(down, right)(from.tensor({2, 1, 4, 4})));
       }},
      {"translated",
       [](Arguments& from) {
         std::vector<transforms::Offset> offsets(from.flag() ? 1 : 2, {1, -1});
         offsets[0].down = from.size(1);
         offsets[0].right = from.size(1);
         Arguments::use(transforms::translated(from.tensor({2, 1, 4, 4}), offsets));
       }},
      {"resize",
       [](Arguments& from) {
         const std::int64_t height = from.size(3);
         const std::int64_t width = from.size(3);
         Arguments::use(transforms::resize(height, width)(from.tensor({2, 1, 4, 4})));
       }},
      {"resize",
       [](Arguments& from) {
         Arguments::use(
             transforms::resize(std::int64_t{1} << (from.flag() ? 40 : 1), 1)(zeros({4, 4})));
       }},
      {"mirrored_and_shifted|average_views|translate|translated|flip",
       [](Arguments& from) {
         nn::Sequential net{nn::Flatten{}, nn::Linear{16, 2}};
         const auto views = mirrored_and_shifted(from.size(1));
         Arguments::use(average_views(net, from.flag() ? Tensor() : zeros({2, 1, 4, 4}), views));
       }},
  });
}

TEST_CASE("hostile: augmentations") {
  sweep({
      {"random_flip",
       [](Arguments& from) {
         Arguments::use(augmented(augment::random_flip(), from.tensor({2, 1, 4, 4})));
       }},
      {"alternating_flip",
       [](Arguments& from) {
         Arguments::use(augmented(augment::alternating_flip(), from.tensor({2, 1, 4, 4})));
       }},
      {"random_translate|translated",
       [](Arguments& from) {
         const auto augmentation = augment::random_translate(from.size(2));
         Arguments::use(augmented(augmentation, from.tensor({2, 1, 4, 4})));
       }},
      {"random_cutout",
       [](Arguments& from) {
         const auto augmentation = augment::random_cutout(from.size(2));
         Arguments::use(augmented(augmentation, from.tensor({2, 1, 4, 4})));
       }},
      {"Draw",
       [](Arguments& from) {
         const std::vector<std::int64_t> examples = from.sizes({5, 6});
         const datasets::Draw draw{.seed = 1, .epoch = from.size(1), .examples = examples};
         const auto i = from.count(1);
         draw.generator(i, 1).next();
         draw.lasting_generator(i, static_cast<std::uint64_t>(from.size(1))).next();
       }},
  });
}
