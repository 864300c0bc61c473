// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Comparisons, predicates, logical and bitwise functions of elements, and the choice by a condition.
/// Broadcasting, dtypes and memory reuse as in <newtape/core/ops/arithmetic.hpp>.
namespace newtape::core {

// --- comparisons of any one dtype, and predicates of f32, f64, i64 and boolean; boolean result ---
Array equal(const Array& a, const Array& b);          ///< a == b; NaN equals nothing
Array not_equal(const Array& a, const Array& b);      ///< a != b
Array less(const Array& a, const Array& b);           ///< a < b
Array less_equal(const Array& a, const Array& b);     ///< a <= b
Array greater(const Array& a, const Array& b);        ///< a > b
Array greater_equal(const Array& a, const Array& b);  ///< a >= b
Array isfinite(const Array& x);                       ///< neither infinite nor NaN
Array isinf(const Array& x);                          ///< infinite, of either sign
Array isnan(const Array& x);                          ///< NaN

// --- logical: nonzero elements of any dtype are true; bitwise: i64 and boolean ---
Array logical_and(Array a, Array b);  ///< both are true
Array logical_or(Array a, Array b);   ///< at least one is true
Array logical_xor(Array a, Array b);  ///< exactly one is true
Array logical_not(Array x);           ///< x is false
Array bitwise_and(Array a, Array b);  ///< bits set in both
Array bitwise_or(Array a, Array b);   ///< bits set in at least one
Array bitwise_xor(Array a, Array b);  ///< bits set in exactly one
Array bitwise_not(Array x);           ///< all bits inverted; of booleans: logical_not

/// a where `condition` (boolean) is true, b elsewhere; all three broadcast.
Array where(const Array& condition, Array a, Array b);

}  // namespace newtape::core
