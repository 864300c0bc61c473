// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/functional.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/core/reduce.hpp>
#include <newtape/core/vector.hpp>
#include <newtape/optim/least_squares.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <optional>

namespace newtape::optim {

namespace {

constexpr double largest_jacobian = 3e7;
constexpr int most_setbacks = 30;

/// One bound for all elements; undefined when there is none.
Array bound(const Residuals& f, const std::vector<Tensor>& given, std::span<const Tensor> x0, const char* which) {
  if (given.empty()) return {};
  if (given.size() != x0.size()) {
    raise<ValueError>(fmt::format("least_squares: {}: none, or one for each starting point", which),
                      fmt::format("0 or {}", x0.size()), fmt::format("{}", given.size()));
  }
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i].defined() || given[i].dtype() != f.dtype()) {
      raise<DTypeError>(fmt::format("least_squares: {} must have the dtype of the starting points", which),
                        name(f.dtype()), given[i].defined() ? name(given[i].dtype()) : "an undefined tensor");
    }
    all.emplace_back(core::copy(core::expand(given[i].value(), x0[i].shape())));
  }
  return f.flatten(all);
}

Bounds bounds(const Residuals& f, std::span<const Tensor> x0, const LeastSquaresOptions& options) {
  Bounds b{bound(f, options.lower, x0, "lower"), bound(f, options.upper, x0, "upper")};
  if (b.lower.defined() && b.upper.defined() && core::any(core::greater(b.lower, b.upper)).item<bool>()) {
    raise<ValueError>("least_squares: a lower bound is above its upper bound");
  }
  return b;
}

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
  return {.method = o.method,
          .acceleration = o.acceleration,
          .products = products,
          .loss = o.loss,
          .loss_scale = o.loss_scale};
}

