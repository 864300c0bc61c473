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

/// An entry of the lists at the end of the elementwise files in isa/, where new kernels are added. Only the operation that
/// calls a kernel names it, too.
struct NamedKernels {
  const char* name;
  Kernels kernels;
};
struct KernelList {
  const NamedKernels* first;
  std::size_t count;
};
template <std::size_t count>
consteval KernelList list_of(const NamedKernels (&entries)[count]) {
  return {entries, count};
}

/// The lists of the four files of elementwise kernels.
struct ArithmeticKernels : KernelList {
  static const ArithmeticKernels baseline, avx2, avx512;
};
struct MathKernels : KernelList {
  static const MathKernels baseline, avx2, avx512;
};
struct ActivationKernels : KernelList {
  static const ActivationKernels baseline, avx2, avx512;
};
struct LogicKernels : KernelList {
  static const LogicKernels baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
