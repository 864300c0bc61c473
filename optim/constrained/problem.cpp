// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/constrained/problem.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace newtape::optim {

namespace {

constexpr const char* op = "minimize_constrained";

/// The shape of a constraint function's result at the start. DTypeError, ValueError.
Shape result_shape(const char* which, const Function& f, std::span<const Tensor> x0) {
  const NoGrad off;
  const Tensor y = f(x0);
  if (!y.defined()) raise<ValueError>(std::string(op) + ": the " + which + " are undefined");
  if (y.dtype() != x0[0].dtype()) {
    raise<DTypeError>(std::string(op) + ": the " + which + " must have the dtype of the starting points",
                      name(x0[0].dtype()), name(y.dtype()));
  }
  return y.shape();
}

Tensor checked(const char* which, const Tensor& y, const Shape& shape) {
  if (!y.defined() || y.shape() != shape) {
    raise<ShapeError>(std::string(op) + ": the " + which + " must have the same shape at all points", to_string(shape),
                      y.defined() ? to_string(y.shape()) : "an undefined tensor");
  }
  return ravel(y);
}

}  // namespace

Array times(const Array& m, const Array& v) {
  return core::reshape(core::matmul(m, core::reshape(v, {v.size(), 1})), {m.shape(0)});
}
Array transposed_times(const Array& m, const Array& v) { return times(core::transpose(m, 0, 1), v); }

bool finite(const ConstrainedPoint& at) {
  const auto fine = [](const Array& x) { return !x.defined() || std::isfinite(core::norm_inf(x)); };
  return std::isfinite(at.value) && fine(at.gradient) && fine(at.constraints) && fine(at.jacobian);
}

ConstrainedProblem::ConstrainedProblem(const Function& f, std::span<const Tensor> x0, const Constraints& given,
                                       const MinimizeConstrainedOptions& options)
    : objective(f, x0),
      constraints(given),
      bounds(op, objective, x0, options),
      gradient_tolerance(options.stop.gradient_tolerance),
      constraint_tolerance(options.constraint_tolerance),
      f_(f) {
  check_option(op, "constraint_tolerance", constraint_tolerance);
  check_option(op, "penalty", options.penalty);
  if (!(gradient_tolerance > 0)) gradient_tolerance = default_gradient_tolerance(objective.dtype());
  if (constraint_tolerance == 0) constraint_tolerance = default_gradient_tolerance(objective.dtype());
  for (const Tensor& x : x0) like_.push_back(x.detach());
  if (constraints.equalities) {
    equality_shape_ = result_shape("equalities", constraints.equalities, like_);
    equalities_ = element_count(equality_shape_);
  }
  if (constraints.inequalities) {
    inequality_shape_ = result_shape("inequalities", constraints.inequalities, like_);
    inequalities_ = element_count(inequality_shape_);
  }
  if (bounds.lower.defined()) bounds.lower = core::cast(bounds.lower, f64);
  if (bounds.upper.defined()) bounds.upper = core::cast(bounds.upper, f64);
}

Tensor ConstrainedProblem::all_constraints(const Tensor& x) const {
  const std::vector<Tensor> xs = vector_to_parameters(x, like_);
  std::vector<Tensor> parts;
  if (constraints.equalities) parts.push_back(checked("equalities", constraints.equalities(xs), equality_shape_));
  if (constraints.inequalities) {
    parts.push_back(checked("inequalities", constraints.inequalities(xs), inequality_shape_));
  }
  return parts.empty() ? zeros({0}, x.dtype()) : concatenate(parts, 0);
}

ConstrainedPoint ConstrainedProblem::values(const Array& x) {
  const Array in = core::cast(x, objective.dtype());
  ConstrainedPoint at{.x = x, .value = objective.value(in), .gradient = {}, .constraints = {}, .jacobian = {}};
  const NoGrad off;
  try {
    at.constraints = core::contiguous(core::cast(all_constraints(Tensor(in)).value(), f64));
  } catch (const NumericalError&) {
    at.constraints = core::full({equalities_ + inequalities_}, NAN, f64);
  }
  return at;
}

