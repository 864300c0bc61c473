// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::detail {

/// Multiply-adds of matrix products and convolutions issued on this thread; take differences.
inline constinit thread_local std::int64_t multiply_adds = 0;

}  // namespace newtape::detail
