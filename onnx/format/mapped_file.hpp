// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace newtape::onnx::format {

/// A private (copy-on-write) mapping of a file, or bytes in memory. IoError when the file cannot be read.
class MappedFile {
 public:
  MappedFile(const std::string& who, const std::string& path);
  explicit MappedFile(std::string bytes);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::string_view bytes() const noexcept { return {data_, size_}; }
  /// Writable, without effect on the file.
  char* data() const noexcept { return data_; }
  /// Tells the system that these bytes were copied: their pages may be taken back.
  void drop(std::string_view part) const noexcept;

 private:
  std::string memory_;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace newtape::onnx::format
