// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct gzFile_s;

/// Shared by the file formats: transparent gzip reading, atomic replacement of files.
namespace newtape::data::detail {

/// Bytes of a file, decompressed if gzipped. Offsets count decompressed bytes. Every failure is an IoError.
class Input {
 public:
  /// `who` is the function named in error messages.
  Input(std::string op, std::string path);
  /// Reads bytes in memory; error messages call them `path`.
  Input(std::string op, std::string path, std::string bytes);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// Returns fewer than `n` bytes only at the end of the file.
  std::size_t read(void* to, std::size_t n);
  /// At most `n` bytes; allocates only for bytes that the file really contains.
  std::string read_up_to(std::size_t n);
  std::string read_all();
  std::size_t offset() const noexcept { return offset_; }
  /// Whether the file is large enough to decompress to `bytes` (the maximum ratio of deflate is 1032).
  bool could_hold(std::size_t bytes) const;

  /// Throws an IoError naming this file.
  [[noreturn]] void fail(std::string_view what, std::string_view expected = {}, std::string_view got = {}) const;

 private:
  std::string who_, path_;
  gzFile_s* file_ = nullptr;  ///< null if the bytes are in memory
  std::string memory_;
  std::size_t offset_ = 0;
};

/// An output file that replaces `path` atomically on `commit`; without it, nothing is written there. Gzipped if the
/// path ends in .gz.
class Output {
 public:
  Output(std::string op, const std::string& path);
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
