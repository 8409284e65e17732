// Files that were damaged, or written to do damage.

#include <xgrad/nn/nn.hpp>

#include <fstream>
#include <random>

#include "nn/safetensors.hpp"
#include "support.hpp"
#include <fmt/format.h>
#include <sys/stat.h>

using namespace support;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A new file: some file systems bring one that is overwritten to the disk each time.
void rewrite(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);
  write_file(path, bytes);
}

/// What is wrong with a file of these bytes; "" if it can be loaded.
class Loading {
 public:
  std::string operator()(const std::string& bytes) {
    rewrite(path_, bytes);
    const std::string told = message_of<IOError>([&] { nn::load(path_); });
    const std::string start = "load: " + path_ + ": ";
    return told.starts_with(start) ? told.substr(start.size()) : told;
  }
  /// The same with these bytes of values.
  std::string operator()(const std::string& header, std::size_t bytes) {
    return (*this)(file_with(header, std::string(bytes, '\0')));
  }
  const std::string& path() const { return path_; }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("x.safetensors");
};

/// [[…]], or with {"a": as `open`.
std::string nested(const std::string& open, const std::string& close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

}  // namespace

TEST_CASE("whatever bit of a saved file is turned, it is told") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const nn::StateDict saved{{"w", tensor({1.5F, -2.0F})}, {"n", tensor({3, 4})}, {"e", zeros({0})}};
  nn::save(saved, path, {.metadata = {{"made", "here"}}});
  CHECK(nn::load_file(path).checked);
  const std::string good = bytes_of(path);
  std::size_t unchecked = 0;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    rewrite(path, bad);
    bool told = false;
    nn::File file;
    try {
      file = nn::load_file(path);
    } catch (const IOError&) {
      told = true;
    }
    if (told) continue;
    // Where the name of the checksums themselves is hit the file seems to be another program's.
    CAPTURE(bit);
    CHECK_FALSE(file.checked);
    ++unchecked;
    REQUIRE(file.tensors.size() == saved.size());
    for (std::size_t i = 0; i < saved.size(); ++i)
      CHECK(equal(file.tensors[i].second, saved[i].second));
  }
  CHECK(unchecked < 8 * std::string("xgrad.crc32").size());
  for (std::size_t length = 0; length < good.size(); ++length) {
    rewrite(path, good.substr(0, length));
    CHECK(message_of<IOError>([&] { nn::load_file(path); }) != "");
  }
}

TEST_CASE("damage is told by the tensor that has it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  nn::save({{"a", zeros({4})}, {"b", zeros({3}, {.dtype = float64})}}, path, {.half = true});
  std::string bytes = bytes_of(path);
  bytes[bytes.size() - 1] = 1;
  write_file(path, bytes);
  CHECK(message_of<IOError>([&] { nn::load(path); }) ==
        "load: " + path + ": tensor 'b' is damaged: its checksum is d4c6fab6, a3c1ca20 was saved");
  CHECK(values(nn::load(path, {"a"})[0].second) == std::vector<double>(4));
  CHECK(nn::load_metadata(path).empty());
  const auto blank = bytes.find("  ");
  bytes[blank] = '\t';
  write_file(path, bytes);
  const std::string damaged =
      "load: " + path +
      ": the header is damaged: it does not have the checksum that was saved with it; or another "
      "program wrote the file anew and kept 'xgrad.crc32' of the metadata, which is to be left out";
  CHECK(message_of<IOError>([&] { nn::load_metadata(path); }) == damaged);
  CHECK(message_of<IOError>([&] { nn::tensor_names(path); }) == damaged);
  // With the right sum of the header, but not one for each tensor.
  CHECK(message_of<ValueError>([&] {
          nn::save({{"x", zeros({1})}}, path, {.metadata = {{"xgrad.crc32", "00"}}});
        }) == "save: metadata 'xgrad.crc32' is xgrad's own; give it another key");
}

TEST_CASE("a file that another program wrote has no checksums, and is loaded") {
  Loading loading;
  const std::string x = R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  CHECK(loading("{" + x + "}", 4) == "");
  CHECK_FALSE(nn::load_file(loading.path()).checked);
  CHECK(loading("{" + x + "}   ", 4) == "");
  // In any order, and with what a later version of the format may add.
  CHECK(loading(R"({"y":{"data_offsets":[4,6],"shape":[2],"new":{"a":[1,{}]},"dtype":"U8"},)" + x +
                    R"(,"__metadata__":{"xgrad.crc32":"old"}})",
                6) == "");
  CHECK(nn::load_metadata(loading.path()).empty());
  CHECK(nn::tensor_names(loading.path()) == std::vector<std::string>{"y", "x"});
}

