// Files of tensors that other programs wrote: every dtype of the format, names, other formats.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/average.hpp>
#include <xgrad/optim/sgd.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "nn/safetensors.hpp"
#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string entry(const std::string& name, const std::string& dtype, std::size_t count,
                  std::size_t begin, std::size_t end) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + std::to_string(count) +
         R"(],"data_offsets":[)" + std::to_string(begin) + ',' + std::to_string(end) + "]}";
}

/// A file of one tensor `x`.
std::string file_of(const std::string& dtype, std::size_t count, const std::string& data) {
  return file_with('{' + entry("x", dtype, count, 0, data.size()) + '}', data);
}

class File {
 public:
  explicit File(const std::string& bytes) { write_file(path, bytes); }
  Tensor x() const { return nn::load(path)[0].second; }
  /// What load() says of it, without the file's name.
  std::string problem() const {
    const auto message = message_of<IOError>([&] { nn::load(path); });
    const std::string begin = "load: " + path + ": ";
    return message.starts_with(begin) ? message.substr(begin.size()) : message;
  }

 private:
  TemporaryDirectory directory_;

 public:
  const std::string path = directory_.file("x.safetensors");
};

template <class T>
void check_integers(const std::string& dtype) {
  CAPTURE(dtype);
  const std::vector<T> all{0, 1, 7, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
  const Tensor x = File(file_of(dtype, all.size(), bytes_of(all))).x();
  if constexpr (Element<T>)
    CHECK(x.dtype() == dtype_of<T>());
  else
    CHECK(x.dtype() == int64);
  CHECK(x.to_vector<std::int64_t>() == std::vector<std::int64_t>(all.begin(), all.end()));
}

template <class T>
void check_floats(const std::string& dtype, const std::vector<T>& bits,
                  const std::vector<double>& expected, DType here = float32) {
  CAPTURE(dtype);
  const Tensor x = File(file_of(dtype, bits.size(), bytes_of(bits))).x();
  CHECK(x.dtype() == here);
  const auto got = values(x);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK((std::isnan(expected[i]) ? std::isnan(got[i]) : got[i] == expected[i]));
    CHECK((std::isnan(expected[i]) || std::signbit(got[i]) == std::signbit(expected[i])));
  }
}

}  // namespace

TEST_CASE("integers of every width are what they are, or become int64") {
  check_integers<std::int8_t>("I8");
  check_integers<std::uint8_t>("U8");
  check_integers<std::int16_t>("I16");
  check_integers<std::uint16_t>("U16");
  check_integers<std::int32_t>("I32");
  check_integers<std::uint32_t>("U32");
  check_integers<std::int64_t>("I64");
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  const File fits(file_of("U64", 2, bytes_of<std::uint64_t>({0, most})));
  CHECK(fits.x().to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{0, std::numeric_limits<std::int64_t>::max()});
  const File beyond(file_of("U64", 2, bytes_of<std::uint64_t>({3, most + 1})));
  CHECK(beyond.problem() ==
        "tensor 'x' of dtype U64: value 1 is 9223372036854775808; int64 ends at "
        "9223372036854775807");
}

TEST_CASE("floating values of every width are what they are, or become float32, the same number") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // Bits worked out by hand: 1, −2, the largest, the smallest, infinities, NaN, −0.
  check_floats<std::uint16_t>("BF16",
                              {0x3F80, 0xC000, 0x7F7F, 0x0001, 0x7F80, 0xFF80, 0x7FC0, 0x8000},
                              {1, -2, 0x1.FEp127, 0x1p-133, inf, -inf, nan, -0.}, bfloat16);
  check_floats<std::uint16_t>("F16",
                              {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00, 0xFC00, 0x7E00, 0x8000},
                              {1, -2, 65504, 0x1p-24, inf, -inf, nan, -0.}, float16);
  check_floats<std::uint8_t>("F8_E5M2", {0x3C, 0xC0, 0x7B, 0x01, 0x7C, 0xFC, 0x7E, 0x80},
                             {1, -2, 57344, 0x1p-16, inf, -inf, nan, -0.});
  check_floats<std::uint8_t>("F8_E4M3", {0x38, 0xC0, 0x7E, 0x01, 0x08, 0x07, 0x7F, 0xFF, 0x80},
                             {1, -2, 448, 0x1p-9, 0x1p-6, 7 * 0x1p-9, nan, nan, -0.});
  check_floats<std::uint8_t>("F8_E8M0", {127, 128, 254, 0, 255}, {1, 2, 0x1p127, 0x1p-127, nan});
  check_floats<float>("F32", {1.5F, -0.F}, {1.5, -0.});
}

