// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

namespace newtape::core {

/// The Euclidean norm of all elements as norm * unit. The unit is 1, or the power of two next to the largest element
/// where squares would overflow or underflow; `norm * unit` itself may.
struct ScaledNorm {
  double norm = 0;
  double unit = 1;

  double value() const { return norm * unit; }
};
/// The same bits for any number of threads; NaN and infinity propagate. Floats only.
ScaledNorm scaled_norm(const Array& x);

/// |a| / |b|, also where the norms themselves overflow.
double ratio(const ScaledNorm& a, const ScaledNorm& b);

}  // namespace newtape::core
