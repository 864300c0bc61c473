// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>
#include <newtape/optim/second_order/l1.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace newtape::optim {

namespace {

/// sum lambda_i |x_i|.
class Penalty {
 public:
  Penalty(const Objective& f, std::span<const Tensor> x0, const L1Options& o) {
    const std::string op = newtape::detail::caller_or("l1");
    check_option(op.c_str(), "l1", o.l1);
    if (!o.weights.empty() && o.weights.size() != x0.size()) {
      raise<ValueError>(op + ": weights must be empty or have one tensor for each starting point",
                        fmt::format("0 or {}", x0.size()), fmt::format("{}", o.weights.size()));
    }
    std::vector<Tensor> full;
    for (std::size_t i = 0; i < o.weights.size(); ++i) {
      const Tensor& w = o.weights[i];
      if (!w.defined() || w.dtype() != f.dtype()) {
        raise<DTypeError>(op + ": weights must have the dtype of the starting points", std::string(name(f.dtype())),
                          w.defined() ? std::string(name(w.dtype())) : "an undefined tensor");
      }
      full.emplace_back(core::copy(core::expand(w.value(), x0[i].shape())));
    }
    lambda_ = full.empty() ? core::full({f.size()}, o.l1, f.dtype()) : o.l1 * f.flatten(full);
    if (f.size() != 0 && !(core::min(lambda_).item() >= 0)) raise<ValueError>(op + ": weights must not be negative");
    penalised_ = core::greater(lambda_, core::number(0, f.dtype()));
  }

  double value(const Array& x) const { return core::dot(lambda_, core::abs(x)); }
  /// argmin |z - x|^2 / 2 + step sum lambda_i |z_i|.
  Array prox(const Array& x, double step) const { return soft_threshold(x, step * lambda_); }
  /// The element nearest to 0 of the subdifferential of f + penalty, with f's gradient g.
  Array subgradient(const Array& x, const Array& g) const {
    const Array away = g + lambda_ * core::sign(x);
    return core::where(core::equal(x, core::number(0, x.dtype())), soft_threshold(g, lambda_), away);
  }
  /// a where there is a penalty, b elsewhere.
  Array where_penalised(const Array& a, const Array& b) const { return core::where(penalised_, a, b); }

 private:
  static Array soft_threshold(const Array& x, const Array& by) {
    return core::sign(x) * core::maximum(core::abs(x) - by, core::number(0, x.dtype()));
  }
  Array lambda_, penalised_;
};

bool finite(const Iterate& at) { return std::isfinite(at.value) && std::isfinite(core::norm_inf(at.gradient)); }

/// Common part of both methods: the function, its penalty, the recorder.
class Solver {
 public:
  Solver(const Function& f, std::span<const Tensor> x0, const L1Options& options)
      : f_(f, x0),
        penalty_(f_, x0, options),
        recorder_(f_, options.stop, options.verbose, default_gradient_tolerance(f_.dtype())),
        options_(options) {
    at_.x = core::copy(f_.flatten(x0));
    at_.value = f_.value_and_gradient(at_.x, at_.gradient);
    if (finite(at_)) total_ = at_.value + penalty_.value(at_.x);
  }
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;
  virtual ~Solver() = default;

  Result operator()() {
    if (!finite(at_)) {
      return recorder_.finish(Status::not_finite, at_.x, at_.value, NAN, "at the start");
    }
    size_ = measure();
    std::optional<Status> status = recorder_.enter({.value = total_, .gradient = size_}, at_.x);
    if (!status && size_ <= tolerance()) status = Status::gradient_tolerance;
    try {
      if (!status) begin();
      while (!status) {
        status = recorder_.exhausted();
        if (!status) status = iterate();
      }
    } catch (const BudgetSpent& spent) {
      status = spent.status;
    }
    const Unlimited end(f_.budget);
    return recorder_.finish(*status, at_.x, total_, measure());
  }

 protected:
  /// Initialises the iterations, at a start that is not the solution yet.
  virtual void begin() = 0;
  /// One iteration, which it records; returns the status if the run ends.
  virtual std::optional<Status> iterate() = 0;

  double tolerance() const { return recorder_.gradient_tolerance(); }
  double eps() const { return epsilon(f_.dtype()); }
  /// Size of the subgradient at the best point, whose gradient may not be evaluated yet.
  double measure() {
    if (!at_.gradient.defined()) f_.value_and_gradient(at_.x, at_.gradient);
    return core::norm_inf(penalty_.subgradient(at_.x, at_.gradient));
  }

  /// Replaces the best point by a better one: of lower value or, where values differ by rounding only, of smaller
  /// subgradient.
  void update_best(const Iterate& at, double total, double size) {
    const double hidden = 100 * eps() * std::abs(total_);
    const bool closer = size < 0.99 * size_;
    no_improvement_ = total < total_ - hidden || (total <= total_ + hidden && closer) ? 0 : no_improvement_ + 1;
    if (!(total < total_ - hidden || (total <= total_ + hidden && size < size_))) return;
    at_ = at;
    total_ = total;
    size_ = size;
  }
  /// Whether the last `iterations` iterations brought no improvement.
  bool no_improvement(int iterations) const { return no_improvement_ >= iterations; }

