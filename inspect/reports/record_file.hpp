// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace newtape::inspect::detail {

/// CRC-32C (Castagnoli, as in RFC 3720).
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// A new file of TFRecord frames: length, masked CRC of the length, bytes, masked CRC of the bytes. Each record is one
/// write to the system, without a buffer here. Every failure is an IoError, after which the file holds the earlier
/// records only.
///
/// A process that is killed leaves complete records. Linux copies a write page by page, and looks for a fatal signal
/// between pages only (generic_perform_write of mm/filemap.c; the length of the file grows with each page). So records
/// of at most `whole_bytes` lie within a block of 4096 bytes, of which the pages of all machines are multiples; what
/// remains of the block before is filled with a record of an unknown field, which readers of protocol buffers skip. Of a
/// larger record a part may be at the end of the file, whose length says that it is not complete: readers wait for the
/// rest of it.
class RecordFile {
 public:
  /// Of a record that is written as a whole or not at all.
  static constexpr std::size_t whole_bytes = 4096 - 16 - 18;

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
  void write_frame(std::string_view record);
  [[noreturn]] void fail(std::string_view what, int error) const;

  std::string path_;
  int descriptor_ = -1;
  std::int64_t length_ = 0;
};

}  // namespace newtape::inspect::detail
