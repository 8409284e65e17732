// Files without checksums, as other programs write them: every bit turned, every end cut off.

#include <xgrad/nn/nn.hpp>

#include <cstring>

#include "nn/safetensors.hpp"
#include "support.hpp"

using namespace support;

namespace {

constexpr std::size_t begin_of_header = 8;

/// A file and where in it the words stand that may be others.
struct Sample {
  std::string header =
      R"({"__metadata__":{"by":"me"},"ab":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("cd":{"dtype":"U8","shape":[1,3],"data_offsets":[8,11]}})";
  std::string bytes = file_with(header, std::string("\0\0\x80\x3F\0\0\x20\xC0\7\0\xFF", 11));

  std::size_t place_of(const std::string& word) const {
    return begin_of_header + header.find('"' + word + '"') + 1;
  }
  std::size_t begin_of_values() const { return begin_of_header + header.size(); }
};

/// Of the file as it is now.
class Reading {
 public:
  /// Whether it can be loaded; an error names the file.
  bool operator()(const std::string& bytes) {
    std::filesystem::remove(path_);  // some file systems sync what is overwritten
    write_file(path_, bytes);
    try {
      file = nn::load_file(path_);
    } catch (const IOError& error) {
      CHECK(std::string(error.what()).starts_with("load: " + path_ + ": "));
      return false;
    }
    CHECK(nn::load_metadata(path_) == file.metadata);
    return true;
  }

  nn::File file;

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("x.safetensors");
};

}  // namespace

TEST_CASE("whatever bit of another program's file is turned, it is told or is a value") {
  const Sample sample;
  Reading reading;
  REQUIRE(reading(sample.bytes));
  const std::size_t values_at = sample.begin_of_values();
  std::size_t loaded = 0;
  for (std::size_t bit = 0; bit < 8 * sample.bytes.size(); ++bit) {
    CAPTURE(bit);
    std::string changed = sample.bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const bool of_values = bit / 8 >= values_at;
    if (!reading(changed)) {
      CHECK_FALSE(of_values);
      continue;
    }
    ++loaded;
    // Names and metadata as the bytes say; nothing else of the header can be other.
    const auto word = [&](const std::string& before) {
      return changed.substr(sample.place_of(before), before.size());
    };
    CHECK_FALSE(reading.file.checked);
    CHECK(reading.file.metadata == nn::Metadata{{word("by"), word("me")}});
    REQUIRE(reading.file.tensors.size() == 2);
    const auto& [first_name, first] = reading.file.tensors[0];
    const auto& [second_name, second] = reading.file.tensors[1];
    CHECK(first_name == word("ab"));
    CHECK(second_name == word("cd"));
    CHECK(first.shape() == Shape{2});
    CHECK(second.shape() == Shape{1, 3});
    CHECK(std::memcmp(first.data<float>(), changed.data() + values_at, 8) == 0);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(second.data<std::uint8_t>()[i] ==
            static_cast<unsigned char>(changed[values_at + 8 + i]));
  }
  CHECK(loaded >= 8 * 11);  // the values, and most names
  CHECK(loaded < 8 * 11 + 8 * 8);
}

TEST_CASE("a file that is cut off anywhere, or longer, is told, with checksums and without") {
  Reading reading;
  std::vector<std::string> files{Sample().bytes};
  const TemporaryDirectory directory;
  for (const bool half : {false, true}) {
    const std::string path = directory.file("saved");
    nn::save({{"w", tensor({1.5F, -2.F})}, {"n", tensor({3, 4})}, {"e", zeros({0})}}, path,
             {.half = half, .metadata = {{"made", "here"}}});
    std::ifstream file(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (const std::string& good : files) {
    CHECK(reading(good));
    for (std::size_t length = 0; length < good.size(); ++length) {
      CAPTURE(length);
      CHECK_FALSE(reading(good.substr(0, length)));
    }
    for (const char more : {'\0', ' ', '\xFF'}) CHECK_FALSE(reading(good + more));
    CHECK_FALSE(reading(good + good));
    // A header that is longer or shorter by one than its length says.
    for (const int by : {-1, 1}) {
      std::string other = good;
      other[0] = static_cast<char>(other[0] + by);
      CHECK_FALSE(reading(other));
    }
  }
}

TEST_CASE("values of some bytes more than their shape takes are told") {
  Reading reading;
  for (const char* dtype : {"F32", "F64", "I64", "F16", "I16", "U32"})
    for (int more = 0; more < 8; ++more) {
      const int bytes = dtype[1] == '3' ? 4 : dtype[1] == '1' ? 2 : 8;
      CAPTURE(dtype);
      CAPTURE(more);
      const std::string header = std::string(R"({"x":{"dtype":")") + dtype +
                                 R"(","shape":[1],"data_offsets":[0,)" +
                                 std::to_string(bytes + more) + "]}}";
      CHECK(reading(file_with(header, std::string(static_cast<std::size_t>(bytes + more), '\0'))) ==
            (more == 0));
    }
}
