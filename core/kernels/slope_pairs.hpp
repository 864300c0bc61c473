// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Smooth functions together with their slopes, from one exponential.
namespace newtape::core::kernels {

/// y[i] = f(x[i]) and slope[i] = f'(x[i]) with the bits of the kernels `function` and `pullback`(1, x). One of the results may
/// lie where x does.
using SlopePair = void (*)(const void* x, void* y, void* slope, std::int64_t n);

struct NamedSlopePair {
  const char *function, *pullback;
  SlopePair f32, f64;
};

struct SlopePairs {
  NamedSlopePair list[2];
  static const SlopePairs baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
