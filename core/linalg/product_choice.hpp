// SPDX-License-Identifier: BSD-3-Clause
// Which products run on Newtape's own kernels, and which on BLAS.
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/kernels/dispatch.hpp>

#include <cstdint>
#include <string_view>

namespace newtape::core {

/// What the choice depends on.
struct ProductKernels {
  std::string_view blas_core;  ///< OpenBLAS's name of the core that runs; empty for another BLAS
  kernels::Isa isa;            ///< of Newtape's kernels
  bool intel;                  ///< the processor's vendor

  /// Of this process. Prepares BLAS first: until then OpenBLAS may run another core.
  static ProductKernels in_use();

  /// Whether Newtape's kernels multiply [n, k] by [k, m] rather than BLAS; `b_transposed`: the columns of the second
  /// operand are contiguous.
  bool own_are_faster(std::int64_t n, std::int64_t m, std::int64_t k, DType dtype, bool b_transposed = false) const;
};

/// own_are_faster of the kernels in use, which are looked up once.
bool by_own_kernels(std::int64_t n, std::int64_t m, std::int64_t k, DType dtype, bool b_transposed = false);

}  // namespace newtape::core
