// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>
#include <newtape/optim/least_squares/blocks/estimates.hpp>
#include <newtape/optim/least_squares/blocks/step_rule.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace newtape::optim {

namespace {

constexpr int max_block_trials = 60;
constexpr double min_block_ratio = 1e-4;  // actual over predicted reduction of a step that is taken

void expect_block_options(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& o) {
  const auto positive = [](const char* name, double x) {
    if (x > 0 && std::isfinite(x)) return;
    raise<ValueError>(fmt::format("least_squares: {} must be positive", name), "> 0", fmt::format("{}", x));
  };
  positive("initial_damping", o.initial_damping);
  positive("accuracy", o.accuracy);
  if (problem.blocks() == 0) {
    raise<ValueError>("least_squares: the problem has no residuals", "a group of one block or more",
                      fmt::format("{} groups, all empty", problem.groups().size()));
  }
}

BlockLayout checked_layout(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& options) {
  expect_block_options(problem, options);
  BlockLayout layout(problem, choose_eliminated(problem, options));
  if (layout.columns == 0) {
    raise<ValueError>("least_squares: nothing may change", "a row that is neither held nor frozen, in a residual",
                      fmt::format("{} parameters, all constant", layout.variables.size()));
  }
  return layout;
}

class BlockRun {
 public:
  BlockRun(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& options)
      : problem_(problem),
        options_(options),
        residuals_(problem, checked_layout(problem, options)),
        x_(residuals_.start()),
        recorder_(residuals_, options.stop, options.verbose, 0) {
    residuals_.expect_manifolds(x_);
  }

  BlockLeastSquaresResult operator()() {
    value_ = residuals_.linearize(x_);
    if (!std::isfinite(value_)) return finish(Status::not_finite, "the residuals or their derivatives at the start");
    result_.solver = options_.solver;
    solver_ = make_linear_solver(result_.solver, residuals_);
    rule_ = make_step_rule(options_, residuals_, *solver_);
    rule_->moved();
    std::optional<Status> status = recorder_.enter({.value = value_, .gradient = gradient_size()}, x_);
    while (!status) status = iterate();
    return finish(*status, note_);
  }

 private:
  double gradient_size() const {
    double largest = 0;
    for (const double g : residuals_.gradient()) largest = std::max(largest, std::abs(g));
    return largest;
  }

  std::optional<Status> iterate() {
    if (recorder_.gradient_tolerance() > 0 && gradient_size() <= recorder_.gradient_tolerance()) {
      return Status::gradient_tolerance;
    }
    if (const auto status = recorder_.exhausted()) return status;
    try {
      return move();
    } catch (const BudgetSpent& spent) {
      return spent.status;
    } catch (const NumericalError& e) {
      note_ = first_line(e.what());
      return Status::numerical_error;
    }
  }

  std::optional<Status> move() {
    if (gradient_size() == 0) return Status::precision;
    const std::int64_t inner = solver_->inner;
    for (int trial = 0; trial < max_block_trials; ++trial, rule_->rejected()) {
      const auto proposed = rule_->propose();
      if (!proposed) {
        note_ = "the linear problem is singular at every damping tried";
        return Status::numerical_error;
      }
      if (trial == 0) promised_ = proposed->predicted;
      const bool last = rounding_hides(proposed->predicted);
      if (last && trial > 0) break;
      if (last && polished_ >= max_polished) return Status::precision;
      const Array to = residuals_.moved(x_, proposed->step);
      const double length = core::norm2(to - x_);
      if (!(length > 0) && trial > 0) break;
      if (!(length > 0)) return Status::precision;
      const double value = residuals_.value(to);
      any_finite_ = any_finite_ || std::isfinite(value);
      const double change = value_ - value;
      const double ratio = change / proposed->predicted;
      if (last ? !(change >= -3 * noise_) : !(ratio > min_block_ratio)) {
        if (last) return Status::precision;
        continue;
      }
      polished_ = last ? polished_ + 1 : 0;
      rule_->accepted(last ? 1 : ratio);
      return enter(to, {.change = change,
                        .step = length,
                        .ratio = ratio,
                        .region = proposed->region,
                        .inner = solver_->inner - inner,
                        .note = last        ? "polished"
                                : trial > 0 ? fmt::format("{} rejected", trial)
                                            : std::string()});
    }
    return no_step();
  }

  /// The status when no trial lowered the value.
  Status no_step() {
    if (!any_finite_) {
      note_ = "after every step tried";
      return Status::not_finite;
    }
    if (derivatives_contradicted()) return Status::wrong_gradient;
    // Of what the first step promised, rounding errors may hide more than the noise of one evaluation.
    const double hidden = std::pow(epsilon(residuals_.layout().dtype), 2.0 / 3) * value_;
    return promised_ <= std::max(hidden, 10 * residuals_.noise(x_)) ? Status::precision : Status::no_progress;
  }

