// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/sync_batch_norm.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi/ops.hpp>

namespace newtape::mpi {

SyncBatchNorm::SyncBatchNorm(std::int64_t features, const nn::BatchNormOptions& o, const Group& of)
    : num_features(features), options(o), group(of) {
  const nn::BatchNorm1d like(features, o);
  if (o.affine) {
    weight = add("weight", like.weight);
    bias = add("bias", like.bias);
  }
  if (o.track_running_stats) {
    running_mean = add("running_mean", like.running_mean);
    running_var = add("running_var", like.running_var);
    num_batches_tracked = add("num_batches_tracked", like.num_batches_tracked);
  }
}

void SyncBatchNorm::track(const Tensor& mean, const Tensor& var, double count) const {
  const NoGrad off;
  const auto batches = num_batches_tracked.value().item<std::int64_t>() + 1;
  num_batches_tracked.set_value(core::full({}, static_cast<double>(batches), i64));
  if (count < 2) return;
  const double share = options.momentum.value_or(1 / static_cast<double>(batches));
  running_mean.set_value(running_mean.tensor() * (1 - share) + mean * share);
  running_var.set_value(running_var.tensor() * (1 - share) + var * (share * count / (count - 1)));
}

Tensor SyncBatchNorm::forward(In x) const {
  const bool has_features = !x.is_number() && x.ndim() >= 2 && x.shape()[1] == num_features;
  if (!has_features) {
    raise<ShapeError>("SyncBatchNorm: x must have " + std::to_string(num_features) + " features",
                      "x [n, features, spatial..]", x.is_number() ? "a number" : describe(x.value()));
  }
  const Tensor w = weight.defined() ? weight.tensor() : Tensor();
  const Tensor b = bias.defined() ? bias.tensor() : Tensor();
  if (!is_training() && running_mean.defined()) {
    return batch_norm_by(x, running_mean.tensor(), running_var.tensor(), w, b, options.eps);
  }
  Dims axes{0};
  Shape channels(x.ndim(), 1);
  channels[1] = num_features;
  for (std::size_t i = 2; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));

  // Row r: mean and sum of squared deviations of rank r.
  const double n = static_cast<double>(x.size() / num_features);
  const bool empty = x.size() == 0;
  const Tensor own_mean = empty ? zeros({num_features}, x.dtype()) : mean(x, axes);
  const Tensor deviations = x - reshape(own_mean, channels);
  const Tensor own = stack(std::vector<Tensor>{own_mean, sum(deviations * deviations, axes)});
  const Tensor all = all_gather(unsqueeze(own, 0), group);
  const Array counts = group.all_gather(core::full({1, 1}, n, x.dtype()));
  const Tensor share = Tensor(counts) / sum(Tensor(counts));
  const Tensor means = squeeze(slice(all, 1, 0, 1), 1);
  const Tensor total_mean = sum(means * share, 0);
  const Tensor off = means - total_mean;
  const Tensor total = sum(Tensor(counts));
  const Tensor total_var = sum(squeeze(slice(all, 1, 1, 2), 1), 0) / total + sum(off * off * share, 0);

  if (is_training() && running_mean.defined()) track(total_mean.detach(), total_var.detach(), total.item());
  Tensor y = (x - reshape(total_mean, channels)) / sqrt(reshape(total_var, channels) + options.eps);
  if (w.defined()) y = y * reshape(w, channels);
  return b.defined() ? y + reshape(b, channels) : y;
}

}  // namespace newtape::mpi
