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
#include <newtape/optim/progress.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace newtape::optim {

namespace {

constexpr std::int64_t small_enough_for_a_matrix = 500;

class MinimizeRun {
 public:
  MinimizeRun(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options)
      : f_(f),
        bounds_("minimize", f, x0, options),
        engine_(options.method.curvature                ? options.method
                : f.size() <= small_enough_for_a_matrix ? bfgs()
                                                        : lbfgs()),
        progress_(f, options, default_gradient_tolerance(f.dtype())) {
    at_.x = bounds_.project(core::copy(f.flatten(x0)));
  }

  Result operator()() {
    at_.value = f_.value_and_gradient(at_.x, at_.gradient);
    if (!finite(at_)) return progress_.finish(Status::not_finite, at_.x, at_.value, NAN, "at the start");
    size_ = measure();
    std::optional<Status> status = progress_.enter({.value = at_.value, .gradient = size_}, at_.x);
    while (!status) status = iterate();
    return progress_.finish(believed(*status), at_.x, at_.value, size_, problem_);
  }

 private:
  static bool finite(const Iterate& at) {
    return std::isfinite(at.value) && std::isfinite(core::norm_inf(at.gradient));
  }
  double measure() const { return core::norm_inf(bounds_.projected_step(at_.x, at_.gradient)); }

  std::optional<Status> iterate() {
    if (size_ <= progress_.limits().gradient_tolerance) return Status::gradient_tolerance;
    if (const auto status = progress_.exhausted()) return status;
    const Iterate before = at_;
    const Move move = engine_.advance(f_, at_, bounds_);
    if (!move.moved) {
      problem_ = move.note;
      return move.problem;
    }
    size_ = measure();
    const auto status = progress_.enter({.value = at_.value,
                                         .change = before.value - at_.value,
                                         .gradient = size_,
                                         .step = core::norm2(core::sub(at_.x, before.x)),
                                         .ratio = move.ratio,
                                         .region = move.region,
                                         .inner = move.inner,
                                         .note = move.note},
                                        at_.x);
    if (status) return status;
    if (size_ > progress_.limits().gradient_tolerance && idle() >= 20) return Status::precision;
    return {};
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
    if (at_.value < least_value_ - rounding(at_.value, f_.dtype()) || size_ < 0.9 * least_gradient_) {
      least_value_ = std::min(least_value_, at_.value);
      least_gradient_ = std::min(least_gradient_, size_);
      better_ = progress_.iterations();
    }
    return progress_.iterations() - better_;
  }

  Objective& f_;
  Bounds bounds_;
  Engine engine_;
  Progress progress_;
  Iterate at_;
  double size_ = 0;  ///< of the gradient, as it counts
  std::string problem_;
  double least_value_ = std::numeric_limits<double>::infinity();
  double least_gradient_ = std::numeric_limits<double>::infinity();
  std::int64_t better_ = 0;
};

Result run(Objective f, std::span<const Tensor> x0, const MinimizeOptions& options) {
  return MinimizeRun(f, x0, options)();
}

Function of_one(const UnaryFunction& f) {
  return [f](std::span<const Tensor> xs) { return f(xs[0]); };
}

/// Minimises over those parameters that train, and leaves them at the best point.
template <class Minimize>
Result over(const std::vector<Parameter>& parameters, const Minimize& minimize_from) {
  std::vector<Parameter> trained;
  for (const auto& p : parameters) {
    if (!p.defined() || p.requires_grad()) trained.push_back(p);
  }
  Result result = minimize_from(trained, values_of(trained));
  for (std::size_t i = 0; i < trained.size(); ++i) trained[i].set_value(result.xs[i].value());
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
  return over(parameters, [&](const std::vector<Parameter>& trained, const std::vector<Tensor>& x0) {
    return minimize(function_of(trained, loss), x0, options);
  });
}
Result minimize(const std::function<Tensor()>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options) {
  return over(parameters, [&](const std::vector<Parameter>& trained, const std::vector<Tensor>& x0) {
    return minimize(function_of(trained, outputs), loss, x0, options);
  });
}

}  // namespace newtape::optim
