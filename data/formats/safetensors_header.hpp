// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/array/shape.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// JSON header of safetensors files.
namespace newtape::data::detail {

/// A type of the format, whose elements are those of a dtype.
struct StoredType {
  std::string_view name;
  DType dtype;
};
/// The type that stores a dtype.
std::string_view stored_type(DType dtype) noexcept;

/// A tensor whose elements are the bytes [begin, begin + count * item_size(dtype)) of the file.
struct StoredTensor {
  std::string name;
  const StoredType* type;
  Shape shape;
  std::int64_t count;
  std::size_t begin;
};

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // in the header's order
  std::map<std::string, std::string> metadata;
};

/// Parses the header of `file` (all of its bytes) and checks that the tensors cover the data without overlap or gap.
/// IoErrors start with `where`.
SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& where);

/// What a model.safetensors.index.json says: the file of each tensor.
struct SafetensorsIndex {
  std::map<std::string, std::string, std::less<>> files;  // by tensor
  std::vector<std::string> shards;                        // each file once, sorted
  std::map<std::string, std::string> metadata;            // values other than strings as JSON
};

/// IoError, which starts with `where`, for what is no index, and for a file outside of its folder.
SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& where);

struct HeaderEntry {
  const std::string& name;
  std::string_view type;
  const Shape& shape;
  std::size_t begin, end;  // relative to the end of the header
};

/// The JSON text, padded so that the data after it start at a multiple of 8 bytes. ValueError for names or metadata
/// that are not UTF-8.
std::string format_safetensors_header(std::span<const HeaderEntry> entries,
                                      const std::map<std::string, std::string>& metadata);

}  // namespace newtape::data::detail
