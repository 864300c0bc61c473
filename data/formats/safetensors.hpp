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

  /// Whether there is an array of this name.
  bool contains(std::string_view name) const;
  /// The array of this name; ValueError if there is none.
  const Array& operator[](std::string_view name) const;
};

struct LoadSafetensorsOptions {
  bool widen = false;  ///< f16 and bf16 become f32, integers i64: the dtypes that are computed with
};

/// Writes named arrays in the safetensors format (github.com/huggingface/safetensors), each in its dtype. The file is
/// replaced atomically: after a failure (IoError) the old one is intact. ValueError for a duplicate name, or
/// one that is not UTF-8.
void save_safetensors(const std::string& path, const NamedArrays& arrays,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads a safetensors file, or all the files of an index if the path ends in .index.json (the order is then that of the
/// files' names). Every dtype of the format but F8 is kept, bit for bit, unless `widen`. Files are memory-mapped; writing
/// to an array does not change them. They must not be truncated while arrays exist. IoError with tensor and byte offset
/// for invalid files, for an F8 tensor, and for an index that does not agree with its files or names one elsewhere.
Safetensors load_safetensors(const std::string& path, const LoadSafetensorsOptions& options = {});

}  // namespace newtape::data
