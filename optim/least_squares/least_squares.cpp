// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/solver.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace newtape::optim {

namespace {

constexpr double largest_jacobian = 3e7;
constexpr int max_setbacks = 30;

Function scaled_residuals(const Function& f, const LeastSquaresOptions& options) {
  if (!options.sigma.defined()) return f;
  if (!(core::min(options.sigma.value()).item() > 0)) {
    raise<ValueError>("least_squares: sigma must be positive", "> 0",
                      fmt::format("{}", core::min(options.sigma.value()).item()));
  }
  return [f, sigma = options.sigma.detach()](std::span<const Tensor> xs) { return f(xs) / sigma; };
}

LeastSquaresSolverOptions solver_options(const LeastSquaresOptions& o, bool products) {
  if (!(o.loss_scale > 0) || !std::isfinite(o.loss_scale)) {
    raise<ValueError>("least_squares: loss_scale must be positive", "> 0", fmt::format("{}", o.loss_scale));
  }
  return {.algorithm = o.algorithm,
          .acceleration = o.acceleration,
          .products = products,
          .loss = o.loss,
          .loss_scale = o.loss_scale};
}

Residuals residuals_of(const Function& f, std::span<const Tensor> x0, const LeastSquaresOptions& options) {
  Residuals r("least_squares", scaled_residuals(f, options), x0);
  if (options.capture) r.capture();
  return r;
}

/// Whether the Jacobian is too large to form; evaluates the residuals at the start for their number.
bool use_products(Residuals& f, const Array& x, const LeastSquaresOptions& options) {
  if (options.solver != LeastSquaresOptions::Solver::automatic) {
    return options.solver == LeastSquaresOptions::Solver::cgls;
  }
  if (f.size() < 1000) return false;
  return static_cast<double>(f.value(x).size()) * static_cast<double>(f.size()) > largest_jacobian;
}

class Run {
 public:
  Run(const Function& f, std::span<const Tensor> x0, const LeastSquaresOptions& options)
      : f_(residuals_of(f, x0, options)),
        x_(f_.flatten(x0)),
        products_(use_products(f_, x_, options)),
        solver_(f_, solver_options(options, products_), Bounds("least_squares", f_, x0, options)),
        recorder_(f_, options.stop, options.verbose, 0) {}

  LeastSquaresResult operator()() {
    if (!solver_.start(x_)) return finish(Status::not_finite, "the residuals or their derivatives at the start");
    std::optional<Status> status =
        recorder_.enter({.value = solver_.at().value, .gradient = solver_.gradient_size()}, solver_.at().x);
    while (!status) status = iterate();
    if (converged(*status) && on_plateau()) return finish(Status::no_progress, problem_);
    if (converged(*status) || *status == Status::max_iterations) status = verified(*status);
    return finish(*status, problem_);
  }

 private:
  std::optional<Status> iterate() {
    const ResidualPoint before = solver_.at();
    if (recorder_.gradient_tolerance() > 0 && solver_.gradient_size() <= recorder_.gradient_tolerance()) {
      return Status::gradient_tolerance;
    }
    if (const auto status = recorder_.exhausted()) return status;
    const LeastSquaresStepResult move = this->move();
    if (!move.moved) {
      problem_ = move.note;
      return move.status;
    }
    if (!solver_.evaluate()) {
      problem_ = "derivatives after every step tried";
      if (++setbacks_ >= max_setbacks) return Status::not_finite;
      return {};
    }
    setbacks_ = 0;
    return recorder_.enter({.value = solver_.at().value,
                            .change = before.value - solver_.at().value,
                            .gradient = solver_.gradient_size(),
                            .step = core::norm2(solver_.at().x - before.x),
                            .ratio = move.ratio,
                            .region = move.region,
                            .inner = move.inner,
                            .note = move.note},
                           solver_.at().x);
  }

  LeastSquaresStepResult move() {
    try {
      return solver_.move();
    } catch (const BudgetSpent& spent) {
      return {.status = spent.status};
    }
  }

  /// Whether the loss is flat at every residual: a zero gradient then says nothing.
  bool on_plateau() {
    const Array& slopes = solver_.at().rho_slopes;
    if (!slopes.defined()) return false;
    const double* at = slopes.data<double>();
    if (std::any_of(at, at + slopes.size(), [](double slope) { return slope != 0; })) return false;
    problem_ =
        "all residuals count as outliers, of which the loss has no derivative: start nearer, or raise loss_scale";
    return true;
  }

  Status verified(Status status) {
    try {
      return solver_.derivatives_contradicted(false) ? Status::wrong_gradient : status;
    } catch (const BudgetSpent& spent) {
      problem_ = std::string("the derivatives are not verified: ") + to_string(spent.status);
      return status;
    }
  }

  LeastSquaresResult finish(Status status, const std::string& problem) {
    const ResidualPoint& at = solver_.at();
    const double size = at.gradient.defined() ? solver_.gradient_size() : std::nan("");
    static_cast<Result&>(result_) = recorder_.finish(status, at.x, at.value, size, problem);
    if (const std::string note = f_.broadcasting_note(at.x); !note.empty()) result_.message += "; " + note;
    result_.residuals = core::copy(core::reshape(core::cast(at.residuals, f_.dtype()), f_.result_shape()));
    if (at.gradient.defined()) {
      if (at.rho_slopes.defined()) result_.weights = core::sqrt(at.rho_slopes);
      keep_jacobian(at);
    }
    return std::move(result_);
  }

  void keep_jacobian(const ResidualPoint& at) {
    const auto weighted = [weights = result_.weights](const Array& j) {
      return weights.defined() ? j * core::reshape(weights, {weights.size(), 1}) : j;
    };
    if (at.jacobian.defined()) {
      result_.weighted_jacobian = [j = weighted(at.jacobian)] { return j; };
      constexpr std::int64_t max_unknowns = 1000;
      const std::int64_t n = f_.size();
      if (n > max_unknowns) return;
      try {
        if (const std::int64_t rank = result_.rank(); rank < n) {
          result_.message += fmt::format("; the Jacobian has rank {} for {} unknowns", rank, n);
        }
      } catch (const NumericalError& e) {
        result_.message += "; the Jacobian's rank is not known: " + first_line(e.what());
      }
    } else {
      result_.weighted_jacobian = [f = f_, x = at.x, weighted]() mutable {
        Array j;
        f.value_and_jacobian(x, j);
        return weighted(j);
      };
    }
  }

  Residuals f_;
  Array x_;
  bool products_;
  LeastSquaresSolver solver_;
  RunRecorder recorder_;
  LeastSquaresResult result_;
  std::string problem_;
  int setbacks_ = 0;
};

}  // namespace

LeastSquaresResult least_squares(const Function& residuals, std::span<const Tensor> x0,
                                 const LeastSquaresOptions& options) {
  return newtape::detail::with_functions("least_squares", [&] { return Run(residuals, x0, options)(); });
}

LeastSquaresResult least_squares(const UnaryFunction& residuals, const Tensor& x0, const LeastSquaresOptions& options) {
  return least_squares([residuals](std::span<const Tensor> xs) { return residuals(xs[0]); }, std::span(&x0, 1),
                       options);
}

LeastSquaresResult least_squares(const std::function<Tensor()>& residuals, const std::vector<Parameter>& parameters,
                                 const LeastSquaresOptions& options) {
  return minimize_over(parameters, residuals,
                       [&](const Function& f, const std::vector<Tensor>& x0) { return least_squares(f, x0, options); });
}

}  // namespace newtape::optim
