#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/stored.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <span>
#include <unordered_set>

#include <nlohmann/json.hpp>

namespace xgrad::nn {
namespace {

constexpr std::uint64_t most_header_bytes = 100'000'000;  // the format's own limit
constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t block_bytes = 1 << 20;  // converted at a time

using detail::Stored;
using nlohmann::ordered_json;

std::vector<std::uint16_t> to_half(const std::string& name, const Tensor& x) {
  std::vector<std::uint16_t> result;
  for (const float value : std::span(x.data<float>(), static_cast<std::size_t>(x.numel()))) {
    const std::uint16_t rounded = detail::to_half(value);
    constexpr std::uint16_t infinity = 0x7C00;
    require<ValueError>((rounded & 0x7FFF) != infinity || std::isinf(value),
                        "save: '{}' has the value {}; half precision ends at 65504", name, value);
    result.push_back(rounded);
  }
  return result;
}

std::string header_of(const StateDict& values, const SaveOptions& options) try {
  ordered_json header = ordered_json::object();
  if (!options.metadata.empty()) header[metadata_key] = options.metadata;
  std::size_t offset = 0;
  std::unordered_set<std::string> names;
  for (const auto& [name, x] : values) {
    require<ValueError>(name != metadata_key,
                        "save: a tensor is named '{}', which is the format's name for metadata; "
                        "give it another",
                        name);
    require<ValueError>(names.insert(name).second, "save: two tensors are named '{}'", name);
    require<ValueError>(x.defined(), "save: '{}' is an undefined tensor", name);
    const Stored& format = detail::stored_as(x.dtype(), options.half);
    const std::size_t end = offset + static_cast<std::size_t>(x.numel()) * format.bytes;
    header[name] = {{"dtype", format.code},
                    {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the values are aligned
  return text;
} catch (const nlohmann::json::exception&) {
  raise<ValueError>("save: a tensor's name or a word of the metadata is not UTF-8");
}

/// The text as JSON; `twice` becomes a key that some object of it has twice, of which the parser
/// keeps one in silence.
ordered_json parse(const std::string& text, std::optional<std::string>& twice) {
  std::vector<std::unordered_set<std::string>> open;
  using Event = ordered_json::parse_event_t;
  const auto see = [&](int, Event event, ordered_json& value) {
    if (event == Event::object_start) open.emplace_back();
    if (event == Event::object_end) open.pop_back();
    if (event == Event::key && !open.back().insert(value.get<std::string>()).second && !twice)
      twice = value.get<std::string>();
    return true;
  };
  return ordered_json::parse(text, see, false);
}

/// Where a tensor lies in a file.
struct Place {
  const Stored* format;
  Shape shape;
  std::uint64_t begin;
};

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
    std::vector<std::pair<std::string, Place>> places;
    for (const auto& [name, entry] : all.items())
      if (name != metadata_key) places.emplace_back(name, place(name, entry));
    return read(places);
  }

  StateDict read(const std::vector<std::string>& names) {
    const auto all = header();
    std::vector<std::pair<std::string, Place>> places;
    for (const std::string& name : names) {
      const auto found = all.find(name);
      if (found == all.end() || name == metadata_key) fail(fmt::format("has no tensor '{}'", name));
      places.emplace_back(name, place(name, *found));
    }
    return read(places);
  }

  std::vector<std::string> names() {
    std::vector<std::string> result;
    const auto all = header();
    for (const auto& [name, entry] : all.items())
      if (name != metadata_key) result.push_back(name);
    return result;
  }

  Metadata metadata() {
    Metadata result;
    const auto entries = header().value(metadata_key, ordered_json::object());
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

  ordered_json header() {
    check_kind();
    std::uint64_t header_bytes = 0;
    if (size_ < sizeof header_bytes) fail(fmt::format("has {} bytes, too few for a header", size_));
    get(&header_bytes, sizeof header_bytes);
    const std::uint64_t most = std::min(most_header_bytes, size_ - sizeof header_bytes);
    if (header_bytes > most)
      fail(fmt::format("offset 0: a header of {} bytes in a file of {}", header_bytes, size_));
    std::string text(header_bytes, '\0');
    get(text.data(), text.size());
    values_ = sizeof header_bytes + header_bytes;
    std::optional<std::string> twice;
    auto header = parse(text, twice);
    if (!header.is_object()) fail("offset 8: the header is not a JSON object");
    if (twice) fail(fmt::format("'{}' stands twice in the header", *twice));
    return header;
  }

  void get(void* data, std::size_t bytes) {
    if (!file_.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes)))
      fail("ends early");
  }

  /// Files of other programs are told by name.
  void check_kind() {
    std::string begin(32, '\0');
    file_.read(begin.data(), static_cast<std::streamsize>(begin.size()));
    begin.resize(static_cast<std::size_t>(file_.gcount()));
    file_.clear();
    file_.seekg(0);
    constexpr std::size_t header_begin = 8;
    if (begin.size() > header_begin && begin[header_begin] == '{') return;
    const std::string other = detail::other_format(begin);
    if (!other.empty()) fail("no safetensors file but " + other);
  }

  std::int64_t whole(const ordered_json& value, const std::string& name) const {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<std::uint64_t>() > most))
      fail(fmt::format("tensor '{}' in the header: {} is no size", name, value.dump()));
    return value.get<std::int64_t>();
  }

