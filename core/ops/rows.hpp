// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Arrays that are 0 except in some rows, kept as the indices and values of those rows.
namespace newtape::core {

/// The rows [k, ..] of an array and their indices, i64 [k].
struct IndexedRows {
  Array indices, rows;
};

/// The same with ascending indices, each once: rows of equal indices are added in their order. DTypeError unless the
/// rows are f32 or f64, ShapeError unless there are as many as indices.
IndexedRows coalesce(const IndexedRows& x);

/// The rows of a table at indices (i64, any shape) from 0: take along the first axis, where negative indices are a
/// ValueError.
Array lookup(const Array& table, const Array& indices);

}  // namespace newtape::core
