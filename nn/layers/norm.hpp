// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/nn/module/module.hpp>

#include <optional>
#include <string_view>

/// Normalisation as layers, with PyTorch's names; see <newtape/autograd/ops/normalization.hpp> for the functions.
/// Weights are initially 1, biases 0. ValueError for sizes below 1.
namespace newtape::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  ///< weight of the latest batch in running statistics; unset: cumulative mean
  bool affine = true;
  bool track_running_stats = true;
  DType dtype = f32;
};

/// The base of the layers with running statistics. weight and bias [features] when affine; buffers running_mean,
/// running_var (unbiased) and num_batches_tracked when tracked.
template <class Self>
struct RunningNorm : Module<Self> {
  RunningNorm(std::int64_t num_features, const BatchNormOptions& options);

  std::int64_t num_features;
  BatchNormOptions options;
  Parameter weight, bias;
  Buffer running_mean, running_var, num_batches_tracked;

 protected:
  /// ShapeError unless `rank_fits` and the length of `axis` is num_features.
  void check(const In& x, bool rank_fits, std::size_t axis, std::string_view expected) const;
  /// Updates the running statistics by `share` of those given, which are of `count` elements each.
  void track(const Tensor& mean, const Tensor& var, std::int64_t count, double share) const;
};

/// The base of BatchNorm1d, BatchNorm2d and BatchNorm3d: uses batch statistics in training or when none are tracked,
/// else running ones.
template <class Self, std::size_t axes>
struct BatchNorm : RunningNorm<Self> {
  explicit BatchNorm(std::int64_t features, const BatchNormOptions& o = {}) : RunningNorm<Self>(features, o) {}
  /// x [n, features, spatial..]; BatchNorm1d: or [n, features].
  Tensor forward(In x) const;
};

/// batch_norm of x [n, features] or [n, features, l]; ShapeError for others.
struct BatchNorm1d : BatchNorm<BatchNorm1d, 1> {
  using BatchNorm::BatchNorm;
};
/// batch_norm of x [n, features, h, w]; ShapeError for others.
struct BatchNorm2d : BatchNorm<BatchNorm2d, 2> {
  using BatchNorm::BatchNorm;
};
/// batch_norm of x [n, features, d, h, w]; ShapeError for others.
struct BatchNorm3d : BatchNorm<BatchNorm3d, 3> {
  using BatchNorm::BatchNorm;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;
  bool affine = false;
  bool track_running_stats = false;
  DType dtype = f32;
};

/// The base of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d: uses each image's statistics in training or when none
/// are tracked, else running ones. As in PyTorch, batches are not counted, and without momentum there are no updates.
template <class Self, std::size_t axes>
struct InstanceNorm : RunningNorm<Self> {
  explicit InstanceNorm(std::int64_t features, const InstanceNormOptions& o = {})
      : RunningNorm<Self>(features, {o.eps, o.momentum, o.affine, o.track_running_stats, o.dtype}) {}
  /// x [n, features, spatial..] or [features, spatial..].
  Tensor forward(In x) const;
};

/// instance_norm of x [n, features, l] or [features, l]; ShapeError for others.
struct InstanceNorm1d : InstanceNorm<InstanceNorm1d, 1> {
  using InstanceNorm::InstanceNorm;
};
/// instance_norm of x [n, features, h, w] or [features, h, w]; ShapeError for others.
struct InstanceNorm2d : InstanceNorm<InstanceNorm2d, 2> {
  using InstanceNorm::InstanceNorm;
};
/// instance_norm of x [n, features, d, h, w] or [features, d, h, w]; ShapeError for others.
struct InstanceNorm3d : InstanceNorm<InstanceNorm3d, 3> {
  using InstanceNorm::InstanceNorm;
};

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;
  bool bias = true;
  DType dtype = f32;
};

/// layer_norm over the last axes, of shape `normalized_shape`, as weight and bias.
struct LayerNorm : Module<LayerNorm> {
  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});
  explicit LayerNorm(std::int64_t last, const LayerNormOptions& o = {}) : LayerNorm(Shape{last}, o) {}
  Tensor forward(In x) const;

  Shape normalized_shape;
  double eps;
  Parameter weight, bias;
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< default: the dtype's machine epsilon
  bool elementwise_affine = true;
  DType dtype = f32;
};

/// rms_norm over the last axes, of shape `normalized_shape`, as weight.
struct RMSNorm : Module<RMSNorm> {
  explicit RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options = {});
  explicit RMSNorm(std::int64_t last, const RMSNormOptions& o = {}) : RMSNorm(Shape{last}, o) {}
  Tensor forward(In x) const;

  Shape normalized_shape;
  std::optional<double> eps;
  Parameter weight;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
  DType dtype = f32;
};

/// group_norm; weight and bias [channels]. ValueError unless num_groups divides num_channels.
struct GroupNorm : Module<GroupNorm> {
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels, const GroupNormOptions& options = {});
  /// x [n, channels, spatial..]
  Tensor forward(In x) const;

  std::int64_t num_groups;
  std::int64_t num_channels;
  double eps;
  Parameter weight, bias;
};

/// local_response_norm over `size` neighbouring channels of x [n, channels, spatial..]. ValueError when called, unless
/// size >= 1.
struct LocalResponseNorm : Module<LocalResponseNorm> {
  explicit LocalResponseNorm(std::int64_t neighbours, const LocalResponseNormOptions& o = {})
      : size(neighbours), options(o) {}
  Tensor forward(In x) const { return local_response_norm(std::move(x), size, options); }

  std::int64_t size;
  LocalResponseNormOptions options;
};

}  // namespace newtape::nn
