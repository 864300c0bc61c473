// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

namespace newtape::core {

/// Values selected along an axis, and their indices along it (i64).
struct ValuesIndices {
  Array values, indices;
};

}  // namespace newtape::core
