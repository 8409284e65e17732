// Good and bad data files: every damage has a message of its own, and none costs memory.

#include "datasets/files.hpp"

#include <xgrad/datasets/cifar10.hpp>
#include <xgrad/datasets/idx.hpp>
#include <xgrad/datasets/mnist.hpp>

#include <cstdlib>

#include <archive.h>
#include <archive_entry.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace support;
using namespace files;
namespace datasets = xgrad::datasets;

namespace {

/// Reads a pair of IDX files with these bytes; the error, or "".
struct IdxPair {
  TemporaryDirectory directory;
  std::string images = idx_images(3);
  std::string labels = idx_labels(3);

  std::string read(const char* suffix = "") {
    const std::string i = directory.file(std::string("images") + suffix);
    const std::string l = directory.file(std::string("labels") + suffix);
    write_file(i, images);
    write_file(l, labels);
    const std::string message = message_of<IOError>([&] { datasets::read_idx(i, l); });
    // Every message starts with the file it is about.
    CHECK((message.empty() || message.starts_with(directory.path())));
    return message.substr(message.empty() ? 0 : directory.path().size() + 1);
  }
};

}  // namespace

TEST_CASE("IDX files, raw and gzip") {
  IdxPair pair;
  CHECK(pair.read() == "");
  pair.images = gzip(pair.images);
  pair.labels = gzip(pair.labels);
  CHECK(pair.read(".gz") == "");
  const auto images =
      datasets::read_idx(pair.directory.file("images.gz"), pair.directory.file("labels"));
  CHECK(images.count == 3);
  CHECK(images.height == 4);
  CHECK(images.pixels[17] == 17);
  CHECK(images.labels[2] == 2);
}

TEST_CASE("damaged IDX files") {
  IdxPair pair;
  SUBCASE("truncated header") {
    pair.images = pair.images.substr(0, 6);
    CHECK(pair.read() ==
          "images: offset 6: the file ends in the number of images: 2 of 4 bytes were there");
  }
  SUBCASE("truncated pixels") {
    pair.images.pop_back();
    CHECK(
        pair.read() ==
        "images: the header promises 48 bytes of pixels, a raw file of 63 bytes holds at most 47");
  }
  SUBCASE("wrong magic") {
    std::swap(pair.images, pair.labels);
    CHECK(pair.read() == "images: offset 0: magic number 2049, expected 2051 (IDX images)");
  }
  SUBCASE("sizes that overflow") {
    pair.images =
        big_endian(2051) + big_endian(0xffffffff) + big_endian(0xffffffff) + big_endian(0xffffffff);
    CHECK(pair.read() == "images: offset 8: the height is 4294967295, expected 1 to 4096");
    pair.images = big_endian(2051) + big_endian(0xffffffff) + big_endian(4096) + big_endian(4096);
    CHECK(pair.read().find("promises 72057594021150720 bytes") != std::string::npos);
  }
  SUBCASE("no height") {
    pair.images = big_endian(2051) + big_endian(3) + big_endian(0) + big_endian(4);
    CHECK(pair.read() == "images: offset 8: the height is 0, expected 1 to 4096");
  }
  SUBCASE("more pixels than the header says") {
    pair.images += "x";
    CHECK(pair.read() ==
          "images: offset 64: more bytes follow where the header says the data ends");
  }
  SUBCASE("more labels than the header says") {
    pair.labels += "\1";
    CHECK(pair.read() ==
          "labels: offset 11: more bytes follow where the header says the data ends");
    pair.labels = gzip(pair.labels);
    CHECK(pair.read() ==
          "labels: offset 11: more bytes follow where the header says the data ends");
  }
  SUBCASE("counts that differ") {
    pair.labels = idx_labels(4);
    CHECK(pair.read() == "labels: offset 4: 4 labels, expected 3 as there are images in " +
                             pair.directory.file("images"));
  }
  SUBCASE("a label that is no class") {
    pair.labels[9] = 10;
    CHECK(pair.read() == "labels: offset 9: label 10, expected 0 to 9");
  }
  SUBCASE("truncated labels") {
    pair.labels.pop_back();
    CHECK(pair.read().starts_with("labels: the header promises 3 bytes of labels"));
  }
  SUBCASE("empty") {
    pair.images = "";
    CHECK(pair.read() == "images: the file is empty");
  }
  SUBCASE("gzip that ends early") {
    pair.images = gzip(pair.images);
    pair.images.resize(pair.images.size() / 2);
    CHECK(pair.read().find("the file ends in") != std::string::npos);
  }
  SUBCASE("gzip without its end") {
    pair.images = gzip(pair.images);
    pair.images.resize(pair.images.size() - 6);
    CHECK(pair.read().find("does not end properly") != std::string::npos);
  }
  SUBCASE("gzip with a flipped bit") {
    pair.images = gzip(idx_images(100));
    pair.images[pair.images.size() / 2] =
        static_cast<char>(pair.images[pair.images.size() / 2] ^ 0x10);
    const std::string message = pair.read();
    CHECK(message.starts_with("images: "));
  }
  SUBCASE("gzip that inflates past its header") {
    pair.images = gzip(idx_images(3) + std::string(1 << 20, 'x'));
    CHECK(pair.read() ==
          "images: offset 64: more bytes follow where the header says the data ends");
  }
  SUBCASE("gzip whose header promises more than it can hold") {
    pair.images = gzip(big_endian(2051) + big_endian(60000) + big_endian(28) + big_endian(28));
    CHECK(pair.read().find("holds at most") != std::string::npos);
  }
}

