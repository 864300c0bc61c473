// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second.hpp"

#include <cstdint>
#include <vector>

/// Trains programs without a diagnosis, and prints whether those with a fault miss what healthy ones reach.
bool print_harm(const std::vector<zoo::SecondProgram>& programs, const std::vector<zoo::Goal>& goals,
                std::uint64_t seeds);
