// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// The inner loops of the scans: `columns` scans side by side, each of them down a column.
namespace newtape::core::kernels {

inline constexpr std::int64_t scan_columns = 256;  ///< at most so many side by side

/// What a scan goes on from when it comes in pieces: two numbers for each column, of the kind that the scan wants.
struct ScanState {
  alignas(64) std::int64_t a[scan_columns];
  alignas(64) std::int64_t b[scan_columns];
};

/// y[i * stride + j] from x (and b) at the same places, for i in [0, n) in this order and j in [0, columns). A negative
/// stride goes backwards from the last. `y` may be x's or b's memory.
struct Scan {
  const void* x;
  const void* b;  ///< of the operations with two operands
  void* y;
  std::int64_t* index;  ///< of the operations that say where
  std::int64_t n, stride, columns;
  std::int64_t at, step;  ///< the first index, and how far it is to the next
  bool first;             ///< else it goes on from `state`
  ScanState* state;
};

using ScanKernel = void (*)(const Scan&);
/// f32, f64, i64; null where there is none.
struct ScanKernels {
  ScanKernel of[3];
};
struct ScanTable {
  ScanKernels cumsum, cumprod, logcumsumexp, cummax, cummin;
  ScanKernels linear_recurrence;  ///< y = x y' + b, with y' the one before
};

namespace baseline {
extern const ScanTable scan;
}
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const ScanTable scan;
}
namespace avx512 {
extern const ScanTable scan;
}
#endif

}  // namespace newtape::core::kernels
