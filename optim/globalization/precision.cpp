// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/core/vector.hpp>
#include <newtape/optim/globalization/precision.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

Status diagnose(Objective& f, const Iterate& at, const Array& d) {
  const double slope = core::dot(at.gradient, d);
  const double length = core::norm_inf(d);
  if (!std::isfinite(slope) || !std::isfinite(length)) return Status::not_finite;
  if (length == 0 || slope == 0) return Status::precision;
  const double eps = epsilon(at.x.dtype());
  const double scale = std::max(core::norm_inf(at.x), 1.) / length;
  // Rounding of the points, which the gradient turns into a change of the value.
  const double blur = 4 * eps * core::norm2(at.x) * core::norm2(at.gradient);
  bool finite = false;
  bool told = false;
  bool agrees = false;
  double curvature = 0;
  for (double h = 0.1 * scale; h > 1e-12 * scale; h *= 0.1) {
    const double ahead = f.value(core::plus(core::copy(at.x), h, d));
    const double behind = f.value(core::plus(core::copy(at.x), -h, d));
    if (!std::isfinite(ahead) || !std::isfinite(behind)) continue;
    finite = true;
    const double noise = 8 * eps * std::max({std::abs(ahead), std::abs(behind), std::abs(at.value)}) + blur;
    if (noise / h > 0.1 * std::abs(slope)) continue;
    told = true;
    if (std::abs((ahead - behind) / (2 * h) - slope) > 0.05 * std::abs(slope) + noise / h) continue;
    agrees = true;
    curvature = std::max(curvature, (ahead + behind - 2 * at.value) / (h * h));
  }
  if (!finite) return Status::not_finite;
  if (!told) return Status::precision;
  if (!agrees) return Status::wrong_gradient;
  // What is to be gained along d, by a parabola, against what the value's rounding hides.
  const double gain = curvature > 0 ? slope * slope / (2 * curvature) : std::abs(slope) * scale;
  return gain <= 1e3 * eps * std::abs(at.value) || gain == 0 ? Status::precision : Status::no_progress;
}

}  // namespace newtape::optim
