// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnose.hpp>

#include <cstdint>
#include <vector>

/// Programs that were written after the rules and their thresholds: other data sets, architectures and kinds of faults
/// than those of the zoo. A program is one row.
namespace zoo {

struct FreshProgram {
  const char* model;  ///< "gru", "residual", ..
  const char* fault;  ///< null: healthy
  std::vector<const char*> causes;
  newtape::inspect::Diagnosis (*diagnose)(std::uint64_t seed);
  bool harmless = false;  ///< as Kind::harmless
};
const std::vector<FreshProgram>& fresh_programs();

}  // namespace zoo