  Place place(const std::string& name, const ordered_json& entry) const try {
    const auto code = entry.at("dtype").get<std::string>();
    const Stored* format = detail::find_stored(code);
    if (format == nullptr)
      fail(
          fmt::format("tensor '{}' has dtype {}, which xgrad has no values for; the others can be "
                      "loaded by their names",
                      name, code));
    Shape shape;
    for (const auto& extent : entry.at("shape")) shape.push_back(whole(extent, name));
    const ordered_json& offsets = entry.at("data_offsets");
    if (offsets.size() != 2)
      fail(fmt::format("tensor '{}' has {} data_offsets, not 2", name, offsets.size()));
    const std::int64_t begin = whole(offsets.at(0), name), end = whole(offsets.at(1), name);
    const auto room = static_cast<std::int64_t>(size_ - values_);
    if (begin < 0 || begin > end || end > room)
      fail(fmt::format("tensor '{}' lies at bytes {} to {} of {}", name, begin, end, room));
    const auto bytes = static_cast<std::uint64_t>(end - begin);
    bool negative = false;
    for (auto extent : shape) negative |= extent < 0;
    const auto count = negative ? 0 : static_cast<std::uint64_t>(shape.numel());
    if (negative || count != bytes / format->bytes || bytes % format->bytes != 0)
      fail(fmt::format("tensor '{}' of shape {} and dtype {} has {} bytes", name, shape,
                       format->code, bytes));
    return {format, shape, values_ + static_cast<std::uint64_t>(begin)};
  } catch (const nlohmann::json::exception& error) {
    fail(fmt::format("tensor '{}' in the header: {}", name, error.what()));
  } catch (const ShapeError& error) {
    fail(fmt::format("tensor '{}' in the header: {}", name, error.what()));
  }

  StateDict read(const std::vector<std::pair<std::string, Place>>& places) {
    StateDict result;
    for (const auto& [name, at] : places) result.emplace_back(name, tensor(name, at));
    return result;
  }

  Tensor tensor(const std::string& name, const Place& at) {
    Tensor x = Tensor::empty(at.shape, at.format->dtype);
    file_.seekg(static_cast<std::streamoff>(at.begin));
    const auto count = static_cast<std::uint64_t>(x.numel());
    if (at.format->decode == nullptr) {
      dispatch(x.dtype(), [&]<class T>() { get(x.mutable_data<T>(), count * sizeof(T)); });
      return x;
    }
    const std::uint64_t most = block_bytes / at.format->bytes;
    std::vector<std::byte> block(std::min(most, count) * at.format->bytes);
    for (std::uint64_t first = 0; first < count; first += most) {
      const std::span values(block.data(), std::min(most, count - first) * at.format->bytes);
      get(values.data(), values.size());
      const std::string wrong = at.format->decode(values, x, static_cast<std::int64_t>(first));
      if (!wrong.empty())
        fail(fmt::format("tensor '{}' of dtype {}: {}", name, at.format->code, wrong));
    }
    return x;
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::uint64_t values_ = 0;  // where the values start
};

}  // namespace

void save(const StateDict& values, const std::string& path, const SaveOptions& options) {
  for (const auto& [name, x] : values)
    require<GraphError>(!x.defined() || !x.storage()->is_superseded(),
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
    if (options.half && x.dtype() == float32) {
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

StateDict load(const std::string& path, const std::vector<std::string>& names) {
  return Reader(path).read(names);
}

std::vector<std::string> tensor_names(const std::string& path) { return Reader(path).names(); }

Metadata load_metadata(const std::string& path) { return Reader(path).metadata(); }

void save(const Module& module, const std::string& path, const SaveOptions& options) {
  save(module.state_dict(), path, options);
}

void load(Module& module, const std::string& path) { module.load_state_dict(load(path)); }

}  // namespace xgrad::nn
