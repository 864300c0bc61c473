// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of scans over `columns` adjacent columns.
namespace newtape::core::kernels {

inline constexpr std::int64_t scan_columns = 256;  ///< maximum columns per call

/// State carried between calls when a scan is split: two numbers per column, interpreted by the kernel.
struct ScanState {
  alignas(64) std::int64_t a[scan_columns];
  alignas(64) std::int64_t b[scan_columns];
};

/// Scans x (and b) into y at i * stride + j, for i = 0, ..., n - 1 and j in [0, columns). A negative stride scans
/// backwards from the last element. `y` may alias x or b.
struct Scan {
  const void* x;
  const void* b;  ///< second operand, if any
  void* y;
  std::int64_t* index;  ///< output of cummax and cummin
  std::int64_t n, stride, columns;
  std::int64_t at, step;  ///< index of the first element, and increment
  bool first;             ///< false: continue from `state`
  ScanState* state;
};

using ScanKernel = void (*)(const Scan&);
/// f32, f64, i64; null if unsupported.
struct ScanKernels {
  ScanKernel of[3];
};
struct ScanTable {
  ScanKernels cumsum, cumprod, logcumsumexp, cummax, cummin;
  ScanKernels linear_recurrence;  ///< y[i] = x[i] y[i-1] + b[i]
  static const ScanTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
