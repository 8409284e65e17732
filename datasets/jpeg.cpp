#include <xgrad/datasets/jpeg.hpp>

#include <algorithm>

namespace xgrad::datasets::jpeg {

const std::array<std::uint8_t, area> zigzag = [] {
  std::array<std::uint8_t, area> order{};
  std::size_t k = 0;
  for (std::size_t diagonal = 0; diagonal < 2 * side - 1; ++diagonal)
    for (std::size_t i = 0; i <= diagonal; ++i) {
      const std::size_t j = diagonal - i;
      if (i >= side || j >= side) continue;
      // Odd diagonals go down, even ones up.
      order[k++] = static_cast<std::uint8_t>(diagonal % 2 == 1 ? i * side + j : j * side + i);
    }
  return order;
}();

Huffman::Huffman(Bytes counts, Bytes values) : values_(values.begin(), values.end()) {
  std::uint32_t code = 0;
  std::int32_t value = 0;
  for (int bits = 1; bits <= longest; ++bits) {
    const std::uint32_t count = counts[static_cast<std::size_t>(bits - 1)];
    if (code + count > 1U << bits) bad_picture("a Huffman table has more codes than there are");
    offset_[static_cast<std::size_t>(bits)] = value - static_cast<std::int32_t>(code);
    for (std::uint32_t i = 0; i < count && bits <= fast_bits; ++i) {
      const Symbol symbol{bits, values_[static_cast<std::size_t>(value) + i]};
      const auto from = fast_.begin() + ((code + i) << (fast_bits - bits));
      std::fill(from, from + (1 << (fast_bits - bits)), symbol);
    }
    code += count;
    value += static_cast<std::int32_t>(count);
    limit_[static_cast<std::size_t>(bits)] = code;
    code <<= 1;
  }
}

Huffman::Symbol Huffman::search(std::uint32_t next16) const {
  for (int bits = fast_bits + 1; bits <= longest; ++bits) {
    const auto at = static_cast<std::size_t>(bits);
    const std::uint32_t code = next16 >> (longest - bits);
    if (code < limit_[at])
      return {bits,
              values_[static_cast<std::size_t>(static_cast<std::int32_t>(code) + offset_[at])]};
  }
  return {};
}

namespace {

/// The bits between two markers, the highest of each byte first.
class Bits {
 public:
  explicit Bits(ByteReader& in) : in_(in) {}

  std::uint32_t take(int count) {
    const std::uint32_t value = peek(count);
    drop(count);
    return value;
  }

  std::uint8_t decode(const Huffman& table) {
    const Huffman::Symbol symbol = table.find(peek(16));
    if (symbol.bits == 0) bad_picture("bits that are no code, before byte {}", in_.position());
    drop(symbol.bits);
    return symbol.value;
  }

  /// A number of `count` bits; those that begin with 0 are negative.
  int number(int count) {
    if (count == 0) return 0;
    const int value = static_cast<int>(take(count));
    return value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  /// Goes on behind a restart marker.
  void restart(std::uint64_t number) {
    fill();
    constexpr int padding = 7;
    constexpr std::uint32_t first = 0xFFD0;
    if (!ended_ || have_ > padding || in_.big(2) != first + number % 8)
      bad_picture("restart marker {} is not where it is due", number);
    bits_ = 0;
    have_ = 0;
    ended_ = false;
  }

 private:
  std::uint32_t peek(int count) {
    if (have_ < count) fill();
    const std::uint64_t aligned =
        have_ >= count ? bits_ >> (have_ - count) : bits_ << (count - have_);
    return static_cast<std::uint32_t>(aligned & ((std::uint64_t{1} << count) - 1));
  }

  void drop(int count) {
    if (count > have_) bad_picture("its pixels break off before byte {}", in_.position());
    have_ -= count;
  }

  void fill() {
    constexpr int room = 56;
    const Bytes rest = in_.rest();
    std::size_t at = 0;
    while (have_ <= room && !ended_) {
      if (at == rest.size()) bad_picture("the file ends early");
      const std::uint8_t byte = rest[at];
      if (byte == 0xFF) {
        if (at + 1 == rest.size()) bad_picture("the file ends early");
        ended_ = rest[at + 1] != 0;
        if (ended_) break;
        ++at;
      }
      ++at;
      bits_ = bits_ << 8 | byte;
      have_ += 8;
    }
    in_.take(at);
  }

  ByteReader& in_;
  std::uint64_t bits_ = 0;  // the lowest `have_` are still to be read
  int have_ = 0;
  bool ended_ = false;  // a marker follows
};

class ScanReader {
 public:
  ScanReader(ByteReader& in, const Frame& frame, const Scan& scan)
      : bits_(in), frame_(frame), scan_(scan) {}

