// Data files with every bit turned and every end cut off: an error that names the file, or the
// values that the bytes say.

#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/cifar10.hpp>
#include <xgrad/datasets/idx.hpp>

#include <functional>
#include <optional>
#include <random>

#include "datasets/files.hpp"

using namespace support;
using namespace files;
namespace datasets = xgrad::datasets;
using datasets::Images;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string turned(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

/// A new file: some file systems bring one that is overwritten to the disk each time.
void rewrite(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);
  write_file(path, bytes);
}

/// What `read` gives; nothing where it throws an error that begins with `path`.
template <class Read>
auto reading(const std::string& path, const Read& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const IOError& error) {
    CHECK(std::string(error.what()).starts_with(path));
    return {};
  }
}

/// A tar of one file, written by hand: fields of the header at their places, then whole blocks.
std::string tar_of(const std::string& name, const std::string& bytes) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  const auto octal = [](std::size_t number, std::size_t digits) {
    std::string text;
    for (; digits > 0; --digits, number /= 8)
      text.insert(text.begin(), static_cast<char>('0' + number % 8));
    return text;
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(bytes.size(), 11));
  put(136, octal(0, 11));
  put(148, "        ");  // the checksum, as it counts itself
  put(156, "0");
  put(257, std::string("ustar\00000", 8));
  std::size_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  std::string padded = bytes;
  padded.resize((padded.size() + 511) / 512 * 512);
  return header + padded + std::string(1024, '\0');
}

/// Bytes that no packing makes much shorter.
std::string noise(std::size_t size) {
  std::mt19937 random(3);
  std::string bytes;
  while (bytes.size() < size) bytes += static_cast<char>(random());
  return bytes;
}

}  // namespace

TEST_CASE("IDX: whatever bit is turned, it is told or is a value") {
  const TemporaryDirectory directory;
  const std::string i = directory.file("images");
  const std::string l = directory.file("labels");
  const std::string images = idx_images(2, 3);
  const std::string labels = idx_labels(2);
  const auto read = [&] { return datasets::read_idx(i, l); };
  rewrite(l, labels);
  for (std::size_t bit = 0; bit < 8 * images.size(); ++bit) {
    CAPTURE(bit);
    const std::string changed = turned(images, bit);
    rewrite(i, changed);
    const auto found = reading(bit / 8 < 8 ? directory.path() : i, read);
    REQUIRE(found.has_value() == (bit / 8 >= 16));
    if (found) CHECK(found->pixels == bytes_of(changed.substr(16)));
  }
  rewrite(i, images);
  for (std::size_t bit = 0; bit < 8 * labels.size(); ++bit) {
    CAPTURE(bit);
    const std::string changed = turned(labels, bit);
    rewrite(l, changed);
    const auto found = reading(l, read);
    REQUIRE(found.has_value() ==
            (bit / 8 >= 8 && static_cast<unsigned char>(changed[bit / 8]) <= 9));
    if (found) CHECK(found->labels == bytes_of(changed.substr(8)));
  }
}

TEST_CASE("IDX: no end can be missing and nothing follow, raw and packed") {
  const TemporaryDirectory directory;
  const std::string i = directory.file("images");
  const std::string l = directory.file("labels");
  const auto read = [&] { return datasets::read_idx(i, l); };
  const Bytes pixels = bytes_of(idx_images(2, 3).substr(16));
  for (const bool packed : {false, true}) {
    CAPTURE(packed);
    const std::string images = packed ? gzip(idx_images(2, 3)) : idx_images(2, 3);
    const std::string labels = packed ? gzip(idx_labels(2)) : idx_labels(2);
    for (const bool first : {true, false}) {
      CAPTURE(first);
      const std::string& good = first ? images : labels;
      const std::string& path = first ? i : l;
      rewrite(i, images);
      rewrite(l, labels);
      REQUIRE(reading(path, read).has_value());
      for (std::size_t length = 0; length < good.size(); ++length) {
        CAPTURE(length);
        rewrite(path, good.substr(0, length));
        CHECK_FALSE(reading(path, read).has_value());
      }
      for (const char more : {'\0', '\1', '\xFF'}) {
        rewrite(path, good + more);
        const auto found = reading(path, read);
        if (!packed) CHECK_FALSE(found.has_value());
        if (found) CHECK(found->pixels == pixels);  // zlib passes over what follows
      }
      if (!packed) continue;
      for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        CAPTURE(bit);
        rewrite(path, turned(good, bit));
        const auto found = reading(path, read);
        if (!found) continue;
        CHECK(found->pixels == pixels);
        CHECK(found->labels == Bytes{0, 1});
      }
    }
  }
}