TEST_CASE("a header nested deeper than any is an error, not the end of the stack") {
  Loading loading;
  constexpr int depth = 200'000;
  const std::string arrays = nested("[", "]", depth), objects = nested(R"({"a":)", "}", depth);
  CHECK(loading(arrays, 0) == "offset 8: the header is not a JSON object");
  CHECK(loading(R"({"x":)" + arrays + "}", 0) == "'x' in the header is an array, not a tensor");
  CHECK(loading(R"({"x":{"shape":)" + arrays + "}}", 0) ==
        "tensor 'x' in the header: an array is no size");
  CHECK(loading(R"({"x":{"dtype":)" + arrays + "}}", 0) ==
        "tensor 'x' in the header: its dtype is an array");
  CHECK(loading(R"({"x":{"more":)" + arrays + "}}", 0) ==
        "tensor 'x' in the header: nested deeper than 100 levels");
  CHECK(loading(R"({"x":{"more":)" + objects + "}}", 0) ==
        "tensor 'x' in the header: nested deeper than 100 levels");
  CHECK(loading(R"({"__metadata__":{"a":)" + objects + "}}", 0) == "metadata 'a' is no text");
  CHECK(loading(R"({"__metadata__":)" + arrays + "}", 0) == "its metadata is not a JSON object");
}

TEST_CASE("each byte is one tensor's") {
  Loading loading;
  const auto at = [](const std::string& name, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", name,
                       end - begin, begin, end);
  };
  CHECK(loading("{" + at("a", 0, 4) + "," + at("b", 4, 8) + "}", 8) == "");
  CHECK(loading("{" + at("a", 0, 4) + "," + at("b", 2, 6) + "}", 6) ==
        "tensor 'b' begins at byte 2, not 4 where the one before ends");
  CHECK(loading("{" + at("a", 0, 4) + "," + at("b", 5, 8) + "}", 8) ==
        "tensor 'b' begins at byte 5, not 4 where the one before ends");
  CHECK(loading("{" + at("a", 1, 4) + "}", 4) ==
        "tensor 'a' begins at byte 1, not 0 where the one before ends");
  CHECK(loading("{" + at("a", 0, 4) + "}", 5) == "its tensors take 4 of 5 bytes");
  CHECK(loading("{}", 1) == "its tensors take 0 of 1 bytes");
  CHECK(loading("{" + at("a", 0, 4) + "}", 3) == "tensor 'a' lies at bytes 0 to 4 of 3");
  // 3,000 of a megabyte each in a file of one.
  constexpr int megabyte = 1 << 20;
  std::string all = "{";
  for (int i = 0; i < 3000; ++i)
    all += (i > 0 ? "," : "") + at("t" + std::to_string(i), 0, megabyte);
  CHECK(loading(all + "}", megabyte) ==
        "tensor 't1' begins at byte 0, not 1048576 where the one before ends");
}

TEST_CASE("numbers in a header are held against the file before any memory is taken") {
  Loading loading;
  const auto with = [&](const std::string& shape, const std::string& offsets,
                        const std::string& dtype = "F32") {
    return loading(R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
                       offsets + "}}",
                   4);
  };
  const std::string x = "tensor 'x' in the header: ";
  CHECK(with("[1]", "[0,4]") == "");
  CHECK(with("[]", "[0,4]") == "");
  CHECK(with("[-1]", "[0,4]") == x + "-1 is no size");
  CHECK(with("[1.5]", "[0,4]") == x + "1.5 is no size");
  CHECK(with("[1e0]", "[0,4]") == x + "1e0 is no size");
  CHECK(with("[true]", "[0,4]") == x + "true is no size");
  CHECK(with("[\"1\"]", "[0,4]") == x + "\"1\" is no size");
  CHECK(with("[null]", "[0,4]") == x + "null is no size");
  CHECK(with("[9223372036854775808]", "[0,4]") == x + "9223372036854775808 is no size");
  CHECK(with("[99999999999999999999]", "[0,4]") == x + "99999999999999999999 is no size");
  CHECK(with("[9223372036854775807]", "[0,4]") ==
        "tensor 'x' of shape [9223372036854775807] and dtype F32 has 4 bytes");
  CHECK(with("[4611686018427387904,4]", "[0,4]").find("63 bits") != std::string::npos);
  CHECK(with("[4611686018427387904,4,0]", "[0,4]").find("63 bits") != std::string::npos);
  CHECK(with("[1,1,1,1,1,1,1,1,1]", "[0,4]") == x + "shape: 9 axes; a tensor has at most 8");
  CHECK(with("1", "[0,4]") == x + "its shape is 1");
  CHECK(with("[1]", "[0,9223372036854775807]") ==
        "tensor 'x' lies at bytes 0 to 9223372036854775807 of 4");
  CHECK(with("[1]", "[0,9223372036854775808]") == x + "9223372036854775808 is no size");
  CHECK(with("[1]", "[4,0]") == "tensor 'x' lies at bytes 4 to 0 of 4");
  CHECK(with("[1]", "[0]") == "tensor 'x' has 1 data_offsets, not 2");
  CHECK(with("[1]", "[0,4,4]") == "tensor 'x' has 3 data_offsets, not 2");
  CHECK(with("[1]", "[0,3]") == "its tensors take 3 of 4 bytes");
  CHECK(with("[3]", "[0,4]") == "tensor 'x' of shape [3] and dtype F32 has 4 bytes");
  CHECK(with("[1]", "[0,4]", "F31") ==
        "tensor 'x' has dtype F31, which xgrad has no values for; the others can be loaded by "
        "their names");
  CHECK(loading("{}", 0) == "");
  CHECK(loading("", 0) == "offset 8: the header is not a JSON object");
  for (std::size_t bytes = 0; bytes < 8; ++bytes)
    CHECK(loading(std::string(bytes, '{')) ==
          fmt::format("has {} bytes, too few for a header", bytes));
}

