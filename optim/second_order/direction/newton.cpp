// SPDX-License-Identifier: BSD-3-Clause
// Directions by factorisation of the matrix, and steepest descent.
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/direction/factorized.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

double predicted_reduction(const Array& gradient, const Array& d, const Array& bd) {
  return -core::dot(gradient, d) - core::dot(d, bd) / 2;
}

Step truncate_to_radius(Step step, Curvature& b, const Array& gradient, const Region& region) {
  const double length = core::norm2(step.d);
  if (length > region.radius) {
    step.d = region.radius / length * std::move(step.d);
    step.on_boundary = true;
  }
  step.predicted = predicted_reduction(gradient, step.d, b.product(step.d));
  return step;
}

double to_boundary(const Array& p, const Array& d, double radius) {
  const double dd = core::dot(d, d);
  const double pd = core::dot(p, d);
  const double remainder = radius * radius - core::dot(p, p);
  const double root = std::sqrt(std::max(pd * pd + dd * remainder, 0.));
  // The root without cancellation.
  return pd > 0 ? remainder / (pd + root) : (root - pd) / dd;
}

namespace {

/// Whether the pivots exceed the rounding errors of a singular matrix.
bool regular(const Array& l, const Array& b) {
  const std::int64_t n = b.shape(0);
  const Array pivots = core::square(core::diagonal(l));
  const double tolerance = 10 * static_cast<double>(n) * epsilon(b.dtype());
  const Array limits = core::abs(core::diagonal(b)) * tolerance;
  return core::all(core::greater(pivots, limits)).item() != 0;
}

}  // namespace

Factor factorize(const Array& b, double damping) {
  const std::int64_t n = b.shape(0);
  const Array identity = core::eye(n, b.dtype());
  const double size = core::norm2(b);
  if (!std::isfinite(size)) raise<NumericalError>("the curvature is not finite");
  double shift = damping;
  try {
    const Array shifted = shift == 0 ? b : b + shift * identity;
    Array l = core::cholesky(shifted);
    if (regular(l, shifted)) return {std::move(l), shift};
  } catch (const NumericalError&) {
  }
  // The shift reflects the lowest eigenvalue about 0.
  const double lowest = core::min(core::eigh(b, false).w).item();
  shift = std::max(damping, std::abs(lowest) + std::max(std::abs(lowest), 1e-8 * (size > 0 ? size : 1)));
  while (true) {
    try {
      return {core::cholesky(b + shift * identity), shift};
    } catch (const NumericalError&) {
      shift *= 10;
      if (!std::isfinite(shift)) throw;
    }
  }
}

Array solve(const Factor& factor, const Array& v) {
  return core::reshape(core::cholesky_solve(factor.l, core::reshape(v, {v.size(), 1})), {v.size()});
}

namespace direction {

namespace {

class Steepest final : public Direction {
 public:
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    Step s{.d = -gradient, .scaled = false};
    return truncate_to_radius(std::move(s), b, gradient, region);
  }
};

class Newton final : public Direction {
 public:
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    Step s;
    s.scaled = b.scaled();
    if (region.damping == 0) s.d = b.solve(gradient);
    if (!s.d.defined()) {
      const Factor factor = factorize(b.matrix(), region.damping);
      if (factor.shift > region.damping) s.note = fmt::format("indefinite: {:.1e} added", factor.shift);
      s.d = optim::solve(factor, gradient);
    }
    s.d = -std::move(s.d);
    return truncate_to_radius(std::move(s), b, gradient, region);
  }
};

class SaddleFree final : public Direction {
 public:
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    const auto [w, v] = core::eigh(b.matrix());
    const std::int64_t n = gradient.size();
    const Array size = core::abs(w);
    // Avoids division by eigenvalues of 0.
    const double floor = std::max(core::norm_inf(w) * 1e-14, 1e-300);
    const Array divisor = core::maximum(size, core::full({}, floor, w.dtype())) + region.damping;
    const Array inside = core::matmul(core::reshape(gradient, {1, n}), v);
    const Array d = core::matmul(v, core::reshape(inside / divisor, {n, 1}));
    Step s{.d = -core::reshape(d, {n}), .scaled = b.scaled()};
    if (n > 0 && core::min(w).item() < 0) s.note = "negative curvature";
    return truncate_to_radius(std::move(s), b, gradient, region);
  }
};

}  // namespace

MakeDirection steepest() {
  return [] { return std::make_unique<Steepest>(); };
}
MakeDirection newton() {
  return [] { return std::make_unique<Newton>(); };
}
MakeDirection saddle_free() {
  return [] { return std::make_unique<SaddleFree>(); };
}

}  // namespace direction
}  // namespace newtape::optim
