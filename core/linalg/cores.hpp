// SPDX-License-Identifier: BSD-3-Clause
// Selects one of OpenBLAS's cores (its name for a set of kernels) by the processor's instructions. OpenBLAS itself
// selects by the model number, and takes its oldest core (Prescott: SSE3) for every model younger than the library.
#pragma once

#include <string>
#include <vector>

namespace newtape::core::blas {

/// Instruction sets by which cores differ, each with all those before it.
enum class Level { sse3, sse4, avx, avx2, avx512 };

/// What the processor has and the operating system supports.
struct Processor {
  Level level = Level::sse3;
  bool sse4a = false;  ///< AMD's cores before AVX
  bool fma4 = false;   ///< AMD's cores before AVX2
  bool bf16 = false;   ///< avx512_bf16 and avx512_vnni
};

/// The processor this runs on.
Processor this_processor() noexcept;

/// The names of the cores for the instructions of `processor`, the best one first.
std::vector<std::string> suitable_cores(const Processor& processor);

/// The functions of the library that choose_core calls; tests pass replacements.
struct CoreSwitch {
  std::string (*current)();       ///< the core that runs
  void (*use)(const char* core);  ///< changes it; nullptr: to OpenBLAS's own choice
  bool (*passes_self_test)();     ///< the products of the current core are right
  bool (*is_safe)();              ///< no other thread can be inside BLAS
};

/// The core that runs, and the record of its choice.
struct CoreChoice {
  std::string original;  ///< OpenBLAS's own choice, or OPENBLAS_CORETYPE
  std::string current;
  std::vector<std::string> failed{};  ///< cores that failed the self-test
  std::vector<std::string> notes{};   ///< for the user
  int switches = 0;                   ///< changes of the core, failed ones included
};

/// Changes the core if another one is better for the processor. `requested` is NEWTAPE_BLAS_CORE: "auto", "keep" or a
/// core's name; without it, OPENBLAS_CORETYPE (`coretype`) is respected. Both may be null. A core is used only if it
/// passes the self-test; if none does, OpenBLAS's own choice is restored.
CoreChoice choose_core(const CoreSwitch& library, const Processor& processor, const char* requested,
                       const char* coretype);

}  // namespace newtape::core::blas