TEST_CASE("what the format does not know is told where it stands") {
  Loading loading;
  CHECK(loading(R"({"x":7})", 0) == "'x' in the header is 7, not a tensor");
  CHECK(loading(R"({"x":{}})", 0) == "tensor 'x' in the header: no dtype");
  CHECK(loading(R"({"x":{"dtype":7}})", 0) == "tensor 'x' in the header: its dtype is 7");
  CHECK(loading(R"({"x":{"dtype":"U8","dtype":"U8"}})", 0) == "'dtype' stands twice in the header");
  CHECK(loading(R"({"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{}})", 0) ==
        "'x' stands twice in the header");
  CHECK(loading(R"({"__metadata__":{"a":"1","a":"2"}})", 0) == "'a' stands twice in the header");
  CHECK(loading(R"({"__metadata__":{"a":1}})", 0) == "metadata 'a' is no text");
  CHECK(loading(R"({"__metadata__":"a"})", 0) == "its metadata is not a JSON object");
  CHECK(loading("{}}", 0) == "offset 10: the header is no JSON");
  CHECK(loading("{\"\xff\":{}}", 0) == "offset 10: the header is no JSON");
  CHECK(loading("{\"x\x1b\":{}}", 0) == "offset 11: the header is no JSON");
  CHECK(loading(std::string("{}\0", 3), 0) == "offset 10: the header is no JSON");
}

