// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string>
#include <utility>
#include <vector>

namespace newtape {

/// Ordered (name, array) pairs: the state dictionary of modules and optimizers.
using NamedArrays = std::vector<std::pair<std::string, Array>>;

}  // namespace newtape
