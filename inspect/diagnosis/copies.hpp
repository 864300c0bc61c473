// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/evidence.hpp>
#include <newtape/inspect/diagnosis/trainee.hpp>
#include <newtape/inspect/spectra/spectrum.hpp>

namespace newtape::inspect {

/// On a new model in f64: the relative difference between derivatives of the loss along random directions and central
/// differences, the median of three. Nothing is set where the model does not run in f64.
void measure_gradient_error(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed,
                            Evidence& evidence);

/// On the trained model: noise scale, curvature, and the gradient by time step. Changes gradients at most.
void measure_noise_and_curvature(Trainee& trainee, const TrainingData& data, Evidence& evidence);

/// What descent of `steps` steps can reach on the quadratic model of a loss, from the spectral measure of its
/// Gauss-Newton matrix for the gradient.
DescentReach descent_reach(const Spectrum::Quadrature& measure, double loss, std::int64_t steps);

}  // namespace newtape::inspect
