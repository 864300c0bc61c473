// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/wire.hpp>

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

namespace newtape::onnx::format {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire format holds little-endian numbers");

constexpr int max_depth = 100;  // as libprotobuf's default
constexpr std::uint64_t max_field_number = (1U << 29) - 1;

std::string_view wire_name(std::uint64_t wire) {
  constexpr std::string_view names[] = {"varint", "64-bit number", "bytes", "group", "end of a group", "32-bit number"};
  return wire < 6 ? names[wire] : "invalid";
}

}  // namespace

void Origin::fail(const char* at, std::string_view message, std::string_view what, std::string_view expected,
                  std::string_view got) const {
  raise<IoError>(fmt::format("{}: byte {} (in {}): {}", who, at - begin, message, what), expected, got);
}

// --- messages ---

Message::Message(const Origin& origin, std::string_view bytes, const char* name, int depth)
    : origin_(&origin), bytes_(bytes), at_(bytes.data()), name_(name), depth_(depth) {
  if (depth > max_depth) {
    fail(at_, "messages are nested too deeply", fmt::format("at most {} levels", max_depth), "more");
  }
}

std::uint64_t Message::varint(const char*& at, const char* end) const {
  const char* const begin = at;
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at == end) fail(begin, "a number is cut off", "at most 10 bytes, the last below 128", "the end of the message");
    const auto byte = static_cast<std::uint8_t>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail(begin, "a number is too long", "at most 10 bytes, the last below 128", "more");
}

bool Message::next(Field& field) {
  const char* const end = bytes_.data() + bytes_.size();
  if (at_ == end) return false;
  field.in_ = this;
  field.tag_ = at_;
  const std::uint64_t tag = varint(at_, end);
  const std::uint64_t wire = tag & 7;
  if ((tag >> 3) == 0 || (tag >> 3) > max_field_number) {
    fail(field.tag_, "invalid field number", "1 to 2^29 - 1", std::to_string(tag >> 3));
  }
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.wire_ = static_cast<Wire>(wire);
  const auto left = [&] { return static_cast<std::uint64_t>(end - at_); };
  switch (wire) {
    case 0: field.value_ = varint(at_, end); return true;
    case 1:
    case 5: {
      const std::size_t size = wire == 1 ? 8 : 4;
      if (left() < size) fail(at_, "a number is cut off", fmt::format("{} bytes", size), fmt::format("{}", left()));
      field.value_ = 0;
      std::memcpy(&field.value_, at_, size);
      at_ += size;
      return true;
    }
    case 2: {
      const std::uint64_t size = varint(at_, end);
      if (size > left()) {
        fail(field.tag_, fmt::format("field {} is longer than what encloses it", field.number),
             fmt::format("at most {} bytes", left()), fmt::format("{}", size));
      }
      field.payload_ = {at_, static_cast<std::size_t>(size)};
      at_ += size;
      return true;
    }
    default:
      fail(field.tag_, fmt::format("field {} has an invalid wire type", field.number),
           "a varint, bytes, a 32-bit or a 64-bit number", wire_name(wire));
  }
}

// --- fields ---

void Field::expect(Wire wanted) const {
  if (wire_ != wanted) {
    in_->fail(tag_, fmt::format("field {} has the wrong type", number), wire_name(static_cast<std::uint64_t>(wanted)),
              wire_name(static_cast<std::uint64_t>(wire_)));
  }
}

std::int64_t Field::integer() const {
  expect(Wire::varint);
  return static_cast<std::int64_t>(value_);
}

float Field::real() const {
  expect(Wire::fixed32);
  return std::bit_cast<float>(static_cast<std::uint32_t>(value_));
}

std::string_view Field::text() const {
  expect(Wire::bytes);
  return payload_;
}

Message Field::message(const char* name) const {
  expect(Wire::bytes);
  return Message(in_->origin(), payload_, name, in_->depth_ + 1);
}

std::uint64_t Field::position() const { return static_cast<std::uint64_t>(tag_ - in_->origin().begin); }

void Field::append(std::vector<std::int64_t>& to) const {
  if (wire_ == Wire::varint) {
    to.push_back(static_cast<std::int64_t>(value_));
    return;
  }
  expect(Wire::bytes);
  const char* at = payload_.data();
  const char* const end = at + payload_.size();
  std::size_t count = 0;
  for (const char c : payload_) count += static_cast<std::uint8_t>(c) < 0x80 ? 1 : 0;
  to.reserve(to.size() + count);
  while (at != end) to.push_back(static_cast<std::int64_t>(in_->varint(at, end)));
}

template <class T>
void Field::append_fixed(std::vector<T>& to, Wire alone) const {
  if (wire_ == alone) {
    T value;
    std::memcpy(&value, &value_, sizeof value);
    to.push_back(value);
    return;
  }
  expect(Wire::bytes);
  if (payload_.size() % sizeof(T) != 0) {
    in_->fail(tag_, fmt::format("the packed field {} has a remainder", number),
              fmt::format("a multiple of {} bytes", sizeof(T)), std::to_string(payload_.size()));
  }
  if (payload_.empty()) return;
  const std::size_t before = to.size();
  to.resize(before + payload_.size() / sizeof(T));
  std::memcpy(to.data() + before, payload_.data(), payload_.size());
}

void Field::append(std::vector<float>& to) const { append_fixed(to, Wire::fixed32); }
void Field::append(std::vector<double>& to) const { append_fixed(to, Wire::fixed64); }

}  // namespace newtape::onnx::format
