// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Linear Gaussian state-space models: x_1 ~ N(initial_mean, initial_cov), x_t+1 = transition x_t + N(0, transition_cov),
/// y_t = observation x_t + N(0, observation_cov).
namespace newtape {

/// For n states and m observed values. Leading axes broadcast: stacks of models, or of series.
struct StateSpaceModel {
  Tensor transition;       ///< [.., n, n]
  Tensor transition_cov;   ///< [.., n, n], symmetric positive semidefinite
  Tensor observation;      ///< [.., m, n]
  Tensor observation_cov;  ///< [.., m, m], symmetric positive definite
  Tensor initial_mean;     ///< [.., n]
  Tensor initial_cov;      ///< [.., n, n], symmetric positive semidefinite
};

/// Distributions of the states for T times, given observations up to the same time (means, covariances) and up to the
/// one before (predicted).
struct KalmanFilterResult {
  Tensor means;                  ///< [.., T, n]
  Tensor covariances;            ///< [.., T, n, n]
  Tensor predicted_means;        ///< [.., T, n]
  Tensor predicted_covariances;  ///< [.., T, n, n]
  Tensor log_likelihood;         ///< of all observations [..]
};

/// Distributions of the states given all observations.
struct KalmanSmootherResult {
  Tensor means;              ///< [.., T, n]
  Tensor covariances;        ///< [.., T, n, n]
  Tensor cross_covariances;  ///< of x_t+1 and x_t, [.., T - 1, n, n]
  Tensor log_likelihood;     ///< [..]
};

/// The filter (Kalman 1960) for observations y [.., T, m], with covariances updated in Joseph's form, which keeps them
/// positive semidefinite. `observed` (boolean [T]; default: all) leaves out times without an observation, whose y is
/// not read. Recorded step by step: differentiable to any order in the model and y. ShapeError, DTypeError,
/// ValueError for T = 0; NumericalError where the covariance of an observation is not positive definite.
KalmanFilterResult kalman_filter(const StateSpaceModel& model, In y, const Tensor& observed = {});
/// The smoother of Rauch, Tung and Striebel (1965). Errors as above, and NumericalError where a predicted covariance is
/// singular.
KalmanSmootherResult kalman_smoother(const StateSpaceModel& model, In y, const Tensor& observed = {});

}  // namespace newtape
