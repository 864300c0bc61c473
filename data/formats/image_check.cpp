// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_check.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace newtape::data::detail {
namespace {

/// Integers from bytes; callers check the bounds.
struct Bytes {
  std::string_view all;

  std::uint64_t at(std::size_t i) const { return static_cast<unsigned char>(all[i]); }
  /// Big-endian, and little-endian below.
  std::uint64_t big(std::size_t i, std::size_t n) const {
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < n; ++k) value = value << 8 | at(i + k);
    return value;
  }
  std::uint64_t little(std::size_t i, std::size_t n) const {
    std::uint64_t value = 0;
    for (std::size_t k = n; k-- > 0;) value = value << 8 | at(i + k);
    return value;
  }
};

std::string bytes_text(std::uint64_t n) { return std::to_string(n) + " bytes"; }

[[noreturn]] void fail(const Input& file, std::size_t offset, std::string_view what, std::string_view expected = {},
                       std::string_view got = {}) {
  file.fail(fmt::format("byte {}: {}", offset, what), expected, got);
}

/// Decompresses a stream piece by piece and counts the output.
class Unpacked {
 public:
  Unpacked() { inflateInit(&stream_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  ~Unpacked() { inflateEnd(&stream_); }

  /// False for invalid data, or for more than `max_bytes` bytes of output.
  bool add(std::string_view piece, std::uint64_t max_bytes) {
    stream_.next_in = reinterpret_cast<const Bytef*>(piece.data());
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (!ended_) {
      stream_.next_out = scratch_.data();
      stream_.avail_out = static_cast<uInt>(scratch_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      count_ += scratch_.size() - stream_.avail_out;
      if (count_ > max_bytes) return false;
      ended_ = result == Z_STREAM_END;
      if (result == Z_BUF_ERROR || (result == Z_OK && stream_.avail_out != 0)) return true;  // needs the next piece
      if (result != Z_OK && !ended_) return false;
    }
    return true;
  }
  std::uint64_t count() const { return count_; }

 private:
  z_stream stream_{};
  std::vector<Bytef> scratch_ = std::vector<Bytef>(1 << 15);
  std::uint64_t count_ = 0;
  bool ended_ = false;
};

/// Decompressed size of all rows, with a filter byte each (Portable Network Graphics, 2nd edition, 7.2 to 8.2).
std::uint64_t png_bytes(std::uint64_t width, std::uint64_t height, std::uint64_t bits, bool interlaced) {
  const auto part = [bits](std::uint64_t w, std::uint64_t h) { return w == 0 ? 0 : h * ((w * bits + 7) / 8 + 1); };
  if (!interlaced) return part(width, height);
  struct Pass {
    std::uint64_t x, y, dx, dy;
  };
  constexpr std::array<Pass, 7> adam7{
      {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
  std::uint64_t sum = 0;
  for (const auto& p : adam7) sum += part((width + p.dx - 1 - p.x) / p.dx, (height + p.dy - 1 - p.y) / p.dy);
  return sum;
}

/// Decompressed size according to the header of a PNG image.
std::uint64_t png_header(const Input& file, const Bytes& bytes, std::size_t at) {
  constexpr std::array<std::uint64_t, 7> channels{1, 0, 3, 1, 2, 0, 4};
  const auto width = bytes.big(at, 4);
  const auto height = bytes.big(at + 4, 4);
  const auto color = bytes.at(at + 9);
  if (width == 0 || height == 0 || width >= 1U << 31 || height >= 1U << 31) {
    fail(file, at, "size out of range", "from 1 to 2^31 - 1", fmt::format("{} x {}", width, height));
  }
  if (color >= channels.size() || channels[color] == 0 || bytes.at(at + 8) > 16 || bytes.at(at + 12) > 1) {
    fail(file, at + 8, "unknown fields in the PNG header");
  }
  // Above 2^31 times 2^31 times 64 bits it could overflow; no file is that large.
  if (width > (1ULL << 56) / height) fail(file, at, "the picture is too large");
  return png_bytes(width, height, channels[color] * bytes.at(at + 8), bytes.at(at + 12) == 1);
}

/// Huffman tables in [at, end): class, number of codes of 1 to 16 bits, values. At most 256 codes, within the segment
/// (ITU-T T.81, B.2.4.2 and C.2); otherwise some decoders write out of bounds.
void check_huffman(const Input& file, const Bytes& bytes, std::size_t at, std::size_t end) {
  while (at < end) {
    if (end - at < 17) fail(file, at, "truncated Huffman table", "17 bytes", bytes_text(end - at));
    std::uint64_t codes = 0;
    std::uint64_t space = 0;
    for (std::size_t length = 1; length <= 16; ++length) {
      codes += bytes.at(at + length);
      space += bytes.at(at + length) << (16 - length);
    }
    if (codes > 256 || space > 1U << 16 || codes > end - at - 17) {
      fail(file, at, "too many codes in a Huffman table", "at most 256, with values in its segment",
           fmt::format("{} codes", codes));
    }
    at += 17 + codes;
  }
}

}  // namespace

void check_png(const Input& file, std::string_view all) {
  const Bytes bytes{all};
  Unpacked rows;
  std::uint64_t expected = 0;
  for (std::size_t at = 8;;) {
    if (all.size() < at + 12) fail(file, all.size(), "missing end of the image", "an IEND chunk");
    const auto length = bytes.big(at, 4);
    const auto type = all.substr(at + 4, 4);
    if (length > all.size() - at - 12) {
      fail(file, at, "a chunk is longer than the file", "at most " + bytes_text(all.size() - at - 12),
           bytes_text(length));
    }
    if ((type == "IHDR") != (at == 8) || (type == "IHDR" && length != 13)) {
      fail(file, at, "a PNG image must begin with its only header", "IHDR of 13 bytes");
    }
    const bool critical = (type[0] & 0x20) == 0;
    const auto* const data = reinterpret_cast<const Bytef*>(all.data());
    if (critical && crc32(0, data + at + 4, static_cast<uInt>(length + 4)) != bytes.big(at + 8 + length, 4)) {
      fail(file, at, "checksum mismatch in a chunk");
    }
    if (at == 8) expected = png_header(file, bytes, at + 8);
    if (type == "IDAT" && !rows.add(all.substr(at + 8, length), expected)) {
      fail(file, at, "the compressed rows are corrupt or too many", bytes_text(expected));
    }
    if (type == "IEND") {
      if (rows.count() != expected) {
        fail(file, at, "truncated rows", bytes_text(expected), bytes_text(rows.count()));
      }
      return;
    }
    at += 12 + length;
  }
}

void check_jpeg(const Input& file, std::string_view all) {
  const Bytes bytes{all};
  std::uint64_t pixels = 0;
  std::uint64_t coded = 0;
  std::size_t frame = 0;
  const auto need = [&](std::size_t at, std::size_t n) {
    if (all.size() < at + n) fail(file, all.size(), "truncated image", "an end marker (FF D9)");
  };
  for (std::size_t at = 2;;) {
    need(at, 2);
    const auto marker = bytes.at(at + 1);
    if (bytes.at(at) != 0xFF) fail(file, at, "missing marker", "FF", fmt::format("{:02X}", bytes.at(at)));
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == 0xD9) break;
    need(at + 2, 2);
    const auto length = bytes.big(at + 2, 2);
    if (length < 2 || length > all.size() - at - 2) {
      fail(file, at, "a segment is longer than the file", "from 2 to " + bytes_text(all.size() - at - 2),
           bytes_text(length));
    }
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) {
      if (length < 8) fail(file, at, "JPEG header too short", "8 bytes", bytes_text(length));
      frame = at;
      pixels = bytes.big(at + 5, 2) * bytes.big(at + 7, 2);
    }
    if (marker == 0xC4) check_huffman(file, bytes, at + 4, at + 2 + length);
    at += 2 + length;
    if (marker != 0xDA) continue;
    // Entropy-coded data extend to the next marker other than a stuffed FF or a restart.
    const std::size_t start = at;
    while (true) {
      need(at, 2);
      const auto next = bytes.at(at + 1);
      if (bytes.at(at) == 0xFF && next != 0 && !(next >= 0xD0 && next <= 0xD7)) break;
      ++at;
    }
    coded += at - start;
  }
  // Each block of 64 pixels takes at least one bit.
  if (pixels == 0 || pixels / 512 > coded) {
    fail(file, frame, "the image is larger than its data", fmt::format("from 1 to {} pixels", 512 * coded),
         fmt::format("{} pixels", pixels));
  }
}

void check_bmp(const Input& file, std::string_view all) {
  const Bytes bytes{all};
  if (all.size() < 30) fail(file, all.size(), "truncated BMP header", "30 bytes");
  const bool old = bytes.little(14, 4) == 12;
  const auto size = [&](std::size_t i) {
    return static_cast<std::uint64_t>(
        std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(bytes.little(i, 4)))));
  };
  const auto width = old ? bytes.little(18, 2) : size(18);
  const auto height = old ? bytes.little(20, 2) : size(22);
  const auto bits = bytes.little(old ? 24 : 28, 2);
  const auto first = bytes.little(10, 4);
  const auto row = (width * bits + 31) / 32 * 4;
  if (row == 0 || height == 0 || first > all.size() || height > (all.size() - first) / row) {
    fail(file, 14, "the rows exceed the file", fmt::format("at most {} from byte {} on", all.size(), first),
         fmt::format("{} rows of {} bytes", height, row));
  }
}

}  // namespace newtape::data::detail
