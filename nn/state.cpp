#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/header.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/nn/stored.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <unordered_map>

namespace xgrad::nn {
namespace {

constexpr std::size_t block_bytes = 1 << 20;  // read or converted at a time

using detail::Entry;
using detail::Header;
using detail::Stored;

/// Calls f(bytes) with x's values as they lie in a file, piece by piece.
template <class F>
void encode(const std::string& name, const Tensor& x, bool half, const F& f) {
  const Tensor rows = xgrad::detail::in_rows(x);
  if (!half || x.dtype() != float32) {
    dispatch(x.dtype(), [&]<class T>() {
      f(std::as_bytes(std::span(rows.data<T>(), static_cast<std::size_t>(x.numel()))));
    });
    return;
  }
  constexpr std::uint16_t infinity = 0x7C00;
  std::vector<std::uint16_t> block;
  std::span<const float> rest(rows.data<float>(), static_cast<std::size_t>(x.numel()));
  while (!rest.empty()) {
    const auto values = rest.first(std::min(rest.size(), block_bytes / sizeof(std::uint16_t)));
    block.clear();
    for (const float value : values) {
      const std::uint16_t rounded = detail::to_half(value);
      if ((rounded & 0x7FFF) == infinity && !std::isinf(value))
        raise<ValueError>("save: '{}' has the value {}; half precision ends at 65504",
                          excerpt(name), value);
      block.push_back(rounded);
    }
    f(std::as_bytes(std::span(block)));
    rest = rest.subspan(values.size());
  }
}

Header header_of(const StateDict& values, const SaveOptions& options) {
  Header header{.entries = {}, .metadata = options.metadata};
  std::uint64_t offset = 0;
  for (const auto& [name, x] : values) {
    if (!x.defined()) raise<ValueError>("save: '{}' is an undefined tensor", excerpt(name));
    if (x.storage()->is_superseded())
      raise<GraphError>(
          "save: '{}' follows its module no more, which was converted after this state_dict(); "
          "take it again, or clone() values that are to stay",
          excerpt(name));
    const Stored& format = detail::stored_as(x.dtype(), options.half);
    Entry entry{.name = name,
                .dtype = std::string(format.code),
                .shape = {x.shape().begin(), x.shape().end()},
                .begin = offset,
                .end = offset + static_cast<std::uint64_t>(x.numel()) * format.bytes};
    encode(name, x, options.half, [&entry](std::span<const std::byte> bytes) {
      entry.checksum = detail::checksum(entry.checksum, bytes.data(), bytes.size());
    });
    offset = entry.end;
    header.entries.push_back(std::move(entry));
  }
  return header;
}

/// A file of tensors being read: every size in it is held against the size of the file.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_("load", path) {
    check_kind();
    std::uint64_t bytes = 0;
    if (file_.size() < detail::header_offset)
      fail("has {} bytes, too few for a header", file_.size());
    file_.read(&bytes, sizeof bytes, 0);
    if (bytes > std::min(detail::most_header_bytes, file_.size() - detail::header_offset))
      fail("offset 0: a header of {} bytes in a file of {}", bytes, file_.size());
    std::string text(bytes, '\0');
    file_.read(text.data(), text.size(), detail::header_offset);
    values_ = detail::header_offset + bytes;
    header_ = detail::parse_header(path_, text);
    require_whole();
  }

  const Header& header() const { return header_; }

  StateDict read() const {
    std::vector<const Entry*> all;
    for (const Entry& entry : header_.entries) all.push_back(&entry);
    return read(all);
  }

