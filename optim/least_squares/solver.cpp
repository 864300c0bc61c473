// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/least_squares/solver.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

namespace {

constexpr double initial_damping = 1e-3;
// D is the largest length that each of J's columns has had, as in MINPACK (More 1978): it does not depend on units, and
// does not shrink where large residuals have small derivatives. But where the residuals' second derivatives count, it
// keeps steps short in unknowns whose columns were long once. There, only ratios of lengths beyond this factor count.
constexpr double equalizing_factor = 5;

/// Elementwise, of f64 vectors.
template <class F>
Array map(const Array& x, F f) {
  Array y = Array::empty(x.shape(), f64);
  std::transform(x.data<double>(), x.data<double>() + x.size(), y.data<double>(), f);
  return y;
}

/// The diagonal of D: each length moved towards their geometric mean by up to the factor `equalizing`. Columns of zeros
/// count as the longest one.
Array scale_of(const Array& lengths, double equalizing) {
  const double longest = core::norm_inf(lengths);
  const auto positive = [&](double c) { return c > 0 ? c : longest > 0 ? longest : 1; };
  double mean = 0;  // of the logarithms
  for (std::int64_t i = 0; i < lengths.size(); ++i) {
    mean += std::log(positive(lengths.data<double>()[i])) / static_cast<double>(lengths.size());
  }
  return map(lengths, [&](double c) {
    const double away = std::log(positive(c)) - mean;
    const double kept = std::max(std::abs(away) - std::log(equalizing), 0.);
    return equalizing == 1 ? positive(c) : std::exp(mean + std::copysign(kept, away));
  });
}

}  // namespace

const char* to_string(LeastSquaresAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case LeastSquaresAlgorithm::levenberg_marquardt: return "levenberg_marquardt";
    case LeastSquaresAlgorithm::gauss_newton: return "gauss_newton";
    case LeastSquaresAlgorithm::dogleg: return "dogleg";
  }
  return "?";
}

LeastSquaresSolver::LeastSquaresSolver(Residuals& f, const LeastSquaresSolverOptions& options, Bounds bounds)
    : f_(f), options_(options), bounds_(std::move(bounds)), epsilon_(epsilon(f.dtype())) {}

bool LeastSquaresSolver::finite(const Array& x) {
  return std::all_of(x.data<double>(), x.data<double>() + x.size(), [](double v) { return std::isfinite(v); });
}
bool LeastSquaresSolver::finite(const ResidualPoint& p) { return std::isfinite(p.value) && finite(p.residuals); }
LeastSquaresStepResult LeastSquaresSolver::stopped(Status status, std::string note) {
  return {.note = std::move(note), .status = status};
}

bool LeastSquaresSolver::start(const Array& x) {
  at_ = {};
  at_.x = f_.rounded(bounds_.project(x));
  before_.reset();
  last_length_ = best_length_ = std::numeric_limits<double>::infinity();
  stalls_ = 0;
  if (!update_derivatives()) return false;
  start_value_ = at_.value;
  return true;
}

void LeastSquaresSolver::weigh(ResidualPoint& p) const {
  if (options_.loss == RobustLoss::linear) {
    p.value = 0.5 * core::dot(p.residuals, p.residuals);
    return;
  }
  p.value = 0;
  p.rho_slopes = map(p.residuals, [&](double r) {
    const Rho at = rho(options_.loss, options_.loss_scale, r * r);
    p.value += 0.5 * at.value;
    return at.first;
  });
}

ResidualPoint LeastSquaresSolver::evaluate(const Array& x) {
  ResidualPoint p;
  p.x = x;
  p.residuals = f_.value(x);
  weigh(p);
  return p;
}

/// The weights of the rows and the target of the linear model; `weighted`: the residuals times rho'.
void LeastSquaresSolver::weigh_rows(const Array& weighted) {
  rows_ = {};
  target_ = at_.residuals;
  if (!at_.rho_slopes.defined()) return;
  // Rows of weight rho' + 2 rho'' r^2 make the Gauss-Newton matrix that of the sum of rho (Triggs et al. 2000, section
  // 3.4), but where rho'' < 0, as for outliers, that is too flat or even negative. With rho' alone the model bounds the
  // sum of rho from above (up to the curvature of the residuals): its minimum lowers the value, at a linear rate.
  constexpr double curvature_kept = 0.1;  // times rho'
  rows_ = map(at_.residuals, [&](double r) {
    const Rho at = rho(options_.loss, options_.loss_scale, r * r);
    if (bounding_steps_ > 0) return std::sqrt(at.first);
    return std::sqrt(std::max(at.first + 2 * at.second * r * r, curvature_kept * at.first));
  });
  const Array zero = core::zeros({}, f64);
  target_ = core::where(core::greater(rows_, zero), weighted / rows_, zero);
}

/// Chooses the weights of the next steps by how well the last model predicted its own: see `weigh_rows`.
void LeastSquaresSolver::choose_weights(double ratio) {
  constexpr double good = 0.5;
  constexpr std::int64_t most = 64;
  if (!at_.rho_slopes.defined()) return;
  if (bounding_steps_ > 0) {
    --bounding_steps_;
  } else if (ratio < good) {
    bounding_steps_ = next_bounding_steps_;
    next_bounding_steps_ = std::min(2 * next_bounding_steps_, most);
  }
}

