// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/system_files.hpp>
#include <newtape/inspect/reports/record_file.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace newtape::inspect::detail {
namespace {

/// The remainders of all bytes for the reflected polynomial 0x82f63b78.
constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? 0x82f63b78U : 0);
    table[i] = c;
  }
  return table;
}();

/// A CRC of bytes that hold CRCs would be weak: TFRecord rotates it by 15 bits and adds a constant.
constexpr std::uint32_t masked_crc(std::uint32_t crc) noexcept { return (crc >> 15 | crc << 17) + 0xa282ead8U; }

template <class T>
void append_little_endian(std::string& to, T v) {
  for (std::size_t i = 0; i < sizeof v; ++i) to += static_cast<char>(v >> (8 * i) & 0xff);
}

constexpr std::int64_t block = 4096;
constexpr std::int64_t frame_bytes = 16;                ///< around a record
constexpr std::int64_t least_filler = frame_bytes + 2;  ///< a field number and a length of 0

std::int64_t room_at(std::int64_t offset) { return block - offset % block; }

/// Whether the rest of the block at an offset can be filled.
bool can_fill(std::int64_t offset) { return offset % block == 0 || room_at(offset) >= least_filler; }

/// The bytes to fill before a frame of `size` bytes at `offset`; the frame is then in one block unless it is too large,
/// and the rest of the block behind it can be filled, too. If no place in this block will do, all that is left of it.
std::int64_t filler_before(std::int64_t offset, std::int64_t size) {
  const bool in_block = size <= block - least_filler;
  const auto good = [&](std::int64_t at) {
    return can_fill(at) && can_fill(at + size) && (!in_block || size <= room_at(at));
  };
  if (good(offset)) return 0;
  const auto room = room_at(offset);
  for (auto filler = least_filler; filler < room; ++filler) {
    if (good(offset + filler)) return filler;
  }
  return room;
}

/// A record whose frame has so many bytes, at least `least_filler`: field 15, of bytes. No message of event files has
/// it.
std::string filler_record(std::int64_t frame) {
  const auto bytes = static_cast<std::size_t>(frame - frame_bytes);
  std::string record(bytes, '\0');
  record[0] = 15 << 3 | 2;
  const std::size_t short_length = bytes - 2;
  if (short_length < 0x80) {
    record[1] = static_cast<char>(short_length);
  } else {  // of two bytes
    record[1] = static_cast<char>((bytes - 3) % 0x80 | 0x80);
    record[2] = static_cast<char>((bytes - 3) / 0x80);
  }
  return record;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t c = 0xffffffffU;
  for (const char b : bytes) c = crc32c_table[(c ^ static_cast<unsigned char>(b)) & 0xff] ^ (c >> 8);
  return c ^ 0xffffffffU;
}

RecordFile::RecordFile(std::string path) : path_(std::move(path)) {
  descriptor_ = platform::create_file(path_);
  if (descriptor_ < 0) fail("cannot be created", errno);
}

RecordFile::~RecordFile() {
  if (descriptor_ >= 0) platform::close_file(descriptor_);
}

void RecordFile::write(std::string_view record) {
  const auto size = static_cast<std::int64_t>(record.size()) + frame_bytes;
  while (const auto filler = filler_before(length_, size)) write_frame(filler_record(filler));
  write_frame(record);
}

void RecordFile::write_frame(std::string_view record) {
  std::string frame;
  frame.reserve(record.size() + frame_bytes);
  append_little_endian(frame, static_cast<std::uint64_t>(record.size()));
  append_little_endian(frame, masked_crc(crc32c(frame)));
  frame += record;
  append_little_endian(frame, masked_crc(crc32c(record)));
  const auto done = platform::write_some(descriptor_, frame.data(), frame.size());
  if (done != static_cast<std::ptrdiff_t>(frame.size())) {
    const int error = done < 0 ? errno : ENOSPC;
    // The part of a record is cut off, so that later records can be read.
    static_cast<void>(platform::cut_file(descriptor_, length_));
    fail("writing failed", error);
  }
  length_ += done;
}

void RecordFile::flush() {
  if (!platform::sync_file(descriptor_)) fail("writing failed", errno);
}

void RecordFile::fail(std::string_view what, int error) const {
  raise<IoError>(fmt::format("'{}': {}", path_, what), {}, std::generic_category().message(error));
}

}  // namespace newtape::inspect::detail
