#include <xgrad/nn/nn.hpp>

#include <limits>

#include "nn/safetensors.hpp"
#include "support.hpp"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace support;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("weights come back as they were saved") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("net.safetensors");
  nn::Sequential net{nn::Linear{4, 3}, nn::Linear{3, 2}};
  nn::save(net, path);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  nn::Sequential other{nn::Linear{4, 3}, nn::Linear{3, 2}};
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

TEST_CASE("one tensor has a file of its own, under the names that PyTorch has") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const Tensor x = normal({2, 3});
  xgrad::save(x, path);
  CHECK(nn::tensor_names(path) == std::vector<std::string>{"tensor"});
  Tensor back;
  xgrad::load(back, path);
  CHECK(equal(back, x));

  nn::Linear net{3, 2};
  xgrad::save(net, path);
  nn::Linear other{3, 2};
  xgrad::load(other, path);
  CHECK(equal(other.weight, net.weight));
  CHECK(message_of<IOError>([&] { xgrad::load(back, path); }) ==
        "load: " + path + ": it holds 2 tensors, not one; load(path) gives them all");
  CHECK(equal(back, x));
  xgrad::save(net.state_dict(), path);
  other.load_state_dict(xgrad::load(path));
}

TEST_CASE("half precision: half the size, each value the nearest one, float32 again in a module") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("half.safetensors");
  const std::vector<float> values{
      0,     -1.5F,    1 + 0x1p-11F, 1 + 0x1.8p-10F,
      65504, 0x1p-24F, 0x1p-26F,     std::numeric_limits<float>::infinity()};
  nn::save({{"x", from_vector(values)}, {"counts", tensor({1, 2})}}, path, {.half = true});
  const auto back = nn::load(path);
  CHECK(back[0].second.dtype() == float16);
  // Halfway cases go to the even neighbour; the smallest denormal is 2^-24.
  CHECK(back[0].second.to_vector<float>() ==
        std::vector<float>{0, -1.5F, 1, 1 + 0x1p-9F, 65504, 0x1p-24F, 0,
                           std::numeric_limits<float>::infinity()});
  CHECK(back[1].second.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2});

  nn::Linear net{100, 100};
  nn::save(net, path);
  const auto full = std::filesystem::file_size(path);
  nn::save(net, path, {.half = true});
  CHECK(std::filesystem::file_size(path) < 0.51 * static_cast<double>(full));
  nn::Linear other{100, 100};
  nn::load(other, path);
  CHECK(allclose(other.weight, net.weight, 0x1p-11, 0x1p-25));  // the latter where denormal

  CHECK(message_of<ValueError>([&] {
          nn::save({{"big", tensor(1e5F)}}, path, {.half = true});
        }) == "save: 'big' has the value 100000; half precision ends at 65504");
  CHECK_NOTHROW(nn::load(path));  // the old file
}

TEST_CASE("large integers come back from a file as they were") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const std::vector<std::int64_t> counts{(std::int64_t{1} << 53) + 1,
                                         std::numeric_limits<std::int64_t>::max(),
                                         std::numeric_limits<std::int64_t>::min()};
  nn::save({{"counts", from_vector(counts)}}, path);
  CHECK(nn::load(path)[0].second.to_vector<std::int64_t>() == counts);
}

TEST_CASE("metadata stands beside the tensors") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  const nn::Metadata words{{"classes", R"(["cat", "dog"])"}, {"made", "für Ä"}};
  nn::save({{"x", ones({2})}}, path, {.metadata = words});
  CHECK(nn::load_metadata(path) == words);
  CHECK(nn::load(path).size() == 1);
  nn::save({{"x", ones({2})}}, path);
  CHECK(nn::load_metadata(path).empty());
  write_file(path, file_with(R"({"__metadata__":{"epoch":3}})"));
  CHECK(message_of<IOError>([&] { nn::load_metadata(path); }).find("metadata 'epoch' is no text") !=
        std::string::npos);
  write_file(path, file_with(R"({"__metadata__":7})"));
  CHECK(message_of<IOError>([&] { nn::load_metadata(path); }).find("metadata") !=
        std::string::npos);
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
  CHECK(loading(file_with(R"({"x":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}})", "abcd"))
            .find("of shape [9] and dtype F32 has 4 bytes") != std::string::npos);
  CHECK(loading(file_with(R"({"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "abcd"))
            .ends_with("tensor 'x' in the header: 1.5 is no size"));
  CHECK(loading(file_with(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0.2,4]}})", "abcd"))
            .ends_with("tensor 'x' in the header: 0.2 is no size"));
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

