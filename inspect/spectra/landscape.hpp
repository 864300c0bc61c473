// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/spectra/loss_surface.hpp>

#include <vector>

/// The loss along lines and over planes through the present parameters, which are not changed, also when the loss
/// throws.
namespace newtape::inspect {

/// A direction in the space of a surface's parameters: one tensor for each, of its shape and dtype.
using ParameterDirection = std::vector<Tensor>;

/// Minus the gradient of the loss: a distance along it is a learning rate.
ParameterDirection descent_direction(const LossSurface& surface);

struct RandomDirectionOptions {
  bool vectors = false;            ///< also move parameters of one axis or none (biases, scales), each as one filter
  Generator* generator = nullptr;  ///< null: the default generator
};
/// A random direction in which every filter, w[i] along the first axis of a parameter, moves by its own length at
/// distance 1, so that landscapes of different models compare (Li, Xu, Taylor, Studer & Goldstein 2018). ValueError
/// when no parameter would move.
ParameterDirection random_direction(const LossSurface& surface, const RandomDirectionOptions& options = {});

/// Losses at `distances` along a direction; f64 [m].
struct LossCurve {
  Array distance, loss;
};
/// ShapeError, DTypeError unless the direction fits the parameters, ShapeError unless the distances are a vector.
LossCurve loss_along(const LossSurface& surface, const ParameterDirection& direction, const ArrayLike& distances);
/// The same at `points` equally spaced distances in [from, to].
LossCurve loss_along(const LossSurface& surface, const ParameterDirection& direction, double from, double to,
                     std::int64_t points = 41);

struct LossLandscapeOptions {
  double range = 1;                ///< distances from -range to range along both directions
  std::int64_t points = 21;        ///< along each; an odd number has the present parameters in the middle
  ParameterDirection x = {};       ///< empty: a random direction
  ParameterDirection y = {};       ///< empty: another random direction
  Generator* generator = nullptr;  ///< of random directions; null: the default generator
};
/// Losses [y, x] (f64) at the distances x and y along two directions.
struct LossLandscape {
  Array x, y, loss;
};
LossLandscape loss_landscape(const LossSurface& surface, const LossLandscapeOptions& options = {});

}  // namespace newtape::inspect
