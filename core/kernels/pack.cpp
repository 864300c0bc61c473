// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/pack.hpp>

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/item_size.hpp>
#include <newtape/core/kernels/transpose.hpp>

#include <cstring>
#include <utility>

namespace newtape::core::kernels {

namespace {

template <class T>
void pack_block(const T* first, const Block& b, T* to) {
  if (b.column_stride == 1) {
    for (std::int64_t r = 0; r < b.rows; ++r) {
      std::memcpy(to + r * b.columns, first + r * b.row_stride, static_cast<std::size_t>(b.columns) * sizeof(T));
    }
  } else if (b.column_stride == 0) {
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const T value = first[r * b.row_stride];
      for (std::int64_t c = 0; c < b.columns; ++c) to[r * b.columns + c] = value;
    }
  } else if (b.columns < 16 && b.rows > b.columns) {
    for (std::int64_t c = 0; c < b.columns; ++c) {
      const T* from = first + c * b.column_stride;
      for (std::int64_t r = 0; r < b.rows; ++r) to[r * b.columns + c] = from[r * b.row_stride];
    }
  } else {
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const T* from = first + r * b.row_stride;
      for (std::int64_t c = 0; c < b.columns; ++c) to[r * b.columns + c] = from[c * b.column_stride];
    }
  }
}

}  // namespace

void pack(const Block& b, std::byte* to) {
  if (b.row_stride == 1 && b.rows >= 4 && b.columns >= 4 && b.item >= 4 && b.column_stride > 1) {
    const Transpose transpose = select<TransposeTable>().of(b.item);
    transpose(b.first, b.column_stride, to, b.columns, b.rows, b.columns);
    return;
  }
  visit_item(b.item, [&]<class T>(T) { pack_block(reinterpret_cast<const T*>(b.first), b, reinterpret_cast<T*>(to)); });
}

void pack_nested(const std::byte* first, std::int64_t item, std::int64_t count, const std::int64_t* shape,
                 const std::int64_t* strides, std::size_t n, std::byte* to) {
  if (n == 1) {
    pack({first, item, 1, 0, count, strides[0]}, to);
  } else if (n == 2) {
    pack({first, item, count, strides[0], shape[1], strides[1]}, to);
  } else {
    std::int64_t size = item;
    for (std::size_t i = 1; i < n; ++i) size *= shape[i];
    for (std::int64_t i = 0; i < count; ++i) {
      if (i > 0 && strides[0] == 0) {
        std::memcpy(to + i * size, to, static_cast<std::size_t>(size));
      } else {
        pack_nested(first + i * strides[0] * item, item, shape[1], shape + 1, strides + 1, n - 1, to + i * size);
      }
    }
  }
}

void copy_row(const std::byte* from, std::int64_t from_stride, std::byte* to, std::int64_t to_stride, std::int64_t n,
              std::int64_t item) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n * item));
    return;
  }
  visit_item(item, [&]<class T>(T) {
    const auto* x = reinterpret_cast<const T*>(from);
    auto* y = reinterpret_cast<T*>(to);
    for (std::int64_t i = 0; i < n; ++i) y[i * to_stride] = x[i * from_stride];
  });
}

}  // namespace newtape::core::kernels
