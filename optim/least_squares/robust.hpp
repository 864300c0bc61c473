// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>

namespace newtape::optim {

/// The loss of a residual r: rho(r^2) / 2, where rho grows more slowly than r^2 beyond `scale`, which reduces the
/// influence of outliers. With s = (r / scale)^2, scale^2 times
enum class RobustLoss {
  linear,   ///< s: plain least squares
  soft_l1,  ///< 2 (sqrt(1 + s) - 1)
  huber,    ///< s up to 1, then 2 sqrt(s) - 1
  cauchy,   ///< log(1 + s)
  tukey,    ///< (1 - (1 - s)^3) / 3 up to 1, then 1/3: outliers have no influence
  arctan,   ///< atan(s): bounded, like tukey
};
/// The name of the loss.
const char* to_string(RobustLoss loss) noexcept;

/// rho at the square of a residual, and its derivatives there.
struct Rho {
  double value = 0, first = 0, second = 0;
};
Rho rho(RobustLoss loss, double scale, double square) noexcept;

}  // namespace newtape::optim
