// SPDX-License-Identifier: BSD-3-Clause
// The BLAS that is linked, and the choice of OpenBLAS's core for the processor.
#pragma once

#include <newtape/core/linalg/cores.hpp>

#include <string>

namespace newtape::core::blas {

/// "OpenBLAS 0.3.21", "MKL", .. or "unknown", as for the reference BLAS.
std::string library_name();

/// The core that OpenBLAS uses now; empty for another BLAS.
const char* core_name() noexcept;

/// Whether OpenBLAS can change its core at run time (DYNAMIC_ARCH on x86-64).
bool has_cores() noexcept;

/// The core that runs, selected once, when the program is loaded; its names are empty for another BLAS.
const CoreChoice& core_choice();

}  // namespace newtape::core::blas
