// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>

/// Copies strided elements into contiguous memory for the kernels.
namespace newtape::core::kernels {

struct Block {
  const std::byte* first;
  std::int64_t item;  ///< bytes per element: 1, 2, 4 or 8
  std::int64_t rows, row_stride;
  std::int64_t columns, column_stride;  ///< strides in elements
};

/// Writes the rows consecutively to `to`.
void pack(const Block& block, std::byte* to);

/// Writes, in C order, indices [0, count) of axis 0 and all of the other n - 1 axes.
void pack_nested(const std::byte* first, std::int64_t item, std::int64_t count, const std::int64_t* shape,
                 const std::int64_t* strides, std::size_t n, std::byte* to);

/// Copies n elements; strides in elements.
void copy_row(const std::byte* from, std::int64_t from_stride, std::byte* to, std::int64_t to_stride, std::int64_t n,
              std::int64_t item);

}  // namespace newtape::core::kernels
