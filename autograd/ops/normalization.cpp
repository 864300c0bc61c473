// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/normalization.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/joint_pullback.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/normalize.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

static const Op batch_norm_op{"batch_norm"};
static const Op layer_norm_op{"layer_norm"};
static const Op rms_norm_op{"rms_norm"};
static const Op group_norm_op{"group_norm"};
static const Op instance_norm_op{"instance_norm"};

namespace {

using View = core::NormalizeView;

void expect_floats(const Op& op, const In& x) {
  if (x.is_number()) raise<ValueError>(std::string(op.name()) + ": x must be a tensor", "a tensor", "a number");
  expect_floating(op.name(), x.value());
}

/// Checks shape and dtype of a weight, bias or statistic, unless it is undefined.
void expect(const Op& op, const char* what, const Tensor& w, const Shape& shape, const In& x) {
  if (!w.defined()) return;
  if (w.dtype() != x.dtype()) {
    raise<DTypeError>(std::string(op.name()) + ": " + what + " must have the dtype of x", name(x.dtype()),
                      name(w.dtype()));
  }
  if (w.shape() != shape) {
    raise<ShapeError>(std::string(op.name()) + ": " + what + " must have one element for each normalised feature",
                      to_string(shape), to_string(w.shape()) + " for x " + to_string(x.shape()));
  }
}

/// The number of channels, the length of the second axis.
std::int64_t channels_of(const Op& op, const In& x) {
  expect_floats(op, x);
  if (x.ndim() < 2) {
    raise<ShapeError>(std::string(op.name()) + ": x must have a channel axis", "x [n, c] or [n, c, spatial..]",
                      "x " + to_string(x.shape()));
  }
  return x.shape()[1];
}
std::int64_t inner_of(const In& x) { return element_count(Shape(x.shape().begin() + 2, x.shape().end())); }

/// A weight or bias [c] in the shape that broadcasts with x [n, c, spatial..].
Tensor by_channel(const Tensor& w, const In& x) {
  Shape shape(x.ndim() - 1, 1);
  shape[0] = x.shape()[1];
  return reshape(w, shape);
}

/// y weight + bias, where defined.
Tensor affine(Tensor y, const Tensor& weight, const Tensor& bias) {
  if (weight.defined()) y = std::move(y) * weight;
  return bias.defined() ? std::move(y) + bias : y;
}

/// The pullback in Tensor operations, for x [n, groups, channels, inner] and weight [groups, channels, 1].
std::vector<Tensor> pull(const Tensor& g, const Tensor& x, const Tensor& weight, const View& view, double eps,
                         const std::vector<bool>& needed) {
  const Dims axes = view.across ? Dims{-4, -1} : Dims{-2, -1};
  const Tensor d = view.centred ? x - mean(x, axes, true) : x;
  const Tensor r = rsqrt(mean(square(d), axes, true) + eps);
  const Tensor normal = d * r;
  std::vector<Tensor> back(3);
  if (needed[0]) {
    const Tensor gw = weight.defined() ? g * weight : g;
    Tensor projected = gw - normal * mean(gw * normal, axes, true);
    if (view.centred) projected = std::move(projected) - mean(gw, axes, true);
    back[0] = r * projected;
  }
  if (needed[1]) back[1] = g * normal;
  if (needed[2]) back[2] = g;
  return back;
}

/// Whether a set of this variance can be normalised without overflow and underflow of squares.
bool squares_fit(double var, double eps, DType dtype) {
  return dtype == f32 ? var < 1e30 && var + eps > 1e-30 : var < 1e290 && var + eps > 1e-290;
}

/// The units in which the sets of x [n, groups, channels, inner] are to be normalised: 1, or for sets whose squares do
/// not fit a power of two near the largest element. Undefined if all fit.
Tensor units_of(const Array& x, const core::NormalizeStatistics& statistics, const View& view, double eps) {
  const auto all_fit = [eps, dtype = x.dtype()](const Array& var) {
    const double* const v = var.data<double>();
    return std::all_of(v, v + var.size(), [=](double one) { return squares_fit(one, eps, dtype); });
  };
  const bool all = core::recorder() == nullptr ? all_fit(statistics.var)
                                               : core::record_decision("squares_fit", all_fit, statistics.var);
  if (all) return {};
  Array fits = Array::empty(statistics.var.shape(), boolean);
  for (std::int64_t i = 0; i < fits.size(); ++i) {
    fits.data<bool>()[i] = squares_fit(statistics.var.data<double>()[i], eps, x.dtype());
  }
  const Array unit = core::binary_scale(x, view.across ? Dims{0, 3} : Dims{2, 3});
  return core::where(core::reshape(fits, unit.shape()), core::full({}, 1, x.dtype()), unit);
}

/// normalize in Tensor operations, of x / units.
Tensor normalize_scaled(const Tensor& x, const Tensor& units, const Tensor& weight, const Tensor& bias,
                        const View& view, double eps) {
  const Dims axes = view.across ? Dims{0, 3} : Dims{2, 3};
  const Tensor z = x / units;
  const Tensor d = view.centred ? z - mean(z, axes, true) : z;
  const Tensor size = norm(d, 2, axes, true) * (1 / std::sqrt(static_cast<double>(view.count())));
  const Tensor least = core::full({}, std::sqrt(eps), x.dtype());
  return affine(d / hypot(size, least / units), weight, bias);
}

struct Result {
  Tensor y;
  core::NormalizeStatistics statistics;
};

Result normalize(const Op& op, const In& x, const Tensor& weight, const Tensor& bias, const View& view, double eps) {
  const Shape by_group{view.groups, view.channels, 1};
  const Tensor flat = reshape(x, {view.n, view.groups, view.channels, view.inner});
  const Tensor w = weight.defined() ? reshape(weight, by_group) : weight;
  const Tensor b = bias.defined() ? reshape(bias, by_group) : bias;
  if (x.size() == 0) {
    const Array none = core::full({view.statistics()}, 0, f64);
    return {reshape(affine(flat, w, b), x.shape()), {none, none}};
  }
  auto found = core::normalize(flat.value(), w.value(), b.value(), view, eps);
  if (const Tensor units = units_of(flat.value(), found.statistics, view, eps); units.defined()) {
    return {reshape(normalize_scaled(flat, units, w, b, view, eps), x.shape()), found.statistics};
  }
  const auto pullback = [x = flat, w, view, eps, by_group, statistics = found.statistics](
                            const std::vector<bool>& needed, const Tensor& g) {
    if (recorded(g, x, w) || g.ndim() != x.ndim()) return pull(g, x, w, view, eps, needed);
    const auto back =
        core::normalize_grad(g.value(), x.value(), w.value(), view, eps, statistics, {needed[0], needed[1], needed[2]});
    std::vector<Tensor> all{back.x};
    for (const auto& c : {back.weight, back.bias}) all.emplace_back(c.defined() ? core::reshape(c, by_group) : c);
    return all;
  };
  const Tensor y = detail::record_joint(op, x.location(), std::move(found.y), {&flat, &w, &b}, pullback);
  return {reshape(y, x.shape()), found.statistics};
}

BatchNormed normalize_batch(const In& x, const Tensor& weight, const Tensor& bias, double eps) {
  const auto channels = channels_of(batch_norm_op, x);
  expect(batch_norm_op, "weight", weight, {channels}, x);
  expect(batch_norm_op, "bias", bias, {channels}, x);
  const View view{x.shape()[0], 1, channels, inner_of(x), true};
  if (view.count() == 1) {
    raise<ValueError>("batch_norm: the variance needs several elements", "more than one element for each channel",
                      "x " + to_string(x.shape()));
  }
  const auto result = normalize(batch_norm_op, x, weight, bias, view, eps);
  return {result.y, core::cast(result.statistics.mean, x.dtype()), core::cast(result.statistics.var, x.dtype())};
}

/// View of x [.., normalized_shape..] as rows to be normalised.
View rows(const Op& op, const In& x, const Shape& shape) {
  expect_floats(op, x);
  const bool fits = !shape.empty() && x.ndim() >= shape.size() &&
                    std::equal(shape.begin(), shape.end(), x.shape().end() - shape.size());
  if (!fits) {
    std::string wanted = "x [..";
    for (const auto n : shape) wanted += ", " + std::to_string(n);
    raise<ShapeError>(std::string(op.name()) + ": the last axes must have the normalized shape", wanted + "]",
                      "x " + to_string(x.shape()));
  }
  return {element_count(Shape(x.shape().begin(), x.shape().end() - shape.size())), 1, element_count(shape), 1};
}

}  // namespace

