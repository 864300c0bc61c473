// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <string_view>

/// Elementwise operations on arrays: check dtypes (DTypeError), broadcast, select the kernel, and reuse the memory of
/// an operand that was moved in and is `reusable()`. `op` is the function's name in error messages.
namespace newtape::core::kernels {

Array unary(std::string_view op, const Kernels& k, Array&& x);
/// Result of another dtype.
Array unary_to(std::string_view op, const Kernels& k, const Array& x, DType dtype);
Array binary(std::string_view op, const Kernels& k, Array&& a, Array&& b);
Array binary_to_boolean(std::string_view op, const Kernels& k, const Array& a, const Array& b);
/// The result has the dtype of `c`; so must `b`, and `a` unless the kernel takes boolean there.
Array ternary(std::string_view op, const Kernels& k, Array&& a, Array&& b, Array&& c);

}  // namespace newtape::core::kernels
