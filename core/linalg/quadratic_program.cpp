// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/quadratic_program.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace newtape::core {

namespace {

constexpr const char* op = "quadratic_program";

// Stacks have one leading axis here: vectors [s, n], matrices [s, m, n], numbers [s, 1].
Array column(const Array& v) { return unsqueeze(v, -1); }
Array transposed(const Array& m) { return transpose(m, 1, 2); }
Array times(const Array& m, const Array& v) { return squeeze(matmul(m, column(v)), -1); }
Array join(const Array& a, const Array& b, std::int64_t axis) { return concatenate(std::vector<Array>{a, b}, axis); }
Array number(double x) { return core::number(x, f64); }
Array largest(const Array& v) { return v.shape(1) == 0 ? zeros({v.shape(0), 1}, f64) : max(abs(v), 1, true); }
Array product(const Array& a, const Array& b) { return sum(a * b, 1, true); }

/// The largest t <= 1 with v + t dv >= 0, [s, 1].
Array longest_step(const Array& v, const Array& dv) {
  const Array ratio = where(less(dv, number(0)), neg(v / dv), number(std::numeric_limits<double>::infinity()));
  return minimum(min(ratio, 1, true), number(1));
}

/// The point of an iteration, or a step from it.
struct Point {
  Array x, s, z, y;
};

class InteriorPoint {
 public:
  InteriorPoint(const QuadraticProgram& program, const QuadraticProgramStop& stop)
      : d_(program), stop_(stop), n_(d_.q.shape(1)), m_(d_.h.shape(1)), k_(d_.b.shape(1)) {
    scale_primal_ = number(1) + maximum(largest(d_.b), largest(d_.h));
    scale_dual_ = number(1) + largest(d_.q);
  }

  /// Booleans [s, 1]: which programs converged; `at` and `iterations` have the rest.
  Array run() {
    Array done = less(zeros({d_.q.shape(0), 1}, f64), number(0));
    try {
      start();
    } catch (const NumericalError&) {
      return done;
    }
    for (iterations = 0;; ++iterations) {
      residuals();
      done = logical_or(std::move(done), optimal());
      if (iterations == stop_.max_iterations || all(done).item<bool>()) break;
      active_ = logical_not(done);
      if (!advance()) break;
    }
    return done;
  }

  Point at;
  int iterations = 0;

 private:
  /// The minimiser subject to the equalities of |g x - h|^2 / 2 and the objective, moved into the cone (Vandenberghe
  /// 2010).
  void start() {
    const auto stacks = d_.q.shape(0);
    at = {zeros({stacks, n_}, f64), ones({stacks, m_}, f64), ones({stacks, m_}, f64), zeros({stacks, k_}, f64)};
    residuals();
    factorize();
    // From x = 0, s = z = 1: s dz + z ds = -c with s + ds = -(z + dz).
    const Point step = newton_step(number(2) * ones({stacks, m_}, f64));
    const Array z = at.z + step.z;
    at = {step.x, inside(neg(z)), inside(z), step.y};
  }
  static Array inside(const Array& v) {
    if (v.shape(1) == 0) return v;
    const Array lowest = min(v, 1, true);
    return where(greater(lowest, number(0)), v, v + (number(1) - lowest));
  }

  void residuals() {
    r_dual_ = times(d_.p, at.x) + d_.q + times(transposed(d_.a), at.y) + times(transposed(d_.g), at.z);
    r_equal_ = times(d_.a, at.x) - d_.b;
    r_cone_ = times(d_.g, at.x) + at.s - d_.h;
    gap_ = product(at.s, at.z);
  }

  Array optimal() const {
    const Array value = abs(product(at.x, times(d_.p, at.x)) / 2 + product(d_.q, at.x));
    const Array tolerance = number(stop_.tolerance);
    const Array primal = less_equal(maximum(largest(r_equal_), largest(r_cone_)), tolerance * scale_primal_);
    const Array dual = less_equal(largest(r_dual_), tolerance * scale_dual_);
    return logical_and(logical_and(primal, dual), less_equal(gap_, tolerance * (number(1) + value)));
  }

  /// LU of the Newton matrix for (dx, dz, dy), with the rows of z g dx - s dz divided by max(s, z): it tends to that of
  /// the active constraints, and stays regular where the eliminated form g^T (z / s) g loses all digits. Regularised by
  /// rounding.
  void factorize() {
    const Array scale = maximum(at.s, at.z);
    const Array small = number(1e-12) * (number(1e-4) + max(max(abs(d_.p), 1, true), 2, true));
    const Array stacks = zeros({d_.q.shape(0), m_, k_}, f64);
    const Array top = join(join(d_.p + small * eye(n_, f64), transposed(d_.g), 2), transposed(d_.a), 2);
    const Array middle =
        join(join(column(at.z / scale) * d_.g, eye(m_, f64) * column(neg(at.s / scale)), 2), stacks, 2);
    const Array bottom = join(join(d_.a, transposed(stacks), 2), neg(small) * eye(k_, f64), 2);
    factors_ = lu_factor(join(join(top, middle, 1), bottom, 1), op);
    expect_regular(factors_, op);
  }

  /// The Newton step to complementarity products s z = s z - c.
  Point newton_step(const Array& c) const {
    const Array cone = (c - at.z * r_cone_) / maximum(at.s, at.z);
    const Array right = join(join(neg(r_dual_), cone, 1), neg(r_equal_), 1);
    const Array all = squeeze(lu_solve(factors_, column(right)), -1);
    const auto part = [&](std::int64_t first, std::int64_t length) {
      return contiguous(slice(all, 1, first, first + length));
    };
    const Array dx = part(0, n_);
    return {dx, neg(r_cone_) - times(d_.g, dx), part(n_, m_), part(n_ + m_, k_)};
  }

