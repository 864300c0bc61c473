// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <functional>
#include <span>
#include <vector>

/// Minimisers of F(x) = f(x) + l1 sum |x_i| for a smooth f, whose solutions have zeros that are exact. They run to
/// convergence as `minimize` does, and return the same result: its value is that of F, its gradient the size of the
/// subgradient of F that is nearest to 0.
namespace newtape::optim {

struct L1Options {
  double l1 = 0;
  /// What l1 is multiplied by for each element: one for each point, broadcast to it; 0 leaves an element (a bias) free.
  /// All 1 when left out.
  std::vector<Tensor> weights = {};
  double step = 0;      ///< fista: the first step size; 0: by a difference of gradients
  bool restart = true;  ///< fista: momentum begins anew when it leads uphill
  int history = 10;     ///< owl_qn: pairs of step and change of gradient that are kept
  // When to stop; a limit of 0 is none.
  double gradient_tolerance = 0;  ///< of the subgradient's largest entry; 0: 1e-8 in f64, 1e-4 in f32
  double step_tolerance = 0;      ///< of |step| / |x|
  double value_tolerance = 0;     ///< of the change of the value / |value|
  std::int64_t max_iterations = 10000;
  std::int64_t max_evaluations = 0;
  double max_seconds = 0;
  double unbounded_below = -1e20;  ///< a value that falls below it counts as -infinity
  /// Sees each iteration, and the point that it led to; false stops the run.
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback = {};
  bool verbose = false;  ///< prints a table, one line an iteration
};

/// The accelerated proximal gradient method with backtracking (Beck & Teboulle 2009) and adaptive restart (O'Donoghue &
/// Candes 2015, by the gradient). The trace's gradient is that of the proximal map, (y - x) / step. ValueError,
/// DTypeError, ShapeError for bad input; what happens on the way is in the status.
Result fista(const UnaryFunction& f, const Tensor& x0, const L1Options& options);
Result fista(const Function& f, std::span<const Tensor> x0, const L1Options& options);
/// A loss that reads parameters, which are left at the best point.
Result fista(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters, const L1Options& options);

/// Orthant-wise limited-memory quasi-Newton (Andrew & Gao 2007): L-BFGS within the orthant that the subgradient points
/// into. Fewer iterations than fista where f is ill-conditioned.
Result owl_qn(const UnaryFunction& f, const Tensor& x0, const L1Options& options);
Result owl_qn(const Function& f, std::span<const Tensor> x0, const L1Options& options);
Result owl_qn(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters, const L1Options& options);

}  // namespace newtape::optim
