// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/constrained/run.hpp>

#include <fmt/format.h>

#include <utility>

namespace newtape::optim {

ConstrainedRun::ConstrainedRun(ConstrainedProblem& problem, const Array& x0, const MinimizeConstrainedOptions& options)
    : p_(problem),
      recorder_(problem.objective, options.stop, options.verbose, problem.gradient_tolerance),
      multipliers_(core::zeros({problem.equalities() + problem.inequalities()}, f64)) {
  at_.x = x0;
}

ConstrainedResult ConstrainedRun::operator()() {
  at_ = p_.derivatives(at_.x);
  if (!finite(at_)) return finish(Status::not_finite, "at the start");
  errors_ = p_.errors(at_, multipliers_);
  std::optional<Status> status = recorder_.enter(start(), at_.x);
  try {
    while (!status) status = iterate();
  } catch (const BudgetSpent& spent) {
    status = spent.status;
  }
  return finish(*status, problem_);
}

ConstrainedResult ConstrainedRun::finish(Status status, std::string note) {
  if (status == Status::gradient_tolerance && errors_.scale > 1) {
    note = fmt::format("relative to a multiplier of {:.2g}", errors_.scale);
  }
  const Array x = core::cast(at_.x, p_.objective.dtype());
  ConstrainedResult all;
  static_cast<Result&>(all) = recorder_.finish(status, x, at_.value, errors_.stationarity, note);
  if (at_.constraints.defined()) all.violation = core::norm_inf(p_.violations(at_.constraints));
  all.equality_multipliers = p_.equality_part(multipliers_);
  all.inequality_multipliers = p_.inequality_part(multipliers_);
  return all;
}

bool ConstrainedRun::optimal() const {
  return errors_.error() <= p_.gradient_tolerance * errors_.scale && errors_.violation <= p_.constraint_tolerance;
}

Iteration ConstrainedRun::row(double change, double step, std::int64_t inner) const {
  Iteration i;
  i.value = at_.value, i.change = change, i.gradient = errors_.error(), i.step = step, i.inner = inner;
  i.note = fmt::format("violation {:.1e}", errors_.violation);
  return i;
}

}  // namespace newtape::optim