  /// Linearises at the point that a step reached, and returns where that fails.
  std::optional<Status> enter(const Array& to, Iteration iteration) {
    double value = std::numeric_limits<double>::quiet_NaN();
    {
      const Unlimited limits(residuals_.budget);
      value = residuals_.linearize(to);
      if (!std::isfinite(value)) value_ = residuals_.linearize(x_);
    }
    if (!std::isfinite(value)) {
      if (++setbacks_ > max_setbacks) {
        note_ = "derivatives after every step tried";
        return Status::not_finite;
      }
      for (int i = 0; i < setbacks_; ++i) rule_->rejected();
      rule_->moved();
      return {};
    }
    setbacks_ = 0;
    x_ = to;
    value_ = value;
    any_finite_ = false;
    rule_->moved();
    iteration.value = value_;
    iteration.gradient = gradient_size();
    return recorder_.enter(std::move(iteration), x_);
  }

  /// Whether rounding errors of the value are as large as the reduction that a step promises.
  bool rounding_hides(double predicted) {
    if (!(predicted > 0)) return true;
    if (predicted > std::sqrt(epsilon(residuals_.layout().dtype)) * value_) return false;
    noise_ = residuals_.noise(x_);
    return predicted <= 3 * noise_;
  }

  /// Whether differences of the value contradict the gradient, along its negative in units of the columns' lengths.
  bool derivatives_contradicted() {
    const auto& g = residuals_.gradient();
    const auto& squares = residuals_.squares();
    std::vector<double> s(g.size(), 0.);
    double slope = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (squares[i] > 0) s[i] = -g[i] / squares[i];
      slope += g[i] * s[i];
    }
    double before = 0;
    for (const double h : {1e-4, 1e-5, 1e-6, 1e-7, 1e-8}) {
      std::vector<double> up = s, down = s;
      for (double& v : up) v *= h;
      for (double& v : down) v *= -h;
      const double change = residuals_.value(residuals_.moved(x_, up)) - residuals_.value(residuals_.moved(x_, down));
      const double error = std::abs(change - 2 * h * slope);
      if (!std::isfinite(change) || error <= 0.1 * std::abs(2 * h * slope) + 10 * residuals_.noise(x_)) return false;
      // The error due to curvature shrinks with h. One that grows is that of a step too long, as out of the plateau of a
      // robust loss, where the columns are short.
      if (before > 0 && error / h < 0.5 * before) return false;
      if (before > 0 && error / h <= 2 * before) return true;
      before = error / h;
    }
    return false;
  }

  BlockLeastSquaresResult finish(Status status, const std::string& note) {
    const auto& layout = residuals_.layout();
    const double size = residuals_.gradient().empty() ? std::nan("") : gradient_size();
    static_cast<Result&>(result_) = recorder_.finish(status, x_, value_, size, note);
    result_.unknowns = layout.columns;
    result_.rows = residuals_.rows();
    for (const auto& v : layout.variables) {
      if (v.eliminated && !v.constant) result_.eliminated.push_back(v.parameter);
    }
    if (layout.unused_rows > 0) {
      result_.message += fmt::format("; {} rows are in no residual and stay as they are", layout.unused_rows);
    }
    if (std::isfinite(value_)) {
      for (std::size_t k = 0; k < layout.variables.size(); ++k) {
        if (!layout.variables[k].constant) layout.variables[k].parameter.set_value(result_.xs[k]);
      }
      result_.estimates = std::make_shared<BlockLeastSquaresResult::Estimates>(
          BlockLeastSquaresResult::Estimates{problem_, layout, x_, result_.solver});
    }
    return std::move(result_);
  }

  static constexpr int max_polished = 2;
  static constexpr int max_setbacks = 30;

  const LeastSquaresProblem& problem_;
  const LeastSquaresProblemOptions& options_;
  BlockResiduals residuals_;
  Array x_;
  RunRecorder recorder_;
  std::unique_ptr<BlockLinearSolver> solver_;
  std::unique_ptr<BlockStepRule> rule_;
  BlockLeastSquaresResult result_;
  double value_ = std::numeric_limits<double>::quiet_NaN();
  double noise_ = 0;
  double promised_ = 0;      ///< the reduction that the first step from this point promised
  bool any_finite_ = false;  ///< a trial's value was, since the last step
  int polished_ = 0, setbacks_ = 0;
  std::string note_;
};

}  // namespace

BlockLeastSquaresResult least_squares(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& options) {
  return newtape::detail::with_functions("least_squares", [&] { return BlockRun(problem, options)(); });
}

}  // namespace newtape::optim
