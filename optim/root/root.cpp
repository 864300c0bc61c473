// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/linalg/krylov.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/residuals.hpp>
#include <newtape/optim/root/root.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

/// The results of f, of the shapes of x, as one vector.
Function as_vector(const MultiFunction& f) {
  return [f](std::span<const Tensor> xs) {
    const std::vector<Tensor> ys = f(xs);
    bool right = ys.size() == xs.size();
    for (std::size_t i = 0; right && i < ys.size(); ++i) right = ys[i].defined() && ys[i].shape() == xs[i].shape();
    if (!right) {
      std::string expected, got;
      for (const Tensor& x : xs) expected += (expected.empty() ? "" : ", ") + to_string(x.shape());
      for (const Tensor& y : ys) got += (got.empty() ? "" : ", ") + (y.defined() ? to_string(y.shape()) : "undefined");
      raise<ShapeError>("root: f must return the shapes of x", expected, got);
    }
    std::vector<Tensor> flat;
    for (const Tensor& y : ys) flat.push_back(ravel(y));
    return flat.size() == 1 ? flat[0] : concatenate(flat, 0);
  };
}

class RootRun {
 public:
  RootRun(const Function& f, std::span<const Tensor> x0, const RootOptions& options)
      : function_(f),
        f_("root", f, x0),
        options_(options),
        recorder_(f_, options.stop, options.verbose, f_.dtype() == f32 ? 1e-5 : 1e-10) {
    using Method = LinearSolveOptions::Method;
    dense_ = options.linear.method == Method::dense ||
             (options.linear.method == Method::automatic && f_.size() <= options.linear.dense_limit);
    x_ = core::copy(f_.flatten(x0));
  }

  Result operator()() {
    evaluate(x_);
    if (!std::isfinite(size_)) return recorder_.finish(Status::not_finite, x_, size_, size_, "at the start");
    std::optional<Status> status = recorder_.enter(row(0, 0, 0), x_);
    try {
      while (!status) status = iterate();
    } catch (const BudgetSpent& spent) {
      status = spent.status;
    }
    return recorder_.finish(*status, x_, core::norm2(value_), size_, problem_);
  }

 private:
  void evaluate(const Array& x) {
    value_ = f_.value(x);
    size_ = core::norm_inf(value_);
  }
  Iteration row(double change, double step, double ratio, std::int64_t inner = 0) const {
    Iteration i;
    i.value = core::norm2(value_), i.change = change, i.gradient = size_, i.step = step, i.ratio = ratio,
    i.inner = inner;
    return i;
  }

  /// -J^-1 f, or undefined where that does not exist.
  Array newton_step(std::int64_t& inner) {
    const Array minus = core::reshape(-value_, {f_.size(), 1});
    if (dense_) {
      Array j;
      f_.value_and_jacobian(x_, j);
      try {
        Array d = core::reshape(core::solve(j, minus), {f_.size()});
        return std::isfinite(core::norm_inf(d)) ? d : Array();
      } catch (const NumericalError&) {
        return {};
      }
    }
    const auto products = f_.products(x_);
    const core::KrylovOptions options{options_.linear.tolerance > 0 ? options_.linear.tolerance : 1e-10,
                                      options_.linear.max_iterations, options_.linear.restart};
    using Method = LinearSolveOptions::Method;
    const auto solver = options_.linear.method == Method::cg         ? core::cg
                        : options_.linear.method == Method::bicgstab ? core::bicgstab
                                                                     : core::gmres;
    const auto found = solver(products.forward, -value_, options);
    inner = found.iterations;
    return found.residual < 0.5 && std::isfinite(core::norm_inf(found.x)) ? found.x : Array();
  }

