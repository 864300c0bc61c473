// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/denormals.hpp>

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace newtape {
namespace {

#if defined(__SSE2__)
using Control = std::uint32_t;
constexpr Control flush = 0x8040;  // results (FTZ) and operands (DAZ), in MXCSR
Control control() noexcept { return _mm_getcsr(); }
void set_control(Control c) noexcept { _mm_setcsr(c); }
#elif defined(__aarch64__)
using Control = std::uint64_t;
constexpr Control flush = std::uint64_t{1} << 24;  // FZ in FPCR
Control control() noexcept {
  Control c;
  asm volatile("mrs %0, fpcr" : "=r"(c));
  return c;
}
void set_control(Control c) noexcept { asm volatile("msr fpcr, %0" : : "r"(c)); }
#else
using Control = std::uint32_t;
constexpr Control flush = 0;
Control control() noexcept { return 0; }
void set_control(Control) noexcept {}
#endif

}  // namespace

bool set_flush_denormal(bool on) noexcept {
  if (flush == 0) return false;
  const Control before = control();
  const Control after = on ? before | flush : before & ~flush;
  if (after != before) set_control(after);
  return true;
}

bool flush_denormal() noexcept { return flush != 0 && (control() & flush) == flush; }

}  // namespace newtape
