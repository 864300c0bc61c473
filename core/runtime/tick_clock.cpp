// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/tick_clock.hpp>

#include <chrono>
#include <cstdio>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace newtape::detail {
namespace {

/// Linux reads the counter itself for its clocks where it has found it to be steady and equal on all processors.
bool counter_is_steady() noexcept {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  // Bit 8: the counter is invariant (Intel 64 manual, vol. 3B, 18.17.1; AMD64 manual, vol. 3, appendix E.4.6).
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & 1U << 8) == 0) return false;
  std::FILE* const file = std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
  if (file == nullptr) return false;
  char name[32] = {};
  const bool read = std::fgets(name, sizeof name, file) != nullptr;
  std::fclose(file);
  return read && std::strncmp(name, "tsc", 3) == 0;
#else
  return false;
#endif
}

}  // namespace

const bool ticks_are_counted = counter_is_steady();

std::int64_t steady_nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double TickScale::seconds_per_tick() const noexcept {
  if (!ticks_are_counted) return 1e-9;
  std::int64_t now = steady_nanoseconds();
  while (now - nanoseconds_ < 1'000'000) now = steady_nanoseconds();
  return 1e-9 * static_cast<double>(now - nanoseconds_) / static_cast<double>(ticks() - ticks_);
}

}  // namespace newtape::detail
