// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

namespace newtape {

/// Elements of a tensor, and their indices along the axis (i64 constants, for `gather`). The gradient of `values` goes
/// to the selected elements.
struct ValuesIndices {
  Tensor values, indices;
};

}  // namespace newtape
