// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>

#include <vector>

/// Gradients in rows (see row_grad.hpp) stay in rows.
namespace newtape::optim {

struct ClipGradNormOptions {
  bool error_if_nonfinite = false;  ///< NumericalError instead of NaN gradients
};

/// Scales the gradients down together so that their joint 2-norm is at most `max_norm`. Returns the norm before.
/// Squares neither overflow nor underflow: large finite gradients are scaled, not set to 0.
double clip_grad_norm(const std::vector<Parameter>& params, double max_norm, const ClipGradNormOptions& options = {});

/// Clamps every element of the gradients to [-bound, bound].
void clip_grad_value(const std::vector<Parameter>& params, double bound);

}  // namespace newtape::optim