  std::optional<Status> iterate() {
    const bool within = size_ <= recorder_.gradient_tolerance();
    if (size_ == 0 || (within && polished_)) return Status::gradient_tolerance;
    if (const auto status = recorder_.exhausted()) return within ? Status::gradient_tolerance : *status;
    std::int64_t inner = 0;
    const Array d = newton_step(inner);
    if (within) return polish(d);
    if (!d.defined()) return minimise("the Jacobian is singular");
    const bool rounding = core::norm2(d) <= 4 * epsilon(f_.dtype()) * core::norm2(x_);
    const double here = core::norm2(value_);
    const Array before = x_;
    for (double t = 1; t > 1e-4; t /= 2) {
      const Array to = f_.rounded(before + t * d);
      const Array value = f_.value(to);
      if (!(core::norm2(value) <= (1 - 1e-4 * t) * here)) continue;
      x_ = to, value_ = value, size_ = core::norm_inf(value);
      return recorder_.enter(row(here - core::norm2(value), t * core::norm2(d), t, inner), x_);
    }
    if (rounding) return Status::precision;
    return minimise("the Newton step does not lower |f|");
  }

  /// One step beyond the tolerance, if it is an improvement: convergence is quadratic.
  std::optional<Status> polish(const Array& d) {
    polished_ = true;
    if (!d.defined()) return {};
    const Array to = f_.rounded(x_ + d);
    const Array value = f_.value(to);
    if (!(core::norm_inf(value) < size_)) return {};
    const double change = core::norm2(value_) - core::norm2(value);
    x_ = to, value_ = value, size_ = core::norm_inf(value);
    return recorder_.enter(row(change, core::norm2(d), 1), x_);
  }

  /// A few Levenberg-Marquardt steps, which need no regular Jacobian; the end where they do not help either.
  std::optional<Status> minimise(const std::string& why) {
    LeastSquaresOptions o;
    o.stop.max_iterations = 20;
    o.stop.gradient_tolerance = 0;
    o.stop.value_tolerance = 0;
    const double here = core::norm2(value_);
    const Array before = x_;
    const auto found = least_squares(function_, f_.split(x_), o);
    f_.counts.values += found.counts.values;
    f_.counts.gradients += found.counts.gradients;
    x_ = f_.flatten(found.xs);
    evaluate(x_);
    Iteration i = row(here - core::norm2(value_), core::norm2(x_ - before), 0, found.iterations);
    i.note = why + ": Levenberg-Marquardt";
    const auto status = recorder_.enter(std::move(i), x_);
    if (status || size_ <= recorder_.gradient_tolerance()) return status;
    // |f| no longer falls: a local minimum of it.
    if (!(core::norm2(value_) < (1 - 1e-3) * here)) {
      problem_ = fmt::format("{}; |f| has a local minimum, or a singular root, at {:.2e}", why, core::norm2(value_));
      return Status::no_progress;
    }
    return {};
  }

  Function function_;
  Residuals f_;
  const RootOptions& options_;
  RunRecorder recorder_;
  bool dense_ = true;
  Array x_, value_;  ///< f64 [n]
  double size_ = 0;  ///< the largest |entry| of f
  bool polished_ = false;
  std::string problem_;
};

}  // namespace

Result root(const Located<MultiFunction>& f, std::span<const Tensor> x0, const RootOptions& options) {
  return newtape::detail::with_functions("root", [&] { return RootRun(as_vector(f), x0, options)(); });
}

Result root(const Located<UnaryFunction>& f, const Tensor& x0, const RootOptions& options) {
  return root(MultiFunction([f](std::span<const Tensor> xs) { return std::vector<Tensor>{f(xs[0])}; }),
              std::span(&x0, 1), options);
}

std::vector<Tensor> root(const Located<Equation>& f, std::span<const Tensor> x0, std::span<const Tensor> theta,
                         const RootOptions& options) {
  const auto solver = [&](std::span<const Tensor> parameters) {
    Result found = root([&](std::span<const Tensor> xs) { return f(xs, parameters); }, x0, options);
    if (!found.converged()) raise<NumericalError>("root: the run did not converge", {}, found.message);
    return found.xs;
  };
  return custom_root(f, solver, theta, options.linear);
}

Tensor root(const Located<UnaryEquation>& f, const Tensor& x0, const Tensor& theta, const RootOptions& options) {
  return root(Equation([f](std::span<const Tensor> xs, std::span<const Tensor> parameters) {
                return std::vector<Tensor>{f(xs[0], parameters[0])};
              }),
              std::span(&x0, 1), std::span(&theta, 1), options)[0];
}

}  // namespace newtape::optim
