// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>

#include <span>
#include <vector>

/// Estimates of a Hessian H that is too large to form, from its products with random vectors: for z of independent
/// random signs, E[z (H z)] is its diagonal (Bekas, Kokiopoulou & Saad 2007), and E[z^T H z] its trace (Hutchinson
/// 1990).
namespace newtape::optim {

struct HutchinsonOptions {
  std::int64_t samples = 1;
  Generator* generator = nullptr;  ///< null: the default generator
};

/// The mean of z (H z) over the samples, for each of `xs`. Exact for any number of samples when H is diagonal; else the
/// variance of an element is the sum of squares of the off-diagonal elements in its row, over `samples`.
std::vector<Tensor> hutchinson_diag(const Located<Function>& f, std::span<const Tensor> xs,
                                    const HutchinsonOptions& options = {});
Tensor hutchinson_diag(const Located<UnaryFunction>& f, const Tensor& x, const HutchinsonOptions& options = {});

/// An estimated trace with its standard error.
struct TraceEstimate {
  double value = 0;
  double standard_error = 0;  ///< NaN for a single sample
};
/// The mean of z^T H z over the samples.
TraceEstimate hutchinson_trace(const Located<Function>& f, std::span<const Tensor> xs,
                               const HutchinsonOptions& options = {});
TraceEstimate hutchinson_trace(const Located<UnaryFunction>& f, const Tensor& x, const HutchinsonOptions& options = {});

/// Derivatives of a recorded loss, as constants; undefined for inputs that it does not depend on.
struct LossCurvature {
  std::vector<Tensor> gradient;
  std::vector<Tensor> hessian_diag;  ///< estimated
};
/// `inputs` are variables (constants are skipped). Retains the graph of the loss. ShapeError unless the loss has one
/// element, ValueError when it depends on no variable.
LossCurvature hutchinson_diag(const Tensor& loss, std::span<const Tensor> inputs,
                              const HutchinsonOptions& options = {});

}  // namespace newtape::optim
