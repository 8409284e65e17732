#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/transforms.hpp>

#include <algorithm>

namespace xgrad::datasets {
namespace {

enum Purpose : std::uint64_t { flipping = 1, translating, cutting };

/// One 64-bit key out of four numbers, by the random numbers' own bijection.
std::uint64_t key_of(std::uint64_t seed, std::uint64_t epoch, std::uint64_t example,
                     std::uint64_t purpose) {
  const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  const auto bits =
      philox({low(example), high(example), low(epoch), low(purpose)}, {low(seed), high(seed)});
  return std::uint64_t{bits[1]} << 32 | bits[0];
}

constexpr std::uint64_t no_epoch = 0xFFFFFFFF;

void require_images(const char* name, const Tensor& images, const Draw& draw) {
  const xgrad::detail::Running running(name, images);
  require<ShapeError>(images.dim() == 4, "{}: images {} are not [N, C, H, W]", name,
                      images.shape());
  require<ShapeError>(images.size(0) == static_cast<std::int64_t>(draw.examples.size()),
                      "{}: {} images and the numbers of {} examples", name, images.size(0),
                      draw.examples.size());
}

/// A copy of the images, with f(i, planes, count) called for the channels of each to change.
template <class F>
Tensor changed(const char* name, const Tensor& images, const Draw& draw, const F& f) {
  require_images(name, images, draw);
  Tensor result = images.clone();
  dispatch_floating(images.dtype(), name, [&]<class T>() {
    T* values = result.mutable_data<T>();
    const std::int64_t each = images.numel() / std::max<std::int64_t>(images.size(0), 1);
    for (std::int64_t i = 0; i < images.size(0); ++i)
      f(static_cast<std::size_t>(i), values + i * each);
  });
  return result;
}

/// Mirrors the images for which chosen(i).
template <class Chosen>
Tensor flip_some(const char* name, const Tensor& images, const Draw& draw, const Chosen& chosen) {
  return changed(name, images, draw, [&](std::size_t i, auto* image) {
    if (!chosen(i)) return;
    const std::int64_t width = images.size(3);
    const auto* end = image + images.size(1) * images.size(2) * width;
    for (auto* row = image; row != end; row += width) std::reverse(row, row + width);
  });
}

}  // namespace

namespace {

std::uint64_t example_of(const Draw& draw, std::size_t i) {
  require<ValueError>(i < draw.examples.size(), "Draw: no image {} of {}", i, draw.examples.size());
  return static_cast<std::uint64_t>(draw.examples[i]);
}

}  // namespace

Generator Draw::generator(std::size_t i, std::uint64_t purpose) const {
  return Generator(key_of(seed, static_cast<std::uint64_t>(epoch), example_of(*this, i), purpose));
}

Generator Draw::lasting_generator(std::size_t i, std::uint64_t purpose) const {
  return Generator(key_of(seed, no_epoch, example_of(*this, i), purpose));
}

namespace augment {

Augmentation random_flip() {
  return [](const Tensor& images, const Draw& draw) {
    return flip_some("random_flip", images, draw,
                     [&](std::size_t i) { return draw.generator(i, flipping).below(2) == 1; });
  };
}

Augmentation alternating_flip() {
  return [](const Tensor& images, const Draw& draw) {
    return flip_some("alternating_flip", images, draw, [&](std::size_t i) {
      const bool at_first = draw.lasting_generator(i, flipping).below(2) == 1;
      return at_first != (draw.epoch % 2 == 1);
    });
  };
}

Augmentation random_translate(std::int64_t pixels) {
  require<ValueError>(pixels >= 0, "random_translate: {} pixels; it must not be negative", pixels);
  return [pixels](const Tensor& images, const Draw& draw) {
    require_images("random_translate", images, draw);
    require<ShapeError>(pixels < images.size(2) && pixels < images.size(3),
                        "random_translate: up to {} pixels in images {}; they must be larger",
                        pixels, images.shape());
    std::vector<transforms::Offset> offsets;
    for (std::size_t i = 0; i < draw.examples.size(); ++i) {
      Generator generator = draw.generator(i, translating);
      const auto range = static_cast<std::uint64_t>(2 * pixels + 1);
      const auto down = static_cast<std::int64_t>(generator.below(range)) - pixels;
      const auto right = static_cast<std::int64_t>(generator.below(range)) - pixels;
      offsets.push_back({down, right});
    }
    return transforms::translated(images, offsets);
  };
}

Augmentation random_cutout(std::int64_t size) {
  require<ValueError>(size >= 0, "random_cutout: a square of {}; it must not be negative", size);
  return [size](const Tensor& images, const Draw& draw) {
    require_images("random_cutout", images, draw);
    const std::int64_t height = images.size(2);
    const std::int64_t width = images.size(3);
    require<ShapeError>(size <= height && size <= width,
                        "random_cutout: a square of {} in images {}", size, images.shape());
    return changed("random_cutout", images, draw, [&](std::size_t i, auto* image) {
      Generator generator = draw.generator(i, cutting);
      const auto place = [&](std::int64_t extent) {
        return static_cast<std::int64_t>(
            generator.below(static_cast<std::uint64_t>(extent - size + 1)));
      };
      const std::int64_t top = place(height);
      const std::int64_t left = place(width);
      for (std::int64_t c = 0; c < images.size(1); ++c)
        for (std::int64_t y = top; y < top + size; ++y)
          std::fill_n(image + (c * height + y) * width + left, size, 0);
    });
  };
}

Augmentation compose(std::vector<Augmentation> augmentations) {
  for (std::size_t i = 0; i < augmentations.size(); ++i)
    require<ValueError>(static_cast<bool>(augmentations[i]), "compose: augmentation {} is empty",
                        i);
  return [augmentations = std::move(augmentations)](const Tensor& images, const Draw& draw) {
    Tensor result = images;
    for (const Augmentation& augmentation : augmentations) result = augmentation(result, draw);
    return result;
  };
}

}  // namespace augment
}  // namespace xgrad::datasets
