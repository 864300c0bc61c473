// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/least_squares/robust.hpp>

#include <cmath>

namespace newtape::optim {

const char* to_string(RobustLoss loss) noexcept {
  switch (loss) {
    case RobustLoss::linear: return "linear";
    case RobustLoss::soft_l1: return "soft_l1";
    case RobustLoss::huber: return "huber";
    case RobustLoss::cauchy: return "cauchy";
    case RobustLoss::arctan: return "arctan";
    case RobustLoss::tukey: return "tukey";
  }
  return "?";
}

namespace {

/// For scale 1.
Rho unit_rho(RobustLoss loss, double s) noexcept {
  switch (loss) {
    case RobustLoss::soft_l1: {
      const double root = std::sqrt(1 + s);
      return {2 * s / (1 + root), 1 / root, -0.5 / (root * (1 + s))};
    }
    case RobustLoss::huber: {
      if (s <= 1) break;
      const double root = std::sqrt(s);
      return {2 * root - 1, 1 / root, -0.5 / (root * s)};
    }
    case RobustLoss::cauchy: return {std::log1p(s), 1 / (1 + s), -1 / ((1 + s) * (1 + s))};
    case RobustLoss::arctan: {
      const double slope = 1 / (1 + s * s);
      return {std::atan(s), slope, -2 * s * slope * slope};
    }
    case RobustLoss::tukey: {
      if (s > 1) return {1.0 / 3, 0, 0};
      const double left = 1 - s;
      return {s * (1 - s + s * s / 3), left * left, -2 * left};
    }
    case RobustLoss::linear: break;
  }
  return {s, 1, 0};
}

}  // namespace

Rho rho(RobustLoss loss, double scale, double square) noexcept {
  const double c2 = scale * scale;
  const Rho unit = unit_rho(loss, square / c2);
  return {c2 * unit.value, unit.first, unit.second / c2};
}

}  // namespace newtape::optim