  StateDict read(const std::vector<std::string>& names) const {
    std::unordered_map<std::string_view, const Entry*> by_name;
    for (const Entry& entry : header_.entries) by_name.emplace(entry.name, &entry);
    std::vector<const Entry*> asked;
    for (const std::string& name : names) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) fail("has no tensor '{}'", excerpt(name));
      asked.push_back(found->second);
    }
    return read(asked);
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<const Args&...> format, const Args&... args) const {
    raise<IOError>("load: {}: {}", excerpt(path_), fmt::format(format, args...));
  }

  /// Files of other programs are told by name.
  void check_kind() const {
    std::string begin(std::min<std::uint64_t>(32, file_.size()), '\0');
    file_.read(begin.data(), begin.size(), 0);
    if (begin.size() > detail::header_offset && begin[detail::header_offset] == '{') return;
    const std::string other = detail::other_format(begin);
    if (!other.empty()) fail("no safetensors file but {}", other);
  }

  /// Each byte behind the header is one tensor's, as the format asks: so that no small file has
  /// tensors beyond its size.
  void require_whole() const {
    std::vector<const Entry*> in_order;
    for (const Entry& entry : header_.entries) in_order.push_back(&entry);
    std::ranges::stable_sort(in_order, {},
                             [](const Entry* e) { return std::pair(e->begin, e->end); });
    const std::uint64_t room = file_.size() - values_;
    std::uint64_t at = 0;
    for (const Entry* entry : in_order) {
      const auto& [name, dtype, shape, begin, end, sum] = *entry;
      if (begin > end || end > room)
        fail("tensor '{}' lies at bytes {} to {} of {}", excerpt(name), begin, end, room);
      if (begin != at)
        fail("tensor '{}' begins at byte {}, not {} where the one before ends", excerpt(name),
             begin, at);
      at = end;
    }
    if (at != room) fail("its tensors take {} of {} bytes", at, room);
  }

  /// Held against the bytes that it has.
  Shape shape_of(const Entry& entry, const Stored& format) const try {
    const Shape shape{std::span(entry.shape)};
    const std::uint64_t bytes = entry.end - entry.begin;
    if (static_cast<std::uint64_t>(shape.numel()) != bytes / format.bytes ||
        bytes % format.bytes != 0)
      fail("tensor '{}' of shape {} and dtype {} has {} bytes", excerpt(entry.name), shape,
           format.code, bytes);
    return shape;
  } catch (const ShapeError& error) {
    fail("tensor '{}' in the header: {}", excerpt(entry.name), error.what());
  }

  StateDict read(const std::vector<const Entry*>& entries) const {
    std::vector<std::pair<const Stored*, Shape>> known;
    for (const Entry* entry : entries) {
      const Stored* format = detail::find_stored(entry->dtype);
      if (format == nullptr)
        fail(
            "tensor '{}' has dtype {}, which xgrad has no values for; the others can be loaded by "
            "their names",
            excerpt(entry->name), excerpt(entry->dtype));
      known.emplace_back(format, shape_of(*entry, *format));
    }
    StateDict result;
    for (std::size_t i = 0; i < entries.size(); ++i)
      result.emplace_back(entries[i]->name, tensor(*entries[i], *known[i].first, known[i].second));
    return result;
  }

  Tensor tensor(const Entry& entry, const Stored& format, const Shape& shape) const {
    Tensor x = Tensor::empty(shape, format.dtype);
    std::byte* direct = nullptr;
    if (format.decode == nullptr)
      dispatch(x.dtype(),
               [&]<class T>() { direct = reinterpret_cast<std::byte*>(x.mutable_data<T>()); });
    const std::uint64_t size = entry.end - entry.begin;
    std::vector<std::byte> block(direct != nullptr ? 0
                                                   : std::min<std::uint64_t>(block_bytes, size));
    std::uint32_t sum = 0;
    for (std::uint64_t done = 0; done < size; done += block_bytes) {
      const std::span bytes(direct != nullptr ? direct + done : block.data(),
                            std::min<std::uint64_t>(block_bytes, size - done));
      file_.read(bytes.data(), bytes.size(), values_ + entry.begin + done);
      if (header_.checked) sum = detail::checksum(sum, bytes.data(), bytes.size());
      if (direct != nullptr) continue;
      const auto first = static_cast<std::int64_t>(done / format.bytes);
      const std::string wrong = format.decode(bytes, x, first);
      if (!wrong.empty())
        fail("tensor '{}' of dtype {}: {}", excerpt(entry.name), format.code, wrong);
    }
    if (header_.checked && sum != entry.checksum)
      fail("tensor '{}' is damaged: its checksum is {:08x}, {:08x} was saved", excerpt(entry.name),
           sum, entry.checksum);
    return x;
  }

  std::string path_;
  xgrad::detail::OldFile file_;
  std::uint64_t values_ = 0;  // where the values start
  Header header_;
};

std::string part_key(std::string_view part) { return "xgrad.part." + std::string(part); }

}  // namespace

void save(const StateDict& values, const std::string& path, const SaveOptions& options) {
  const std::string header = detail::compose_header(header_of(values, options));
  const std::uint64_t header_bytes = header.size();
  xgrad::detail::NewFile file("save", path);
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header.data(), header.size());
  for (const auto& [name, x] : values)
    encode(name, x, options.half,
           [&file](std::span<const std::byte> bytes) { file.write(bytes.data(), bytes.size()); });
  file.sync();
  file.finish();
}

void require_writable(const std::string& path) { xgrad::detail::require_writable("save", path); }

File load_file(const std::string& path) {
  const Reader file(path);
  return {file.read(), file.header().metadata, file.header().checked};
}

Loaded load(const std::string& path) {
  const Reader file(path);
  return {file.read(), file.header().metadata};
}

StateDict Loaded::operator[](std::string_view part) const {
  const std::string beginning = std::string(part) + ".";
  StateDict values;
  for (const auto& [name, x] : *this)
    if (name.starts_with(beginning)) values.emplace_back(name.substr(beginning.size()), x);
  if (values.empty() && !metadata.contains(part_key(part)))
    raise<ValueError>("load: the file has no tensor whose name begins with '{}'",
                      excerpt(beginning));
  return values;
}

StateDict load(const std::string& path, const std::vector<std::string>& names) {
  return Reader(path).read(names);
}

std::vector<std::string> tensor_names(const std::string& path) {
  std::vector<std::string> names;
  const Reader file(path);
  for (const Entry& entry : file.header().entries) names.push_back(entry.name);
  return names;
}

Metadata load_metadata(const std::string& path) { return Reader(path).header().metadata; }

void save(const std::vector<std::pair<std::string, StateDict>>& parts, const std::string& path,
          const SaveOptions& options) {
  StateDict values;
  SaveOptions with_parts = options;
  for (const auto& [part, state] : parts) {
    require<ValueError>(part.find('.') == std::string::npos,
                        "save: state '{}': there can be no dot in its name", excerpt(part));
    with_parts.metadata.emplace(part_key(part), "");
    for (const auto& [name, x] : state) values.emplace_back(part + "." + name, x);
  }
  save(values, path, with_parts);
}

void save(const Module& module, const std::string& path, const SaveOptions& options) {
  save(module.state_dict(), path, options);
}

LoadReport load(Module& module, const std::string& path, const LoadOptions& options) {
  return module.load_state_dict(load(path), options);
}

void save(const Tensor& x, const std::string& path, const SaveOptions& options) {
  save(StateDict{{"tensor", x}}, path, options);
}

void load(Tensor& x, const std::string& path) {
  const StateDict values = load(path);
  require<IOError>(values.size() == 1,
                   "load: {}: it holds {} tensors, not one; load(path) gives them all",
                   excerpt(path), values.size());
  x = values.front().second;
}

}  // namespace xgrad::nn
