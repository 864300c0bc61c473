// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tape.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

/// Ordinary differential equations dy/dt = f(t, y), and derivatives of their solutions.
///
/// `odeint` and `solve_ivp` record every step: the derivatives, of any order, are those of the numerical solution, with
/// respect to the initial state, the times, and whatever f uses. Memory grows with the number of steps; `odeint_adjoint`
/// keeps the solution only, and integrates the adjoint equation backwards. The sizes of the steps are constants.
namespace newtape {

/// t is a scalar; the result has the shape and dtype of y.
using OdeFunction = std::function<Tensor(const Tensor& t, const Tensor& y)>;
/// The same with parameters.
using ParametricOdeFunction = std::function<Tensor(const Tensor& t, const Tensor& y, std::span<const Tensor> theta)>;

/// Options of odeint, solve_ivp and odeint_adjoint.
struct OdeOptions {
  /// The integration method, with its order and, in parentheses, that of the error estimate.
  enum class Method {
    dopri5,  ///< order 5(4) (Dormand and Prince 1980), SciPy's RK45: the default
    tsit5,   ///< order 5(4) (Tsitouras 2011), often fewer steps
    bosh3,   ///< order 3(2) (Bogacki and Shampine 1989), for low accuracy
    rodas4,  ///< order 4(3), for stiff equations: a Rosenbrock method (Hairer and Wanner 1996), with the Jacobian of f
  };
  Method method = Method::dopri5;
  /// A step is accepted when the root mean square of error / (atol + rtol max(|y|, |y next|)) is at most 1.
  double rtol = 0;                   ///< 0: 1e-6 in f64, 1e-4 in f32
  double atol = 0;                   ///< 0: rtol / 1000
  double first_step = 0;             ///< 0: chosen from f (Hairer, Norsett and Wanner 1993, II.4)
  double max_step = 0;               ///< 0: no limit
  std::int64_t max_steps = 100'000;  ///< attempts; NumericalError beyond
};

/// y at each of `times` [n], in the shape [n, y0.shape..]; times[0] is the time of y0. The times increase or decrease;
/// between the ends of steps, y comes from the method's own polynomial (of order 4; bosh3 and rodas4: 3).
/// ValueError for other times or options out of range, ShapeError or DTypeError for a result of f unlike y0,
/// NumericalError when the size of a step comes to rounding level (f is not finite, or the equation is stiff).
Tensor odeint(const OdeFunction& f, In y0, In times, const OdeOptions& options = {});

/// A time at which a function of time and state, with one element, crosses zero.
struct OdeEvent {
  OdeFunction function;
  bool terminal = false;  ///< the integration ends there
  int direction = 0;      ///< > 0: only where the function increases; < 0: where it decreases; 0: both
};

/// One step of a solution: y(t0 + s h) = sum_p polynomial[p] s^p for 0 <= s <= 1.
struct OdeStep {
  Tensor t0;
  double h = 0;
  std::vector<Tensor> polynomial;
};

/// A solution as a function of time.
class OdeSolution {
 public:
  /// A zero of an event's function.
  struct Crossing {
    std::size_t event = 0;  ///< index in the list of events
    Tensor t;               ///< differentiable, to order three (two Newton steps from the crossing are recorded)
    Tensor y;
  };

  /// y at a time, or at times [n]: [n, y.shape..]. ValueError outside the integrated interval.
  Tensor operator()(In t) const;
  /// The time and state at which the integration ended: t1, or a terminal event.
  const Tensor& t_end() const noexcept { return t_end_; }
  const Tensor& y_end() const noexcept { return y_end_; }
  const std::vector<OdeStep>& steps() const noexcept { return steps_; }
  const std::vector<Crossing>& crossings() const noexcept { return crossings_; }  ///< in their order in time
  std::int64_t evaluations() const noexcept { return evaluations_; }              ///< of f
  std::int64_t rejected() const noexcept { return rejected_; }                    ///< steps that were repeated

 private:
  friend class OdeRecorder;
  std::vector<OdeStep> steps_;
  std::vector<Crossing> crossings_;
  Tensor t_end_, y_end_;
  std::int64_t evaluations_ = 0, rejected_ = 0;
};

/// The solution from t0 to t1 (scalars; t1 < t0 integrates backwards), or to the first terminal event. At most one
/// crossing of each event is found in a step. Errors as for odeint.
OdeSolution solve_ivp(const OdeFunction& f, In t0, In t1, In y0, const std::vector<OdeEvent>& events = {},
                      const OdeOptions& options = {});

/// odeint with constant memory in the number of steps for the graph: only the solution is kept, and the gradient solves
/// the adjoint equation backwards (Pontryagin 1962, Chen et al. 2018) with `options`, along the kept solution where
/// the gradient is not recorded, else along the one integrated backwards. Differentiable in y0 and theta, in any order;
/// times are constants. ValueError when f depends on other variables, as their derivative would be missing.
Tensor odeint_adjoint(const ParametricOdeFunction& f, In y0, const Tensor& times, std::span<const Tensor> theta,
                      const OdeOptions& options = {});

}  // namespace newtape
