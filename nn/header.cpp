#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/header.hpp>

#include <charconv>
#include <limits>
#include <unordered_set>

#include <nlohmann/json.hpp>
#include <zlib.h>

namespace xgrad::nn::detail {
namespace {

using nlohmann::json;

constexpr std::string_view metadata_key = "__metadata__";
// Of the header with its own first 8 digits as zeros, then of each tensor: CRC-32, 8 digits each.
constexpr std::string_view checksums_key = "xgrad.crc32";
constexpr std::string_view beginning_with_checksums = R"({"__metadata__":{"xgrad.crc32":")";
constexpr std::size_t digits = 8;

std::optional<std::uint32_t> number_of(std::string_view hex) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() != digits || error != std::errc() || end != hex.data() + digits) return {};
  return value;
}

std::uint32_t checksum_of_header(std::string_view text) {
  constexpr std::string_view zeros = "00000000";
  const std::size_t own = beginning_with_checksums.size();
  std::uint32_t sum = checksum(0, text.data(), own);
  sum = checksum(sum, zeros.data(), digits);
  return checksum(sum, text.data() + own + digits, text.size() - own - digits);
}

/// Sees the header's JSON piece by piece: nothing is built of what is not meant to be there.
class Handler : public nlohmann::json_sax<json> {
 public:
  explicit Handler(const std::string& path) : path_(path) {}

  Header header;
  std::string checksums;

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return scalar(text); }
  bool binary(binary_t&) override { return scalar("binary"); }

  bool number_unsigned(number_unsigned_t value) override {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (value > most || (at_ != At::shape && at_ != At::offsets))
      return scalar(std::to_string(value));
    (at_ == At::shape ? entry_.shape : offsets_).push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(string_t& value) override {
    if (at_ == At::metadata) {
      if (key_ == checksums_key) {
        checksums = value;
      } else {
        header.metadata.emplace(key_, value);
      }
    } else if (at_ == At::entry && key_ == "dtype") {
      entry_.dtype = value;
    } else {
      return scalar('"' + value + '"');
    }
    return true;
  }

  bool key(string_t& value) override {
    if (at_ == At::skipped) return true;
    if (!(at_ == At::top ? names_ : keys_).insert(value).second)
      fail("'{}' stands twice in the header", excerpt(value));
    key_ = value;
    return true;
  }

  bool start_object(std::size_t) override {
    if (at_ == At::outside) {
      at_ = At::top;
    } else if (at_ == At::top) {
      at_ = key_ == metadata_key ? At::metadata : At::entry;
      entry_ = {.name = key_, .dtype = {}, .shape = {}};
      offsets_.clear();
      keys_.clear();
    } else {
      skip("an object");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (at_ == At::entry && keys_.contains(key_) && (key_ == "shape" || key_ == "data_offsets")) {
      at_ = key_ == "shape" ? At::shape : At::offsets;
    } else {
      skip("an array");
    }
    return true;
  }

  bool end_object() override {
    if (at_ == At::entry) finish_entry();
    return end();
  }

  bool end_array() override { return end(); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail("offset {}: the header is no JSON", header_offset + position - 1);
  }

 private:
  enum class At { outside, top, metadata, entry, shape, offsets, skipped };

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<const Args&...> format, const Args&... args) const {
    raise<IOError>("load: {}: {}", excerpt(path_), fmt::format(format, args...));
  }

  /// A value of a kind that is not meant to be where it is.
  bool scalar(const std::string& text) {
    const std::string shown = excerpt(text);
    if (at_ == At::outside) fail("offset {}: the header is not a JSON object", header_offset);
    if (at_ == At::top && key_ == metadata_key) fail("its metadata is not a JSON object");
    if (at_ == At::top) fail("'{}' in the header is {}, not a tensor", excerpt(key_), shown);
    if (at_ == At::metadata) fail("metadata '{}' is no text", excerpt(key_));
    const std::string name = excerpt(entry_.name);
    if (at_ == At::shape || at_ == At::offsets)
      fail("tensor '{}' in the header: {} is no size", name, shown);
    if (at_ == At::entry && (key_ == "dtype" || key_ == "shape" || key_ == "data_offsets"))
      fail("tensor '{}' in the header: its {} is {}", name, key_, shown);
    return true;
  }

  /// An object or array is passed over where another program may have put more than the format
  /// says, and is an error elsewhere.
  void skip(const char* what) {
    constexpr int deepest = 100;
    if (at_ != At::skipped) scalar(what);
    from_ = at_ == At::skipped ? from_ : at_;
    at_ = At::skipped;
    if (++depth_ > deepest)
      fail("tensor '{}' in the header: nested deeper than {} levels", excerpt(entry_.name),
           deepest);
  }

  bool end() {
    if (at_ == At::skipped) {
      if (--depth_ == 0) at_ = from_;
    } else if (at_ == At::shape || at_ == At::offsets) {
      at_ = At::entry;
    } else {
      at_ = at_ == At::top ? At::outside : At::top;
    }
    return true;
  }

  void finish_entry() {
    const std::string name = excerpt(entry_.name);
    for (const char* needed : {"dtype", "shape", "data_offsets"})
      if (!keys_.contains(needed)) fail("tensor '{}' in the header: no {}", name, needed);
    if (offsets_.size() != 2) fail("tensor '{}' has {} data_offsets, not 2", name, offsets_.size());
    entry_.begin = static_cast<std::uint64_t>(offsets_[0]);
    entry_.end = static_cast<std::uint64_t>(offsets_[1]);
    header.entries.push_back(std::move(entry_));
  }

  const std::string& path_;
  At at_ = At::outside;
  At from_ = At::outside;  // where it is passed over
  int depth_ = 0;          // of what is
  std::string key_;        // the last one
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> keys_;  // of the object in the header
  Entry entry_;
  std::vector<std::int64_t> offsets_;
};

