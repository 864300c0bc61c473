// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Products of f32 with f16 and bf16.
namespace newtape::core {

/// x [n, k] w [k, m] + b [m] in f32, for w in f16 or bf16, which is widened a few columns at a time: never as a whole.
/// b may be undefined: 0. Lengths and dtypes have been checked.
Array half_product(const Array& x, const Array& w, const Array& b);

}  // namespace newtape::core