/// Whether the Jacobian is too large to be written down; the residuals are counted for that, at the start.
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
      : options_(options),
        f_("least_squares", scaled_residuals(f, options), x0),
        x_(f_.flatten(x0)),
        products_(use_products(f_, x_, options)),
        solver_(f_, solver_options(options, products_), bounds(f_, x0, options)) {}

  LeastSquaresResult operator()() {
    if (options_.verbose) fmt::print("{}\n", trace_header());
    if (!solver_.start(x_)) return finish(Status::not_finite, "the residuals or their derivatives at the start");
    note({.index = 0, .value = solver_.at().value, .gradient = solver_.gradient_size()});
    std::optional<Status> status = called_back();
    while (!status) status = iterate();
    if ((converged(*status) || *status == Status::max_iterations) && solver_.contradicted(false))
      status = Status::wrong_gradient;
    return finish(*status, problem_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  std::optional<Status> limits() const {
    if (options_.max_evaluations > 0 && f_.counts.evaluations() >= options_.max_evaluations) {
      return Status::max_evaluations;
    }
    if (options_.max_seconds > 0 && seconds() >= options_.max_seconds) return Status::max_seconds;
    return {};
  }

  std::optional<Status> iterate() {
    const ResidualPoint before = solver_.at();
    if (options_.gradient_tolerance > 0 && solver_.gradient_size() <= options_.gradient_tolerance) {
      return Status::gradient_tolerance;
    }
    if (options_.max_iterations > 0 && iterations_ >= options_.max_iterations) return Status::max_iterations;
    if (const auto status = limits()) return status;
    const LeastSquaresMove move = solver_.move([&] { return limits(); });
    if (!move.moved) {
      problem_ = move.note;
      return move.status;
    }
    if (!solver_.look()) {
      problem_ = "derivatives wherever a step led";
      if (++setbacks_ >= most_setbacks) return Status::not_finite;
      return {};
    }
    setbacks_ = 0;
    ++iterations_;
    const double step = core::norm2(core::sub(solver_.at().x, before.x));
    const double fall = before.value - solver_.at().value;
    note({.index = iterations_,
          .value = solver_.at().value,
          .change = fall,
          .gradient = solver_.gradient_size(),
          .step = step,
          .ratio = move.ratio,
          .region = move.region,
          .inner = move.inner,
          .note = move.note});
    if (options_.step_tolerance > 0 && step <= options_.step_tolerance * core::norm2(solver_.at().x)) {
      return Status::step_tolerance;
    }
    if (options_.value_tolerance > 0 && fall <= options_.value_tolerance * solver_.at().value) {
      return Status::value_tolerance;
    }
    return called_back();
  }

  std::optional<Status> called_back() {
    if (options_.callback && !options_.callback(result_.trace.back(), f_.split(solver_.at().x)))
      return Status::callback;
    return {};
  }

  void note(Iteration i) {
    i.evaluations = f_.counts.evaluations();
    i.seconds = seconds();
    if (options_.verbose) fmt::print("{}\n", to_string(i));
    result_.trace.push_back(std::move(i));
  }

  std::string message(Status status, const std::string& problem) const {
    std::string text = to_string(status);
    switch (status) {
      case Status::gradient_tolerance:
        text += fmt::format(": {:.2e} <= {:.0e}", solver_.gradient_size(), options_.gradient_tolerance);
        break;
      case Status::max_iterations: text += fmt::format(": {}", options_.max_iterations); break;
      case Status::max_evaluations: text += fmt::format(": {}", options_.max_evaluations); break;
      case Status::max_seconds: text += fmt::format(": {:g} s", options_.max_seconds); break;
      case Status::wrong_gradient: text += ": the residuals do not change as their derivatives say"; break;
      case Status::no_progress: text += ": no step lowers the value"; break;
      default: break;
    }
    if (!problem.empty()) text += ": " + problem;
    return text;
  }

  LeastSquaresResult finish(Status status, const std::string& problem) {
    const ResidualPoint& at = solver_.at();
    result_.xs = f_.split(at.x);
    result_.value = at.value;
    result_.status = status;
    result_.message = message(status, problem);
    result_.iterations = iterations_;
    const DType dtype = f_.dtype();
    result_.residuals = core::copy(core::reshape(core::cast(at.residuals, dtype), f_.result_shape()));
    if (at.gradient.defined()) {
      result_.gradient = solver_.gradient_size();
      if (at.first.defined()) result_.weights = core::sqrt(at.first);
      keep_jacobian(at);
    }
    result_.counts = f_.counts;
    result_.seconds = seconds();
    if (options_.verbose) fmt::print("{}: {}\n", result_.converged() ? "converged" : "stopped", result_.message);
    return std::move(result_);
  }

  void keep_jacobian(const ResidualPoint& at) {
    const auto weighted = [weights = result_.weights](const Array& j) {
      return weights.defined() ? core::mul(j, core::reshape(weights, {weights.size(), 1})) : j;
    };
    if (at.jacobian.defined()) {
      result_.weighted_jacobian = [j = weighted(at.jacobian)] { return j; };
      constexpr std::int64_t worth_it = 1000;
      const std::int64_t n = f_.size();
      if (n > worth_it) return;
      if (const std::int64_t rank = result_.rank(); rank < n) {
        result_.message += fmt::format("; the Jacobian has rank {} for {} unknowns", rank, n);
      }
    } else {
      result_.weighted_jacobian = [f = f_, x = at.x, weighted]() mutable {
        Array j;
        f.value_and_jacobian(x, j);
        return weighted(j);
      };
    }
  }

  const LeastSquaresOptions& options_;
  Residuals f_;
  Array x_;
  bool products_;
  LeastSquaresSolver solver_;
  Clock::time_point begin_ = Clock::now();
  LeastSquaresResult result_;
  std::int64_t iterations_ = 0;
  std::string problem_;
  int setbacks_ = 0;
};

}  // namespace

LeastSquaresResult least_squares(const Function& residuals, std::span<const Tensor> x0,
                                 const LeastSquaresOptions& options) {
  return Run(residuals, x0, options)();
}

LeastSquaresResult least_squares(const UnaryFunction& residuals, const Tensor& x0, const LeastSquaresOptions& options) {
  return least_squares([residuals](std::span<const Tensor> xs) { return residuals(xs[0]); }, std::span(&x0, 1),
                       options);
}

LeastSquaresResult least_squares(const std::function<Tensor()>& residuals, const std::vector<Parameter>& parameters,
                                 const LeastSquaresOptions& options) {
  std::vector<Parameter> trained;
  for (const auto& p : parameters) {
    if (!p.defined() || p.requires_grad()) trained.push_back(p);
  }
  LeastSquaresResult result = least_squares(function_of(trained, residuals), values_of(trained), options);
  for (std::size_t i = 0; i < trained.size(); ++i) trained[i].set_value(result.xs[i].value());
  return result;
}

}  // namespace newtape::optim
