// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string>
#include <utility>
#include <vector>

namespace newtape {

/// What modules and optimizers save and load, in order.
using NamedArrays = std::vector<std::pair<std::string, Array>>;

}  // namespace newtape
