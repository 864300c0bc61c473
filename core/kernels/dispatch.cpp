// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/dispatch.hpp>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace newtape::core::kernels {

Isa best_isa() noexcept {
#if defined(NEWTAPE_HAVE_X86_ISAS)
  // What the build passes to the compiler for each set, see cmake/targets.cmake; but not f16c, which Clang 14 cannot
  // ask for and which every processor with AVX2 has.
  __builtin_cpu_init();
  const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512cd");
  if (has_avx2 && has_avx512) return Isa::avx512;
  if (has_avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

namespace {

Isa choose() noexcept {
#if defined(NEWTAPE_ONLY_ISA)
  return Isa::NEWTAPE_ONLY_ISA;
#endif
  const char* asked = std::getenv("NEWTAPE_ISA");
  if (asked == nullptr) return best_isa();
  const std::string_view text(asked);
  const Isa limit = text == "baseline" ? Isa::baseline : text == "avx2" ? Isa::avx2 : Isa::avx512;
  return std::min(limit, best_isa());
}

}  // namespace

Isa isa() noexcept {
  static const Isa chosen = choose();
  return chosen;
}

}  // namespace newtape::core::kernels