Tensor batch_norm(In x, const Tensor& weight, const Tensor& bias, double eps) {
  return normalize_batch(x, weight, bias, eps).y;
}

BatchNormed batch_norm_with_statistics(In x, const Tensor& weight, const Tensor& bias, double eps) {
  return normalize_batch(x, weight, bias, eps);
}

Tensor batch_norm_by(In x, const Tensor& mean, const Tensor& var, const Tensor& weight, const Tensor& bias,
                     double eps) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "batch_norm", {x, weight, bias, mean, var}, {{"eps", eps}},
        [&] { return batch_norm_by(x, mean, var, weight, bias, eps); }, x.location());
  }
  const auto channels = channels_of(batch_norm_op, x);
  expect(batch_norm_op, "mean", mean, {channels}, x);
  expect(batch_norm_op, "var", var, {channels}, x);
  expect(batch_norm_op, "weight", weight, {channels}, x);
  expect(batch_norm_op, "bias", bias, {channels}, x);
  if (!mean.defined() || !var.defined()) {
    raise<ValueError>("batch_norm: mean and var must be defined", "a mean and a variance", "an undefined tensor");
  }
  const Tensor scale = affine(rsqrt(var + eps), weight, {});
  const Tensor offset = bias.defined() ? by_channel(bias, x) : bias;
  return affine(x - by_channel(mean, x), by_channel(scale, x), offset);
}

