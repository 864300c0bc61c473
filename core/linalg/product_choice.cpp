// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/linalg/product_choice.hpp>

#include <algorithm>

namespace newtape::core {
namespace {

/// OpenBLAS has kernels for AVX-512 in these cores.
bool has_avx512(std::string_view core) {
  return core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids" || core == "Sapphirerapids";
}

/// Another BLAS, or OpenBLAS with kernels for SSE at best.
bool is_slow(std::string_view core) {
  return core.empty() || core == "Prescott" || core == "Core2" || core == "Nehalem" || core == "Generic" ||
         core == "generic";
}

bool made_by_intel() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") != 0;
#else
  return false;
#endif
}

}  // namespace

ProductKernels ProductKernels::in_use() {
  blas::core_choice();
  return {blas::core_name(), kernels::isa(), made_by_intel()};
}

// Measured against OpenBLAS 0.3.21:
// - AVX2, Zen 3: Newtape's kernels are up to three times as fast for small products and for few rows, equal in the
//   middle; OpenBLAS is up to 10 % faster if all lengths are 768 or more.
// - AVX-512, Zen 5: faster than the SkylakeX kernels from 128 on, in f64 by a third, less towards 1024.
// - AVX-512, Sapphire Rapids: OpenBLAS has kernels for up to 10^6 multiply-adds, which are faster by 5 to 10 % unless the
//   overhead of a call dominates or b is transposed (then slower by 30 to 50 %). Beyond that, Newtape's are faster: where
//   one length is 16 to 64 by 10 to 100 %, then by 5 to 15 % in f32, and by up to a third in f64.
// Products with a vector use gemv.
bool ProductKernels::own_are_faster(std::int64_t n, std::int64_t m, std::int64_t k, DType dtype,
                                    bool b_transposed) const {
  if (n == 1 || m == 1) return false;
  if (is_slow(blas_core)) return true;
  const auto shortest = std::min({n, m, k});
  if (isa == kernels::Isa::avx2) return shortest < 640;
  if (isa != kernels::Isa::avx512) return false;
  if (!has_avx512(blas_core)) return true;
  if (!intel) return shortest < 1280;
  const auto volume = n * m * k;
  if (volume <= 32 * 32 * 32) return true;
  if (volume <= 1'000'000) return b_transposed;
  return dtype == f32 ? shortest < 896 : volume < 320 * 320 * 320;
}

bool by_own_kernels(std::int64_t n, std::int64_t m, std::int64_t k, DType dtype, bool b_transposed) {
  static const ProductKernels in_use = ProductKernels::in_use();
  return in_use.own_are_faster(n, m, k, dtype, b_transposed);
}

}  // namespace newtape::core