  void read() {
    if (scan_.parts.size() == 1) {
      Component& component = *scan_.parts[0].component;
      const std::size_t across = (component.width + side - 1) / side;
      const std::size_t down = (component.height + side - 1) / side;
      units(across * down, [&](std::size_t i) { block(0, i % across, i / across); });
    } else {
      units(frame_.units_across * frame_.units_down, [&](std::size_t i) {
        for (std::size_t part = 0; part < scan_.parts.size(); ++part)
          unit(part, i % frame_.units_across, i / frame_.units_across);
      });
    }
  }

 private:
  template <class Read>
  void units(std::size_t count, const Read& read_unit) {
    std::uint64_t restarts = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (scan_.interval > 0 && i > 0 && i % scan_.interval == 0) {
        bits_.restart(restarts++);
        means_ = {};
        ends_ = 0;
      }
      read_unit(i);
    }
  }

  void unit(std::size_t part, std::size_t x, std::size_t y) {
    const Component& component = *scan_.parts[part].component;
    for (std::size_t j = 0; j < component.down; ++j)
      for (std::size_t i = 0; i < component.across; ++i)
        block(part, x * component.across + i, y * component.down + j);
  }

  void block(std::size_t part, std::size_t x, std::size_t y) {
    const Scan::Part& at = scan_.parts[part];
    Block& values = at.component->blocks[y * at.component->blocks_across + x];
    if (!frame_.progressive) {
      values = {};
      mean(part, values);
      run(part, values, 1);
    } else if (scan_.first == 0) {
      if (scan_.refines == 0) {
        mean(part, values);
      } else if (bits_.take(1) != 0) {
        values[0] = static_cast<std::int16_t>(values[0] | 1 << scan_.bit);
      }
    } else if (scan_.refines == 0) {
      if (ends_ > 0) {
        --ends_;
      } else {
        run(part, values, scan_.first);
      }
    } else {
      refine(part, values);
    }
  }

  void mean(std::size_t part, Block& values) {
    const int bits = bits_.decode(*scan_.parts[part].means);
    if (bits > 15) bad_picture("a mean value of {} bits", bits);
    means_[part] += static_cast<std::uint32_t>(bits_.number(bits));
    values[0] = static_cast<std::int16_t>(means_[part] << scan_.bit);
  }

  /// Values of rising frequency, each after a run of zeros.
  void run(std::size_t part, Block& values, int from) {
    const Huffman& table = *scan_.parts[part].others;
    for (int k = from; k <= scan_.last; ++k) {
      const int both = bits_.decode(table), zeros = both >> 4, bits = both & 15;
      if (bits == 0 && zeros < 15) {
        if (frame_.progressive) ends_ = (1U << zeros) + bits_.take(zeros) - 1;
        return;
      }
      k += zeros;
      if (bits == 0) continue;
      if (k > scan_.last) bad_picture("a block has more values than {}", scan_.last);
      values[zigzag[static_cast<std::size_t>(k)]] =
          static_cast<std::int16_t>(static_cast<std::uint32_t>(bits_.number(bits)) << scan_.bit);
    }
  }

  /// One more bit of what is not zero, and new values of that one bit between.
  void refine(std::size_t part, Block& values) {
    const Huffman& table = *scan_.parts[part].others;
    int k = scan_.first;
    for (; ends_ == 0 && k <= scan_.last; ++k) {
      const int both = bits_.decode(table);
      int zeros = both >> 4;
      int fresh = 0;
      if ((both & 15) == 0) {
        if (zeros < 15) {
          ends_ = (1U << zeros) + bits_.take(zeros);
          break;
        }
      } else {
        fresh = bits_.take(1) != 0 ? 1 << scan_.bit : -(1 << scan_.bit);
      }
      for (; k <= scan_.last; ++k) {
        std::int16_t& value = values[zigzag[static_cast<std::size_t>(k)]];
        if (value != 0) {
          sharpen(value);
        } else if (zeros-- == 0) {
          value = static_cast<std::int16_t>(fresh);
          break;
        }
      }
      if (fresh != 0 && k > scan_.last) bad_picture("a block has more values than {}", scan_.last);
    }
    if (ends_ == 0) return;
    for (; k <= scan_.last; ++k)
      if (std::int16_t& value = values[zigzag[static_cast<std::size_t>(k)]]; value != 0)
        sharpen(value);
    --ends_;
  }

  void sharpen(std::int16_t& value) {
    const int step = 1 << scan_.bit;
    if (bits_.take(1) == 0 || (value & step) != 0) return;
    value = static_cast<std::int16_t>(value > 0 ? value + step : value - step);
  }

  Bits bits_;
  const Frame& frame_;
  const Scan& scan_;
  std::array<std::uint32_t, 4> means_{};  // the last of each part, as two's complement
  std::uint32_t ends_ = 0;                // blocks to come that have no more values in this scan
};

}  // namespace

void read_scan(ByteReader& in, const Frame& frame, const Scan& scan) {
  ScanReader(in, frame, scan).read();
}

}  // namespace xgrad::datasets::jpeg
