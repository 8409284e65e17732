#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/idx.hpp>

namespace xgrad::datasets {
namespace {

constexpr std::uint32_t images_magic = 2051;
constexpr std::uint32_t labels_magic = 2049;
constexpr std::uint32_t largest_side = 4096;
constexpr std::uint8_t last_class = 9;

void expect_magic(ByteFile& file, std::uint32_t expected, const char* kind) {
  const std::uint32_t magic = file.read_u32("the magic number");
  if (magic != expected)
    file.fail(
        fmt::format("offset 0: magic number {}, expected {} (IDX {})", magic, expected, kind));
}

std::uint32_t read_side(ByteFile& file, const char* what) {
  const std::uint32_t side = file.read_u32(what);
  if (side == 0 || side > largest_side)
    file.fail(fmt::format("offset {}: {} is {}, expected 1 to {}", file.offset() - 4, what, side,
                          largest_side));
  return side;
}

}  // namespace

Images read_idx(const std::string& images_path, const std::string& labels_path) {
  Images result;
  {
    ByteFile file(images_path);
    expect_magic(file, images_magic, "images");
    const std::uint64_t count = file.read_u32("the number of images");
    const std::uint64_t height = read_side(file, "the height");
    const std::uint64_t width = read_side(file, "the width");
    const std::uint64_t bytes = count * height * width;
    file.expect_room(bytes, "pixels");
    result.count = static_cast<std::int64_t>(count);
    result.height = static_cast<std::int64_t>(height);
    result.width = static_cast<std::int64_t>(width);
    result.pixels.resize(bytes);
    file.read(result.pixels.data(), bytes, "the pixels");
    file.expect_end();
  }
  ByteFile file(labels_path);
  expect_magic(file, labels_magic, "labels");
  const std::uint64_t count = file.read_u32("the number of labels");
  if (count != static_cast<std::uint64_t>(result.count))
    file.fail(fmt::format("offset 4: {} labels, expected {} as there are images in {}", count,
                          result.count, images_path));
  file.expect_room(count, "labels");
  result.labels.resize(count);
  file.read(result.labels.data(), count, "the labels");
  for (std::size_t i = 0; i < result.labels.size(); ++i)
    if (result.labels[i] > last_class)
      file.fail(fmt::format("offset {}: label {}, expected 0 to {}", 8 + i, result.labels[i],
                            last_class));
  file.expect_end();
  return result;
}

}  // namespace xgrad::datasets