TEST_CASE("names from a file do not reach the terminal as they are") {
  Loading loading;
  CHECK(loading(R"({"\u001b[2J\n":7})", 0) == "'\\x1b[2J\\n' in the header is 7, not a tensor");
  const std::string long_name(1 << 20, 'n');
  const std::string told = loading("{\"" + long_name + "\":7}", 0);
  CHECK(told == "'" + std::string(350, 'n') + "…" + std::string(100, 'n') +
                    " (1048576 bytes)' in the header is 7, not a tensor");
  CHECK(loading(R"({"x":{"dtype":"\u001b","shape":[],"data_offsets":[0,0]}})", 0)
            .starts_with("tensor 'x' has dtype \\x1b, which"));
  nn::Linear net(1, 1);
  nn::save({{"\x1b[2J", zeros({1})}, {"weight", zeros({1, 1})}}, loading.path());
  CHECK(message_of<ValueError>([&] { nn::load(net, loading.path()); }) ==
        "load_state_dict: Linear does not match:\n  missing: bias [1]\n"
        "  unexpected: \\x1b[2J [1]");
}

TEST_CASE("what cannot be saved is told before anything is written") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  nn::save({{"x", ones({1})}}, path);
  const std::string before = bytes_of(path);
  const auto saving = [&](const nn::StateDict& values, const nn::Metadata& words) {
    return message_of<ValueError>([&] { nn::save(values, path, {.metadata = words}); });
  };
  const Tensor x = ones({1});
  CHECK(saving({{"a\xff", x}}, {}) == "save: a tensor's name 'a\\xff' is not UTF-8");
  CHECK(saving({{"x", x}}, {{"\xc3", ""}}) == "save: the metadata's key '\\xc3' is not UTF-8");
  CHECK(saving({{"x", x}}, {{"k", "\xed\xa0\x80"}}) ==
        "save: metadata 'k' is not UTF-8: '\\xed\\xa0\\x80'");
  CHECK(saving({{"x\x1b", Tensor()}}, {}) == "save: 'x\\x1b' is an undefined tensor");
  CHECK(saving({{"x", x}, {"x", x}}, {}) == "save: two tensors are named 'x'");
  CHECK(saving({{"x", x}}, {{"k", std::string(100'000'001, ' ')}})
            .starts_with("save: the names and metadata take "));
  CHECK(bytes_of(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  // Any UTF-8 is a name.
  const std::string strange("\"\\\n\0\x1b\u202eÄ", 10);
  nn::save({{strange, x}, {"", x}}, path, {.metadata = {{strange, strange}}});
  CHECK(nn::tensor_names(path) == std::vector<std::string>{strange, ""});
  CHECK(nn::load_metadata(path) == nn::Metadata{{strange, strange}});
}

TEST_CASE("thirty thousand names take no longer each than ten") {
  // Nothing is timed: searched one by one they took 8 seconds, and minutes with the sanitizers.
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  constexpr int count = 30'000;
  nn::StateDict values;
  nn::Metadata words;
  const Tensor x = ones({1});
  for (int i = 0; i < count; ++i) {
    values.emplace_back("layer." + std::to_string(i), x);
    if (i % 10 == 0) words.emplace("key " + std::to_string(i), "value");
  }
  nn::save(values, path, {.metadata = words});
  const auto names = nn::tensor_names(path);
  REQUIRE(names.size() == count);
  CHECK(names.back() == "layer.29999");
  CHECK(nn::load(path, names).size() == count);
  CHECK(nn::load_metadata(path) == words);
  nn::Linear net(1, 1);
  const std::string told = message_of<ValueError>([&] { nn::load(net, path); });
  CHECK(told.starts_with("load_state_dict: Linear does not match:\n  missing: weight [1, 1]\n"));
  CHECK(told.ends_with("\n  unexpected: layer.97 [1]\n  and 29902 more"));
}

TEST_CASE("only a file is read, nothing that never ends") {
  const TemporaryDirectory directory;
  const auto loading = [](const std::string& path) {
    return message_of<IOError>([&] { nn::load(path); });
  };
  const std::string pipe = directory.file("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(loading(pipe) == "load: " + pipe + ": is a pipe or a device, not a file");
  CHECK(loading("/dev/zero") == "load: /dev/zero: is a pipe or a device, not a file");
  CHECK(loading(directory.path()) == "load: " + directory.path() + ": is a directory");
  CHECK(loading("") == "load: cannot read: : No such file or directory");
  const std::string zero("a\0b", 3);
  CHECK(loading(zero) == "load: a\\x00b: has a zero byte in its name");
  CHECK(message_of<IOError>([&] {
          nn::save({{"x", ones({1})}}, zero);
        }) == "save: cannot write: a\\x00b: Invalid argument");
}

TEST_CASE("files changed at random give an error or values, nothing else") {
  Loading loading;
  const std::string header =
      R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("y":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}})";
  const std::vector<std::string> pieces{"{",  "}",  "[",       "]",         ",",      ":",
                                        "\"", "0",  "-1",      "1e9",       "\"x\":", "null",
                                        "\\", "U8", "\\ud800", "[[[[[[[[[", "999999", " "};
  constexpr unsigned seed = 16;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return random() % n; };
  const int rounds = is_long() ? 500'000 : 4000;
  int loaded = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string changed = header;
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      const std::size_t at = below(changed.size() + 1), length = below(8);
      switch (below(4)) {
        case 0:
          changed.insert(at, pieces[below(pieces.size())]);
          break;
        case 1:
          changed.replace(at, length, pieces[below(pieces.size())]);
          break;
        case 2:
          changed.insert(at, changed.substr(below(changed.size() + 1), 4 * length));
          break;
        default:
          changed.erase(at, length);
      }
    }
    std::string bytes = file_with(changed, std::string(11, '\1'));
    if (below(4) == 0) bytes[below(bytes.size())] = static_cast<char>(below(256));
    loaded += loading(bytes).empty();
    message_of<IOError>([&] { nn::load_metadata(loading.path()); });
    message_of<IOError>([&] { nn::load(loading.path(), {"x"}); });
  }
  CHECK(loaded < rounds);
}
