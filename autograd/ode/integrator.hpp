// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ode/stepper.hpp>
#include <newtape/autograd/transforms/grad.hpp>

/// Internal to autograd/ode.
namespace newtape::detail {

/// Integrates by accepted steps. The state belongs to the graph; the sizes of the steps are constants.
class OdeIntegrator {
 public:
  /// `f` must outlive this.
  OdeIntegrator(const char* op, const OdeFunction& f, Tensor t0, Tensor y0, const OdeOptions& options);

  /// The next accepted step towards `end`, which it does not pass.
  OdeStep advance(double end);

  double start() const noexcept { return start_; }
  double now() const noexcept { return now_; }
  const Tensor& t() const noexcept { return t_; }
  const Tensor& y() const noexcept { return y_; }
  std::int64_t evaluations() const noexcept { return f_.evaluations(); }
  std::int64_t rejected() const noexcept { return rejected_; }

 private:
  double first_step(double direction, double distance) const;
  double growth(double error, bool after_rejection) const;

  const char* op_;
  CheckedOde f_;
  OdeOptions options_;
  Tensor origin_, t_, y_, slope_;
  const Stepper& stepper_;
  double start_ = 0, now_ = 0, h_ = 0, previous_error_ = 1e-4;
  std::int64_t attempts_ = 0, rejected_ = 0;
};

/// ValueError unless `times` [n], n >= 1, are finite and strictly monotone.
void expect_times(const char* op, const Array& times);

/// The state at t, from a step's polynomial.
Tensor evaluate(const OdeStep& step, const Tensor& t);

}  // namespace newtape::detail
