// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/reports/record_file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
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

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t c = 0xffffffffU;
  for (const char b : bytes) c = crc32c_table[(c ^ static_cast<unsigned char>(b)) & 0xff] ^ (c >> 8);
  return c ^ 0xffffffffU;
}

RecordFile::RecordFile(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("cannot be created", errno);
}

RecordFile::~RecordFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RecordFile::write(std::string_view record) {
  std::string frame;
  frame.reserve(record.size() + 16);
  append_little_endian(frame, static_cast<std::uint64_t>(record.size()));
  append_little_endian(frame, masked_crc(crc32c(frame)));
  frame += record;
  append_little_endian(frame, masked_crc(crc32c(record)));
  ssize_t done = -1;
  do {
    done = ::write(descriptor_, frame.data(), frame.size());
  } while (done < 0 && errno == EINTR);
  if (done != static_cast<ssize_t>(frame.size())) {
    const int error = done < 0 ? errno : ENOSPC;
    // The part of a record is cut off, so that later records can be read.
    static_cast<void>(!::ftruncate(descriptor_, length_));
    fail("writing failed", error);
  }
  length_ += done;
}

void RecordFile::flush() {
  if (::fsync(descriptor_) != 0) fail("writing failed", errno);
}

void RecordFile::fail(std::string_view what, int error) const {
  raise<IoError>(fmt::format("'{}': {}", path_, what), {}, std::generic_category().message(error));
}

}  // namespace newtape::inspect::detail
