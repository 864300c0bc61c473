// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

namespace newtape {

/// Elements of a tensor, and where they stand along the axis: constants (i64), as `gather` takes them. The gradient of
/// an element goes to the place it came from.
struct ValuesIndices {
  Tensor values, indices;
};

}  // namespace newtape
