// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace newtape::inspect::detail {

/// Writes the wire format of protocol buffers (protobuf.dev/programming-guides/encoding). Fields must come in ascending
/// order for the bytes to be those of other writers; zeros are written, so leave out what proto3 leaves out.
class ProtoMessage {
 public:
  ProtoMessage& integer(std::uint32_t field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  ProtoMessage& real(std::uint32_t field, double value) {
    key(field, 1);
    fixed(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  ProtoMessage& real32(std::uint32_t field, float value) {
    key(field, 5);
    fixed(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  ProtoMessage& bytes(std::uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  ProtoMessage& message(std::uint32_t field, const ProtoMessage& value) { return bytes(field, value.bytes_); }
  /// A repeated field, packed.
  ProtoMessage& reals(std::uint32_t field, std::span<const double> values) {
    key(field, 2);
    varint(8 * values.size());
    for (const double v : values) fixed(std::bit_cast<std::uint64_t>(v), 8);
    return *this;
  }
  const std::string& str() const noexcept { return bytes_; }

 private:
  void key(std::uint32_t field, std::uint32_t wire_type) { varint(field << 3 | wire_type); }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes_ += static_cast<char>(v | 0x80);
    bytes_ += static_cast<char>(v);
  }
  /// Little-endian.
  void fixed(std::uint64_t v, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(v >> (8 * i) & 0xff);
  }

  std::string bytes_;
};

}  // namespace newtape::inspect::detail
