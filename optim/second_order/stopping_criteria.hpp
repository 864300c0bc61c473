// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/result.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace newtape::optim {

/// When a run ends, for every minimiser: `minimize(f, x0, {.stop = {.gradient_tolerance = 1e-10}})`. The first criterion
/// that is met gives the result's status. Each minimiser also stops where rounding errors hide further progress.
struct StoppingCriteria {
  /// Of the gradient's largest |entry|, projected on the bounds (with an l1 penalty, the subgradient's). 0: 1e-8 in f64
  /// and 1e-4 in f32 for `minimize`, `fista`, `owl_qn`; none for `least_squares` and direct searches.
  double gradient_tolerance = 0;
  /// Of |step| / |x|; 0: none. Direct searches: of the size of the simplex or distribution over max(|x|, 1); 0: 1e-8 in
  /// f64, 1e-4 in f32.
  double step_tolerance = 0;
  /// Of |reduction of the value / value|; 0: none. Direct searches: of the difference of the values in the simplex or
  /// population.
  double value_tolerance = 0;
  std::int64_t max_iterations = 10000;  ///< 0: no limit
  std::int64_t max_evaluations = 0;     ///< of the function, with or without derivatives; 0: no limit
  double max_seconds = 0;               ///< asked before each evaluation and product; 0: no limit
  double unbounded_below = -1e20;       ///< a value below it ends the run as unbounded
  /// Called with each iteration and the point it reached; returning false ends the run.
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback = {};
};

}  // namespace newtape::optim
