// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array.hpp>

/// Optimizers' updates, each one pass over memory. `p` and the state arrays are written in place; all are contiguous
/// and of one shape and float dtype (ShapeError, DTypeError).
namespace newtape::core {

/// v = momentum v + (1 - dampening) d, where d = g + weight_decay p; p -= lr (nesterov ? d + momentum v : v).
/// Without momentum (0), `v` may be undefined and is not touched. On the first step v = d.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, first;
};
void sgd_step(Array& p, const Array& g, Array& v, const SgdStep& s);

/// Kingma & Ba 2015, algorithm 1; `decay` is decoupled (AdamW: p *= 1 - decay first), `l2` joins the gradient.
/// bias1 = 1 - beta1^t, bias2 = 1 - beta2^t.
struct AdamStep {
  double lr, beta1, beta2, eps, decay, l2, bias1, bias2;
};
void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s);

/// Sum of squares in f64.
double sum_squares(const Array& x);

}  // namespace newtape::core