TEST_CASE("more values than are converted at a time") {
  // Every value there is, again and again, of a dtype that is kept and of one that is converted.
  std::vector<std::uint16_t> bits(600'000);
  std::iota(bits.begin(), bits.end(), std::uint16_t{0});
  const Tensor kept = File(file_of("BF16", bits.size(), bytes_of(bits))).x();
  REQUIRE(std::cmp_equal(kept.numel(), bits.size()));
  CHECK(std::memcmp(kept.data<BFloat16>(), bits.data(), bits.size() * sizeof bits[0]) == 0);
  const std::string bytes = bytes_of(bits);
  const auto got = values(File(file_of("F8_E5M2", bytes.size(), bytes)).x());
  REQUIRE(got.size() == bytes.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {  // the upper half of a half
    Float16 one;
    one.bits = static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[i]) << 8);
    wrong += std::isnan(float{one}) ? !std::isnan(got[i]) : got[i] != float{one};
  }
  CHECK(wrong == 0);
  std::string flags(1'500'000, '\1');
  flags[1'234'567] = '\2';
  CHECK(File(file_of("BOOL", flags.size(), flags)).problem() ==
        "tensor 'x' of dtype BOOL: value 1234567 is the byte 2; a BOOL is 0 or 1");
}

TEST_CASE("bytes that are no value of their dtype are told") {
  CHECK(values(File(file_of("BOOL", 3, {"\0\1\0", 3})).x()) == std::vector<double>{0, 1, 0});
  CHECK(File(file_of("BOOL", 3, {"\0\1\xff", 3})).problem() ==
        "tensor 'x' of dtype BOOL: value 2 is the byte 255; a BOOL is 0 or 1");
}

TEST_CASE("a tensor of a dtype without values here leaves the others readable") {
  const std::string header = '{' + entry("a", "F32", 1, 0, 4) + ',' + entry("b", "C64", 1, 4, 12) +
                             ',' + entry("c", "U8", 1, 12, 13) + '}';
  const File file(file_with(header, bytes_of<float>({1.5F, 0, 0}) + '\7'));
  CHECK(nn::tensor_names(file.path) == std::vector<std::string>{"a", "b", "c"});
  const auto some = nn::load(file.path, {"c", "a"});
  REQUIRE(some.size() == 2);
  CHECK(some[0].first == "c");
  CHECK(some[0].second.to_vector<std::int64_t>() == std::vector<std::int64_t>{7});
  CHECK(some[1].second.to_vector<float>() == std::vector<float>{1.5F});
  const std::string told =
      "tensor 'b' has dtype C64, which xgrad has no values for; the others can be loaded by their "
      "names";
  CHECK(file.problem() == told);
  CHECK(message_of<IOError>([&] { nn::load(file.path, {"b"}); }) ==
        "load: " + file.path + ": " + told);
  CHECK(message_of<IOError>([&] { nn::load(file.path, {"d"}); }) ==
        "load: " + file.path + ": has no tensor 'd'");
  CHECK_THROWS_AS(nn::load(file.path, {"__metadata__"}), IOError);
}

TEST_CASE("what stands twice in a header is told, not dropped") {
  const std::string x = entry("x", "U8", 1, 0, 1);
  CHECK(File(file_with('{' + x + ',' + entry("x", "U8", 1, 1, 2) + '}', "ab")).problem() ==
        "'x' stands twice in the header");
  CHECK(File(file_with(R"({"__metadata__":{"a":"1","a":"2"},)" + x + '}', "a")).problem() ==
        "'a' stands twice in the header");
  CHECK(
      File(file_with(R"({"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "a"))
          .problem() == "'dtype' stands twice in the header");
  // The same word in different places is no repetition.
  CHECK(File(file_with(R"({"__metadata__":{"x":"1"},)" + x + ',' + entry("y", "U8", 1, 1, 2) + '}',
                       "ab"))
            .problem() == "");
}

TEST_CASE("sizes in a header are whole numbers") {
  const auto with = [](const std::string& shape, const std::string& offsets) {
    return File(file_with(R"({"x":{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":)" +
                              offsets + "}}",
                          "ab"))
        .problem();
  };
  CHECK(with("[2]", "[0,2]") == "");
  CHECK(with("[2.0]", "[0,2]") == "tensor 'x' in the header: 2.0 is no size");
  CHECK(with("[2.9]", "[0,2]") == "tensor 'x' in the header: 2.9 is no size");
  CHECK(with("[true]", "[0,1]") == "tensor 'x' in the header: true is no size");
  CHECK(with("[\"2\"]", "[0,2]") == "tensor 'x' in the header: \"2\" is no size");
  CHECK(with("[18446744073709551615]", "[0,2]") ==
        "tensor 'x' in the header: 18446744073709551615 is no size");
  CHECK(with("[2]", "[0,2.5]") == "tensor 'x' in the header: 2.5 is no size");
  CHECK(with("[1]", "[-1,0]") == "tensor 'x' in the header: -1 is no size");
  CHECK(with("[2]", "[0,2,9]") == "tensor 'x' has 3 data_offsets, not 2");
}

