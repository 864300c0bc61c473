// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/system_files.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace newtape::onnx::format {

/// A private (copy-on-write) mapping of a file, or bytes in memory. IoError when the file cannot be read.
class MappedFile {
 public:
  MappedFile(const std::string& who, const std::string& path);
  explicit MappedFile(std::string bytes) : memory_(std::move(bytes)) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const noexcept { return {data(), file_ == nullptr ? memory_.size() : file_->size()}; }
  /// Writable, without effect on the file.
  char* data() const noexcept { return file_ == nullptr ? memory_.data() : reinterpret_cast<char*>(file_->data()); }
  /// Tells the system that these bytes were copied: their pages may be taken back.
  void drop(std::string_view part) const noexcept {
    if (file_ != nullptr && !part.empty()) file_->drop(part.data(), part.size());
  }

 private:
  mutable std::string memory_;
  std::unique_ptr<platform::MappedFile> file_;
};

}  // namespace newtape::onnx::format