Tensor layer_norm(In x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias, double eps) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "layer_norm", {x, weight, bias}, {{"axes", normalized_shape.size()}, {"eps", eps}},
        [&] { return layer_norm(x, normalized_shape, weight, bias, eps); }, x.location());
  }
  const View view = rows(layer_norm_op, x, normalized_shape);
  expect(layer_norm_op, "weight", weight, normalized_shape, x);
  expect(layer_norm_op, "bias", bias, normalized_shape, x);
  return normalize(layer_norm_op, x, weight, bias, view, eps).y;
}

Tensor rms_norm(In x, const Shape& normalized_shape, const Tensor& weight, std::optional<double> eps) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "rms_norm", {x, weight}, {{"axes", normalized_shape.size()}, {"eps", eps.value_or(epsilon(x.dtype()))}},
        [&] { return rms_norm(x, normalized_shape, weight, eps); }, x.location());
  }
  View view = rows(rms_norm_op, x, normalized_shape);
  view.centred = false;
  expect(rms_norm_op, "weight", weight, normalized_shape, x);
  const double step = epsilon(x.dtype());
  return normalize(rms_norm_op, x, weight, {}, view, eps.value_or(step)).y;
}

Tensor group_norm(In x, std::int64_t num_groups, const Tensor& weight, const Tensor& bias, double eps) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "group_norm", {x, weight, bias}, {{"groups", num_groups}, {"eps", eps}},
        [&] { return group_norm(x, num_groups, weight, bias, eps); }, x.location());
  }
  const auto channels = channels_of(group_norm_op, x);
  if (num_groups < 1 || channels % num_groups != 0) {
    raise<ValueError>("group_norm: num_groups must divide the channels", "a divisor of the number of channels",
                      std::to_string(num_groups) + " groups of " + std::to_string(channels) + " channels");
  }
  expect(group_norm_op, "weight", weight, {channels}, x);
  expect(group_norm_op, "bias", bias, {channels}, x);
  return normalize(group_norm_op, x, weight, bias, {x.shape()[0], num_groups, channels / num_groups, inner_of(x)}, eps)
      .y;
}

Tensor instance_norm(In x, const Tensor& weight, const Tensor& bias, double eps) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "instance_norm", {x, weight, bias}, {{"eps", eps}}, [&] { return instance_norm(x, weight, bias, eps); },
        x.location());
  }
  const auto channels = channels_of(instance_norm_op, x);
  expect(instance_norm_op, "weight", weight, {channels}, x);
  expect(instance_norm_op, "bias", bias, {channels}, x);
  const View view{x.shape()[0], channels, 1, inner_of(x)};
  if (view.inner == 1) {
    raise<ValueError>("instance_norm: the variance needs several elements", "more than one element for each channel",
                      "x " + to_string(x.shape()));
  }
  return normalize(instance_norm_op, x, weight, bias, view, eps).y;
}

Tensor local_response_norm(In x, std::int64_t size, const LocalResponseNormOptions& options) {
  if (x.is_number() || x.ndim() < 2) {
    raise<ShapeError>("local_response_norm: x must have a channel axis", "x [n, c] or [n, c, spatial..]",
                      x.is_number() ? "a number" : "x " + to_string(x.shape()));
  }
  expect_floating("local_response_norm", x.value());
  if (size < 1) raise<ValueError>("local_response_norm: invalid size", "at least 1", std::to_string(size));
  if (x.size() == 0) return x * 1.0;
  // As in PyTorch, an even window has its extra channel in front.
  std::vector<std::pair<std::int64_t, std::int64_t>> widths(x.ndim() - 1);
  widths[0] = {size / 2, (size - 1) / 2};
  const auto windows = [&](const Tensor& of) { return sliding_window_view(pad(of, widths), size, 1); };
  const Tensor base = options.k + options.alpha * mean(windows(square(x)), -1);
  const bool fits =
      core::all_finite(base.value()) && (options.k > 1e-20 || core::cast(core::min(base.value()), f64).item() > 1e-30);
  if (fits || !(options.alpha > 0 && options.k >= 0)) return x / pow(base, options.beta);
  // The squares overflow or underflow: the root of the base, and a quotient of moderate size.
  const Tensor length = norm(windows(x), 2, -1) * std::sqrt(options.alpha / static_cast<double>(size));
  const Tensor root = hypot(length, std::sqrt(options.k));
  return x / root * pow(root, 1 - 2 * options.beta);
}

}  // namespace newtape