std::string quoted(const std::string& text) { return json(text).dump(); }

void require_utf8(const std::string& text, const char* what) {
  if (!xgrad::detail::is_utf8(text))
    raise<ValueError>("save: {} '{}' is not UTF-8", what, excerpt(text));
}

}  // namespace

std::uint32_t checksum(std::uint32_t before, const void* data, std::size_t bytes) {
  return static_cast<std::uint32_t>(crc32_z(before, static_cast<const Bytef*>(data), bytes));
}

Header parse_header(const std::string& path, std::string_view text) {
  const auto fail = [&](const std::string& what) {
    raise<IOError>("load: {}: {}", excerpt(path), what);
  };
  if (!text.starts_with('{'))
    fail(fmt::format("offset {}: the header is not a JSON object", header_offset));
  if (const auto zero = text.find('\0');
      zero != std::string_view::npos)  // the parser would end there
    fail(fmt::format("offset {}: the header is no JSON", header_offset + zero));
  const std::size_t own = beginning_with_checksums.size();
  const bool ours = text.starts_with(beginning_with_checksums) && text.size() >= own + digits;
  if (ours && text.substr(own, digits) != fmt::format("{:08x}", checksum_of_header(text)))
    fail(
        "the header is damaged: it does not have the checksum that was saved with it; or another "
        "program wrote the file anew and kept 'xgrad.crc32' of the metadata, which is to be left "
        "out");
  Handler handler(path);
  json::sax_parse(text.begin(), text.end(), &handler);
  Header header = std::move(handler.header);
  if (!ours) return header;
  const std::string_view sums = handler.checksums;
  if (sums.size() != digits * (1 + header.entries.size()))
    fail(fmt::format("has {} digits of checksums for {} tensors", sums.size(),
                     header.entries.size()));
  for (std::size_t i = 0; i < header.entries.size(); ++i) {
    const auto sum = number_of(sums.substr(digits * (1 + i), digits));
    if (!sum) fail(fmt::format("checksum {} is no hexadecimal number", i));
    header.entries[i].checksum = *sum;
  }
  header.checked = true;
  return header;
}

std::string compose_header(const Header& header) {
  std::string text(beginning_with_checksums);
  text += std::string(digits, '0');
  for (const Entry& entry : header.entries) text += fmt::format("{:08x}", entry.checksum);
  text += '"';
  for (const auto& [key, value] : header.metadata) {
    if (key == checksums_key)
      raise<ValueError>("save: metadata '{}' is xgrad's own; give it another key", key);
    require_utf8(key, "the metadata's key");
    if (!xgrad::detail::is_utf8(value))
      raise<ValueError>("save: metadata '{}' is not UTF-8: '{}'", excerpt(key), excerpt(value));
    text += ',' + quoted(key) + ':' + quoted(value);
  }
  text += '}';
  std::unordered_set<std::string_view> names;
  for (const Entry& entry : header.entries) {
    require_utf8(entry.name, "a tensor's name");
    if (entry.name == metadata_key)
      raise<ValueError>(
          "save: a tensor is named '{}', which is the format's name for metadata; give it another",
          metadata_key);
    if (!names.insert(entry.name).second)
      raise<ValueError>("save: two tensors are named '{}'", excerpt(entry.name));
    text += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                        quoted(entry.name), entry.dtype, fmt::join(entry.shape, ","), entry.begin,
                        entry.end);
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  require<ValueError>(text.size() <= most_header_bytes,
                      "save: the names and metadata take {} bytes; the format's header has at most "
                      "{}",
                      text.size(), most_header_bytes);
  const std::string own = fmt::format("{:08x}", checksum_of_header(text));
  return text.replace(beginning_with_checksums.size(), digits, own);
}

}  // namespace xgrad::nn::detail
