// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

namespace newtape::optim {

/// L with L L^T = B + shift I.
struct Factor {
  Array l;
  double shift = 0;
};
/// Chooses a shift of at least `damping` that makes B + shift I positive definite. NumericalError when B is not finite.
Factor factorize(const Array& b, double damping = 0);
Array solve(const Factor& factor, const Array& v);

}  // namespace newtape::optim
