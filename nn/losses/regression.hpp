// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/nn/losses/reduction.hpp>

/// Regression losses. ShapeError unless input and target have the same shape: a target [N] for an input [N, 1] is a
/// frequent mistake, which broadcasting would hide; `.broadcast = true` allows it. A target of integers or booleans has
/// the dtype of the input, a constant. ValueError for the mean of no losses.
namespace newtape::nn {

struct MSELossOptions {
  Reduction reduction = Reduction::mean;
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// (input - target)^2.
Tensor mse_loss(In input, In target, const MSELossOptions& options = {});

struct L1LossOptions {
  Reduction reduction = Reduction::mean;
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// |input - target|; derivative 0 where they are equal.
Tensor l1_loss(In input, In target, const L1LossOptions& options = {});

struct HuberLossOptions {
  Reduction reduction = Reduction::mean;
  double delta = 1;        ///< positive
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), for d = input - target (Huber 1964).
Tensor huber_loss(In input, In target, const HuberLossOptions& options = {});

struct SmoothL1LossOptions {
  Reduction reduction = Reduction::mean;
  double beta = 1;         ///< not negative; 0: l1_loss
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// huber_loss with delta = beta, divided by beta.
Tensor smooth_l1_loss(In input, In target, const SmoothL1LossOptions& options = {});

struct GaussianNLLLossOptions {
  Reduction reduction = Reduction::mean;
  bool full = false;       ///< include the constant log(2 pi) / 2
  double eps = 1e-6;       ///< lower bound of the variance; the derivative ignores the clamping
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// (log(var) + (input - target)^2 / var) / 2. var has the shape of the losses, that without the last axis, or that with
/// a last axis of length 1. ValueError for a negative variance.
Tensor gaussian_nll_loss(In input, In target, In var, const GaussianNLLLossOptions& options = {});

struct PoissonNLLLossOptions {
  Reduction reduction = Reduction::mean;
  bool log_input = true;   ///< the input is the logarithm of the rate
  bool full = false;       ///< include Stirling's approximation of log(target!) where target > 1
  double eps = 1e-8;       ///< without log_input: added to the rate before taking its logarithm
  bool broadcast = false;  ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// exp(input) - target input, or, without log_input, input - target log(input + eps).
Tensor poisson_nll_loss(In input, In target, const PoissonNLLLossOptions& options = {});

}  // namespace newtape::nn
