// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "child.hpp"
#include "machine.hpp"
#include "options.hpp"

#include <nlohmann/json.hpp>

namespace bench {

/// GFLOP/s of n x n products, n = 16 to options.largest, in f32 and f64: Newtape's matmul without recording beside
/// each BLAS at hand, in turns. Prints a table and writes the same to `json`; false when a product was wrong.
bool sweep_matmul(Child& newtape, const Machine& machine, const Options& options, nlohmann::json& json);

}  // namespace bench
