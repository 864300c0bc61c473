// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/optim/constrained/run.hpp>
#include <newtape/optim/second_order/minimize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

constexpr double max_multiplier = 1e12, max_penalty = 1e14;

class AugmentedLagrangianRun final : public ConstrainedRun {
 public:
  AugmentedLagrangianRun(const Function& f, ConstrainedProblem& problem, const Array& x0,
                         const MinimizeConstrainedOptions& options)
      : ConstrainedRun(problem, x0, options),
        f_(f),
        options_(options),
        inner_tolerance_(std::sqrt(problem.gradient_tolerance)) {}

 private:
  Iteration start() override {
    // The first penalty balances the value and the violation (Birgin and Martinez 2014, section 12.4).
    const double square = core::dot(p_.violations(at_.constraints), p_.violations(at_.constraints));
    penalty_ = options_.penalty > 0
                   ? options_.penalty
                   : std::clamp(10 * std::max(1., std::abs(at_.value)) / std::max(1., square / 2), 1e-8, 1e8);
    return row_with_penalty(0, 0, 0);
  }

  Iteration row_with_penalty(double change, double step, std::int64_t inner) const {
    Iteration i = row(change, step, inner);
    i.region = penalty_;
    return i;
  }

  std::optional<Status> iterate() override {
    if (optimal()) return Status::gradient_tolerance;
    if (const auto status = recorder_.exhausted()) return status;
    const Result inner =
        minimize(augmented(), p_.objective.split(core::cast(at_.x, p_.objective.dtype())), inner_options());
    p_.objective.counts.values += inner.counts.values;
    p_.objective.counts.gradients += inner.counts.gradients;
    p_.objective.counts.hessians += inner.counts.hessians;
    p_.objective.counts.products += inner.counts.products;
    if (inner.status == Status::unbounded || inner.status == Status::not_finite) {
      // A penalty too small for the curvature of the function: from the same point with a larger one.
      penalty_ *= 100;
      if (penalty_ <= max_penalty) return {};
      problem_ = inner.message;
      return inner.status;
    }
    return advance(inner);
  }

  /// f - multipliers constraints + penalty / 2 constraints^2, for inequalities up to where its slope is 0.
  Function augmented() const {
    const double rho = penalty_;
    const Tensor equal = p_.equality_part(multipliers_), unequal = p_.inequality_part(multipliers_);
    return [this, rho, equal, unequal](std::span<const Tensor> xs) {
      Tensor value = reshape(f_(xs), {});
      if (equal.defined()) value = value + rho / 2 * sum(square(p_.constraints.equalities(xs) - equal / rho));
      if (unequal.defined()) {
        value = value + rho / 2 * sum(square(maximum(unequal / rho - p_.constraints.inequalities(xs), 0)));
      }
      return value;
    };
  }

  MinimizeOptions inner_options() const {
    MinimizeOptions o;
    o.method = options_.method;
    o.lower = options_.lower;
    o.upper = options_.upper;
    o.stop.gradient_tolerance = inner_tolerance_ * errors_.scale;
    o.stop.max_iterations = 1000;
    const auto& stop = options_.stop;
    if (stop.max_evaluations > 0) {
      o.stop.max_evaluations = std::max<std::int64_t>(1, stop.max_evaluations - p_.objective.counts.evaluations());
    }
    if (stop.max_seconds > 0) o.stop.max_seconds = std::max(1e-6, stop.max_seconds - (Budget::now() - begin_));
    return o;
  }

  std::optional<Status> advance(const Result& inner) {
    ConstrainedPoint next = p_.derivatives(core::cast(p_.objective.flatten(inner.xs), f64));
    if (!finite(next)) return Status::not_finite;
    const double change = at_.value - next.value, step = core::norm2(next.x - at_.x);
    at_ = std::move(next);
    const double before = unmet_;
    unmet_ = core::norm_inf(unmet());
    multipliers_ = updated();
    errors_ = p_.errors(at_, multipliers_);
    const auto status = recorder_.enter(row_with_penalty(change, step, inner.iterations), at_.x);
    if (status || optimal()) return status ? status : Status::gradient_tolerance;
    if (const auto end = recorder_.exhausted()) return end;
    // Near the solution rounding of the penalty term limits the inner gradient.
    const bool still = step <= 1e-12 * std::max(1., core::norm2(at_.x));
    if (still && inner_tolerance_ <= p_.gradient_tolerance && errors_.violation <= p_.constraint_tolerance) {
      return errors_.error() <= std::sqrt(p_.gradient_tolerance) * errors_.scale ? Status::precision
                                                                                 : Status::no_progress;
    }
    // What is met needs no larger penalty, whose rounding would only spoil the gradient.
    if (unmet_ > std::max(0.5 * before, p_.constraint_tolerance)) penalty_ *= 10;
    if (penalty_ > max_penalty) {
      problem_ = fmt::format("the largest penalty leaves a violation of {:.1e}", errors_.violation);
      return Status::no_progress;
    }
    inner_tolerance_ = std::max(0.1 * inner_tolerance_, p_.gradient_tolerance);
    return {};
  }

  /// What is missing of constraints and complementarity: equalities, and min(inequality, multiplier / penalty).
  Array unmet() const {
    const auto k = p_.equalities(), all = multipliers_.size();
    const Array unequal =
        core::minimum(core::slice(at_.constraints, 0, k, all), core::slice(multipliers_, 0, k, all) / penalty_);
    return core::concatenate(std::vector<Array>{core::slice(at_.constraints, 0, 0, k), unequal}, 0);
  }

  Array updated() const {
    const auto k = p_.equalities(), all = multipliers_.size();
    const Array m = core::clip(multipliers_ - penalty_ * at_.constraints, core::number(-max_multiplier, f64),
                               core::number(max_multiplier, f64));
    return core::concatenate(
        std::vector<Array>{core::slice(m, 0, 0, k), core::maximum(core::slice(m, 0, k, all), core::number(0, f64))}, 0);
  }

  Function f_;
  const MinimizeConstrainedOptions& options_;
  double penalty_ = 1;
  double inner_tolerance_;
  double unmet_ = infinity_;
  double begin_ = Budget::now();
  static constexpr double infinity_ = std::numeric_limits<double>::infinity();
};

}  // namespace

ConstrainedResult run_augmented_lagrangian(ConstrainedProblem& problem, const Array& x0,
                                           const MinimizeConstrainedOptions& options) {
  return AugmentedLagrangianRun(problem.function(), problem, x0, options)();
}

}  // namespace newtape::optim
