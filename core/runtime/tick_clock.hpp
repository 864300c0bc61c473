// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// A clock for measurements of many short intervals.
namespace newtape::detail {

/// Whether `ticks` reads the processor's time-stamp counter: where it runs at one rate on all processors, by what the
/// processor and the operating system say. Else it is the steady clock's time.
extern const bool ticks_are_counted;
/// The steady clock's nanoseconds.
std::int64_t steady_nanoseconds() noexcept;

/// A time, in units that TickScale converts.
inline std::int64_t ticks() noexcept {
#if defined(__x86_64__)
  if (ticks_are_counted) return static_cast<std::int64_t>(__builtin_ia32_rdtsc());
#endif
  return steady_nanoseconds();
}

/// Converts ticks to seconds: it compares both clocks when it is made and when it is asked, which is exact to the
/// steady clock's resolution over the time between. If that was less than a millisecond, it waits until it is one.
class TickScale {
 public:
  TickScale() noexcept : ticks_(ticks()), nanoseconds_(steady_nanoseconds()) {}
  double seconds_per_tick() const noexcept;

 private:
  std::int64_t ticks_;
  std::int64_t nanoseconds_;
};

}  // namespace newtape::detail
