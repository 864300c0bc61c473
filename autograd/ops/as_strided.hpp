// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

namespace newtape {

/// The elements of x, in C order, at offset + sum_k index[k] strides[k]: a view (of a copy where x is not contiguous), whose
/// elements may repeat; windows of a signal x [n], for instance, are as_strided(x, {n - w + 1, w}, {1, 1}). PyTorch's counts
/// in the memory of x, this one in its elements, which is the same for contiguous ones. The derivative adds up what
/// repeats. ShapeError unless there is a stride for each length, ValueError for a negative length, stride or offset and
/// for elements beyond those of x.
Tensor as_strided(In x, const Shape& shape, const Shape& strides, std::int64_t offset = 0);

}  // namespace newtape
