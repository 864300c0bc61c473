// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <optional>
#include <string>

/// Data sets, loaders and file formats. Invalid files raise IoError naming the file and the position.
namespace newtape::data {

struct ReadIdxOptions {
  std::optional<DType> dtype = {};  ///< default: as stored; f32 if integers are scaled
  double scale = 1;                 ///< factor for every element; requires a floating dtype (ValueError)
};

/// Reads an IDX file (the format of MNIST), plain or gzipped: `read_idx("images.gz", {.dtype = f32, .scale = 1 /
/// 255.})`.
Array read_idx(const std::string& path, const ReadIdxOptions& options = {});

/// Element types of IDX files, with the codes of the format.
enum class IdxType : std::uint8_t { u8 = 0x08, i8 = 0x09, i16 = 0x0B, i32 = 0x0C, f32 = 0x0D, f64 = 0x0E };

/// Writes `x` as `type`; gzipped if `path` ends in .gz. ValueError naming an element that `type` cannot represent. By
/// default boolean is written as u8, i64 as i32, all else in its dtype (DTypeError if the format has none).
void write_idx(const std::string& path, const ArrayLike& x, std::optional<IdxType> type = {});

}  // namespace newtape::data
