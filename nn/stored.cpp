#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/stored.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace xgrad::nn::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian values");

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

template <class From, class To, class Convert>
void convert(std::span<const std::byte> values, To* to, const Convert& f) {
  for (std::size_t i = 0; i < values.size() / sizeof(From); ++i) {
    From value;
    std::memcpy(&value, values.data() + i * sizeof value, sizeof value);
    to[i] = f(value);
  }
}

/// Every value has one in the other type.
template <class From, class To, To (*f)(From)>
std::string decode(std::span<const std::byte> values, Tensor& x, std::int64_t first) {
  convert<From>(values, x.mutable_data<To>() + first, f);
  return "";
}

// The upper half of half precision.
float from_e5m2(std::uint8_t bits) {
  return xgrad::detail::from_float16(static_cast<std::uint16_t>(bits << 8));
}

// Without infinities; all ones is NaN (Micikevicius et al., arXiv:2209.05433).
float from_e4m3(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15;
  const int fraction = bits & 7;
  if (exponent == 15 && fraction == 7) return not_a_number;
  const int significand = exponent == 0 ? fraction : 8 + fraction;
  const float size = std::ldexp(static_cast<float>(significand), std::max(exponent, 1) - 10);
  return bits >= 128 ? -size : size;
}

float from_e8m0(std::uint8_t bits) {
  return bits == 255 ? not_a_number : std::ldexp(1.F, int{bits} - 127);
}

template <class From>
std::int64_t widened(From value) {
  return value;
}

template <class From>
constexpr auto widen = &decode<From, std::int64_t, &widened<From>>;

std::string decode_u64(std::span<const std::byte> values, Tensor& x, std::int64_t first) {
  std::int64_t* to = x.mutable_data<std::int64_t>() + first;
  convert<std::uint64_t>(values, to, [](auto v) { return std::bit_cast<std::int64_t>(v); });
  const auto end = to + values.size() / sizeof(std::uint64_t);
  const auto wrong = std::find_if(to, end, [](std::int64_t v) { return v < 0; });
  if (wrong == end) return "";
  return fmt::format("value {} is {}; int64 ends at {}", first + (wrong - to),
                     static_cast<std::uint64_t>(*wrong), std::numeric_limits<std::int64_t>::max());
}

std::string decode_bool(std::span<const std::byte> values, Tensor& x, std::int64_t first) {
  const auto wrong = std::ranges::find_if(values, [](std::byte b) { return b > std::byte{1}; });
  if (wrong != values.end())
    return fmt::format("value {} is the byte {}; a BOOL is 0 or 1",
                       first + (wrong - values.begin()), std::to_integer<int>(*wrong));
  convert<std::uint8_t>(values, x.mutable_data<bool>() + first, [](auto v) { return v != 0; });
  return "";
}

constexpr std::array formats{
    Stored{"F32", float32, 4, nullptr},
    Stored{"F64", float64, 8, nullptr},
    Stored{"I64", int64, 8, nullptr},
    Stored{"BOOL", boolean, 1, &decode_bool},
    Stored{"F16", float16, 2, nullptr},
    Stored{"BF16", bfloat16, 2, nullptr},
    Stored{"F8_E5M2", float32, 1, &decode<std::uint8_t, float, &from_e5m2>},
    Stored{"F8_E4M3", float32, 1, &decode<std::uint8_t, float, &from_e4m3>},
    Stored{"F8_E8M0", float32, 1, &decode<std::uint8_t, float, &from_e8m0>},
    Stored{"I8", int64, 1, widen<std::int8_t>},
    Stored{"U8", uint8, 1, nullptr},
    Stored{"I16", int64, 2, widen<std::int16_t>},
    Stored{"U16", int64, 2, widen<std::uint16_t>},
    Stored{"I32", int32, 4, nullptr},
    Stored{"U32", int64, 4, widen<std::uint32_t>},
    Stored{"U64", int64, 8, &decode_u64},
};

struct Other {
  std::string_view begin;
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::string_view pickle =
    "a Python pickle, as PyTorch's old .pt files are; in Python, safetensors.torch.save_file("
    "torch.load(…), …) makes a safetensors file of its tensors";
constexpr std::array others{
    Other{"PK\x03\x04"sv,
          "a zip archive, as PyTorch's .pt and NumPy's .npz files are; in Python, "
          "safetensors.torch.save_file(torch.load(…), …) makes a safetensors file of its tensors"},
    Other{"\x80\x02"sv, pickle},
    Other{"\x80\x03"sv, pickle},
    Other{"\x80\x04"sv, pickle},
    Other{"\x80\x05"sv, pickle},
    Other{"\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
    Other{"\x93NUMPY"sv, "a NumPy array, .npy"},
    Other{"GGUF"sv, "a GGUF file"},
    Other{"\x1f\x8b"sv, "packed with gzip; unpack it first"},
    Other{"version https://git-lfs"sv,
          "a pointer of Git LFS to the file; git lfs pull fetches the file itself"},
};

}  // namespace

const Stored* find_stored(std::string_view code) {
  const auto found = std::ranges::find(formats, code, &Stored::code);
  return found == formats.end() ? nullptr : &*found;
}

const Stored& stored_as(DType dtype, bool half) {
  if (half && dtype == float32) return *find_stored("F16");
  return *std::ranges::find(formats, dtype, &Stored::dtype);
}

std::uint16_t to_half(float value) { return xgrad::detail::to_float16(value); }

std::string other_format(std::string_view begin) {
  for (const auto& [magic, what] : others)
    if (begin.starts_with(magic)) return std::string(what);
  return "";
}

}  // namespace xgrad::nn::detail
