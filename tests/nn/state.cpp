#include <xgrad/nn/nn.hpp>

#include <cstring>

#include "support.hpp"

using namespace support;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string file_with(const std::string& header, const std::string& data = "") {
  std::uint64_t size = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + data;
}

}  // namespace

TEST_CASE("weights come back as they were saved") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("net.safetensors");
  nn::Sequential net(nn::Linear{4, 3}, nn::Linear{3, 2});
  nn::save(net, path);
  CHECK_FALSE(std::filesystem::exists(path + ".partial"));
  nn::Sequential other(nn::Linear{4, 3}, nn::Linear{3, 2});
  nn::load(other, path);
  const Tensor x = normal({5, 4}).to(float32);
  CHECK(equal(net(x), other(x)));
  CHECK(other.parameters()[0].requires_grad());

  const nn::StateDict all{{"f", normal({2, 3})},
                          {"i", tensor({1, -2})},
                          {"b", tensor({true, false})},
                          {"scalar", tensor(1.5)},
                          {"empty", zeros({0, 2})}};
  nn::save(all, path);
  const auto back = nn::load(path);
  REQUIRE(back.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(back[i].first == all[i].first);
    CHECK(equal(back[i].second, all[i].second));
  }
}

TEST_CASE("a state that does not match is told whole, and nothing is changed") {
  nn::Sequential net;
  net.push_back(nn::Linear{4, 3});
  const auto before = net.parameters()[0].clone();
  const std::string message = message_of<ValueError>([&] {
    net.load_state_dict({{"0.weight", zeros({3, 5})}, {"1.bias", zeros({2})}});
  });
  CHECK(message ==
        "load_state_dict: Sequential does not match:\n"
        "  shape: 0.weight is [3, 4] here and [3, 5] in what is loaded\n"
        "  missing: 0.bias [3]\n"
        "  unexpected: 1.bias [2]");
  CHECK(equal(net.parameters()[0], before));
  CHECK(message_of<ValueError>([&] {
          net.load_state_dict(
              {{"0.weight", zeros({3, 4}, {.dtype = float64})}, {"0.bias", zeros({3})}});
        }).find("dtype: 0.weight is float32 here and float64") != std::string::npos);
}

TEST_CASE("damaged files are told by what is wrong with them") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("bad.safetensors");
  const auto loading = [&](const std::string& bytes) {
    write_file(path, bytes);
    return message_of<IOError>([&] { nn::load(path); });
  };
  nn::save({{"x", zeros({4})}}, path);
  const std::string good = bytes_of(path);
  CHECK(loading("").find("has 0 bytes, too few for a header") != std::string::npos);
  CHECK(loading(good.substr(0, 20)).find("offset 0: a header of") != std::string::npos);
  CHECK(loading(good.substr(0, good.size() - 1)).find("tensor 'x' lies at bytes 0 to 16 of 15") !=
        std::string::npos);
  CHECK(loading(std::string(8, '\xff') + "{}")
            .find("offset 0: a header of 18446744073709551615 bytes") != std::string::npos);
  CHECK(loading(file_with("not json")).find("offset 8: the header is not a JSON object") !=
        std::string::npos);
  CHECK(loading(file_with("[1]")).find("not a JSON object") != std::string::npos);
  CHECK(loading(file_with(R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "abcd"))
            .find("tensor 'x' has dtype \"F16\"") != std::string::npos);
  CHECK(loading(file_with(R"({"x":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}})", "abcd"))
            .find("of shape [9] and dtype float32 has 4 bytes") != std::string::npos);
  CHECK(loading(file_with(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "abcd"))
            .find("of shape [-1]") != std::string::npos);
  CHECK(loading(file_with(R"({"x":{"shape":[1]}})", "abcd")).find("tensor 'x' in the header") !=
        std::string::npos);
  CHECK(loading(file_with(
                    R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}})",
                    "abcd"))
            .find("more elements than 63 bits") != std::string::npos);
  CHECK(message_of<IOError>([&] { nn::load(directory.path()); }).ends_with("is a directory"));
  CHECK(message_of<IOError>([&] { nn::load(directory.file("none")); }).find("No such file") !=
        std::string::npos);
}

TEST_CASE("saving where nothing can be written is told, and leaves the old file alone") {
  const TemporaryDirectory directory;
  CHECK(message_of<IOError>([&] {
          nn::save({{"x", zeros({4})}}, directory.file("none/x"));
        }).find("save: cannot write") != std::string::npos);
  if (std::filesystem::exists("/dev/full")) {
    // A full disk: the partial file is a link to a device that is always full.
    const std::string path = directory.file("x.safetensors");
    nn::save({{"x", ones({4})}}, path);
    std::filesystem::create_symlink("/dev/full", path + ".partial");
    CHECK(message_of<IOError>([&] {
            nn::save({{"x", zeros({4})}}, path);
          }).find("No space left") != std::string::npos);
    CHECK(nn::load(path)[0].second.to_vector<float>() == std::vector<float>{1, 1, 1, 1});
  }
}