TEST_CASE("CIFAR-10: every label and many pixels changed, ends cut off") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("test_batch.bin");
  const std::string good = cifar_records(2);
  constexpr std::size_t record = 3073;
  const auto read = [&](const std::string& bytes) {
    rewrite(path, bytes);
    return reading(path, [&] {
      return datasets::CIFAR10({.split = "test", .root = directory.path()}).images();
    });
  };
  const auto check = [&](const std::string& bytes) {
    const auto found = read(bytes);
    const std::size_t count = bytes.size() / record;
    bool valid = count > 0 && bytes.size() % record == 0;
    for (std::size_t k = 0; valid && k < count; ++k)
      valid = static_cast<unsigned char>(bytes[k * record]) <= 9;
    REQUIRE(found.has_value() == valid);
    if (!found) return;
    Bytes pixels, labels;
    for (std::size_t k = 0; k < count; ++k) {
      labels.push_back(static_cast<unsigned char>(bytes[k * record]));
      const Bytes more = bytes_of(bytes.substr(k * record + 1, record - 1));
      pixels.insert(pixels.end(), more.begin(), more.end());
    }
    CHECK(found->count == static_cast<std::int64_t>(count));
    CHECK(found->labels == labels);
    CHECK(found->pixels == pixels);
  };
  for (const std::size_t at : {std::size_t{0}, record})
    for (int value = 0; value < 256; ++value) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      check(changed);
    }
  for (std::size_t bit = 8; bit < 8 * good.size(); bit += 389) check(turned(good, bit));
  for (std::size_t length = 0; length <= good.size(); length += 61) check(good.substr(0, length));
  for (const std::size_t length : {record - 1, record, record + 1, 2 * record - 1})
    check(good.substr(0, length));
  check(good + '\0');
  check(good + good.substr(0, record));
}

TEST_CASE("tar: whatever bit is turned, it is told or is a value") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.tar");
  const std::string inner = noise(700);
  const auto read = [&](const std::string& bytes) {
    rewrite(path, bytes);
    return reading(path, [&] {
      std::vector<std::pair<std::string, Bytes>> files;
      datasets::read_tar(
          path, 10'000, [](const std::string&) { return true; },
          [&](const std::string& name, Bytes found) { files.emplace_back(name, found); });
      return files;
    });
  };
  const std::string raw = tar_of("a.bin", inner);
  {
    const auto found = read(raw);
    REQUIRE((found && found->size() == 1));
    CHECK(found->at(0).first == "a.bin");
    CHECK(found->at(0).second == bytes_of(inner));
  }
  for (std::size_t bit = 0; bit < 8 * (512 + 1024); ++bit) {
    CAPTURE(bit);
    const std::string changed = turned(raw, bit);
    const auto found = read(changed);
    if (bit / 8 >= 512) REQUIRE(found.has_value());
    if (!found) continue;
    // The header has a checksum: what is read is what was written but for the values.
    REQUIRE(found->size() == 1);
    CHECK(found->at(0).first == "a.bin");
    CHECK(found->at(0).second == bytes_of(changed.substr(512, 700)));
  }
  for (std::size_t length = 0; length < 512 + 700; ++length) {
    CAPTURE(length);
    CHECK_FALSE(read(raw.substr(0, length)).has_value());
  }
  // Packed, nothing may be other: the values have a checksum too.
  const std::string packed = gzip(raw);
  REQUIRE(read(packed).has_value());
  std::size_t silent = 0;
  for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    const auto found = read(turned(packed, bit));
    silent += found && (found->size() != 1 || found->at(0).second != bytes_of(inner));
  }
  CHECK(silent == 0);
  for (std::size_t length = 0; length < packed.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(read(packed.substr(0, length)).has_value());
  }
  // Behind the archive's end there may be more than is read at a time, and then the checksum.
  const std::string longer = gzip(raw + std::string(400'000, '\0'));
  CHECK(read(longer).has_value());
  for (std::size_t from_end = 1; from_end <= 8; ++from_end) {
    CAPTURE(from_end);
    CHECK_FALSE(read(turned(longer, 8 * (longer.size() - from_end))).has_value());
  }
}
