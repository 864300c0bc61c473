// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::optim {

double rounding(double value, DType dtype) { return (dtype == f32 ? 16 : 1e3) * epsilon(dtype) * std::abs(value); }

namespace {

/// Difference quotients for decreasing steps, compared with the slope they should converge to. Only values that two
/// successive steps agree on count: the others are far from the limit, or rounding.
struct Quotients {
  double slope;
  double last = std::numeric_limits<double>::quiet_NaN();
  bool settled = false;     ///< at the last step
  bool agree = false;       ///< with the slope, at some step
  bool contradict = false;  ///< settled at another value

  void add(double quotient) {
    const double allowed = 0.05 * std::max(std::abs(slope), std::abs(quotient));
    settled = std::abs(quotient - last) <= allowed;
    if (settled) (std::abs(quotient - slope) <= 2 * allowed ? agree : contradict) = true;
    last = quotient;
  }
};

/// Rounding error of values around at.x: the largest second difference along d at steps of a few hundred units in the
/// last place of x (More and Wild 2011, "Estimating computational noise"); at least `rounding`.
double measured_noise(Objective& f, const Iterate& at, const Array& d, double scale) {
  double noise = rounding(at.value, at.x.dtype());
  for (const double units : {128, 256, 512, 1024}) {
    const double h = units * epsilon(at.x.dtype()) * scale;
    const double second_difference = std::abs(f.value(at.x + h * d) + f.value(at.x - h * d) - 2 * at.value);
    if (std::isfinite(second_difference)) noise = std::max(noise, second_difference);
  }
  return noise;
}

}  // namespace

Status diagnose(Objective& f, const Iterate& at, const Array& d, double longest) {
  const double slope = core::dot(at.gradient, d);
  const double length = core::norm_inf(d);
  if (!std::isfinite(slope) || !std::isfinite(length)) return Status::not_finite;
  if (length == 0) return Status::precision;
  const double scale = std::max(core::norm_inf(at.x), 1.) / length;
  Quotients central{slope}, ahead{slope}, behind{slope};
  bool seen = false;
  double curvature = 0;
  double noise = measured_noise(f, at, d, scale);
  for (const double part : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7}) {
    const double h = part * scale;
    const double after = f.value(at.x + h * d);
    const double before = f.value(at.x - h * d);
    central.add((after - before) / (2 * h));
    ahead.add((after - at.value) / h);
    behind.add((at.value - before) / h);
    if (!std::isfinite(after) || !std::isfinite(before)) continue;
    seen = true;
    const double second_difference = after + before - 2 * at.value;
    if (central.settled) curvature = std::max(curvature, second_difference / (h * h));
    if (part == 1e-7) noise = std::max(noise, std::abs(second_difference));
  }
  if (!central.agree) {
    // At a kink, the slope on one side is the gradient's; where nothing settles, there is only rounding.
    if (ahead.agree || behind.agree) return Status::no_progress;
    if (central.contradict) return Status::wrong_gradient;
    return seen ? Status::precision : Status::not_finite;
  }
  // The possible reduction along d, by a parabola, against the value's rounding error.
  const double parabola = curvature > 0 ? slope * slope / (2 * curvature) : std::abs(slope) * scale;
  const double reduction = std::min(parabola, longest * std::abs(slope));
  return reduction <= noise ? Status::precision : Status::no_progress;
}

}  // namespace newtape::optim
