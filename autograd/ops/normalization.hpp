// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Normalisation as in PyTorch: elements less their mean, divided by sqrt(variance + eps), times `weight`, plus `bias`;
/// an undefined tensor for either leaves it out. Variances are divided by the number of elements.
namespace newtape {

/// Over all axes but the second, of x [n, c] or [n, c, spatial..]; weight [c], bias [c] (Ioffe & Szegedy 2015).
/// ValueError when there is but one element for each channel.
Tensor batch_norm(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// And what they were, of each channel: constants.
struct BatchNormed {
  Tensor y, mean, var;
};
BatchNormed batch_norm_with_statistics(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// With a mean [c] and a variance [c] from elsewhere, such as running averages.
Tensor batch_norm_by(In x, const Tensor& mean, const Tensor& var, const Tensor& weight = {}, const Tensor& bias = {},
                     double eps = 1e-5);

/// Over the last axes of x, whose lengths are `normalized_shape`, as weight and bias have it (Ba, Kiros, Hinton 2016).
Tensor layer_norm(In x, const Shape& normalized_shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
/// The same with a mean of 0: x / sqrt(mean of x^2 + eps) weight (Zhang & Sennrich 2019). eps is the dtype's rounding
/// step unless given.
Tensor rms_norm(In x, const Shape& normalized_shape, const Tensor& weight = {}, std::optional<double> eps = {});

/// x [n, c, spatial..]: over the spatial axes and c / num_groups channels; weight [c], bias [c] (Wu & He 2018).
/// ValueError unless num_groups divides c.
Tensor group_norm(In x, std::int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// Of each channel of each image x [n, c, spatial..] (Ulyanov et al. 2016). ValueError when a channel has one element.
Tensor instance_norm(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

/// x [n, c, spatial..] / (k + alpha * mean over `size` neighbouring channels of x^2)^beta (Krizhevsky et al. 2012);
/// neighbours beyond the ends count as zeros.
struct LocalResponseNormOptions {
  double alpha = 1e-4, beta = 0.75, k = 1;
};
Tensor local_response_norm(In x, std::int64_t size, const LocalResponseNormOptions& options = {});

}  // namespace newtape
