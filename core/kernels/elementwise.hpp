// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/named_kernels.hpp>

#include <span>
#include <string_view>
#include <utility>

/// Elementwise operations on arrays: check dtypes (DTypeError), broadcast, select the kernel, and reuse the memory of
/// an operand that was given and is `reusable()`. `op` is the function's name in error messages.
namespace newtape::core::kernels {

Array unary(std::string_view op, const Kernels& k, Array&& x);
/// Result of another dtype.
Array unary_to(std::string_view op, const Kernels& k, const Array& x, DType dtype);
Array unary_to(std::string_view op, Kernel kernel, const Array& x, DType dtype);
Array binary(std::string_view op, const Kernels& k, ArrayOperand a, ArrayOperand b);
Array binary_to_boolean(std::string_view op, const Kernels& k, const Array& a, const Array& b);
/// The result has the dtype of `c`; so must `b`, and `a` unless the kernel takes boolean there.
Array ternary(std::string_view op, const Kernels& k, Array&& a, Array&& b, Array&& c);
Array ternary(std::string_view op, Kernel kernel, Array&& a, Array&& b, Array&& c);

/// out[...] = kernel(in...) for operands of any layout that broadcast to `out`, which is contiguous or of any layout.
void call_into(Kernel kernel, std::span<const Array* const> in, Array& out);

/// The same with the kernel of a name, which is also that of the operation.
template <KernelName name>
Array unary(Array x) {
  return unary(name.view(), kernels_of<name>(), std::move(x));
}
template <KernelName name>
Array unary_to(const Array& x, DType dtype) {
  return unary_to(name.view(), kernels_of<name>(), x, dtype);
}
template <KernelName name>
Array binary(ArrayOperand a, ArrayOperand b) {
  return binary(name.view(), kernels_of<name>(), a, b);
}
template <KernelName name>
Array binary_to_boolean(const Array& a, const Array& b) {
  return binary_to_boolean(name.view(), kernels_of<name>(), a, b);
}
template <KernelName name>
Array ternary(Array a, Array b, Array c) {
  return ternary(name.view(), kernels_of<name>(), std::move(a), std::move(b), std::move(c));
}

}  // namespace newtape::core::kernels
