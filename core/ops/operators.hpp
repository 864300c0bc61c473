// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Arithmetic of arrays: add, sub, mul, div and neg of <newtape/core/ops/elementwise.hpp>, with their broadcasting and
/// memory reuse. A number takes the dtype of the array; DTypeError unless an i64 array is given an integer.
namespace newtape {

/// Elementwise; operands broadcast and have one dtype (else DTypeError).
Array operator+(Array a, Array b);
Array operator-(Array a, Array b);
Array operator*(Array a, Array b);  ///< elementwise
Array operator/(Array a, Array b);
Array operator-(Array x);

/// With a number in place of an array.
Array operator+(Array a, double b);
Array operator-(Array a, double b);
Array operator*(Array a, double b);
Array operator/(Array a, double b);
Array operator+(double a, Array b);
Array operator-(double a, Array b);
Array operator*(double a, Array b);
Array operator/(double a, Array b);

}  // namespace newtape
