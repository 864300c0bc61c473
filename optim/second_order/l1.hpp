// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/second_order/objective.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <functional>
#include <span>
#include <vector>

/// Minimisers of F(x) = f(x) + l1 sum |x_i| for a smooth f, whose solutions have exact zeros. They run to convergence
/// like `minimize` and return its Result: the value is that of F, the gradient the largest |entry| of F's minimum-norm
/// subgradient.
namespace newtape::optim {

/// Options of fista and owl_qn.
struct L1Options {
  double l1 = 0;
  /// Factors of l1 for each element, one tensor for each point, broadcast to it; 0: no penalty (a bias, say). Default:
  /// 1.
  std::vector<Tensor> weights = {};
  double step = 0;      ///< fista: initial step size; 0: from a difference of gradients
  bool restart = true;  ///< fista: restarts the momentum when it points uphill
  int history = 10;     ///< owl_qn: number of stored pairs of step and change of gradient
  StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
};

/// The accelerated proximal gradient method with backtracking (Beck & Teboulle 2009) and adaptive restart (O'Donoghue &
/// Candes 2015, by the gradient). The trace's gradient is that of the proximal map, (y - x) / step. ValueError,
/// DTypeError, ShapeError for bad input; the status reports failures during the run.
Result fista(const Located<UnaryFunction>& f, const Tensor& x0, const L1Options& options);
Result fista(const Located<Function>& f, std::span<const Tensor> x0, const L1Options& options);
/// A loss over parameters, which are set to the best point. Frozen ones are constants, without an entry in `xs` and
/// `weights`.
Result fista(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
             const L1Options& options);

/// Orthant-wise limited-memory quasi-Newton (Andrew & Gao 2007): L-BFGS within the orthant that the subgradient points
/// into. Fewer iterations than fista where f is ill-conditioned.
Result owl_qn(const Located<UnaryFunction>& f, const Tensor& x0, const L1Options& options);
Result owl_qn(const Located<Function>& f, std::span<const Tensor> x0, const L1Options& options);
Result owl_qn(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
              const L1Options& options);

}  // namespace newtape::optim