TEST_CASE("no damage makes the reader take memory that the file cannot fill") {
  IdxPair pair;
  pair.images =
      gzip(big_endian(2051) + big_endian(0x7fffffff) + big_endian(4096) + big_endian(4096));
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  CHECK(pair.read() != "");
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 16 * 1024);  // KiB
}

TEST_CASE("paths that are no readable files") {
  const TemporaryDirectory directory;
  const std::string labels = directory.file("labels");
  const auto reading = [&](const std::string& path) {
    return message_of<IOError>([&] { datasets::read_idx(path, labels); });
  };
  CHECK(reading(directory.path()) == directory.path() + ": is a directory, expected a file");
  CHECK(reading(directory.file("none")) == directory.file("none") + ": no such file");
  const std::string locked = directory.file("locked");
  write_file(locked, idx_images(1));
  std::filesystem::permissions(locked, std::filesystem::perms::none);
  std::filesystem::create_directory(directory.file("shut"));
  const std::string inner = directory.file("shut") + "/images";
  write_file(inner, idx_images(1));
  std::filesystem::permissions(directory.file("shut"), std::filesystem::perms::none);
  // Permissions do not bind the superuser, so a superuser runs this as nobody.
  const bool super = geteuid() == 0;
  if (super) REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  if (super) REQUIRE(seteuid(65534) == 0);
  const std::string message = reading(locked);
  const std::string behind = reading(inner);
  if (super) REQUIRE(seteuid(0) == 0);
  CHECK(message == locked + ": cannot be read: Permission denied");
  CHECK(behind == inner + ": Permission denied");
  std::filesystem::permissions(directory.file("shut"), std::filesystem::perms::owner_all);
}

TEST_CASE("MNIST is found in the directory or its folder, under any of its names") {
  for (const char* where : {"", "mnist/"})
    for (const char* ending : {"-idx", ".idx"}) {
      const TemporaryDirectory directory;
      const auto put = [&](const std::string& name, const std::string& bytes) {
        write_file(directory.file(where + name), bytes);
      };
      put(std::string("train-images") + ending + "3-ubyte", idx_images(5, 28));
      put(std::string("train-labels") + ending + "1-ubyte", idx_labels(5));
      const datasets::MNIST data({.root = directory.path()});
      CHECK(data.size() == 5);
      CHECK(data.classes()[9] == "9");
      CHECK(message_of<IOError>([&] {
              datasets::MNIST({.split = "test", .root = directory.path()});
            }).starts_with("data: t10k-images-idx3-ubyte.gz is neither in"));
      CHECK(message_of<ValueError>([&] {
              datasets::MNIST({.split = "dev", .root = directory.path()});
            }) == "MNIST: split is 'dev', it must be 'train' or 'test'");
    }
}

