#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/cifar10.hpp>
#include <xgrad/datasets/locate.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

namespace xgrad::datasets {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t pixels = 3 * 32 * 32;
constexpr std::size_t record = 1 + pixels;
constexpr std::uint64_t most_records = 10'000;
constexpr std::uint8_t last_class = 9;
constexpr const char* folder = "cifar-10-batches-bin";
constexpr const char* tarball = "cifar-10-binary.tar.gz";

std::vector<std::string> wanted_files(const ImageDatasetOptions& options, int batches) {
  require<ValueError>(options.split == "train" || options.split == "test",
                      "CIFAR10: split is '{}', it must be 'train' or 'test'", options.split);
  require<ValueError>(batches >= 1 && batches <= 5, "CIFAR10: {} training files; there are 1 to 5",
                      batches);
  if (options.split == "test") return {"test_batch.bin"};
  std::vector<std::string> names;
  for (int i = 1; i <= batches; ++i) names.push_back(fmt::format("data_batch_{}.bin", i));
  return names;
}

/// Records of one label and 3,072 pixels, appended to `images`.
void append(const std::string& path, const std::vector<std::uint8_t>& bytes, Images& images) {
  require<IOError>(!bytes.empty() && bytes.size() % record == 0,
                   "{}: {} bytes, expected whole records of {} (a label and 3 x 32 x 32 pixels)",
                   path, bytes.size(), record);
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    require<IOError>(bytes[at] <= last_class, "{}: offset {}: label {}, expected 0 to {}", path, at,
                     bytes[at], last_class);
    images.labels.push_back(bytes[at]);
  }
  images.pixels.reserve(images.pixels.size() + bytes.size() / record * pixels);
  for (auto at = bytes.begin(); at != bytes.end(); at += record)
    images.pixels.insert(images.pixels.end(), at + 1, at + record);
  images.count = static_cast<std::int64_t>(images.labels.size());
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  ByteFile file(path);
  const std::uint64_t size = size_of_file(path);
  if (size > most_records * record)
    file.fail(fmt::format("{} bytes, expected at most {}", size, most_records * record));
  std::vector<std::uint8_t> bytes(size);
  file.read(bytes.data(), bytes.size(), "the records");
  file.expect_end();  // a packed file has more than its size
  return bytes;
}

std::map<std::string, std::vector<std::uint8_t>> read_archive(
    const std::string& path, const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::uint8_t>> found;
  read_tar(
      path, most_records * record,
      [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); },
      [&](const std::string& name, std::vector<std::uint8_t> bytes) {
        found[name] = std::move(bytes);
      });
  return found;
}

Images read(const ImageDatasetOptions& options, int batches) {
  const auto names = wanted_files(options, batches);
  const Location location{"cifar10", options.root, options.download};
  const std::string path = find_or_download(
      location, {folder, names.front(), tarball},
      {tarball, "c32a1d4ab5d03f1284b67883e8d87530",
       mirror_urls("XGRAD_CIFAR10_URL", {"https://www.cs.toronto.edu/~kriz"}, tarball)});
  Images images{.channels = 3, .height = 32, .width = 32};
  if (fs::path(path).filename() == tarball) {
    auto found = read_archive(path, names);
    for (const std::string& name : names) {
      if (!found.contains(name)) raise<IOError>("{}: has no {}", excerpt(path), name);
      append(path + '/' + name, found[name], images);
    }
    return images;
  }
  const fs::path directory =
      fs::path(path).filename() == folder ? fs::path(path) : fs::path(path).parent_path();
  for (const std::string& name : names)
    append((directory / name).string(), read_file((directory / name).string()), images);
  return images;
}

}  // namespace

CIFAR10::CIFAR10(const ImageDatasetOptions& options, int batches)
    : ImageDataset(read(options, batches),
                   {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                    "truck"},
                   options.transform) {}

}  // namespace xgrad::datasets
