// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace newtape::inspect::detail {

/// CRC-32C (Castagnoli, as in RFC 3720).
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// A new file of TFRecord frames: length, masked CRC of the length, bytes, masked CRC of the bytes. Each record is one
/// write to the system, without a buffer here: a process that is killed leaves complete records, and at most a part of
/// the last (the system may end a write between pages). Every failure is an IoError, after which the file holds the
/// earlier records only.
class RecordFile {
 public:
  /// IoError when the file exists already.
  explicit RecordFile(std::string path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  void write(std::string_view record);
  /// Waits until everything is on the disk.
  void flush();
  const std::string& path() const noexcept { return path_; }

 private:
  [[noreturn]] void fail(std::string_view what, int error) const;

  std::string path_;
  int descriptor_ = -1;
  std::int64_t length_ = 0;
};

}  // namespace newtape::inspect::detail
