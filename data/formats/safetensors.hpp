// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <map>
#include <string>
#include <string_view>

namespace newtape::data {

/// Contents of a safetensors file, in the order of its header.
struct Safetensors {
  NamedArrays arrays;
  std::map<std::string, std::string> metadata;

  bool contains(std::string_view name) const;
  /// The array of this name; ValueError if there is none.
  const Array& operator[](std::string_view name) const;
};

/// Writes named arrays in the safetensors format (github.com/huggingface/safetensors) as F32, F64, I64 and BOOL. The
/// file is replaced atomically: after a failure (IoError) the old one is intact. ValueError for a duplicate name, or
/// one that is not UTF-8.
void save_safetensors(const std::string& path, const NamedArrays& arrays,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads any safetensors file: F16 and BF16 become f32, shorter and unsigned integers i64. The file is memory-mapped;
/// writing to an array does not change it. It must not be truncated while arrays exist. IoError with tensor and byte
/// offset for invalid files.
Safetensors load_safetensors(const std::string& path);

}  // namespace newtape::data
