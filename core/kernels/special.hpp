// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

/// Kernels of special functions that go element by element, in double whatever the dtype: no instruction set makes them
/// faster.
namespace newtape::core::kernels::special {

extern const Kernels lgamma, digamma;
extern const Kernels polygamma;  ///< operands: x, and one element n > 0, the number of derivatives of digamma
extern const Kernels sinc;       ///< operands: x, and one element n >= 0, the number of derivatives of sinc

}  // namespace newtape::core::kernels::special
