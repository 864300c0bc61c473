// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/loss_surface.hpp>

#include <string>
#include <vector>

/// The noise of gradients: how they differ between samples, and from which batch size on a larger batch no longer helps
/// (McCandlish, Kaplan, Amodei et al. 2018).
namespace newtape::inspect {

/// Unbiased estimates of the squared length of the true gradient G and of the trace of the covariance of the samples'
/// gradients.
struct NoiseScale {
  double squared_norm = 0;  ///< of G; may be negative where noise dominates
  double variance = 0;      ///< the trace of the covariance
  /// variance / squared_norm, the batch size at which noise and signal are equal ("B simple"); infinite where the
  /// squared norm is not positive.
  double value() const noexcept;
};

/// From the squared lengths (or their means) of gradients of two batch sizes; eqs. A.2 and A.3 of the paper. ValueError
/// unless 0 < small < big.
NoiseScale noise_scale(double small, double small_squared_norm, double big, double big_squared_norm);

/// The noise in one parameter, from gradients of n samples; f64, of the parameter's shape.
struct ParameterNoise {
  std::string name;
  Array mean;      ///< of the gradients
  Array variance;  ///< of the gradients of single samples, with n - 1
  NoiseScale scale;

  /// |mean| / standard deviation of a single sample, for each element; 0 where both are 0.
  Array signal_to_noise() const;
};

/// The result of sample_noise.
struct SampleNoise {
  std::int64_t samples = 0;
  NoiseScale scale;  ///< of all parameters together
  std::vector<ParameterNoise> parameters;
};

struct SampleNoiseOptions {
  std::int64_t chunk = 8;        ///< samples in one sweep; the model runs on as many if there is a loader
  std::int64_t max_samples = 0;  ///< 0: all
};

/// From the gradients of single samples, by batched sweeps, in constant memory. The surface's function must return one
/// loss for each sample (`reduction = none`), and treat samples independently (a model in evaluation mode). ShapeError
/// unless it returns losses [n], as many as the batch has rows; ValueError for fewer than two samples.
SampleNoise sample_noise(const LossSurface& surface, const SampleNoiseOptions& options = {});

/// From the gradients of the loader's batches of full size and of their mean, for any loss. ValueError without a loader
/// or for fewer than two such batches.
NoiseScale batch_noise_scale(const LossSurface& surface);

}  // namespace newtape::inspect
