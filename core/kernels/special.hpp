// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

/// Scalar kernels of special functions, evaluated in double for every dtype and not vectorized.
namespace newtape::core::kernels::special {

extern const Kernels lgamma, digamma;
extern const Kernels polygamma;  ///< operands: x, and one element n > 0, the derivative order of digamma
extern const Kernels sinc;       ///< operands: x, and one element n >= 0, the derivative order of sinc

}  // namespace newtape::core::kernels::special
