// SPDX-License-Identifier: BSD-3-Clause
// Files as operating systems have them, for what the standard library cannot do: to create a file only if it is new, to wait
// for the disk, to keep permissions, to map. By POSIX, or by its likes in Windows' C library. Failures set errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace newtape::platform {

/// A descriptor of a new file, for writing at its end; -1 with errno EEXIST if there is one.
int create_file(const std::string& path) noexcept;
/// The number of bytes written, or -1; tries again when a signal came.
std::ptrdiff_t write_some(int descriptor, const void* from, std::size_t n) noexcept;
/// Waits until everything is on the disk. These return false on failure.
bool sync_file(int descriptor) noexcept;
bool cut_file(int descriptor, std::int64_t length) noexcept;
bool close_file(int descriptor) noexcept;
int duplicate(int descriptor) noexcept;
/// Waits until the directory's entries are on the disk, where there is such a thing.
void sync_directory(const std::string& path) noexcept;

/// Whether a file of any kind is there; `regular` says of which kind, and `permissions` are for keep_permissions.
struct FileStatus {
  bool exists = false;
  bool regular = false;
  unsigned permissions = 0;
};
FileStatus file_status(const std::string& path) noexcept;
/// As well as it goes.
void keep_permissions(int descriptor, unsigned permissions) noexcept;

/// A file's bytes in memory, private to the process: changes do not reach the file. Mapped where the system can, so that
/// only what is used is read.
class MappedFile {
 public:
  /// Sets `error()` to the reason if the file cannot be read.
  explicit MappedFile(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  int error() const noexcept { return error_; }
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  /// Tells the system that these bytes were copied: their pages may be taken back.
  void drop(const void* from, std::size_t n) const noexcept;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int error_ = 0;
};

bool is_terminal(std::FILE* stream) noexcept;
/// 0 if unknown.
struct TerminalSize {
  int columns = 0, rows = 0;
};
TerminalSize terminal_size(std::FILE* stream) noexcept;
int process_id() noexcept;
/// "localhost" if unknown.
std::string host_name();

}  // namespace newtape::platform
