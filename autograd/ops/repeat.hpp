// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Elements repeated and moved around.
namespace newtape {

/// x side by side with itself, `repeats[i]` times along axis i (counted from the last): NumPy's tile, PyTorch's too.
Tensor tile(In x, const Dims& repeats);
/// Every element along `axis` (of the flattened array when left out) `repeats` times in a row.
Tensor repeat_interleave(In x, std::int64_t repeats, std::optional<std::int64_t> axis = {});
/// The same with a count (i64) for each element along the axis.
Tensor repeat_interleave(In x, const Tensor& repeats, std::optional<std::int64_t> axis = {});
/// The elements moved `shift` places on along `axis`; those that leave at one end come in at the other.
Tensor roll(In x, std::int64_t shift, std::int64_t axis);
Tensor roll(In x, std::int64_t shift);  ///< of the flattened array, shaped as x
Tensor roll(In x, const Dims& shifts, const Dims& axes);
/// Turned `times` times by a quarter from axis0 towards axis1.
Tensor rot90(In x, std::int64_t times = 1, std::int64_t axis0 = 0, std::int64_t axis1 = 1);

}  // namespace newtape
