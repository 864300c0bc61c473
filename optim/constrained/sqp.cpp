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
#include <newtape/optim/constrained/run.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

Array joined(const std::vector<Array>& parts, std::int64_t axis = 0) { return core::concatenate(parts, axis); }
Array outer(const Array& a, const Array& b) {
  return core::matmul(core::reshape(a, {a.size(), 1}), core::reshape(b, {1, b.size()}));
}

/// Rows of the identity where `bound` is finite, and their indices.
Array finite_rows(const Array& bound) { return core::flatnonzero(core::isfinite(bound)); }

/// A solution of a quadratic program, with multipliers of the problem's constraints.
struct QuadraticStep {
  Array d, multipliers;
  bool relaxed = false;
};

class SqpRun final : public ConstrainedRun {
 public:
  SqpRun(ConstrainedProblem& problem, const Array& x0, const MinimizeConstrainedOptions& options)
      : ConstrainedRun(problem, x0, options), exact_(options.exact_hessian), weights_(core::copy(multipliers_)) {}

 private:
  Iteration start() override {
    b_ = core::eye(p_.size(), f64);
    return row(0, 0, 0);
  }

  std::optional<Status> iterate() override {
    if (optimal()) return Status::gradient_tolerance;
    if (const auto status = recorder_.exhausted()) return status;
    if (exact_) b_ = exact_hessian();
    const auto step = solve(at_.constraints);
    if (!step) return failed("the quadratic program has no solution", Status::numerical_error);
    // At a solution the step is 0, and its multipliers show that it is one.
    const OptimalityErrors with = p_.errors(at_, step->multipliers);
    if (!step->relaxed && with.error() <= p_.gradient_tolerance * with.scale &&
        with.violation <= p_.constraint_tolerance) {
      multipliers_ = step->multipliers;
      errors_ = with;
      return Status::gradient_tolerance;
    }
    return search(*step);
  }

  // --- the quadratic program ---

  /// min d b d / 2 + gradient d subject to the constraints linearised with values c, and the bounds.
  std::optional<QuadraticStep> solve(const Array& c) {
    core::QuadraticProgram q = program(c);
    auto found = core::solve(q);
    if (found.converged.item<bool>()) return unpack(found, p_.size(), false);
    q = relaxed(q);
    found = core::solve(q);
    if (found.converged.item<bool>()) return unpack(found, p_.size(), true);
    return {};
  }

  core::QuadraticProgram program(const Array& c) const {
    const auto n = p_.size(), k = p_.equalities(), all = k + p_.inequalities();
    const auto rows = [](const Array& a, std::int64_t first, std::int64_t last) {
      return core::contiguous(core::slice(a, 0, first, last));
    };
    std::vector<Array> g{core::neg(rows(at_.jacobian, k, all))}, h{rows(c, k, all)};
    const Array identity = core::eye(n, f64);
    if (p_.bounds.lower.defined()) {
      const Array held = finite_rows(p_.bounds.lower);
      g.push_back(core::neg(core::take(identity, held, 0)));
      h.push_back(core::take(at_.x - p_.bounds.lower, held, 0));
    }
    if (p_.bounds.upper.defined()) {
      const Array held = finite_rows(p_.bounds.upper);
      g.push_back(core::take(identity, held, 0));
      h.push_back(core::take(p_.bounds.upper - at_.x, held, 0));
    }
    return {b_, at_.gradient, rows(at_.jacobian, 0, k), core::neg(rows(c, 0, k)), joined(g), joined(h)};
  }

