#pragma once
// Internal: what a JPEG file holds, and the coding of its values (ITU T.81, F and G).

#include <xgrad/datasets/picture.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace xgrad::datasets::jpeg {

inline constexpr std::size_t side = 8;  // of a block
inline constexpr std::size_t area = side * side;

using Block = std::array<std::int16_t, area>;

/// Where the k-th coefficient of a block lies, from low to high frequencies.
extern const std::array<std::uint8_t, area> zigzag;

struct Component {
  std::uint32_t name = 0;
  std::uint32_t across = 0;  // samples in a unit of the picture
  std::uint32_t down = 0;
  std::uint32_t quantizer = 0;
  std::size_t width = 0;  // samples that belong to the picture
  std::size_t height = 0;
  std::size_t blocks_across = 0;  // whole units
  std::size_t blocks_down = 0;
  std::vector<Block> blocks = {};
  std::array<std::uint16_t, area> steps = {};  // between values of each frequency
  bool seen = false;                           // in a scan that brings its mean values
};

struct Frame {
  bool progressive = false;
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t units_across = 0;
  std::size_t units_down = 0;
  std::vector<Component> components = {};
};

/// Code words of up to 16 bits, shorter ones for what is frequent.
class Huffman {
 public:
  Huffman() = default;
  /// `counts`: of the codes of each length; `values`: what they stand for, in their order.
  Huffman(Bytes counts, Bytes values);

  bool empty() const { return values_.empty(); }

  struct Symbol {
    int bits = 0;  // 0: no code begins like that
    std::uint8_t value = 0;
  };
  /// Of the code that these 16 bits begin with.
  Symbol find(std::uint32_t next16) const {
    const Symbol symbol = fast_[next16 >> (longest - fast_bits)];
    return symbol.bits != 0 ? symbol : search(next16);
  }

 private:
  static constexpr int longest = 16, fast_bits = 9;

  Symbol search(std::uint32_t next16) const;

  std::vector<std::uint8_t> values_;
  std::array<std::uint32_t, longest + 1> limit_{};  // of each length: one past its last code
  std::array<std::int32_t, longest + 1> offset_{};  // from a code to its value
  std::array<Symbol, 1 << fast_bits> fast_{};
};

/// One pass over blocks of some components.
struct Scan {
  struct Part {
    Component* component;
    const Huffman* means;  // null where not needed
    const Huffman* others;
  };
  std::vector<Part> parts = {};
  int first = 0;  // frequencies, along the zigzag
  int last = 63;
  int refines = 0;             // the bit that was known before; 0: none
  int bit = 0;                 // the lowest that is known then
  std::uint64_t interval = 0;  // units from restart to restart; 0: no restarts
};

/// Adds what a scan says to the components' blocks. `in` stands at its first byte, afterwards at
/// the marker behind it. Throws PictureError where values are missing or wrong.
void read_scan(ByteReader& in, const Frame& frame, const Scan& scan);

}  // namespace xgrad::datasets::jpeg
