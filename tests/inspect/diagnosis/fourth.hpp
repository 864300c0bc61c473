// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second.hpp"

/// A fourth set of programs, decided before any of them was run or diagnosed: thirteen problems and architectures, and
/// faults as people report them in forums and trackers, of which some have no rule. Nothing is tuned on it.
namespace zoo {

const std::vector<SecondProgram>& fourth_programs();
const std::vector<Goal>& fourth_goals();

}  // namespace zoo
