// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/message_writer.hpp>
#include <newtape/onnx/format/wire.hpp>

#include <bit>

namespace newtape::onnx::format {
namespace {
std::uint64_t tag(std::uint32_t field, Wire wire) {
  return std::uint64_t{field} << 3 | static_cast<std::uint64_t>(wire);
}
}  // namespace

void MessageWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<char>(value));
}

void MessageWriter::integer(std::uint32_t field, std::int64_t value) {
  varint(tag(field, Wire::varint));
  varint(static_cast<std::uint64_t>(value));
}

void MessageWriter::real(std::uint32_t field, float value) {
  varint(tag(field, Wire::fixed32));
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
}

void MessageWriter::text(std::uint32_t field, std::string_view value) {
  varint(tag(field, Wire::bytes));
  varint(value.size());
  bytes += value;
}

}  // namespace newtape::onnx::format
