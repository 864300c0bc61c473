// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Protocol Buffers' wire format: https://protobuf.dev/programming-guides/encoding. A message is a list of fields, each a
/// number with a wire type and a payload; views refer to the bytes that are read, which must outlive them.
namespace newtape::onnx::format {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// What is read, for positions in messages of errors.
struct Origin {
  std::string who;              ///< "onnx::load: 'model.onnx'"
  const char* begin = nullptr;  ///< byte 0

  /// IoError: "who: byte n (in NodeProto): what".
  [[noreturn]] void fail(const char* at, std::string_view message, std::string_view what,
                         std::string_view expected = {}, std::string_view got = {}) const;
};

class Message;

/// One field of a message. Reading it as another type than its wire type is an IoError.
class Field {
 public:
  std::uint32_t number = 0;

  std::int64_t integer() const;             ///< int32, int64, uint64, enum, bool
  float real() const;                       ///< float
  std::string_view text() const;            ///< string, bytes
  Message message(const char* name) const;  ///< IoError below a hundred levels
  std::uint64_t position() const;           ///< of its tag, from byte 0

  /// Appends a repeated number, packed or not.
  void append(std::vector<std::int64_t>& to) const;
  void append(std::vector<float>& to) const;
  void append(std::vector<double>& to) const;

 private:
  friend class Message;
  void expect(Wire wanted) const;
  template <class T>
  void append_fixed(std::vector<T>& to, Wire alone) const;

  const Message* in_ = nullptr;
  const char* tag_ = nullptr;
  Wire wire_ = Wire::varint;
  std::uint64_t value_ = 0;   ///< of a number
  std::string_view payload_;  ///< of bytes
};

/// The fields of a message, one after the other.
class Message {
 public:
  Message(const Origin& origin, std::string_view bytes, const char* name, int depth = 0);

  /// Reads the next field; false at the end.
  bool next(Field& field);

  const Origin& origin() const noexcept { return *origin_; }
  std::string_view bytes() const noexcept { return bytes_; }
  std::uint64_t position() const noexcept { return static_cast<std::uint64_t>(bytes_.data() - origin_->begin); }
  [[noreturn]] void fail(const char* at, std::string_view what, std::string_view expected = {},
                         std::string_view got = {}) const {
    origin_->fail(at, name_, what, expected, got);
  }

 private:
  friend class Field;
  std::uint64_t varint(const char*& at, const char* end) const;

  const Origin* origin_;
  std::string_view bytes_;
  const char* at_;
  const char* name_;
  int depth_;
};

}  // namespace newtape::onnx::format