ConstrainedPoint ConstrainedProblem::derivatives(const Array& x) {
  const Array in = core::cast(x, objective.dtype());
  ConstrainedPoint at{.x = x, .value = NAN, .gradient = {}, .constraints = {}, .jacobian = {}};
  Array gradient;
  at.value = objective.value_and_gradient(in, gradient);
  if (gradient.defined()) at.gradient = core::cast(gradient, f64);
  const NoGrad off;
  const auto rows = equalities_ + inequalities_;
  try {
    at.constraints = core::contiguous(core::cast(all_constraints(Tensor(in)).value(), f64));
    at.jacobian = rows == 0
                      ? core::zeros({0, size()}, f64)
                      : core::contiguous(core::cast(
                            jacobian([this](const Tensor& v) { return all_constraints(v); }, Tensor(in)).value(), f64));
  } catch (const NumericalError&) {
    at.constraints = core::full({rows}, NAN, f64);
  }
  return at;
}

Array ConstrainedProblem::lagrangian_hessian(const Array& x, const Array& multipliers) {
  const NoGrad off;
  ++objective.counts.hessians;
  const Tensor m(core::cast(multipliers, objective.dtype()));
  const auto lagrangian = [&](const Tensor& v) {
    const Tensor value = f_(vector_to_parameters(v, like_));
    return reshape(value, {}) - sum(m * all_constraints(v));
  };
  const Array h = core::cast(hessian(lagrangian, Tensor(core::cast(x, objective.dtype()))).value(), f64);
  return (h + core::transpose(h, 0, 1)) * 0.5;
}

Array ConstrainedProblem::violations(const Array& c) const {
  const Array equal = core::abs(core::slice(c, 0, 0, equalities_));
  const Array unequal = core::maximum(core::neg(core::slice(c, 0, equalities_, c.size())), core::number(0, f64));
  return core::concatenate(std::vector<Array>{equal, unequal}, 0);
}

Array ConstrainedProblem::lagrangian_gradient(const ConstrainedPoint& at, const Array& multipliers) {
  return multipliers.size() == 0 ? at.gradient : at.gradient - transposed_times(at.jacobian, multipliers);
}

OptimalityErrors ConstrainedProblem::errors(const ConstrainedPoint& at, const Array& multipliers) const {
  OptimalityErrors e;
  e.stationarity = core::norm_inf(bounds.projected_step(at.x, lagrangian_gradient(at, multipliers)));
  const auto unequal = [&](const Array& v) { return core::slice(v, 0, equalities_, v.size()); };
  e.complementarity = core::norm_inf(unequal(at.constraints) * unequal(multipliers));
  e.violation = core::norm_inf(violations(at.constraints));
  e.scale = std::max(1., core::norm_inf(multipliers));
  return e;
}

Tensor ConstrainedProblem::equality_part(const Array& v) const {
  if (!constraints.equalities) return {};
  return core::cast(core::copy(core::reshape(core::slice(v, 0, 0, equalities_), equality_shape_)), objective.dtype());
}

Tensor ConstrainedProblem::inequality_part(const Array& v) const {
  if (!constraints.inequalities) return {};
  const Array rest = core::slice(v, 0, equalities_, equalities_ + inequalities_);
  return core::cast(core::copy(core::reshape(rest, inequality_shape_)), objective.dtype());
}

const char* to_string(ConstrainedAlgorithm algorithm) noexcept {
  return algorithm == ConstrainedAlgorithm::sqp ? "SQP" : "augmented Lagrangian";
}

ConstrainedResult minimize_constrained(const Located<Function>& f, std::span<const Tensor> x0,
                                       const Constraints& constraints, const MinimizeConstrainedOptions& options) {
  return newtape::detail::with_functions(op, [&] {
    ConstrainedProblem problem(f, x0, constraints, options);
    const Array start = problem.bounds.project(core::cast(core::copy(problem.objective.flatten(x0)), f64));
    return options.algorithm == ConstrainedAlgorithm::sqp ? run_sqp(problem, start, options)
                                                          : run_augmented_lagrangian(problem, start, options);
  });
}

ConstrainedResult minimize_constrained(const Located<UnaryFunction>& f, const Tensor& x0,
                                       const UnaryConstraints& constraints, const MinimizeConstrainedOptions& options) {
  const auto of_one = [](const UnaryFunction& g) {
    return g ? Function([g](std::span<const Tensor> xs) { return g(xs[0]); }) : Function();
  };
  return minimize_constrained(of_one(f), std::span(&x0, 1),
                              {of_one(constraints.equalities), of_one(constraints.inequalities)}, options);
}

}  // namespace newtape::optim