/// Residuals and all that depends on their derivatives, at at_.x.
bool LeastSquaresSolver::update_derivatives() {
  try {
    return try_update_derivatives();
  } catch (const NumericalError&) {
    return false;
  }
}

bool LeastSquaresSolver::try_update_derivatives() {
  model_.reset();
  Residuals::Products products;
  if (options_.products) {
    products = f_.products(at_.x);
    at_.residuals = products.value;
  } else {
    at_.residuals = f_.value_and_jacobian(at_.x, at_.jacobian);
  }
  weigh(at_);
  if (!finite(at_) || (!options_.products && !finite(at_.jacobian))) return false;

  const Array weighted = at_.rho_slopes.defined() ? at_.rho_slopes * at_.residuals : at_.residuals;
  if (options_.products) {
    at_.gradient = products.transposed(weighted);
    derivative_ = products.forward;
    rounding_scale_ = core::abs(derivative_(at_.x));
  } else {
    at_.gradient = transposed_product(at_.jacobian, weighted);
    derivative_ = [j = at_.jacobian](const Array& v) { return product(j, v); };
    rounding_scale_ = absolute_product(at_.jacobian, at_.x);
  }
  if (!finite(at_.gradient)) return false;

  weigh_rows(weighted);
  const Array free = bounds_.free(at_.x, at_.gradient);
  if (!options_.products) return linearize(free);
  linearize(std::move(products), free);
  return true;
}

/// The linear model from products with the Jacobian.
void LeastSquaresSolver::linearize(Residuals::Products products, const Array& free) {
  state.scale = core::ones(at_.x.shape(), f64);
  if (state.damping == 0) {
    const double g = core::norm2(at_.gradient);
    const double j = g > 0 ? core::norm2(products.forward(1 / g * at_.gradient)) : 1;
    state.damping = initial_damping * (j > 0 ? j * j : 1);
  }
  model_ = linearized(std::move(products), rows_, state.scale, free);
}

/// The linear model from the Jacobian. False when D is not finite.
bool LeastSquaresSolver::linearize(const Array& free) {
  if (state.damping == 0) state.damping = initial_damping;
  Array lengths = column_norms(at_.jacobian, rows_);
  if (state.lengths.defined()) lengths = core::maximum(std::move(lengths), state.lengths);
  state.lengths = lengths;
  state.scale = scale_of(lengths, state.equalized ? equalizing_factor : 1);
  if (!finite(state.scale)) return false;
  model_ = linearized(at_.jacobian, rows_, state.scale, free);
  return true;
}

bool LeastSquaresSolver::evaluate() {
  const LeastSquaresState kept = state;
  const Unlimited limits(f_.budget);
  if (update_derivatives()) {
    failures_ = 0;
    return true;
  }
  at_ = std::move(*before_);
  update_derivatives();
  state = kept;
  ++failures_;
  state.damping *= std::pow(4, failures_);
  state.radius *= std::pow(0.25, failures_);
  return false;
}

double LeastSquaresSolver::gradient_size() const { return core::norm_inf(bounds_.projected_step(at_.x, at_.gradient)); }

double LeastSquaresSolver::scaled_length(const Array& step) const { return core::norm2(step * state.scale); }

/// The reduction of the value that the linear model predicts.
double LeastSquaresSolver::predicted_reduction(const Array& step) const {
  const Array change = model_->forward(step);
  return -core::dot(at_.gradient, step) - 0.5 * core::dot(change, change);
}

LeastSquaresSolver::Trial LeastSquaresSolver::attempt(const Array& step, double predicted) {
  Trial t;
  const Array wanted = at_.x + step;
  const Array x = f_.rounded(bounds_.project(wanted));
  t.step = x - at_.x;
  t.moved = core::norm_inf(t.step) > 0;
  t.predicted = bounds_.any() && core::norm_inf(x - wanted) > epsilon_ * core::norm_inf(wanted)
                    ? predicted_reduction(t.step)
                    : predicted;
  if (t.moved && t.predicted > 0) t.to = evaluate(x);
  return t;
}

void LeastSquaresSolver::accept(Trial trial, double ratio) {
  choose_weights(ratio);
  before_ = std::exchange(at_, std::move(trial.to));
}

LeastSquaresStepResult LeastSquaresSolver::move() {
  // Residuals smaller by twenty orders of magnitude than at the start, in f64: a perfect fit.
  if (at_.value <= epsilon_ * epsilon_ * 1e-8 * start_value_) return stopped(Status::precision);
  const std::int64_t inner = model_->inner;
  try {
    LeastSquaresStepResult m = options_.algorithm == LeastSquaresAlgorithm::gauss_newton ? gauss_newton()
                               : options_.algorithm == LeastSquaresAlgorithm::dogleg     ? dogleg()
                                                                                         : levenberg_marquardt();
    m.inner = model_->inner - inner;
    return m;
  } catch (const NumericalError& e) {
    return stopped(Status::numerical_error, first_line(e.what()));
  }
}

}  // namespace newtape::optim
