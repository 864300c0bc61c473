// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>

/// Function pointers exported by the files in isa/, one instance per instruction set.
namespace newtape::core::kernels {

/// out[i] = f(in[0][i], in[1][i], ...) for i in [0, n). If bit k of `scalars` is set, in[k] points to a single element,
/// broadcast. `out` may alias a non-scalar input with elements of the same size.
using Kernel = void (*)(const void* const* in, void* out, std::int64_t n, unsigned scalars);

/// One kernel per operand dtype (indexed by DType); null if unsupported.
struct Kernels {
  Kernel of[4];
};

/// An entry of the lists at the end of the elementwise files in isa/, where new kernels are added: nothing else names them
/// but the operation that calls them.
struct NamedKernels {
  const char* name;
  Kernels kernels;
};
struct KernelList {
  const NamedKernels* first;
  std::size_t count;
};

/// Matrix transpose: dst[r * dst_stride + c] = src[c * src_stride + r]; strides in elements.
using Transpose = void (*)(const void* src, std::int64_t src_stride, void* dst, std::int64_t dst_stride,
                           std::int64_t rows, std::int64_t columns);
struct TransposeTable {
  Transpose transpose4, transpose8;  ///< for elements of 4 and of 8 bytes
};

}  // namespace newtape::core::kernels
