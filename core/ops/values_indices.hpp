// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

namespace newtape::core {

/// Elements of an array, and where they stand along the axis (i64).
struct ValuesIndices {
  Array values, indices;
};

}  // namespace newtape::core