namespace {

void write_tar(const std::string& path, const std::string& name, const std::string& bytes) {
  archive* tar = archive_write_new();
  archive_write_add_filter_gzip(tar);
  archive_write_set_format_ustar(tar);
  archive_write_open_filename(tar, path.c_str());
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_write_header(tar, entry);
  archive_write_data(tar, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(tar);
  archive_write_free(tar);
}

}  // namespace

TEST_CASE("Fashion-MNIST is found where Debian installs it") {
  if (!std::filesystem::is_directory(datasets::debian_fashion_mnist)) return;
  const TemporaryDirectory elsewhere;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(elsewhere.path());
  const datasets::FashionMNIST data({.split = "test"});
  std::filesystem::current_path(before);
  CHECK(data.size() == 10000);
}

TEST_CASE("CIFAR-10 from a folder and from an archive") {
  const TemporaryDirectory directory;
  write_file(directory.file("cifar-10-batches-bin/test_batch.bin"), cifar_records(4));
  const datasets::CIFAR10 folder({.split = "test", .root = directory.path()});
  CHECK(folder.size() == 4);
  CHECK(folder.images().channels == 3);
  CHECK(folder.images().labels[3] == 3);
  CHECK(folder.images().pixels[3072] == 1);
  CHECK(folder[0].data.shape() == Shape{3, 32, 32});

  const TemporaryDirectory packed;
  const std::string path = packed.file("cifar-10-binary.tar.gz");
  write_tar(path, "cifar-10-batches-bin/test_batch.bin", cifar_records(4));
  const datasets::CIFAR10 archive({.split = "test", .root = packed.path()});
  CHECK(archive.images().pixels == folder.images().pixels);
  // Longer than what is unpacked at a time.
  const std::string large = cifar_records(100);
  write_tar(path, "cifar-10-batches-bin/test_batch.bin", large);
  const datasets::CIFAR10 several({.split = "test", .root = packed.path()});
  REQUIRE(several.size() == 100);
  bool same = true;
  for (std::size_t i = 0; i < 100 * 3072; ++i)
    same = same && several.images().pixels[i] ==
                       static_cast<std::uint8_t>(large[i / 3072 * 3073 + 1 + i % 3072]);
  CHECK(same);
  CHECK(message_of<IOError>([&] { datasets::CIFAR10({.root = packed.path()}); }) ==
        path + ": has no data_batch_1.bin");
}

TEST_CASE("damaged CIFAR-10 files") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("test_batch.bin");
  const auto reading = [&](const std::string& bytes) {
    write_file(path, bytes);
    return message_of<IOError>(
        [&] { datasets::CIFAR10({.split = "test", .root = directory.path()}); });
  };
  std::string bytes = cifar_records(2);
  CHECK(reading(bytes) == "");
  CHECK(reading(bytes.substr(0, 5000)) ==
        path + ": 5000 bytes, expected whole records of 3073 (a label and 3 x 32 x 32 pixels)");
  CHECK(reading("") == path + ": the file is empty");
  // Packed with gzip to the size of some records: what is in it is not just the first of them.
  std::string packed = gzip(cifar_records(40));
  packed.resize((packed.size() + 3072) / 3073 * 3073, '\0');
  CHECK(reading(packed).find("more bytes follow") != std::string::npos);
  bytes[3073] = 77;
  CHECK(reading(bytes) == path + ": offset 3073: label 77, expected 0 to 9");
  std::filesystem::remove(path);
  const std::string tar = directory.file("cifar-10-binary.tar.gz");
  write_file(tar, "this is no archive");
  CHECK(message_of<IOError>([&] {
          datasets::CIFAR10({.split = "test", .root = directory.path()});
        }).starts_with(tar + ": not a readable tar archive"));
  write_tar(tar, "test_batch.bin", cifar_records(40));
  std::filesystem::resize_file(tar, std::filesystem::file_size(tar) / 2);
  CHECK(message_of<IOError>([&] {
          datasets::CIFAR10({.split = "test", .root = directory.path()});
        }).starts_with(tar + ": not a readable tar archive"));
  CHECK_THROWS_AS(datasets::CIFAR10({.root = directory.path()}, 6), ValueError);
}

TEST_CASE("the real data, where it is there") {
  const char* root = std::getenv("XGRAD_DATA");
  if (root == nullptr) return;
  const auto folder = std::filesystem::path(root) / "mnist";
  if (std::filesystem::exists(folder)) {
    const datasets::MNIST data;
    CHECK(data.size() == 60000);
    std::vector<int> counts(10);
    for (auto label : data.images().labels) ++counts[label];
    CHECK(counts == std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
    double sum = 0;
    for (auto pixel : data.images().pixels) sum += pixel;
    CHECK(sum / (60000.0 * 784) == doctest::Approx(33.318).epsilon(1e-4));
  }
  if (std::filesystem::exists(std::filesystem::path(root) / "cifar-10-binary.tar.gz")) {
    const datasets::CIFAR10 data({.split = "test"});
    CHECK(data.size() == 10000);
    std::vector<int> counts(10);
    for (auto label : data.images().labels) ++counts[label];
    CHECK(counts == std::vector<int>(10, 1000));
  }
}
