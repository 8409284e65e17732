#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/state.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>

#include <nlohmann/json.hpp>
#include <xtl/xhalf_float.hpp>

namespace xgrad::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian values");

constexpr std::uint64_t most_header_bytes = 100'000'000;  // the format's own limit
constexpr const char* metadata_key = "__metadata__";

using half_float::half;

/// How values lie in a file, and what they are in memory.
struct Format {
  std::string_view code;
  DType dtype;
  std::size_t bytes;  // of a value
};

constexpr std::array formats{Format{"F32", float32, 4}, Format{"F64", float64, 8},
                             Format{"I64", int64, 8}, Format{"BOOL", boolean, 1},
                             Format{"F16", float32, 2}};
constexpr const Format& half_format = formats.back();

const Format& format_of(const Tensor& x, const SaveOptions& options) {
  if (options.half && x.dtype() == float32) return half_format;
  return *std::ranges::find(formats, x.dtype(), &Format::dtype);
}

std::vector<std::uint16_t> to_half(const std::string& name, const Tensor& x) {
  std::vector<std::uint16_t> result;
  for (const float value : std::span(x.data<float>(), static_cast<std::size_t>(x.numel()))) {
    const half rounded(value);
    require<ValueError>(!isinf(rounded) || std::isinf(value),
                        "save: '{}' has the value {}; half precision ends at 65504", name, value);
    result.push_back(std::bit_cast<std::uint16_t>(rounded));
  }
  return result;
}

std::string header_of(const StateDict& values, const SaveOptions& options) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!options.metadata.empty()) header[metadata_key] = options.metadata;
  std::size_t offset = 0;
  for (const auto& [name, x] : values) {
    const Format& format = format_of(x, options);
    const std::size_t end = offset + static_cast<std::size_t>(x.numel()) * format.bytes;
    require<ValueError>(!header.contains(name), "save: two tensors are named '{}'", name);
    header[name] = {{"dtype", format.code},
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
    const auto all = header();
    StateDict result;
    for (const auto& [name, entry] : all.items())
      if (name != metadata_key) result.emplace_back(name, tensor(name, entry));
    return result;
  }

  Metadata metadata() {
    Metadata result;
    const auto entries = header().value(metadata_key, nlohmann::ordered_json::object());
    if (!entries.is_object()) fail("its metadata is not a JSON object");
    for (const auto& [key, value] : entries.items()) {
      if (!value.is_string()) fail(fmt::format("metadata '{}' is no text", key));
      result.emplace(key, value.get<std::string>());
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    raise<IOError>("load: {}: {}", path_, what);
  }

  nlohmann::ordered_json header() {
    std::uint64_t header_bytes = 0;
    if (size_ < sizeof header_bytes) fail(fmt::format("has {} bytes, too few for a header", size_));
    get(&header_bytes, sizeof header_bytes);
    const std::uint64_t most = std::min(most_header_bytes, size_ - sizeof header_bytes);
    if (header_bytes > most)
      fail(fmt::format("offset 0: a header of {} bytes in a file of {}", header_bytes, size_));
    std::string text(header_bytes, '\0');
    get(text.data(), text.size());
    values_ = sizeof header_bytes + header_bytes;
    auto header = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!header.is_object()) fail("offset 8: the header is not a JSON object");
    return header;
  }

  void get(void* data, std::size_t bytes) {
    if (!file_.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes)))
      fail("ends early");
  }

  Tensor tensor(const std::string& name, const nlohmann::ordered_json& entry) try {
    const auto* format =
        std::ranges::find(formats, entry.at("dtype").get<std::string>(), &Format::code);
    if (format == formats.end())
      fail(fmt::format("tensor '{}' has dtype {}; xgrad reads F32, F64, F16, I64 and BOOL", name,
                       entry.at("dtype").dump()));
    Shape shape;
    // get() alone would cut a fraction.
    const auto whole = [&](const auto& number) {
      if (!number.is_number_integer())
        fail(fmt::format("tensor '{}' in the header: {} is no whole number", name, number.dump()));
      return number;
    };
    for (const auto& extent : entry.at("shape"))
      shape.push_back(whole(extent).template get<std::int64_t>());
    const auto begin = whole(entry.at("data_offsets").at(0)).template get<std::uint64_t>();
    const auto end = whole(entry.at("data_offsets").at(1)).template get<std::uint64_t>();
    const std::uint64_t room = size_ - values_;
    if (begin > end || end > room)
      fail(fmt::format("tensor '{}' lies at bytes {} to {} of {}", name, begin, end, room));
    bool negative = false;
    for (auto extent : shape) negative |= extent < 0;
    const auto count = negative ? 0 : static_cast<std::uint64_t>(shape.numel());
    if (negative || count != (end - begin) / format->bytes || (end - begin) % format->bytes != 0)
      fail(fmt::format("tensor '{}' of shape {} and dtype {} has {} bytes", name, shape,
                       format->code, end - begin));
    Tensor x = Tensor::empty(shape, format->dtype);
    file_.seekg(static_cast<std::streamoff>(values_ + begin));
    if (format == &half_format) {
      std::vector<std::uint16_t> values(count);
      get(values.data(), end - begin);
      std::ranges::transform(values, x.mutable_data<float>(), [](std::uint16_t bits) {
        return static_cast<float>(std::bit_cast<half>(bits));
      });
    } else {
      dispatch(x.dtype(), [&]<class T>() { get(x.mutable_data<T>(), end - begin); });
    }
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

void save(const StateDict& values, const std::string& path, const SaveOptions& options) {
  for (const auto& [name, x] : values)
    require<GraphError>(!x.storage()->is_superseded(),
                        "save: '{}' follows its module no more, which was converted after this "
                        "state_dict(); take it again, or clone() values that are to stay",
                        name);
  const std::string header = header_of(values, options);
  const std::uint64_t header_bytes = header.size();
  xgrad::detail::NewFile file("save", path);
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header.data(), header.size());
  const auto write = [&file](std::span<const std::byte> bytes) {
    file.write(bytes.data(), bytes.size());
  };
  for (const auto& [name, x] : values) {
    if (&format_of(x, options) == &half_format) {
      const auto rounded = to_half(name, x);
      write(std::as_bytes(std::span(rounded)));
      continue;
    }
    dispatch(x.dtype(), [&write, &value = x]<class T>() {
      write(std::as_bytes(
          std::span(value.template data<T>(), static_cast<std::size_t>(value.numel()))));
    });
  }
  file.sync();
  file.finish();
}

void require_writable(const std::string& path) { xgrad::detail::require_writable("save", path); }

StateDict load(const std::string& path) { return Reader(path).read(); }

Metadata load_metadata(const std::string& path) { return Reader(path).metadata(); }

void save(const Module& module, const std::string& path, const SaveOptions& options) {
  save(module.state_dict(), path, options);
}

void load(Module& module, const std::string& path) { module.load_state_dict(load(path)); }

}  // namespace xgrad::nn
