// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/nn/layers/activation.hpp>

#include <string>

namespace newtape::nn {

Tensor Flatten::forward(In x) const {
  if (x.ndim() == 0) return Flatten::forward(reshape(std::move(x), {1}));
  const auto first = normalize_axis("Flatten", start_dim, x.ndim());
  const auto last = normalize_axis("Flatten", end_dim, x.ndim());
  if (first > last) raise<ShapeError>("Flatten: start_dim must not come after end_dim");
  Shape shape(x.shape().begin(), x.shape().begin() + first + 1);
  for (auto i = first + 1; i <= last; ++i) shape[first] *= x.shape()[i];
  for (auto i = last + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return reshape(std::move(x), shape);
}

Tensor Softplus::forward(In x) const {
  if (options.beta == 1 && options.threshold >= 20) return softplus(std::move(x));  // equal up to rounding
  const Tensor scaled = x * options.beta;
  const Tensor linear = scaled > options.threshold;
  return where(linear, x, softplus(where(linear, 0.0, scaled)) / options.beta);
}

namespace {
Shape channels(std::int64_t n) {
  if (n < 1) raise<ValueError>("PReLU: num_parameters must be positive", {}, std::to_string(n));
  return {n};
}
}  // namespace

PReLU::PReLU(std::int64_t num_parameters, const PReLUOptions& options)
    : weight(add("weight", Parameter(core::full(channels(num_parameters), options.init, options.dtype)))) {}

Tensor PReLU::forward(In x) const {
  const auto n = weight.size();
  if (n == 1) return prelu(std::move(x), weight);
  if (x.ndim() < 2 || x.shape()[1] != n) {
    raise<ShapeError>("PReLU: axis 1 must be the channel axis", "x [N, " + std::to_string(n) + ", ..]",
                      "x " + to_string(x.shape()));
  }
  Shape along(x.ndim(), 1);
  along[1] = n;
  return prelu(std::move(x), reshape(weight, along));
}

namespace {
void check_slopes(double low, double high) {
  if (low <= high) return;
  raise<ValueError>("rrelu: lower must not exceed upper", {}, std::to_string(low) + ", " + std::to_string(high));
}
}  // namespace

RReLU::RReLU(double low, double high) : lower(low), upper(high) { check_slopes(low, high); }

Tensor RReLU::forward(In x) const { return rrelu(std::move(x), lower, upper, is_training()); }

Tensor rrelu(In x, double lower, double upper, bool training, Generator& generator) {
  check_slopes(lower, upper);
  if (!training) return leaky_relu(std::move(x), (lower + upper) / 2);
  const Tensor slopes = random::uniform(x.shape(), lower, upper, x.dtype(), generator);
  return prelu(std::move(x), slopes);
}

Tensor glu(In x, std::int64_t axis) {
  const auto along = normalize_axis("glu", axis, x.ndim());
  const auto length = x.shape()[along];
  if (length % 2 != 0) {
    raise<ShapeError>("glu: the axis must have an even length", "an even number along axis " + std::to_string(axis),
                      to_string(x.shape()));
  }
  const auto at = static_cast<std::int64_t>(along);
  return slice(x, at, 0, length / 2) * sigmoid(slice(x, at, length / 2, length));
}

Tensor gumbel_softmax(In logits, const GumbelSoftmaxOptions& options, Generator& generator) {
  const CallSite here(logits.location());
  if (!(options.tau > 0)) {
    raise<ValueError>("gumbel_softmax: tau must be positive", "tau > 0", std::to_string(options.tau));
  }
  const auto axis = static_cast<std::int64_t>(normalize_axis("gumbel_softmax", options.axis, logits.ndim()));
  const Tensor noise = -log(Tensor(random::exponential(logits.shape(), 1, logits.dtype(), generator)));
  const Tensor soft = softmax((logits + noise) / options.tau, axis);
  if (!options.hard) return soft;
  const Tensor hard = moveaxis(one_hot(argmax(soft.detach(), axis), soft.shape(axis), soft.dtype()), -1, axis);
  return hard + (soft - soft.detach());  // exactly one-hot, as the difference is exactly 0
}

Tensor Softmax2d::forward(In x) const {
  if (x.ndim() != 3 && x.ndim() != 4) {
    raise<ShapeError>("Softmax2d: x must have three or four axes", "[N, C, H, W] or [C, H, W]", to_string(x.shape()));
  }
  return softmax(std::move(x), -3);
}

}  // namespace newtape::nn
