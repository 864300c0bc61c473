// SPDX-License-Identifier: BSD-3-Clause
// Steps that solve for a trust region's radius.
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
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
        // The model has no minimum: as far as the radius allows.
        s.note = "indefinite";
        const double length = core::norm2(newton);
        if (std::isfinite(region.radius) && length < region.radius) {
          newton = core::scaled(region.radius / length, std::move(newton));
        }
      }
    }
    newton = core::neg(std::move(newton));
    if (core::norm2(newton) <= region.radius) {
      s.d = std::move(newton);
      return within(std::move(s), b, gradient, {});
    }
    s.on_boundary = true;
    const double size = std::sqrt(gg);
    const double cauchy = along > 0 ? gg / along : std::numeric_limits<double>::infinity();
    if (cauchy * size >= region.radius) {
      s.d = core::scaled(-region.radius / size, gradient);
    } else {
      s.d = core::scaled(-cauchy, gradient);
      const Array way = core::sub(newton, s.d);
      s.d = core::plus(std::move(s.d), to_boundary(s.d, way, region.radius), way);
    }
    s.predicted = predicted_reduction(gradient, s.d, b.product(s.d));
    return s;
  }
};

/// In the basis of eigenvectors the problem is one equation in one unknown: at which shift of the eigenvalues has the
/// step the radius' length?
struct Secular {
  std::int64_t n;
  const double* w;  ///< eigenvalues, ascending
  const double* g;  ///< the gradient
  double* d;        ///< the step for the shift that was asked for last

  double length(double shift) const {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      d[i] = g[i] == 0 ? 0 : -g[i] / (w[i] + shift);
      sum += d[i] * d[i];
    }
    return std::sqrt(sum);
  }

  /// Newton's method on 1 / length - 1 / radius, which is almost linear, kept between bounds. `least` makes all
  /// eigenvalues positive, but only just.
  void solve(double radius, double least) const {
    double shift = least;
    double size = length(shift);
    if (size < radius) return reach(radius, size);
    double gg = 0;
    for (std::int64_t i = 0; i < n; ++i) gg += g[i] * g[i];
    double low = least;
    double high = std::max(low, std::sqrt(gg) / radius - w[0]) * (1 + 1e-10) + least;
    for (int k = 0; k < 100 && std::abs(size - radius) > 1e-10 * radius; ++k) {
      (size > radius ? low : high) = shift;
      double slope = 0;  // of length^2 / 2, but for the sign
      for (std::int64_t i = 0; i < n; ++i) slope += g[i] == 0 ? 0 : d[i] * d[i] / (w[i] + shift);
      double next = shift + (size - radius) / radius * size * size / slope;
      if (!(next > low && next < high)) next = low + (high - low) / 2;
      if (next == shift) break;
      shift = next;
      size = length(shift);
    }
  }

  /// The hard case: the gradient has next to no part along the lowest curvature, which must carry the step to the
  /// radius.
  void reach(double radius, double size) const {
    const double rest = radius * radius - size * size;
    const double root = std::sqrt(d[0] * d[0] + rest);
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
      // The model's own minimum lies inside.
    } else if (std::isfinite(region.radius)) {
      // What is flat, and level too, gains nothing by going far.
      const bool level = lowest >= -tiny && std::abs(problem.g[0]) <= 1e-13 * core::norm2(gradient);
      const double least = std::max(-lowest, region.damping) + tiny;
      if (!level || problem.length(least) > region.radius) {
        s.on_boundary = true;
        problem.solve(region.radius, least);
      }
    } else {
      // Nothing to stop at: the curvature is taken as just positive.
      problem.length(std::max(region.damping, 1e-3 * largest - lowest));
    }
    s.d = core::cast(core::reshape(core::matmul(vectors_, core::reshape(d, {n, 1})), {n}), gradient.dtype());
    s.predicted = predicted_reduction(gradient, s.d, b.product(s.d));
    return s;
  }

 private:
  /// Once for each matrix: a rejected step asks again, with a smaller radius.
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
