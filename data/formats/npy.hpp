// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/array/named_arrays.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace newtape::data {

struct ReadNpyOptions {
  std::optional<DType> dtype = {};  ///< converts all elements; default: as stored
  bool widen = false;               ///< f16 becomes f32, integers i64: the dtypes that are computed with
};

/// Reads an array saved by NumPy (.npy, format versions 1 to 3, either byte order, C or Fortran order), plain or
/// gzipped: booleans, integers, float16, float32, float64. IoError with the byte for other types, a header that
/// contradicts the file size, or a number that does not fit an integer dtype.
Array read_npy(const std::string& path, const ReadNpyOptions& options = {});

/// Writes an array for NumPy, in its dtype and C order; gzipped if `path` ends in .gz. The file is replaced atomically.
/// DTypeError for bf16, which NumPy lacks.
void write_npy(const std::string& path, const ArrayLike& x);

/// Named arrays, in the order of the archive.
struct Npz {
  NamedArrays arrays;

  /// Whether there is an array of this name.
  bool contains(std::string_view name) const;
  /// The array of this name; ValueError listing the existing names.
  const Array& operator[](std::string_view name) const;
};

/// Reads archives of numpy.savez and savez_compressed. IoError as for read_npy, or if Newtape was built without libzip.
Npz read_npz(const std::string& path, const ReadNpyOptions& options = {});

/// Writes arrays like numpy.savez or, if `compressed`, savez_compressed. ValueError for an empty or duplicate name. The
/// file is replaced atomically.
void write_npz(const std::string& path, const NamedArrays& arrays, bool compressed = false);

}  // namespace newtape::data
