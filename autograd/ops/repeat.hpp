// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Repetition and rotation of elements.
namespace newtape {

/// x repeated `repeats[i]` times along axis i, with `repeats` aligned at the last axis (NumPy's tile).
Tensor tile(In x, const Dims& repeats);
/// Each element repeated `repeats` times in a row along `axis` (default: of the flattened array).
Tensor repeat_interleave(In x, std::int64_t repeats, std::optional<std::int64_t> axis = {});
/// repeat_interleave with a count (i64) for each element along the axis.
Tensor repeat_interleave(In x, const Tensor& repeats, std::optional<std::int64_t> axis = {});
/// Cyclic shift by `shift` positions along `axis`.
Tensor roll(In x, std::int64_t shift, std::int64_t axis);
Tensor roll(In x, std::int64_t shift);  ///< of the flattened array, shaped as x
Tensor roll(In x, const Dims& shifts, const Dims& axes);
/// Rotation by `times` * 90 degrees from axis0 towards axis1.
Tensor rot90(In x, std::int64_t times = 1, std::int64_t axis0 = 0, std::int64_t axis1 = 1);

}  // namespace newtape
