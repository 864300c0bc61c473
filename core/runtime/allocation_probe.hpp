// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/tick_clock.hpp>

#include <cstddef>
#include <cstdint>

namespace newtape::detail {

/// What this thread allocated for arrays since `clear`.
struct AllocationProbe {
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  std::int64_t first = 0;  ///< the ticks at the first allocation, if `timed`
  bool timed = true;
  bool tracks_peak = false;
  std::size_t peak_bytes = 0;  ///< the most that all threads had allocated at an allocation of this one, if tracked

  void note(std::size_t size) noexcept {
    if (count++ == 0 && timed) first = ticks();
    bytes += static_cast<std::int64_t>(size);
  }
  void clear() noexcept { bytes = count = 0; }
};

/// Null unless a profiler runs on this thread.
inline constinit thread_local AllocationProbe* allocation_probe = nullptr;

}  // namespace newtape::detail