  /// One iteration of those not done; false where linear algebra fails.
  bool advance() {
    try {
      factorize();
    } catch (const NumericalError&) {
      return false;
    }
    Point step;
    Array length = number(1);
    if (m_ == 0) {
      step = newton_step(at.s);
    } else {
      const Point affine = newton_step(at.s * at.z);
      const Array ahead = minimum(longest_step(at.s, affine.s), longest_step(at.z, affine.z));
      const Array mu = gap_ / static_cast<double>(m_);
      const Array after = product(at.s + ahead * affine.s, at.z + ahead * affine.z) / static_cast<double>(m_);
      const Array ratio = after / mu;
      const Array centring = ratio * ratio * ratio;
      step = newton_step(at.s * at.z + affine.s * affine.z - centring * mu);
      length = minimum(number(0.99) * minimum(longest_step(at.s, step.s), longest_step(at.z, step.z)), number(1));
    }
    const auto moved = [&](const Array& v, const Array& dv) { return where(active_, v + length * dv, v); };
    const Point next{moved(at.x, step.x), moved(at.s, step.s), moved(at.z, step.z), moved(at.y, step.y)};
    if (!all_finite(next.x) || !all_finite(next.s) || !all_finite(next.z) || !all_finite(next.y)) return false;
    at = next;
    return true;
  }

  const QuadraticProgram& d_;
  QuadraticProgramStop stop_;
  std::int64_t n_, m_, k_;
  Array scale_primal_, scale_dual_;
  Array active_;  ///< boolean [s, 1]: not converged yet
  LU factors_;
  Array r_dual_, r_equal_, r_cone_, gap_;
};

/// Solves for the active constraints, z > s, of one program as equalities: [p, g^T, a^T; act g, 1 - act, 0; a, 0, 0].
/// Keeps the point where that system is singular, or the solution is not feasible.
void polish(const QuadraticProgram& d, Point& at) {
  const auto n = d.q.shape(1), m = d.h.shape(1), k = d.b.shape(1);
  const Array act = cast(greater(at.z, at.s), f64);
  const Array top = join(join(d.p, transposed(d.g), 2), transposed(d.a), 2);
  const Array middle = join(join(column(act) * d.g, eye(m, f64) * column(1 - act), 2), zeros({1, m, k}, f64), 2);
  const Array bottom = join(d.a, zeros({1, k, m + k}, f64), 2);
  const Array right = join(join(neg(d.q), act * d.h, 1), d.b, 1);
  Array w;
  try {
    w = squeeze(solve(join(join(top, middle, 1), bottom, 1), column(right)), -1);
  } catch (const NumericalError&) {
    return;
  }
  const Array x = contiguous(slice(w, 1, 0, n));
  const Array z = act * contiguous(slice(w, 1, n, n + m));
  const Array s = (1 - act) * (d.h - times(d.g, x));
  const double tolerance = 1e-7 * (1 + norm_inf(at.x) + norm_inf(at.z) + norm_inf(at.s));
  const auto below = [&](const Array& v) { return v.size() > 0 && min(v).item() < -tolerance; };
  if (!all_finite(w) || below(z) || below(s) || norm_inf(x - at.x) > 1e-3 * (1 + norm_inf(at.x))) return;
  at = {x, maximum(s, number(0)), maximum(z, number(0)), contiguous(slice(w, 1, n + m, n + m + k))};
}

}  // namespace

QuadraticProgramSolution solve(const QuadraticProgram& program, const QuadraticProgramStop& stop) {
  const Shape lead(program.q.shape().begin(), program.q.shape().end() - 1);
  const auto stacks = element_count(lead);
  const auto flat = [&](const Array& x, std::size_t axes) {
    Shape shape{stacks};
    for (std::size_t i = x.ndim() - axes; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
    return contiguous(reshape(x, shape));
  };
  const QuadraticProgram d{flat(program.p, 2), flat(program.q, 1), flat(program.a, 2),
                           flat(program.b, 1), flat(program.g, 2), flat(program.h, 1)};
  InteriorPoint method(d, stop);
  const Array done = method.run();
  std::vector<Array> xs, ys, zs, slacks;
  for (std::int64_t i = 0; i < stacks; ++i) {
    const auto one = [i](const Array& v) { return contiguous(slice(v, 0, i, i + 1)); };
    Point at{one(method.at.x), one(method.at.s), one(method.at.z), one(method.at.y)};
    if (done.data<bool>()[i]) polish({one(d.p), one(d.q), one(d.a), one(d.b), one(d.g), one(d.h)}, at);
    xs.push_back(at.x), ys.push_back(at.y), zs.push_back(at.z), slacks.push_back(at.s);
  }
  const auto back = [&](const std::vector<Array>& parts, std::int64_t length) {
    Shape shape = lead;
    shape.push_back(length);
    return parts.empty() ? zeros(shape, f64) : reshape(concatenate(parts, 0), shape);
  };
  return {.x = back(xs, d.q.shape(1)),
          .y = back(ys, d.b.shape(1)),
          .z = back(zs, d.h.shape(1)),
          .slack = back(slacks, d.h.shape(1)),
          .converged = reshape(done, lead),
          .iterations = method.iterations};
}

}  // namespace newtape::core
