// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/direct_search/run.hpp>
#include <newtape/optim/second_order/engine.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace newtape::optim {

namespace {

constexpr std::int64_t max_bfgs_size = 500;

class MinimizeRun {
 public:
  MinimizeRun(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options)
      : f_(f),
        bounds_("minimize", f, x0, options),
        engine_(options.method.curvature    ? options.method
                : f.size() <= max_bfgs_size ? bfgs()
                                            : lbfgs()),
        recorder_(f, options.stop, options.verbose, default_gradient_tolerance(f.dtype())) {
    at_.x = bounds_.project(core::copy(f.flatten(x0)));
  }

  Result operator()() {
    at_.value = f_.value_and_gradient(at_.x, at_.gradient);
    if (!finite(at_)) return recorder_.finish(Status::not_finite, at_.x, at_.value, NAN, "at the start");
    size_ = measure();
    std::optional<Status> status = recorder_.enter({.value = at_.value, .gradient = size_}, at_.x);
    while (!status) status = iterate();
    status = verified(*status);
    return recorder_.finish(*status, at_.x, at_.value, size_, problem_);
  }

 private:
  static bool finite(const Iterate& at) {
    return std::isfinite(at.value) && std::isfinite(core::norm_inf(at.gradient));
  }
  double measure() const { return core::norm_inf(bounds_.projected_step(at_.x, at_.gradient)); }

  std::optional<Status> iterate() {
    if (size_ <= recorder_.gradient_tolerance()) return Status::gradient_tolerance;
    if (const auto status = recorder_.exhausted()) return status;
    const Iterate before = at_;
    const StepResult move = advance();
    if (!move.moved) {
      problem_ = move.note;
      return move.problem;
    }
    size_ = measure();
    const auto status = recorder_.enter({.value = at_.value,
                                         .change = before.value - at_.value,
                                         .gradient = size_,
                                         .step = core::norm2(at_.x - before.x),
                                         .ratio = move.ratio,
                                         .region = move.region,
                                         .inner = move.inner,
                                         .note = move.note},
                                        at_.x);
    if (status) return status;
    if (size_ > recorder_.gradient_tolerance() && iterations_without_improvement() >= 20) return Status::precision;
    return {};
  }

  StepResult advance() {
    try {
      return engine_.advance(f_, at_, bounds_);
    } catch (const BudgetSpent& spent) {
      return {.problem = spent.status};
    }
  }

  Status verified(Status status) {
    if (!optim::converged(status) || f_.size() == 0) return status;
    try {
      return gradient_contradicted() ? Status::wrong_gradient : status;
    } catch (const BudgetSpent& spent) {
      problem_ = std::string("the gradient is not verified: ") + to_string(spent.status);
      return status;
    }
  }

  /// A run on a wrong gradient converges to that gradient's zero, which only values reveal. Central differences in a
  /// random direction must agree with the slope up to the second difference and rounding.
  bool gradient_contradicted() {
    Generator generator(0);
    const Array d = random::uniform({f_.size()}, 0, 1, f_.dtype(), generator) - 0.5;
    const double h = 1e-3 * std::max(core::norm_inf(at_.x), 1.);
    const double after = f_.value(at_.x + h * d);
    const double before = f_.value(at_.x - h * d);
    const double slope = core::dot(at_.gradient, d);
    const double slope_error = std::abs((after - before) / 2 - h * slope);
    const double second_difference = std::abs(after + before - 2 * at_.value);
    if (!(slope_error > std::max({second_difference, h * std::abs(slope), rounding(at_.value, f_.dtype())}))) {
      return false;
    }
    return diagnose(f_, at_, d) == Status::wrong_gradient;
  }

  /// Iterations since the value or the gradient last improved on its minimum by more than rounding.
  std::int64_t iterations_without_improvement() {
    if (at_.value < min_value_ - rounding(at_.value, f_.dtype()) || size_ < 0.9 * min_gradient_) {
      min_value_ = std::min(min_value_, at_.value);
      min_gradient_ = std::min(min_gradient_, size_);
      last_improvement_ = recorder_.iterations();
    }
    return recorder_.iterations() - last_improvement_;
  }

  Objective& f_;
  Bounds bounds_;
  Engine engine_;
  RunRecorder recorder_;
  Iterate at_;
  double size_ = 0;  ///< largest |entry| of the projected gradient
  std::string problem_;
  double min_value_ = std::numeric_limits<double>::infinity();
  double min_gradient_ = std::numeric_limits<double>::infinity();
  std::int64_t last_improvement_ = 0;
};

Result run(Objective f, std::span<const Tensor> x0, const MinimizeOptions& options) {
  if (options.capture) f.capture();
  if (options.method.direct_search) return run_direct_search(f, x0, options);
  return MinimizeRun(f, x0, options)();
}

Function of_one(const UnaryFunction& f) {
  return [f](std::span<const Tensor> xs) { return f(xs[0]); };
}

}  // namespace

Result minimize(const Located<Function>& f, std::span<const Tensor> x0, const MinimizeOptions& options) {
  return newtape::detail::with_functions("minimize", [&] { return run(Objective(f, x0), x0, options); });
}
Result minimize(const Located<UnaryFunction>& f, const Tensor& x0, const MinimizeOptions& options) {
  return minimize(of_one(f), std::span(&x0, 1), options);
}
Result minimize(const DifferentiableFunction& f, const Tensor& x0, const MinimizeOptions& options,
                SourceLocation location) {
  const ErrorSite here(location);
  return newtape::detail::with_functions("minimize", [&] { return run(Objective(f, x0), std::span(&x0, 1), options); });
}
Result minimize(const Located<Function>& outputs, const UnaryFunction& loss, std::span<const Tensor> x0,
                const MinimizeOptions& options) {
  return newtape::detail::with_functions("minimize", [&] { return run(Objective(outputs, loss, x0), x0, options); });
}
Result minimize(const Located<UnaryFunction>& outputs, const UnaryFunction& loss, const Tensor& x0,
                const MinimizeOptions& options) {
  return minimize(of_one(outputs), loss, std::span(&x0, 1), options);
}
Result minimize(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
                const MinimizeOptions& options) {
  return minimize_over(parameters, loss,
                       [&](const Function& f, const std::vector<Tensor>& x0) { return minimize(f, x0, options); });
}
Result minimize(const Located<std::function<Tensor()>>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options) {
  return minimize_over(parameters, outputs, [&](const Function& f, const std::vector<Tensor>& x0) {
    return minimize(f, loss, x0, options);
  });
}

}  // namespace newtape::optim
