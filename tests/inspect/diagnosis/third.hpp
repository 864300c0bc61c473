// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second.hpp"

/// A third set of programs, decided before any of them was diagnosed: twelve problems and architectures of which neither
/// the zoo nor the first two sets have one. Nothing is tuned on it.
namespace zoo {

const std::vector<SecondProgram>& third_programs();
const std::vector<Goal>& third_goals();

}  // namespace zoo
