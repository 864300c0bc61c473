// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Trains the third or the second programs, without a diagnosis, and prints whether those with a fault miss what healthy ones reach.
bool print_harm(bool third, std::uint64_t seeds);