  /// The same with nonnegative excesses u, v of the equalities and w of the inequalities, which cost more than any
  /// multiplier so far: always feasible.
  core::QuadraticProgram relaxed(const core::QuadraticProgram& q) const {
    const auto n = p_.size(), k = p_.equalities(), m = p_.inequalities(), all = q.h.size();
    const auto extra = 2 * k + m;
    const double cost = 10 * std::max({1., core::norm_inf(weights_), core::norm_inf(at_.gradient)});
    const auto zero = [](std::int64_t i, std::int64_t j) { return core::zeros({i, j}, f64); };
    const Array p =
        joined({joined({q.p, zero(n, extra)}, 1), joined({zero(extra, n), core::eye(extra, f64) * 1e-8}, 1)});
    const Array identity = core::eye(k, f64);
    const Array a = joined({q.a, core::neg(identity), identity, zero(k, m)}, 1);
    const Array excess = joined({core::neg(core::eye(m, f64)), zero(all - m, m)}, 0);
    const Array g = joined(
        {joined({q.g, zero(all, 2 * k), excess}, 1), joined({zero(extra, n), core::neg(core::eye(extra, f64))}, 1)});
    return {p, joined({q.q, core::full({extra}, cost, f64)}), a, q.b, g, joined({q.h, core::zeros({extra}, f64)})};
  }

  QuadraticStep unpack(const core::QuadraticProgramSolution& found, std::int64_t n, bool relaxed) const {
    const Array inequalities = core::slice(found.z, 0, 0, p_.inequalities());
    return {core::contiguous(core::slice(found.x, 0, 0, n)), joined({core::neg(found.y), inequalities}), relaxed};
  }

  // --- the line search ---

  double merit(const ConstrainedPoint& at) const {
    return at.value + core::dot(weights_, p_.violations(at.constraints));
  }

  /// Powell's weights (1978): at least the multipliers, falling slowly to them.
  void weigh(const Array& multipliers) {
    const Array size = core::abs(multipliers);
    weights_ = core::maximum(size, 0.5 * (weights_ + size));
  }

  /// Derivative of the merit function along the step.
  double slope(const QuadraticStep& step) const {
    const Array ahead = at_.constraints + times(at_.jacobian, step.d);
    const Array fall = p_.violations(at_.constraints) - p_.violations(ahead);
    return core::dot(at_.gradient, step.d) - core::dot(weights_, fall);
  }

  Array point(const Array& d, double t) const { return p_.bounds.project(at_.x + t * d); }

  std::optional<Status> search(const QuadraticStep& step) {
    weigh(step.multipliers);
    double falls = slope(step);
    for (int i = 0; i < 8 && !(falls < 0) && core::norm_inf(p_.violations(at_.constraints)) > p_.constraint_tolerance;
         ++i) {
      weights_ = 10 * weights_ + 1;
      falls = slope(step);
    }
    if (!(falls < 0)) return failed("the step does not lower the merit function", Status::no_progress);
    const double here = merit(at_);
    const double noise = rounding(std::abs(at_.value) + std::abs(here - at_.value), p_.objective.dtype()) * 1e-2;
    const auto lower = [&](const ConstrainedPoint& to, double t) {
      return finite(to) && merit(to) <= here + 1e-4 * t * falls + noise;
    };
    ConstrainedPoint next = p_.values(point(step.d, 1));
    if (lower(next, 1)) return accept(step, next, 1, 1);
    std::int64_t tried = 1;
    if (!step.relaxed && finite(next)) {
      // The Maratos effect: a second step for the curvature of the constraints.
      if (const auto second = solve(next.constraints - times(at_.jacobian, step.d)); second && !second->relaxed) {
        const ConstrainedPoint corrected = p_.values(point(second->d, 1));
        if (lower(corrected, 1)) return accept(step, corrected, 1, 2);
      }
      ++tried;
    }
    for (double t = 1; t > 1e-12; ++tried) {
      const double rise = merit(next) - here;
      // The minimum of the parabola through the merit and its slope here, and the merit there.
      const double best = std::isfinite(rise) ? -falls * t * t / (2 * (rise - t * falls)) : 0;
      t = std::clamp(best, 0.1 * t, 0.5 * t);
      next = p_.values(point(step.d, t));
      if (lower(next, t)) return accept(step, next, t, tried);
    }
    return failed("no step along the direction lowers the merit function", Status::no_progress);
  }

