// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ode/odeint.hpp>

#include <memory>

/// One step of a method of integration. Internal to autograd/ode.
namespace newtape::detail {

/// f with checked results, which counts its evaluations.
class CheckedOde {
 public:
  CheckedOde(const char* op, const OdeFunction& f) : op_(op), f_(f) {}
  /// ShapeError or DTypeError for a result unlike y.
  Tensor operator()(const Tensor& t, const Tensor& y) const;
  std::int64_t evaluations() const noexcept { return evaluations_; }

 private:
  const char* op_;
  const OdeFunction& f_;
  mutable std::int64_t evaluations_ = 0;
};

/// A step that was tried: not recorded results have no graph.
struct Trial {
  Tensor y;      ///< at the end
  Tensor error;  ///< an estimate of the error of y
  Tensor slope;  ///< f at the end, where the method has it
  std::vector<Tensor> stages;
};

class Stepper {
 public:
  virtual ~Stepper() = default;
  /// From y at t by h; `slope` is f(t, y).
  virtual Trial step(const CheckedOde& f, const Tensor& t, const Tensor& y, const Tensor& slope, double h) const = 0;
  /// The coefficients of y(t + s h) in powers of s.
  virtual std::vector<Tensor> polynomial(const Tensor& y, const Trial& trial, double h) const = 0;
  /// The error of a step is proportional to h^error_order.
  virtual int error_order() const noexcept = 0;
};

const Stepper& runge_kutta(OdeOptions::Method method);  ///< all methods but rodas4
const Stepper& rosenbrock();

/// y + sum_i weights[i] tensors[i]; terms of weight 0 are left out.
Tensor combination(const Tensor& y, std::span<const double> weights, std::span<const Tensor> tensors, double scale);

}  // namespace newtape::detail
