// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <string_view>

/// Elementwise kernels on arrays. Every elementwise function goes through one of these: they check dtypes (DTypeError)
/// and broadcast, choose the kernel, and let an operand that was moved in and is `reusable()` give its memory to the
/// result. `op` names the function in messages.
namespace newtape::core::kernels {

Array unary(std::string_view op, const Kernels& k, Array&& x);
/// The result is of another dtype.
Array unary_to(std::string_view op, const Kernels& k, const Array& x, DType dtype);
Array binary(std::string_view op, const Kernels& k, Array&& a, Array&& b);
Array binary_to_boolean(std::string_view op, const Kernels& k, const Array& a, const Array& b);
/// The result has the dtype of `c`; `b` must have it, too, and `a` unless the kernel takes booleans there.
Array ternary(std::string_view op, const Kernels& k, Array&& a, Array&& b, Array&& c);

}  // namespace newtape::core::kernels