  Objective f_;
  Penalty penalty_;
  RunRecorder recorder_;
  L1Options options_;
  Iterate at_;                                               ///< the best point, with f's value and gradient there
  double total_ = std::numeric_limits<double>::quiet_NaN();  ///< with the penalty
  double size_ = 0;                                          ///< of its subgradient, or of fista's map

 private:
  int no_improvement_ = 0;
};

// --- FISTA ---

class Fista final : public Solver {
 public:
  using Solver::Solver;

 private:
  void begin() override {
    x_ = at_.x;
    y_ = at_;
    if (options_.step > 0) {
      step_ = options_.step;
      return;
    }
    // 1 / L from a difference of gradients along the gradient; backtracking corrects it.
    const double length = core::norm2(at_.gradient);
    const double h = 1e-4 * std::max(1., core::norm2(at_.x)) / (length > 0 ? length : 1);
    Array ahead;
    f_.value_and_gradient(at_.x - h * at_.gradient, ahead);
    const double change = ahead.defined() ? core::norm2(ahead - at_.gradient) : 0;
    step_ = change > 0 ? h * length / change : 1 / std::max(length, 1.);
  }

  std::optional<Status> iterate() override {
    if (!y_.gradient.defined()) y_.value = f_.value_and_gradient(y_.x, y_.gradient);
    if (!finite(y_)) {
      if (momentum_ == 1) return Status::not_finite;
      restart_momentum();  // the momentum left the domain
      return {};
    }
    std::string remark;
    Iterate next;
    Array d;
    bool hidden = false;  // differences of values are rounding: test the step size by gradients
    for (int tries = 0;; ++tries) {
      next = {penalty_.prox(y_.x - step_ * y_.gradient, step_), NAN, {}};
      d = next.x - y_.x;
      const double squares = core::dot(d, d);
      if (tries == 0) hidden = squares / (2 * step_) <= 1e4 * eps() * std::abs(y_.value);
      if (hidden) {
        next.value = f_.value_and_gradient(next.x, next.gradient);
        if (finite(next) && core::dot(d, next.gradient - y_.gradient) <= squares / step_) break;
      } else {
        next.value = f_.value(next.x);
        if (next.value <= y_.value + core::dot(y_.gradient, d) + squares / (2 * step_)) break;
      }
      if (tries == 30) return diagnose(f_, y_, -y_.gradient);
      step_ *= 0.5;
      remark = "backtracked";
    }
    const double total = next.value + penalty_.value(next.x);
    const Array change = next.x - x_;
    const double reduction = total_ - total;
    double size = core::norm_inf(d) / step_;
    if (size <= tolerance()) {
      if (!next.gradient.defined()) f_.value_and_gradient(next.x, next.gradient);
      size = core::norm_inf(penalty_.subgradient(next.x, next.gradient));
    }
    update_best(next, total, size);

    const bool uphill = options_.restart && core::dot(d, change) < 0;
    const double before = std::exchange(momentum_, (1 + std::sqrt(1 + 4 * momentum_ * momentum_)) / 2);
    if (uphill) {
      momentum_ = 1;
      if (!hidden) step_ *= 2;  // a larger one may be valid again
      remark = remark.empty() ? "restarted" : remark + ", restarted";
    }
    y_ = {uphill ? next.x : next.x + (before - 1) / momentum_ * change, NAN, {}};
    x_ = next.x;
    const auto status = recorder_.enter({.value = total,
                                         .change = reduction,
                                         .gradient = size,
                                         .step = core::norm2(change),
                                         .ratio = step_,
                                         .note = std::move(remark)},
                                        next.x);
    if (status) return status;
    if (size <= tolerance()) return Status::gradient_tolerance;
    // Momentum without restarts may go uphill for many iterations.
    if (no_improvement(options_.restart ? 200 : 5000)) return Status::precision;
    return {};
  }

  void restart_momentum() {
    momentum_ = 1;
    y_ = {x_, NAN, {}};
  }

  Array x_;    ///< the last point
  Iterate y_;  ///< the extrapolated point
  double momentum_ = 1;
  double step_ = 1;
};

// --- OWL-QN ---

class OwlQn final : public Solver {
 public:
  OwlQn(const Function& f, std::span<const Tensor> x0, const L1Options& options)
      : Solver(f, x0, options), memory_(curvature::lbfgs({.history = options.history})()) {}

 private:
  void begin() override {
    now_ = at_;
    value_ = total_;
    subgradient_ = penalty_.subgradient(at_.x, at_.gradient);
    alpha_ = 0.5 * std::min(1., 1 / core::norm2(subgradient_));
  }

