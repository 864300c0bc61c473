// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::detail {

/// Multiply-adds of the matrix products and convolutions that this thread has asked for; whoever wants to know what
/// some work took looks before and after.
inline constinit thread_local std::int64_t multiply_adds = 0;

}  // namespace newtape::detail
