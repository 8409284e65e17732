#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/state.hpp>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

namespace xgrad::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian values");

constexpr std::uint64_t most_header_bytes = 100'000'000;  // the format's own limit

const std::map<std::string, DType>& dtype_codes() {
  static const std::map<std::string, DType> codes{
      {"F32", float32}, {"F64", float64}, {"I64", int64}, {"BOOL", boolean}};
  return codes;
}

std::string code_of(DType dtype) {
  for (const auto& [code, type] : dtype_codes())
    if (type == dtype) return code;
  raise<DTypeError>("save: {} has no code in safetensors", dtype);
}

std::size_t bytes_of(const Tensor& x) {
  return static_cast<std::size_t>(x.numel()) * item_size(x.dtype());
}

std::string header_of(const StateDict& values) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::size_t offset = 0;
  for (const auto& [name, x] : values) {
    const std::size_t end = offset + bytes_of(x);
    require<ValueError>(!header.contains(name), "save: two tensors are named '{}'", name);
    header[name] = {{"dtype", code_of(x.dtype())},
                    {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the values are aligned
  return text;
}

/// A file of tensors being read: every size in it is held against the size of the file.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) fail("is a directory");
    file_.open(path, std::ios::binary);
    if (!file_) xgrad::detail::raise_errno("load: cannot read", path);
    size_ = std::filesystem::file_size(path, error);
    if (error) fail(error.message());
  }

  StateDict read() {
    std::uint64_t header_bytes = 0;
    if (size_ < sizeof header_bytes) fail(fmt::format("has {} bytes, too few for a header", size_));
    get(&header_bytes, sizeof header_bytes);
    const std::uint64_t most = std::min(most_header_bytes, size_ - sizeof header_bytes);
    if (header_bytes > most)
      fail(fmt::format("offset 0: a header of {} bytes in a file of {}", header_bytes, size_));
    std::string text(header_bytes, '\0');
    get(text.data(), text.size());
    values_ = sizeof header_bytes + header_bytes;
    const auto header = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!header.is_object()) fail("offset 8: the header is not a JSON object");
    StateDict result;
    for (const auto& [name, entry] : header.items())
      if (name != "__metadata__") result.emplace_back(name, tensor(name, entry));
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    raise<IOError>("load: {}: {}", path_, what);
  }

  void get(void* data, std::size_t bytes) {
    if (!file_.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes)))
      fail("ends early");
  }

  Tensor tensor(const std::string& name, const nlohmann::ordered_json& entry) try {
    const auto code = dtype_codes().find(entry.at("dtype").get<std::string>());
    if (code == dtype_codes().end())
      fail(fmt::format("tensor '{}' has dtype {}; xgrad reads F32, F64, I64 and BOOL", name,
                       entry.at("dtype").dump()));
    Shape shape;
    for (const auto& extent : entry.at("shape")) shape.push_back(extent.get<std::int64_t>());
    const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
    const std::uint64_t room = size_ - values_;
    if (begin > end || end > room)
      fail(fmt::format("tensor '{}' lies at bytes {} to {} of {}", name, begin, end, room));
    bool negative = false;
    for (auto extent : shape) negative |= extent < 0;
    const auto count = negative ? 0 : static_cast<std::uint64_t>(shape.numel());
    if (negative || count != (end - begin) / item_size(code->second) ||
        (end - begin) % item_size(code->second) != 0)
      fail(fmt::format("tensor '{}' of shape {} and dtype {} has {} bytes", name, shape,
                       code->second, end - begin));
    Tensor x = Tensor::empty(shape, code->second);
    file_.seekg(static_cast<std::streamoff>(values_ + begin));
    dispatch(x.dtype(), [&]<class T>() { get(x.mutable_data<T>(), end - begin); });
    return x;
  } catch (const nlohmann::json::exception& error) {
    fail(fmt::format("tensor '{}' in the header: {}", name, error.what()));
  } catch (const ShapeError& error) {
    fail(fmt::format("tensor '{}' in the header: {}", name, error.what()));
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::uint64_t values_ = 0;  // where the values start
};

}  // namespace

void save(const StateDict& values, const std::string& path) {
  const std::string header = header_of(values);
  const std::uint64_t header_bytes = header.size();
  xgrad::detail::NewFile file("save", path);
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header.data(), header.size());
  for (const auto& [name, x] : values)
    dispatch(x.dtype(), [&file, &value = x]<class T>() {
      file.write(value.template data<T>(), bytes_of(value));
    });
  file.finish();
}

StateDict load(const std::string& path) { return Reader(path).read(); }

void save(const Module& module, const std::string& path) { save(module.state_dict(), path); }

void load(Module& module, const std::string& path) { module.load_state_dict(load(path)); }

}  // namespace xgrad::nn
