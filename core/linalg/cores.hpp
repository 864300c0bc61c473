// SPDX-License-Identifier: BSD-3-Clause
// Which of OpenBLAS's cores (its name for a set of kernels) a processor deserves. OpenBLAS itself goes by the model
// number, and takes its oldest core (Prescott: SSE3) for every model younger than the library.
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

/// The names of the cores for `processor`, the best one first.
std::vector<std::string> deserved_cores(const Processor& processor);

/// What choose_core needs of the library; tests put in their own.
struct CoreSwitch {
  std::string (*current)();       ///< the core that runs
  void (*use)(const char* core);  ///< changes it; nullptr: to what OpenBLAS chooses by itself
  bool (*passes_self_test)();     ///< the products of the current core are right
  bool (*is_safe)();              ///< no other thread can be inside BLAS
};

/// The core that runs, and how it came to be chosen.
struct CoreChoice {
  std::string original;  ///< what OpenBLAS chose by itself, or by OPENBLAS_CORETYPE
  std::string current;
  std::vector<std::string> failed{};  ///< cores that were tried, and failed the self-test
  std::vector<std::string> notes{};   ///< what the user should know
  int switches = 0;                   ///< how often the core was changed, tries included
};

/// Changes the core if the processor deserves another one. `asked` is NEWTAPE_BLAS_CORE: "auto", "keep", a core's name;
/// `coretype` is OPENBLAS_CORETYPE, kept when nothing is asked. Both may be null. A core is kept only if it passes the
/// self-test; when none does, OpenBLAS's own choice comes back.
CoreChoice choose_core(const CoreSwitch& library, const Processor& processor, const char* asked, const char* coretype);

}  // namespace newtape::core::blas
