// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace newtape {

/// What runs: the build, the kernels that were chosen for this machine, and what keeps it from its speed.
struct BuildInfo {
  std::string version;
  std::string compiler;
  std::string build;               ///< build type and flags
  std::string processor;           ///< its own name for itself; may be empty
  std::string kernels;             ///< instruction set of Newtape's kernels: baseline, avx2 or avx512
  std::string best_kernels;        ///< the best one that the processor has
  std::string blas;                ///< "OpenBLAS 0.3.21", "MKL", "unknown", ..
  std::string blas_core;           ///< the kernels of OpenBLAS that run; empty for another BLAS
  std::string original_blas_core;  ///< what OpenBLAS chose by itself, or by OPENBLAS_CORETYPE
  std::string mixed_precision;     ///< whose products of bf16 Autocast uses, or why there are none
  int threads = 1;                 ///< num_threads()
  int processors = 1;              ///< what this process may run on
  bool flush_denormal = false;     ///< flush_denormal() of this thread
  std::int64_t l1_cache = 0;       ///< bytes, for data; 0: unknown
  std::int64_t l2_cache = 0;
  std::int64_t l3_cache = 0;
  std::vector<std::string> parts;  ///< the optional ones: libpng, libjpeg (pictures), libzip (.npz)
  std::vector<std::string> notes;  ///< what keeps the machine from its speed, and what to do about it
};

/// Of this process and thread, now: threads and denormals can change.
BuildInfo build_info();

/// One line for each member that says something, notes last.
std::string to_string(const BuildInfo& info);

}  // namespace newtape
