// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/layers/norm.hpp>

#include <algorithm>
#include <string>

namespace newtape::nn {

namespace {

void expect_sizes(std::string_view op, const char* what, const Shape& sizes) {
  if (sizes.empty() || std::any_of(sizes.begin(), sizes.end(), [](auto n) { return n < 1; })) {
    raise<ValueError>(std::string(op) + ": invalid " + what, "sizes of at least 1", to_string(sizes));
  }
}

Parameter filled(const Shape& shape, double value, DType dtype) { return Parameter(core::full(shape, value, dtype)); }

const Tensor& tensor_of(const Parameter& p) {
  static const Tensor none;
  return p.defined() ? p.tensor() : none;
}

}  // namespace

template <class Self>
RunningNorm<Self>::RunningNorm(std::int64_t features, const BatchNormOptions& o) : num_features(features), options(o) {
  expect_sizes(this->type(), "num_features", {features});
  if (o.affine) {
    weight = this->add("weight", filled({features}, 1, o.dtype));
    bias = this->add("bias", filled({features}, 0, o.dtype));
  }
  if (o.track_running_stats) {
    running_mean = this->add("running_mean", Buffer(core::full({features}, 0, o.dtype)));
    running_var = this->add("running_var", Buffer(core::full({features}, 1, o.dtype)));
    num_batches_tracked = this->add("num_batches_tracked", Buffer(core::full({}, 0, i64)));
  }
}

template <class Self>
void RunningNorm<Self>::check(const In& x, bool rank_fits, std::size_t axis, std::string_view expected) const {
  if (rank_fits && x.shape()[axis] == num_features) return;
  raise<ShapeError>(std::string(this->type()) + ": x must have " + std::to_string(num_features) + " features", expected,
                    x.is_number() ? "a number" : "x " + to_string(x.shape()));
}

template <class Self>
void RunningNorm<Self>::track(const Tensor& mean, const Tensor& var, std::int64_t count, double share) const {
  if (count < 2) return;
  const NoGrad off;
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  running_mean.set_value((running_mean.tensor().detach() * (1 - share) + mean * share).value());
  running_var.set_value((running_var.tensor().detach() * (1 - share) + var * (share * unbiased)).value());
}

template <class Self, std::size_t axes>
Tensor BatchNorm<Self, axes>::forward(In x) const {
  const std::size_t ndim = x.is_number() ? 0 : x.ndim();
  this->check(x, ndim == axes + 2 || (axes == 1 && ndim == 2), 1,
              axes == 1   ? "x [n, features] or [n, features, l]"
              : axes == 2 ? "x [n, features, h, w]"
                          : "x [n, features, d, h, w]");
  const auto& w = tensor_of(this->weight);
  const auto& b = tensor_of(this->bias);
  const double eps = this->options.eps;
  const bool tracked = this->running_mean.defined();
  if (!this->is_training() && tracked) {
    return batch_norm_by(std::move(x), this->running_mean.tensor(), this->running_var.tensor(), w, b, eps);
  }
  if (!this->is_training() || !tracked) return batch_norm(std::move(x), w, b, eps);
  const std::int64_t count = x.size() / this->num_features;
  auto result = batch_norm_with_statistics(std::move(x), w, b, eps);
  const Buffer& batches = this->num_batches_tracked;
  batches.set_value(core::add(batches.value(), core::full({}, 1, i64)));
  const auto& momentum = this->options.momentum;
  const double share = momentum ? *momentum : 1 / static_cast<double>(batches.value().template item<std::int64_t>());
  this->track(result.mean, result.var, count, share);
  return result.y;
}

template <class Self, std::size_t axes>
Tensor InstanceNorm<Self, axes>::forward(In x) const {
  const std::size_t ndim = x.is_number() ? 0 : x.ndim();
  this->check(x, ndim == axes + 1 || ndim == axes + 2, ndim == axes + 1 ? 0 : 1,
              axes == 1   ? "x [n, features, l] or [features, l]"
              : axes == 2 ? "x [n, features, h, w] or [features, h, w]"
                          : "x [n, features, d, h, w] or [features, d, h, w]");
  if (ndim == axes + 1) return squeeze(forward(unsqueeze(x, 0)), 0);
  const auto& w = tensor_of(this->weight);
  const auto& b = tensor_of(this->bias);
  const double eps = this->options.eps;
  if (!this->running_mean.defined()) return instance_norm(std::move(x), w, b, eps);
  if (!this->is_training()) {
    return batch_norm_by(std::move(x), this->running_mean.tensor(), this->running_var.tensor(), w, b, eps);
  }
  Tensor y = instance_norm(x, w, b, eps);
  if (x.size() == 0) return y;
  // Statistics of each image; the layer tracks their means.
  const NoGrad off;
  const Tensor flat = reshape(x.tensor().detach(), {x.shape()[0], this->num_features, -1});
  this->track(mean(mean(flat, -1), 0), mean(var(flat, -1, 0), 0), flat.shape(-1), this->options.momentum.value_or(0));
  return y;
}

template struct RunningNorm<BatchNorm1d>;
template struct RunningNorm<BatchNorm2d>;
template struct RunningNorm<BatchNorm3d>;
template struct BatchNorm<BatchNorm1d, 1>;
template struct BatchNorm<BatchNorm2d, 2>;
template struct BatchNorm<BatchNorm3d, 3>;
template struct RunningNorm<InstanceNorm1d>;
template struct RunningNorm<InstanceNorm2d>;
template struct RunningNorm<InstanceNorm3d>;
template struct InstanceNorm<InstanceNorm1d, 1>;
template struct InstanceNorm<InstanceNorm2d, 2>;
template struct InstanceNorm<InstanceNorm3d, 3>;

LayerNorm::LayerNorm(const Shape& shape, const LayerNormOptions& o) : normalized_shape(shape), eps(o.eps) {
  expect_sizes(type(), "normalized_shape", shape);
  if (!o.elementwise_affine) return;
  weight = add("weight", filled(shape, 1, o.dtype));
  if (o.bias) bias = add("bias", filled(shape, 0, o.dtype));
}

Tensor LayerNorm::forward(In x) const {
  return layer_norm(std::move(x), normalized_shape, tensor_of(weight), tensor_of(bias), eps);
}

RMSNorm::RMSNorm(const Shape& shape, const RMSNormOptions& o) : normalized_shape(shape), eps(o.eps) {
  expect_sizes(type(), "normalized_shape", shape);
  if (o.elementwise_affine) weight = add("weight", filled(shape, 1, o.dtype));
}

Tensor RMSNorm::forward(In x) const { return rms_norm(std::move(x), normalized_shape, tensor_of(weight), eps); }

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& o)
    : num_groups(groups), num_channels(channels), eps(o.eps) {
  expect_sizes(type(), "num_groups, num_channels", {groups, channels});
  if (channels % groups != 0) {
    raise<ValueError>("GroupNorm: the channels must be divisible by num_groups", "num_groups that divides num_channels",
                      std::to_string(groups) + ", " + std::to_string(channels));
  }
  if (!o.affine) return;
  weight = add("weight", filled({channels}, 1, o.dtype));
  bias = add("bias", filled({channels}, 0, o.dtype));
}

Tensor GroupNorm::forward(In x) const {
  if (x.is_number() || x.ndim() < 2 || x.shape()[1] != num_channels) {
    raise<ShapeError>("GroupNorm: x must have " + std::to_string(num_channels) + " channels",
                      "x [n, channels, spatial..]", x.is_number() ? "a number" : "x " + to_string(x.shape()));
  }
  return group_norm(std::move(x), num_groups, tensor_of(weight), tensor_of(bias), eps);
}

}  // namespace newtape::nn
