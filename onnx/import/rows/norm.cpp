// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {
namespace {

/// Input i, which has a number for each channel, for x [n, c, ..].
Tensor by_channel(const Tensor& v, std::size_t ndim) {
  Shape shape(ndim, 1);
  if (ndim > 1) shape[1] = v.size();
  return reshape(v, shape);
}

/// running * momentum + batch * (1 - momentum)
Tensor blended(const Tensor& running, const Tensor& batch, double momentum) {
  return running * momentum + batch.to(running.dtype()) * (1 - momentum);
}

Results batch_normalization(Call& c) {
  const double eps = c.real("epsilon", 1e-5F), momentum = c.real("momentum", 0.9F);
  const Tensor x = c.tensor(0), scale = c.tensor(1), b = c.tensor(2), mean = c.tensor(3), var = c.tensor(4);
  const bool asked = c.since() < 7     ? c.integer("is_test", 0) == 0
                     : c.since() >= 14 ? c.integer("training_mode", 0) != 0
                                       : c.wants(1);
  const Buffer running_mean = c.statistic(3), running_var = c.statistic(4);
  const bool by_node = asked && !c.context().evaluable;
  const bool module_trains = c.context().training && running_mean.defined() && running_var.defined();
  const ElementType type = c.type(0);
  const auto value = [&](const Tensor& t) { return c.as(t, type); };
  if (!by_node && !module_trains) {
    Tensor y;
    if (mean.requires_grad() || var.requires_grad()) {
      const Tensor centred = x - by_channel(mean, x.ndim());
      y = centred * by_channel(scale / sqrt(var + eps), x.ndim()) + by_channel(b, x.ndim());
    } else {
      y = batch_norm_by(x, mean, var, scale, b, eps);
    }
    // A node in training mode that is evaluated gives the statistics as they are.
    if (c.outputs() > 1) return {value(y), value(mean), value(var), value(mean), value(var)};
    return {value(y)};
  }
  const BatchNormed y = batch_norm_with_statistics(x, scale, b, eps);
  const Tensor new_mean = blended(mean, y.mean, momentum).detach(), new_var = blended(var, y.var, momentum).detach();
  if (module_trains) {
    running_mean.set_value(new_mean);
    running_var.set_value(new_var);
  }
  return {value(y.y), value(new_mean), value(new_var), value(y.mean), value(y.var)};
}

Results instance_normalization(Call& c) {
  const Tensor scale = c.tensor(1), b = c.tensor(2);
  return c.out(instance_norm(c.tensor(0), scale, b, c.real("epsilon", 1e-5F)));
}

Results layer_normalization(Call& c) {
  const double eps = c.real("epsilon", 1e-5F);
  Tensor x = c.tensor(0);
  const auto axis = static_cast<std::size_t>(from_front(c.integer("axis", -1), x.ndim()));
  const Shape normalized = lengths(x.shape(), axis, x.ndim());
  const Tensor scale = expand(c.tensor(1), normalized), b = c.given(2) ? expand(c.tensor(2), normalized) : Tensor();
  Results results = c.out(layer_norm(x, normalized, scale, b, eps));
  if (c.outputs() > 1) {
    Dims axes;
    for (std::size_t i = axis; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    const auto [variance, average] = var_mean(x, axes, 0, true);
    results.push_back(c.as(average, c.type(0)));
    results.push_back(c.as(rsqrt(variance + eps), c.type(0)));
  }
  return results;
}

Results group_normalization(Call& c) {
  const double eps = c.real("epsilon", 1e-5F);
  const auto groups = c.integer("num_groups");
  Tensor x = c.tensor(0), scale = c.tensor(1), b = c.tensor(2);
  if (c.since() < 21) {  // one number for each group
    const auto each = x.shape(1) / std::max<std::int64_t>(groups, 1);
    const auto spread = [&](const Tensor& t) { return reshape(expand(reshape(t, {groups, 1}), {groups, each}), {-1}); };
    scale = spread(scale);
    b = spread(b);
  }
  return c.out(group_norm(std::move(x), groups, scale, b, eps));
}

Results rms_normalization(Call& c) {
  Tensor x = c.tensor(0);
  const auto axis = static_cast<std::size_t>(from_front(c.integer("axis", -1), x.ndim()));
  const Shape normalized = lengths(x.shape(), axis, x.ndim());
  const Tensor scale = expand(c.tensor(1), normalized);
  return c.out(rms_norm(std::move(x), normalized, scale, c.real("epsilon", 1e-5F)));
}

Results lrn(Call& c) {
  const auto size = c.integer("size");
  const LocalResponseNormOptions options{
      .alpha = c.real("alpha", 1e-4F), .beta = c.real("beta", 0.75), .k = c.real("bias", 1)};
  // Of an even number of channels ONNX takes more after the channel, PyTorch more before it.
  if (size % 2 != 0) return c.out(local_response_norm(c.tensor(0), size, options));
  return c.out(flip(local_response_norm(flip(c.tensor(0), 1), size, options), 1));
}

Results mean_variance_normalization(Call& c) {
  const Dims given = c.integers("axes");
  const Axes axes = given.empty() ? Axes{0, 2, 3} : Axes(given);
  const Tensor x = c.tensor(0);
  const auto [variance, average] = var_mean(x, axes, 0, true);
  return c.out((x - average) / (sqrt(variance) + 1e-9));
}

Results lp_normalization(Call& c) {
  const auto axis = c.integer("axis", -1);
  const auto p = static_cast<double>(c.integer("p", 2));
  return c.out(normalize(c.tensor(0), p, axis, 0));
}

constexpr Row norm_table[] = {
    {"BatchNormalization", {1, 6, 7, 9, 14, 15}, batch_normalization, {.statistics = input_bits({3, 4})}},
    {"GroupNormalization", {18, 21}, group_normalization},
    {"InstanceNormalization", {1, 6, 22}, instance_normalization},
    {"LRN", {1, 13}, lrn},
    {"LayerNormalization", {17}, layer_normalization},
    {"LpNormalization", {1, 22}, lp_normalization},
    {"MeanVarianceNormalization", {9, 13}, mean_variance_normalization},
    {"RMSNormalization", {23}, rms_normalization},
};

}  // namespace

Rows norm_rows() { return norm_table; }

}  // namespace newtape::onnx::detail
