// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>

namespace newtape::detail {

/// What this thread allocated for arrays since `clear`.
struct AllocationProbe {
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  std::chrono::steady_clock::time_point first{};  ///< the time of the first allocation, if `timed`
  bool timed = true;

  void note(std::size_t size) noexcept {
    if (count++ == 0 && timed) first = std::chrono::steady_clock::now();
    bytes += static_cast<std::int64_t>(size);
  }
  void clear() noexcept { bytes = count = 0; }
};

/// Null unless a profiler runs on this thread.
inline constinit thread_local AllocationProbe* allocation_probe = nullptr;

}  // namespace newtape::detail
