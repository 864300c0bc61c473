// SPDX-License-Identifier: BSD-3-Clause
// Directions for trust regions: dogleg and More-Sorensen.
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/direction/factorized.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace newtape::optim::direction {

namespace {

class Dogleg final : public Direction {
 public:
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    Step s;
    s.scaled = b.scaled();
    const double gg = core::dot(gradient, gradient);
    const double along = core::dot(gradient, b.product(gradient)) + region.damping * gg;
    Array newton = region.damping == 0 ? b.solve(gradient) : Array();
    if (!newton.defined()) {
      const Factor factor = factorize(b.matrix(), region.damping);
      newton = optim::solve(factor, gradient);
      if (factor.shift > region.damping) {
        // The model is unbounded below: extend the step to the radius.
        s.note = "indefinite";
        const double length = core::norm2(newton);
        if (std::isfinite(region.radius) && length < region.radius) {
          newton = region.radius / length * std::move(newton);
        }
      }
    }
    newton = -std::move(newton);
    if (core::norm2(newton) <= region.radius) {
      s.d = std::move(newton);
      return truncate_to_radius(std::move(s), b, gradient, {});
    }
    s.on_boundary = true;
    const double size = std::sqrt(gg);
    const double cauchy = along > 0 ? gg / along : std::numeric_limits<double>::infinity();
    if (cauchy * size >= region.radius) {
      s.d = -region.radius / size * gradient;
    } else {
      s.d = -cauchy * gradient;
      const Array leg = newton - s.d;
      const double tau = to_boundary(s.d, leg, region.radius);
      s.d = core::axpy(tau, leg, std::move(s.d));
    }
    s.predicted = predicted_reduction(gradient, s.d, b.product(s.d));
    return s;
  }
};

/// The secular equation |d(shift)| = radius in the basis of eigenvectors, where d_i = -g_i / (w_i + shift).
struct Secular {
  std::int64_t n;
  const double* w;  ///< eigenvalues, ascending
  const double* g;  ///< the gradient, in this basis
  double* d;        ///< the step for the last shift

  double length(double shift) const {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      d[i] = g[i] == 0 ? 0 : -g[i] / (w[i] + shift);
      sum += d[i] * d[i];
    }
    return std::sqrt(sum);
  }

  /// Newton's method on 1 / length - 1 / radius, which is almost linear, safeguarded by bisection. `min_shift` makes
  /// all eigenvalues just positive.
  void solve(double radius, double min_shift) const {
    double shift = min_shift;
    double size = length(shift);
    if (size < radius) return reach(radius, size);
    double gg = 0;
    for (std::int64_t i = 0; i < n; ++i) gg += g[i] * g[i];
    double low = min_shift;
    double high = std::max(low, std::sqrt(gg) / radius - w[0]) * (1 + 1e-10) + min_shift;
    for (int k = 0; k < 100 && std::abs(size - radius) > 1e-10 * radius; ++k) {
      (size > radius ? low : high) = shift;
      double slope = 0;  // minus the derivative of length^2 / 2
      for (std::int64_t i = 0; i < n; ++i) slope += g[i] == 0 ? 0 : d[i] * d[i] / (w[i] + shift);
      double next = shift + (size - radius) / radius * size * size / slope;
      if (!(next > low && next < high)) next = low + (high - low) / 2;
      if (next == shift) break;
      shift = next;
      size = length(shift);
    }
  }

  /// The hard case: the gradient is nearly orthogonal to the lowest eigenvector, along which the step is extended to
  /// the radius.
  void reach(double radius, double size) const {
    const double remainder = radius * radius - size * size;
    const double root = std::sqrt(d[0] * d[0] + remainder);
    d[0] = d[0] < 0 ? -root : root;
  }
};

class MoreSorensen final : public Direction {
 public:
  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    const std::int64_t n = gradient.size();
    Step s;
    s.scaled = b.scaled();
    decompose(b.matrix());
    const Array inside =
        core::contiguous(core::reshape(core::matmul(core::reshape(core::cast(gradient, f64), {1, n}), vectors_), {n}));
    Array d = Array::empty({n}, f64);
    const Secular problem{n, values_.data<double>(), inside.data<double>(), d.data<double>()};
    const double lowest = problem.w[0];
    const double largest = std::max({std::abs(lowest), std::abs(problem.w[n - 1]), 1e-300});
    const double tiny = 1e-14 * largest;
    if (lowest <= tiny) s.note = "indefinite";
    if (lowest + region.damping > tiny && problem.length(region.damping) <= region.radius) {
      // The unconstrained minimum lies inside.
    } else if (std::isfinite(region.radius)) {
      // Without curvature and slope along the lowest eigenvector, extending the step to the radius gains nothing.
      const bool flat = lowest >= -tiny && std::abs(problem.g[0]) <= 1e-13 * core::norm2(gradient);
      const double min_shift = std::max(-lowest, region.damping) + tiny;
      if (!flat || problem.length(min_shift) > region.radius) {
        s.on_boundary = true;
        problem.solve(region.radius, min_shift);
      }
    } else {
      // No radius: shift the eigenvalues to be just positive.
      problem.length(std::max(region.damping, 1e-3 * largest - lowest));
    }
    s.d = core::cast(core::reshape(core::matmul(vectors_, core::reshape(d, {n, 1})), {n}), gradient.dtype());
    s.predicted = predicted_reduction(gradient, s.d, b.product(s.d));
    return s;
  }

 private:
  /// Cached for a matrix: a rejected step is followed by one with a smaller radius.
  void decompose(const Array& matrix) {
    if (matrix_.defined() && matrix_.raw() == matrix.raw()) return;
    matrix_ = matrix;
    const auto [w, v] = core::eigh(core::cast(matrix, f64));
    values_ = core::contiguous(w);
    vectors_ = v;
  }
  Array matrix_, values_, vectors_;
};

}  // namespace

MakeDirection dogleg() {
  return [] { return std::make_unique<Dogleg>(); };
}
MakeDirection more_sorensen() {
  return [] { return std::make_unique<MoreSorensen>(); };
}

}  // namespace newtape::optim::direction