TEST_CASE("saving to a link changes the file it leads to, and a pipe stays a pipe") {
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  const std::string file = directory.file("x.safetensors"), link = directory.file("link");
  nn::save({{"x", zeros({2})}}, file);
  fs::create_symlink("x.safetensors", link);
  nn::save({{"x", ones({2})}}, link);
  CHECK(fs::is_symlink(link));
  CHECK(nn::load(file)[0].second.to_vector<float>() == std::vector<float>{1, 1});

  const std::string pipe = directory.file("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  // Open at both ends, so that neither waits for the other; a pipe holds 64 KB.
  const int ends = open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  nn::save({{"x", ones({2})}}, pipe);
  CHECK(fs::is_fifo(pipe));
  std::string bytes(4096, '\0');
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(read(ends, bytes.data(), 4096), 0)));
  close(ends);
  CHECK(bytes == bytes_of(file));
}

TEST_CASE("whether a file can be written is told beforehand, and nothing is left by that") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  nn::require_writable(path);
  CHECK(std::filesystem::is_empty(directory.path()));
  nn::save({{"x", ones({2})}}, path);
  nn::require_writable(path);
  CHECK(nn::load(path)[0].second.numel() == 2);
  for (const std::string& wrong :
       {directory.file(""), directory.file("none/x"), path + "/x", path + std::string(300, 'a')}) {
    const std::string told = message_of<IOError>([&] { nn::require_writable(wrong); });
    CHECK(told.starts_with("save: cannot write: "));
  }
}

TEST_CASE("saving where nothing can be written is told, and leaves the old file alone") {
  const TemporaryDirectory directory;
  CHECK(message_of<IOError>([&] {
          nn::save({{"x", zeros({4})}}, directory.file("none/x"));
        }).find("save: cannot write") != std::string::npos);
  CHECK(message_of<IOError>([&] {
          nn::save({{"x", zeros({4})}}, directory.file(""));
        }).find("Is a directory") != std::string::npos);
}

TEST_CASE("values lie at multiples of eight bytes, whatever the header's length") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  for (std::size_t letters = 1; letters <= 8; ++letters) {
    CAPTURE(letters);
    nn::save({{std::string(letters, 'n'), ones({1}, {.dtype = float64})}}, path);
    const std::string bytes = bytes_of(path);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    CHECK(header % 8 == 0);
    REQUIRE(bytes.size() == 8 + header + sizeof(double));
    // Filled up with blanks, and no further than it must be.
    const auto end = bytes.find_last_of('}', 8 + header - 1);
    CHECK(bytes.substr(end + 1, 8 + header - end - 1) == std::string(7 + header - end, ' '));
    CHECK(7 + header - end < 8);
  }
}

TEST_CASE("several states lie in one file under their names") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("checkpoint.safetensors");
  nn::Linear net{3, 2};
  const NamedTensors momenta{{"velocity.0.0", ones({2, 3})}};
  xgrad::save({{"model", net.state_dict()}, {"optimizer", momenta}, {"nothing", {}}}, path);
  const auto back = xgrad::load(path);
  CHECK(back.size() == 3);
  CHECK(back[2].first == "optimizer.velocity.0.0");
  nn::Linear other{3, 2};
  other.load_state_dict(back["model"]);
  CHECK(equal(other.weight, net.weight));
  REQUIRE(back["optimizer"].size() == 1);
  CHECK(back["optimizer"][0].first == "velocity.0.0");
  CHECK(back["nothing"].empty());
  CHECK(message_of<ValueError>([&] { static_cast<void>(back["mode"]); }) ==
        "load: the file has no tensor whose name begins with 'mode.'");
  CHECK(message_of<ValueError>([&] {
          xgrad::save({{"a.b", momenta}}, path);
        }) == "save: state 'a.b': there can be no dot in its name");
}
