// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/linear_operator.hpp>
#include <newtape/inspect/spectra/loss_surface.hpp>
#include <newtape/inspect/spectra/spectrum.hpp>
#include <newtape/optim/fisher/fisher.hpp>

/// Curvature matrices of a loss at the present values of its parameters, as linear operators on the vector [n] of all
/// their elements, in order. Without a loader, the model is run once, at the construction; with one, in every product,
/// batch by batch, at the values that the parameters had.
namespace newtape::inspect {

/// The Hessian.
LinearOperator hessian_operator(const LossSurface& surface);
/// The Hessian of a function of one tensor [..], which returns one element, at x.
LinearOperator hessian_operator(const UnaryFunction& f, const Tensor& x);

/// The generalised Gauss-Newton matrix J^T H J, H the loss's Hessian in the outputs: the Fisher matrix for losses that
/// are likelihoods (see optim::FisherProduct). ValueError unless the surface has outputs.
LinearOperator gauss_newton_operator(const LossSurface& surface);

/// The mean of g g^T over the gradients g of the samples' losses. ShapeError unless the function returns losses [n].
LinearOperator empirical_fisher_operator(const LossSurface& surface);

struct SampledFisherOperatorOptions {
  optim::Likelihood likelihood = optim::Likelihood::categorical;
  std::int64_t samples = 1;  ///< targets drawn for each output
  std::uint64_t seed = 0;    ///< of the draws, which are the same in every product
};
/// The mean over `samples` of g g^T, for gradients of losses whose targets are drawn from the model's prediction: in
/// expectation, the Gauss-Newton matrix. ValueError unless the surface has outputs, and a loss of this likelihood.
LinearOperator sampled_fisher_operator(const LossSurface& surface, const SampledFisherOperatorOptions& options = {});

/// The Jacobian of f at x, [elements of f(x), elements of x].
LinearOperator jacobian_operator(const UnaryFunction& f, const Tensor& x);

/// The spectrum of the loss's Hessian.
Spectrum spectrum(const LossSurface& surface, const SpectrumOptions& options = {});

}  // namespace newtape::inspect
