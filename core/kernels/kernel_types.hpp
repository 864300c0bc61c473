// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Structs of function pointers exported by the files in isa/, one instance per instruction set.
namespace newtape::core::kernels {

/// out[i] = f(in[0][i], in[1][i], ...) for i in [0, n). If bit k of `scalars` is set, in[k] points to a single element,
/// broadcast. `out` may alias a non-scalar input with elements of the same size.
using Kernel = void (*)(const void* const* in, void* out, std::int64_t n, unsigned scalars);

/// One kernel per operand dtype (indexed by DType); null if unsupported.
struct Kernels {
  Kernel of[4];
};

struct ArithmeticTable {
  Kernels neg, abs, sign, square, sqrt, rsqrt, reciprocal, floor, ceil, round, trunc;
  Kernels add, sub, mul, div, maximum, minimum, fmod, remainder, floor_divide;
  Kernels clip;  ///< operands: x, low, high
};

struct MathTable {
  Kernels exp, expm1, exp2, log, log1p, log2, log10, cbrt, sin, cos, tan, asin, acos, atan;
  Kernels sinh, cosh, tanh, asinh, acosh, atanh, erf, erfc, erfinv;
  Kernels pow, atan2, hypot, logaddexp, xlogy, xlog1py, tanh_grad;
};

/// Operands of the gradients: g, then x or y, then the parameter of elu and prelu.
struct ActivationTable {
  Kernels relu, sigmoid, softplus, gelu, gelu_tanh, silu, mish, hardswish, softsign, tanhshrink, prelu, elu;
  Kernels relu_grad, sigmoid_grad, softplus_grad, gelu_grad, gelu_tanh_grad, silu_grad, mish_grad, hardswish_grad;
  Kernels prelu_grad, elu_grad;
};

/// Comparisons and predicates return boolean. Operands of `where`: condition, a, b; indexed by the dtype of a and b.
struct LogicTable {
  Kernels equal, not_equal, less, less_equal, greater, greater_equal;
  Kernels bitwise_and, bitwise_or, bitwise_xor, bitwise_not;
  Kernels isfinite, isinf, isnan;
  Kernels where;
  Kernels cast[4];  ///< cast[to].of[from]; equal dtypes: copy
};

/// Matrix transpose: dst[r * dst_stride + c] = src[c * src_stride + r]; strides in elements.
using Transpose = void (*)(const void* src, std::int64_t src_stride, void* dst, std::int64_t dst_stride,
                           std::int64_t rows, std::int64_t columns);
struct MoveTable {
  Transpose transpose4, transpose8;  ///< for elements of 4 and of 8 bytes
};

}  // namespace newtape::core::kernels
