// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::optim {

/// What a residual r costs: half of rho(r^2), with rho growing more slowly than r^2 beyond `scale`, so that outliers
/// pull less. With s = (r / scale)^2, scale^2 times
enum class RobustLoss {
  linear,   ///< s: plain least squares
  soft_l1,  ///< 2 (sqrt(1 + s) - 1)
  huber,    ///< s up to 1, then 2 sqrt(s) - 1
  cauchy,   ///< log(1 + s)
  tukey,    ///< (1 - (1 - s)^3) / 3 up to 1, then 1/3: outliers count as if they were not there
};
const char* to_string(RobustLoss loss) noexcept;

/// rho at the square of a residual, and its derivatives there.
struct Rho {
  double value = 0, first = 0, second = 0;
};
Rho rho(RobustLoss loss, double scale, double square) noexcept;

}  // namespace newtape::optim