  std::optional<Status> accept(const QuadraticStep& step, const ConstrainedPoint& to, double t, std::int64_t tried) {
    ConstrainedPoint next = p_.derivatives(to.x);
    if (!finite(next)) return failed("derivatives are not finite", Status::not_finite);
    const Array s = next.x - at_.x;
    if (!exact_) {
      update(s, p_.lagrangian_gradient(next, step.multipliers) - p_.lagrangian_gradient(at_, step.multipliers));
    }
    const double change = at_.value - next.value;
    fresh_ = false;
    at_ = std::move(next);
    multipliers_ = step.multipliers;
    errors_ = p_.errors(at_, multipliers_);
    Iteration i = row(change, core::norm2(s), tried);
    i.ratio = t;
    if (step.relaxed) i.note += ", constraints relaxed";
    return recorder_.enter(std::move(i), at_.x);
  }

  /// Discards the curvature once; else the run ends.
  std::optional<Status> failed(const char* why, Status status) {
    if (!fresh_ && !exact_) {
      b_ = core::eye(p_.size(), f64);
      updated_ = false;
      fresh_ = true;
      return {};
    }
    problem_ = why;
    if (errors_.violation > p_.constraint_tolerance) {
      problem_ += fmt::format("; violation {:.1e}", errors_.violation);
      return status;
    }
    const double reached = std::sqrt(p_.gradient_tolerance) * errors_.scale;
    return errors_.error() <= reached && status == Status::no_progress ? Status::precision : status;
  }

  // --- the curvature ---

  /// Powell's damped BFGS (Nocedal and Wright 2006, procedure 18.2): b stays positive definite.
  void update(const Array& s, Array y) {
    const double along = core::dot(s, y);
    if (!updated_ && along > 0) {
      b_ = core::eye(p_.size(), f64) * std::clamp(core::dot(y, y) / along, 1e-8, 1e8);
      updated_ = true;
    }
    const Array bs = times(b_, s);
    const double sbs = core::dot(s, bs);
    if (!(sbs > 0)) return;
    if (along < 0.2 * sbs) {
      const double theta = 0.8 * sbs / (sbs - along);
      y = theta * y + (1 - theta) * bs;
    }
    b_ = b_ - outer(bs, bs) / sbs + outer(y, y) / core::dot(s, y);
  }

  /// The Hessian of the Lagrangian. Where it is not positive definite, products of the active constraints' gradients are
  /// added, which do not change a step within them; then |eigenvalues|.
  Array exact_hessian() {
    const Array h = p_.lagrangian_hessian(at_.x, multipliers_);
    if (core::norm_inf(h) == 0) return core::eye(p_.size(), f64);
    const Array active = core::concatenate(
        std::vector<Array>{core::ones({p_.equalities()}, f64),
                           core::cast(core::greater(core::slice(multipliers_, 0, p_.equalities(), multipliers_.size()),
                                                    core::number(0, f64)),
                                      f64)},
        0);
    const Array weighted = core::reshape(active, {active.size(), 1}) * at_.jacobian;
    const Array normal = core::matmul(core::transpose(weighted, 0, 1), weighted);
    const double size = core::norm_inf(h), floor = 1e-6 * size, longest = core::norm_inf(normal);
    for (const double factor : {0., 1., 10., 100.}) {
      const Array b = longest > 0 ? h + factor * size / longest * normal : h;
      if (core::min(core::eigh(b, false).w).item() > floor) return b;
    }
    const auto parts = core::eigh(h);
    const Array w = core::maximum(core::abs(parts.w), core::number(floor, f64));
    return core::matmul(parts.v * w, core::transpose(parts.v, 0, 1));
  }

  bool exact_;
  Array weights_;         ///< of the violations in the merit function [k + m]
  Array b_;               ///< [n, n]
  bool updated_ = false;  ///< b has information
  bool fresh_ = true;     ///< no step since b was reset
};

}  // namespace

ConstrainedResult run_sqp(ConstrainedProblem& problem, const Array& x0, const MinimizeConstrainedOptions& options) {
  return SqpRun(problem, x0, options)();
}

}  // namespace newtape::optim
