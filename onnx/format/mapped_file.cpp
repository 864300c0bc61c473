// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/mapped_file.hpp>

#include <fmt/format.h>

#include <system_error>

namespace newtape::onnx::format {

MappedFile::MappedFile(const std::string& who, const std::string& path)
    : file_(std::make_unique<platform::MappedFile>(path)) {
  if (file_->error() != 0) {
    raise<IoError>(fmt::format("{}: '{}' cannot be read", who, path), {},
                   std::generic_category().message(file_->error()));
  }
}

}  // namespace newtape::onnx::format
