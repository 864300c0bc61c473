// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "work.hpp"

#include <span>

namespace bench {

/// What is measured, and how fast it should be. The work itself stands in newtape/ and torch/, under the same name.
struct Spec {
  const char* name;
  double target;  ///< the least ratio LibTorch / Newtape that is aimed at
  Work work;      ///< the least that a step takes: its limit is this at the machine's rates
  const char* what;
  double tolerance = 1e-3;  ///< by which the two sides' numbers may differ, relative to each array's norm
};

std::span<const Spec> specs();

}  // namespace bench