TEST_CASE("files of other programs are told by what they are") {
  const std::string rest(100, 'x');
  const std::string zip =
      "no safetensors file but a zip archive, as PyTorch's .pt and NumPy's .npz files are; in "
      "Python, safetensors.torch.save_file(torch.load(…), …) makes a safetensors file of its "
      "tensors";
  CHECK(File("PK\x03\x04" + rest).problem() == zip);
  // Its first eight bytes, taken as a length, may even fit.
  CHECK(File(std::string("PK\x03\x04\0\0\0\0", 8) + rest).problem() == zip);
  CHECK(
      File("\x80\x02\x8a" + rest).problem().starts_with("no safetensors file but a Python pickle"));
  CHECK(File("\x89HDF\r\n\x1a\n" + rest).problem() == "no safetensors file but an HDF5 file");
  CHECK(File("\x93NUMPY" + rest).problem() == "no safetensors file but a NumPy array, .npy");
  CHECK(File("GGUF" + rest).problem() == "no safetensors file but a GGUF file");
  CHECK(File("\x1f\x8b\x08" + rest).problem() ==
        "no safetensors file but packed with gzip; unpack it first");
  CHECK(File("version https://git-lfs.github.com/spec/v1\noid sha256:0\n").problem() ==
        "no safetensors file but a pointer of Git LFS to the file; git lfs pull fetches the file "
        "itself");
  // A header of as many bytes as a pickle's first two say is none of that.
  std::string header = '{' + entry("x", "U8", 1, 0, 1) + '}';
  header.resize(0x280, ' ');
  CHECK(File(file_with(header, "a")).problem() == "");
}

TEST_CASE("names that a file cannot hold are told when it is saved") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const auto saving = [&](const nn::StateDict& values, const nn::Metadata& metadata = {}) {
    return message_of<ValueError>([&] { nn::save(values, path, {.metadata = metadata}); });
  };
  const Tensor x = ones({1});
  const std::string kept =
      "save: a tensor is named '__metadata__', which is the format's name for metadata; give it "
      "another";
  CHECK(saving({{"__metadata__", x}}) == kept);
  CHECK(saving({{"__metadata__", x}}, {{"a", "b"}}) == kept);
  CHECK(saving({{"x", x}, {"y", x}, {"x", x}}) == "save: two tensors are named 'x'");
  CHECK(saving({{"x", Tensor()}}) == "save: 'x' is an undefined tensor");
  CHECK(saving({{"\xff", x}}) == "save: a tensor's name '\\xff' is not UTF-8");
  CHECK(saving({{"x", x}}, {{"a", "\xc3"}}) == "save: metadata 'a' is not UTF-8: '\\xc3'");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a name that comes twice is told wherever a state is loaded, and nothing is changed") {
  nn::Linear net(2, 1);
  const auto before = net.weight.clone();
  auto state = net.state_dict();
  state.emplace_back("weight", zeros({1, 2}));
  CHECK(message_of<ValueError>([&] { net.load_state_dict(state); }) ==
        "load_state_dict: Linear does not match:\n  twice: weight [1, 2]");
  CHECK(equal(net.weight, before));

  optim::SGD optimizer(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  sum(net(ones({1, 2}))).backward();
  optimizer.step();
  auto memory = optimizer.state_dict();
  REQUIRE(!memory.empty());
  memory.push_back(memory[0]);
  CHECK(message_of<ValueError>([&] { optimizer.load_state_dict(memory); }) ==
        "load_state_dict: the state does not fit:\n  twice: " + memory[0].first + " [1, 2]");

  optim::MovingAverage average({{"a", ones({1})}, {"b", ones({1})}});
  CHECK(message_of<ValueError>([&] {
          average.load_state_dict({{"a", ones({1})}, {"a", ones({1})}});
        }) == "MovingAverage: the state does not fit:\n  twice: a [1]");
  CHECK(message_of<ValueError>([&] {
          optim::MovingAverage({{"a", ones({1})}, {"a", ones({1})}});
        }) == "MovingAverage: two tensors are named 'a'");
}
