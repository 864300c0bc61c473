// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/data/formats/file.hpp>

#include <functional>

/// The elements of a file that holds one array.
namespace newtape::data::detail {

struct ElementsFormat {
  DType stored;  ///< in the file
  bool big_endian;
  DType wanted;      ///< of the result
  double scale = 1;  ///< factor; `wanted` is then a float
};

/// Reads the elements of an array from the current position of `file`, and converts them in pieces. IoError with the byte
/// of an element that does not fit an integer dtype; `fail_truncated` is called if there are too few.
Array read_elements(Input& file, const Shape& shape, const ElementsFormat& format,
                    const std::function<void()>& fail_truncated);

/// x in another dtype, in pieces: `converted(begin, n)` is called when n elements from `begin` on are no longer needed.
Array convert_in_pieces(const Array& x, DType to, const std::function<void(std::int64_t, std::int64_t)>& converted);

/// What storage dtypes become where they are widened: f32 or i64.
inline DType widened(DType t) noexcept { return !is_storage(t) ? t : is_half(t) ? f32 : i64; }

/// The elements of a contiguous array from the least to the most significant byte, or the other way round.
std::string element_bytes(const Array& x, bool big_endian);

/// The flat position of the first element whose integer part is not in the range of the integer dtype `to`, NaN included;
/// -1 if there is none or `to` is no integer.
std::int64_t find_misfit(const Array& x, DType to);

/// The range of an integer dtype, for messages: "integers from 0 to 255".
std::string range_of(DType to);

}  // namespace newtape::data::detail
