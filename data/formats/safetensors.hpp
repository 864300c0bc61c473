// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <map>
#include <string>
#include <string_view>

namespace newtape::data {

/// What a safetensors file holds, in the order of its header.
struct Safetensors {
  NamedArrays arrays;
  std::map<std::string, std::string> metadata;

  bool contains(std::string_view name) const;
  /// The array of this name; ValueError when there is none.
  const Array& operator[](std::string_view name) const;
};

/// Writes named arrays in the safetensors format (github.com/huggingface/safetensors), as F32, F64, I64 and BOOL.
/// The file is replaced in one step: after a failure (IoError) the old one is still there.
/// ValueError for a name given twice, or one that is not UTF-8.
void save_safetensors(const std::string& path, const NamedArrays& arrays,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads what any safetensors library wrote: F16 and BF16 become f32, the shorter and the unsigned integers i64.
/// The file is mapped, not copied; writing to an array never changes it. It must not be truncated while arrays live.
/// IoError names the tensor and the byte offset of whatever breaks the format.
Safetensors load_safetensors(const std::string& path);

}  // namespace newtape::data
