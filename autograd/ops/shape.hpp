// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Shapes: views where the memory allows.
namespace newtape {

Tensor reshape(In x, const Shape& shape);  ///< one length may be -1
Tensor permute(In x, const Dims& order);
Tensor transpose(In x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
Tensor squeeze(In x, const Axes& axes = {});
Tensor unsqueeze(In x, std::int64_t axis);
Tensor expand(In x, const Shape& shape);  ///< broadcast to `shape`; new axes lead
Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
Tensor select(In x, std::int64_t axis, std::int64_t index);  ///< x[index] along an axis, which is dropped

}  // namespace newtape
