// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/functional.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/core/random.hpp>
#include <newtape/core/reduce.hpp>
#include <newtape/core/vector.hpp>
#include <newtape/optim/engine.hpp>
#include <newtape/optim/globalization/precision.hpp>
#include <newtape/optim/methods.hpp>
#include <newtape/optim/minimize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace newtape::optim {

namespace {

constexpr std::int64_t small_enough_for_a_matrix = 500;

/// One bound for all elements; undefined when there is none.
Array bound(const Objective& f, const std::vector<Tensor>& given, std::span<const Tensor> x0, const char* which) {
  if (given.empty()) return {};
  if (given.size() != x0.size()) {
    raise<ValueError>(fmt::format("minimize: {}: none, or one for each starting point", which),
                      fmt::format("0 or {}", x0.size()), fmt::format("{}", given.size()));
  }
  std::vector<Tensor> full;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i].defined() || given[i].dtype() != f.dtype()) {
      raise<DTypeError>(fmt::format("minimize: {} must have the dtype of the starting points", which),
                        std::string(name(f.dtype())),
                        given[i].defined() ? std::string(name(given[i].dtype())) : "an undefined tensor");
    }
    full.emplace_back(core::copy(core::expand(given[i].value(), x0[i].shape())));
  }
  return f.flatten(full);
}

class Run {
 public:
  Run(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options)
      : f_(f),
        options_(options),
        bounds_{bound(f, options.lower, x0, "lower"), bound(f, options.upper, x0, "upper")},
        engine_(options.method.curvature                ? options.method
                : f.size() <= small_enough_for_a_matrix ? bfgs()
                                                        : lbfgs()),
        tolerance_(options.gradient_tolerance > 0 ? options.gradient_tolerance
                   : f.dtype() == f32             ? 1e-4
                                                  : 1e-8) {
    if (bounds_.lower.defined() && bounds_.upper.defined() &&
        core::any(core::greater(bounds_.lower, bounds_.upper)).item() != 0) {
      raise<ValueError>("minimize: a lower bound is above its upper bound");
    }
    at_.x = bounds_.project(core::copy(f.flatten(x0)));
  }

  Result operator()() {
    if (options_.verbose) fmt::print("{}\n", trace_header());
    at_.value = f_.value_and_gradient(at_.x, at_.gradient);
    if (!finite(at_)) return finish(Status::not_finite, "the value or the gradient at the start is not finite");
    note({.index = 0, .value = at_.value, .gradient = measure()});
    std::optional<Status> status = stopped_by_callback(0);
    while (!status) status = iterate();
    *status = believed(*status);
    return finish(*status, message(*status));
  }

 private:
  using Clock = std::chrono::steady_clock;

  static bool finite(const Iterate& at) {
    return std::isfinite(at.value) && std::isfinite(core::norm_inf(at.gradient));
  }
  double measure() const { return core::norm_inf(bounds_.projected_step(at_.x, at_.gradient)); }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  std::optional<Status> iterate() {
    const double size = result_.trace.back().gradient;
    if (size <= tolerance_) return Status::gradient_tolerance;
    if (options_.max_iterations > 0 && result_.iterations >= options_.max_iterations) return Status::max_iterations;
    if (options_.max_evaluations > 0 && f_.counts.evaluations() >= options_.max_evaluations) {
      return Status::max_evaluations;
    }
    if (options_.max_seconds > 0 && seconds() >= options_.max_seconds) return Status::max_seconds;

    const Iterate before = at_;
    const Move move = engine_.advance(f_, at_, bounds_);
    if (!move.moved) {
      problem_ = move.note;
      return move.problem;
    }
    ++result_.iterations;
    const double step = core::norm2(core::sub(at_.x, before.x));
    const double fall = before.value - at_.value;
    note({.index = result_.iterations,
          .value = at_.value,
          .change = fall,
          .gradient = measure(),
          .step = step,
          .ratio = move.ratio,
          .region = move.region,
          .inner = move.inner,
          .note = move.note});
    if (at_.value < options_.unbounded_below) return Status::unbounded;
    if (result_.trace.back().gradient > tolerance_) {
      if (options_.step_tolerance > 0 && step <= options_.step_tolerance * core::norm2(at_.x)) {
        return Status::step_tolerance;
      }
      if (options_.value_tolerance > 0 && fall <= options_.value_tolerance * std::abs(at_.value)) {
        return Status::value_tolerance;
      }
      if (idle() >= 20) return Status::precision;
    }
    return stopped_by_callback(result_.iterations);
  }

