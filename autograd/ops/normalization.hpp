// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Normalisation as in PyTorch: (x - mean) / sqrt(variance + eps) * weight + bias; weight and bias may be undefined.
/// Variances are biased (divided by the number of elements).
namespace newtape {

/// Statistics over all axes but the second of x [n, c] or [n, c, spatial..]; weight [c], bias [c] (Ioffe & Szegedy
/// 2015). ValueError when there is only one element for each channel.
Tensor batch_norm(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// batch_norm with the mean and variance [c] of the channels, constants.
struct BatchNormed {
  Tensor y, mean, var;
};
BatchNormed batch_norm_with_statistics(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// batch_norm with given mean [c] and variance [c], such as running averages.
Tensor batch_norm_by(In x, const Tensor& mean, const Tensor& var, const Tensor& weight = {}, const Tensor& bias = {},
                     double eps = 1e-5);

/// Statistics over the last axes of x, of shape `normalized_shape`, as weight and bias (Ba, Kiros, Hinton 2016).
Tensor layer_norm(In x, const Shape& normalized_shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
/// x / sqrt(mean(x^2) + eps) * weight over the last axes (Zhang & Sennrich 2019). Default eps: the dtype's machine
/// epsilon.
Tensor rms_norm(In x, const Shape& normalized_shape, const Tensor& weight = {}, std::optional<double> eps = {});

/// x [n, c, spatial..], statistics over the spatial axes and c / num_groups channels; weight, bias [c] (Wu & He 2018).
/// ValueError unless num_groups divides c.
Tensor group_norm(In x, std::int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// Statistics of each channel of each image in x [n, c, spatial..] (Ulyanov et al. 2016). ValueError when a channel has
/// one element.
Tensor instance_norm(In x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

/// x [n, c, spatial..] / (k + alpha * mean over `size` neighbouring channels of x^2)^beta (Krizhevsky et al. 2012);
/// channels beyond the ends count as zeros.
struct LocalResponseNormOptions {
  double alpha = 1e-4, beta = 0.75, k = 1;
};
Tensor local_response_norm(In x, std::int64_t size, const LocalResponseNormOptions& options = {});

}  // namespace newtape
