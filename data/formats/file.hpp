// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct gzFile_s;

/// What the file formats share: reading plain and gzipped files alike, replacing a file in one step.
namespace newtape::data::detail {

/// Bytes from a file, unpacked when it is gzipped. Offsets count unpacked bytes. Every failure is an IoError.
class Input {
 public:
  /// `who` is the function that the errors name.
  Input(std::string who, std::string path);
  /// Bytes that are in memory already; the errors call them `path`.
  Input(std::string who, std::string path, std::string bytes);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// Fewer than `n` bytes only at the end of the file.
  std::size_t read(void* to, std::size_t n);
  /// At most `n` bytes, however many are asked for: memory grows with what the file really holds.
  std::string read_up_to(std::size_t n);
  std::string read_all();
  std::size_t offset() const noexcept { return offset_; }
  /// Whether the file is long enough to unpack to `bytes` at all (deflate packs 1032 bytes into one at the most).
  bool could_hold(std::size_t bytes) const;

  /// Throws an IoError about this file.
  [[noreturn]] void fail(std::string_view what, std::string_view expected = {}, std::string_view got = {}) const;

 private:
  std::string who_, path_;
  gzFile_s* file_ = nullptr;  ///< null when the bytes are in memory
  std::string memory_;
  std::size_t offset_ = 0;
};

/// A file that appears under its name, complete and on disk, with `commit`, and otherwise not at all.
/// Gzipped when the path ends in .gz.
class Output {
 public:
  Output(std::string who, const std::string& path);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  void write(const void* from, std::size_t n);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail(std::string_view what, int error) const;

  std::string who_, path_, temporary_;
  int descriptor_ = -1;
  gzFile_s* gzip_ = nullptr;
};

}  // namespace newtape::data::detail