  std::optional<Status> iterate() override {
    memory_->evaluate(f_, now_);
    // After a failure with the stored pairs: retry with the subgradient alone.
    const bool moved = attempt() || (memory_->reset() && attempt());
    if (!moved) return problem_;
    const double size = core::norm_inf(subgradient_);
    update_best(now_, value_, size);
    const auto status = recorder_.enter(
        {.value = value_, .change = reduction_, .gradient = size, .step = core::norm2(step_), .ratio = alpha_}, now_.x);
    if (status) return status;
    if (size <= tolerance()) return Status::gradient_tolerance;
    if (no_improvement(50)) return Status::precision;
    return {};
  }

  /// Moves to a better point; false, with `problem_`, when there is none.
  bool attempt() {
    const Array& v = subgradient_;
    const Array zero = core::number(0, v.dtype());
    // Only components with the sign of -v: eq. 5 of the paper.
    Array d = -memory_->solve(v);
    d = penalty_.where_penalised(core::where(core::less(d * v, zero), d, zero), d);
    if (!(core::dot(d, v) < 0)) d = -v;
    const Array orthant = core::where(core::equal(now_.x, zero), -core::sign(v), core::sign(now_.x));

    // Without curvature pairs, twice the last alpha.
    alpha_ = memory_->scaled() ? 1 : 2 * alpha_;
    problem_ = Status::not_finite;
    for (int tries = 0; tries < 30; ++tries, alpha_ *= 0.5) {
      Iterate next;
      next.x = now_.x + alpha_ * d;
      const Array inside = core::greater(next.x * orthant, zero);
      next.x = penalty_.where_penalised(core::where(inside, next.x, zero), next.x);
      next.value = f_.value_and_gradient(next.x, next.gradient);
      if (!std::isfinite(next.value) || !finite(next)) continue;
      problem_ = Status::no_progress;
      step_ = next.x - now_.x;
      const double total = next.value + penalty_.value(next.x);
      Array subgradient = penalty_.subgradient(next.x, next.gradient);
      if (!sufficient_decrease(total, core::dot(v, step_), core::dot(subgradient, step_), -core::dot(v, d))) continue;
      memory_->update(step_, next.gradient - now_.gradient);
      reduction_ = std::exchange(value_, total) - total;
      now_ = std::move(next);
      subgradient_ = std::move(subgradient);
      return true;
    }
    if (problem_ == Status::no_progress) {
      const bool hidden = -core::dot(d, v) <= 1e3 * eps() * std::abs(value_);
      problem_ = hidden ? Status::precision : diagnose(f_, now_, d);
    }
    return false;
  }

  /// Eq. 8, with the actual step; where rounding hides the reduction, by slopes (Hager & Zhang 2005, eq. 4.1).
  bool sufficient_decrease(double total, double slope, double slope_after, double predicted) const {
    if (!(slope < 0)) return false;
    const double noise = eps() * std::abs(value_);
    if (predicted > 1e4 * noise) return total <= value_ + 1e-4 * slope;
    return total <= value_ + 100 * noise && slope_after <= 0.8 * -slope;
  }

  std::unique_ptr<Curvature> memory_;
  Iterate now_;
  Array subgradient_;
  double value_ = 0;  ///< with the penalty
  Array step_;        ///< the last one
  double alpha_ = 1;
  double reduction_ = 0;
  Status problem_ = Status::no_progress;
};

Function of_single(const UnaryFunction& f) {
  return [f](std::span<const Tensor> xs) { return f(xs[0]); };
}

template <class Method>
Result run(const Function& f, std::span<const Tensor> x0, const L1Options& options) {
  return Method(f, x0, options)();
}

template <class Method>
Result run(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters, const L1Options& options) {
  return minimize_over(parameters, loss,
                       [&](const Function& f, const std::vector<Tensor>& x0) { return run<Method>(f, x0, options); });
}

}  // namespace

Result fista(const Located<Function>& f, std::span<const Tensor> x0, const L1Options& options) {
  return newtape::detail::with_functions("fista", [&] { return run<Fista>(f, x0, options); });
}
Result fista(const Located<UnaryFunction>& f, const Tensor& x0, const L1Options& options) {
  return fista(of_single(f), std::span(&x0, 1), options);
}
Result fista(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
             const L1Options& options) {
  return newtape::detail::with_functions("fista", [&] { return run<Fista>(loss, parameters, options); });
}

Result owl_qn(const Located<Function>& f, std::span<const Tensor> x0, const L1Options& options) {
  return newtape::detail::with_functions("owl_qn", [&] { return run<OwlQn>(f, x0, options); });
}
Result owl_qn(const Located<UnaryFunction>& f, const Tensor& x0, const L1Options& options) {
  return owl_qn(of_single(f), std::span(&x0, 1), options);
}
Result owl_qn(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
              const L1Options& options) {
  return newtape::detail::with_functions("owl_qn", [&] { return run<OwlQn>(loss, parameters, options); });
}

}  // namespace newtape::optim