  /// A gradient that belongs to another function comes to its zero like any other: only values tell. Two of them, on
  /// either side of the point, differ by less than they curve, unless there is a slope that nobody knows of.
  Status believed(Status status) {
    if (!optim::converged(status) || f_.size() == 0) return status;
    Generator generator(0);
    const Array d =
        core::sub(random::uniform({f_.size()}, 0, 1, f_.dtype(), generator), core::full({}, 0.5, f_.dtype()));
    const double h = 1e-3 * std::max(core::norm_inf(at_.x), 1.);
    const double after = f_.value(core::plus(core::copy(at_.x), h, d));
    const double before = f_.value(core::plus(core::copy(at_.x), -h, d));
    const double slope = core::dot(at_.gradient, d);
    const double unknown = std::abs((after - before) / 2 - h * slope);
    const double bend = std::abs(after + before - 2 * at_.value);
    if (!(unknown > std::max({bend, h * std::abs(slope), rounding(at_.value, f_.dtype())}))) return status;
    return diagnose(f_, at_, d) == Status::wrong_gradient ? Status::wrong_gradient : status;
  }

  /// How many iterations ago value or gradient were last better than ever before by more than rounding.
  std::int64_t idle() {
    const double size = result_.trace.back().gradient;
    if (at_.value < least_value_ - rounding(at_.value, f_.dtype()) || size < 0.9 * least_gradient_) {
      least_value_ = std::min(least_value_, at_.value);
      least_gradient_ = std::min(least_gradient_, size);
      better_ = result_.iterations;
    }
    return result_.iterations - better_;
  }

  std::optional<Status> stopped_by_callback(std::int64_t) {
    if (options_.callback && !options_.callback(result_.trace.back(), f_.split(at_.x))) return Status::callback;
    return {};
  }

  void note(Iteration i) {
    i.evaluations = f_.counts.evaluations();
    i.seconds = seconds();
    if (options_.verbose) fmt::print("{}\n", to_string(i));
    result_.trace.push_back(std::move(i));
  }

  std::string message(Status status) const {
    const double size = result_.trace.back().gradient;
    std::string text = to_string(status);
    switch (status) {
      case Status::gradient_tolerance: text += fmt::format(": {:.2e} <= {:.0e}", size, tolerance_); break;
      case Status::max_iterations: text += fmt::format(": {}", options_.max_iterations); break;
      case Status::max_evaluations: text += fmt::format(": {}", options_.max_evaluations); break;
      case Status::max_seconds: text += fmt::format(": {:g} s", options_.max_seconds); break;
      case Status::unbounded: text += fmt::format(": {:.2e} < {:.0e}", at_.value, options_.unbounded_below); break;
      case Status::wrong_gradient: text += ": the value does not change along the gradient as the gradient says"; break;
      case Status::not_finite: text += ": values, gradients or curvatures around this point"; break;
      case Status::no_progress: text += ": no step lowers the value"; break;
      default: break;
    }
    if (!problem_.empty()) text += " (" + problem_ + ")";
    return text;
  }

  Result finish(Status status, std::string words) {
    for (auto& x : f_.split(at_.x)) result_.xs.emplace_back(core::copy(x.value()));
    result_.value = at_.value;
    if (!result_.trace.empty()) result_.gradient = result_.trace.back().gradient;
    result_.status = status;
    result_.message = std::move(words);
    result_.counts = f_.counts;
    result_.seconds = seconds();
    if (options_.verbose) fmt::print("{}: {}\n", result_.converged() ? "converged" : "stopped", result_.message);
    return std::move(result_);
  }

  Objective& f_;
  const MinimizeOptions& options_;
  Bounds bounds_;
  Engine engine_;
  double tolerance_;
  Clock::time_point begin_ = Clock::now();
  Iterate at_;
  Result result_;
  std::string problem_;
  double least_value_ = std::numeric_limits<double>::infinity();
  double least_gradient_ = std::numeric_limits<double>::infinity();
  std::int64_t better_ = 0;
};

Result run(Objective f, std::span<const Tensor> x0, const MinimizeOptions& options) { return Run(f, x0, options)(); }

Function of_one(const UnaryFunction& f) {
  return [f](std::span<const Tensor> xs) { return f(xs[0]); };
}

/// Leaves the parameters at the best point.
Result put(const std::vector<Parameter>& parameters, Result result) {
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].set_value(result.xs[i].value());
  return result;
}

}  // namespace

Result minimize(const Function& f, std::span<const Tensor> x0, const MinimizeOptions& options) {
  return run(Objective(f, x0), x0, options);
}
Result minimize(const UnaryFunction& f, const Tensor& x0, const MinimizeOptions& options) {
  return minimize(of_one(f), std::span(&x0, 1), options);
}
Result minimize(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> x0,
                const MinimizeOptions& options) {
  return run(Objective(outputs, loss, x0), x0, options);
}
Result minimize(const UnaryFunction& outputs, const UnaryFunction& loss, const Tensor& x0,
                const MinimizeOptions& options) {
  return minimize(of_one(outputs), loss, std::span(&x0, 1), options);
}
Result minimize(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters,
                const MinimizeOptions& options) {
  return put(parameters, minimize(function_of(parameters, loss), values_of(parameters), options));
}
Result minimize(const std::function<Tensor()>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options) {
  return put(parameters, minimize(function_of(parameters, outputs), loss, values_of(parameters), options));
}

}  // namespace newtape::optim
