// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace newtape::data {

struct NpyOptions {
  std::optional<DType> dtype = {};  ///< by default what holds every value: f32 for float16, i64 for all integers
};

/// Reads an array that NumPy saved (.npy, format versions 1 to 3, either byte order, C or Fortran order), plain or
/// gzipped: booleans, integers, float16, float32 and float64. IoError names what breaks the format and at which byte:
/// other types, a header that lies about the size, an integer beyond 64 bits.
Array read_npy(const std::string& path, const NpyOptions& options = {});

/// Writes an array for NumPy: `<f4`, `<f8`, `<i8` or `|b1`, in C order; gzipped when `path` ends in .gz. The file
/// is replaced in one step.
void write_npy(const std::string& path, const Array& x);

/// Arrays by name, in the order of the archive.
struct Npz {
  NamedArrays arrays;

  bool contains(std::string_view name) const;
  /// The array of this name; ValueError lists the names there are.
  const Array& operator[](std::string_view name) const;
};

/// Reads what numpy.savez or savez_compressed wrote. IoError as for read_npy, or when Newtape was built without libzip.
Npz read_npz(const std::string& path, const NpyOptions& options = {});

/// Writes arrays as numpy.savez does, or, when `compressed`, as savez_compressed. ValueError for a name that is empty
/// or given twice. The file is replaced in one step.
void write_npz(const std::string& path, const NamedArrays& arrays, bool compressed = false);

}  // namespace newtape::data
