// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace newtape::onnx::format {

/// Writes the fields of a message in Protocol Buffers' wire format; `bytes` is the result. Default values are written
/// too, as ONNX's optional fields know them from absent ones.
class MessageWriter {
 public:
  void integer(std::uint32_t field, std::int64_t value);
  void real(std::uint32_t field, float value);
  void text(std::uint32_t field, std::string_view value);
  void message(std::uint32_t field, const MessageWriter& value) { text(field, value.bytes); }

  std::string bytes;

 private:
  void varint(std::uint64_t value);
};

}  // namespace newtape::onnx::format
