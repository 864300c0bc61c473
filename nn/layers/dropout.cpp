// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/dropout.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::nn {

namespace {
double check_probability(double p) {
  if (!(p >= 0 && p <= 1)) raise<ValueError>("dropout: p must be a probability", "0 <= p <= 1", std::to_string(p));
  return p;
}

/// True with probability 1 - p.
Tensor kept(const Shape& shape, double p, Generator& generator) {
  return random::bernoulli(shape, 1 - p, boolean, generator);
}

/// Selects, as a product with 0 would keep NaN and infinity.
Tensor drop(In x, const Shape& shape, double p, Generator& generator) {
  const Tensor mask = kept(shape, p, generator);
  return p == 1 ? where(mask, std::move(x), 0.0) : where(mask, std::move(x) * (1 / (1 - p)), 0.0);
}
}  // namespace

Tensor dropout(In x, double p, bool training, Generator& generator) {
  check_probability(p);
  if (!training || p == 0) return x;
  const Shape shape = x.shape();
  return drop(std::move(x), shape, p, generator);
}

namespace {
/// The shape of a mask with one element for each channel.
Shape channel_mask(const char* function, const In& x) {
  if (x.ndim() < 2) {
    raise<ShapeError>(std::string(function) + ": x must have a channel axis", "x [n, channels, spatial..]",
                      "x " + to_string(x.shape()));
  }
  Shape shape = x.shape();
  std::fill(shape.begin() + 2, shape.end(), 1);
  return shape;
}

Tensor drop_alpha(In x, const Shape& shape, double p, Generator& generator) {
  const Tensor mask = kept(shape, p, generator);
  if (p == 1) return where(mask, std::move(x), 0.0);
  constexpr double low = -1.0507009873554805 * 1.6732632423543772;  // selu(-inf)
  const double a = 1 / std::sqrt((1 - p) * (1 + p * low * low));
  // a (x or low) - a low p
  return where(mask, std::move(x) * a - a * low * p, a * low * (1 - p));
}

/// feature_dropout for so many spatial axes, with or without a batch axis.
Tensor drop_channels(const std::string& name, std::size_t axes, In x, double p, bool training, Generator& generator) {
  if (x.ndim() != axes + 1 && x.ndim() != axes + 2) {
    const std::string spatial = axes == 1 ? "l" : axes == 2 ? "h, w" : "d, h, w";
    raise<ShapeError>(name + ": x must have a channel axis and " + std::to_string(axes) + " spatial axes",
                      "x [n, channels, " + spatial + "] or [channels, " + spatial + "]", "x " + to_string(x.shape()));
  }
  if (x.ndim() == axes + 2) return feature_dropout(std::move(x), p, training, generator);
  return squeeze(feature_dropout(unsqueeze(x, 0), p, training, generator), 0);
}
}  // namespace

Tensor feature_dropout(In x, double p, bool training, Generator& generator) {
  check_probability(p);
  const Shape shape = channel_mask("feature_dropout", x);
  if (!training || p == 0) return x;
  return drop(std::move(x), shape, p, generator);
}

Tensor dropout1d(In x, double p, bool training, Generator& generator) {
  return drop_channels("dropout1d", 1, std::move(x), p, training, generator);
}
Tensor dropout2d(In x, double p, bool training, Generator& generator) {
  return drop_channels("dropout2d", 2, std::move(x), p, training, generator);
}
Tensor dropout3d(In x, double p, bool training, Generator& generator) {
  return drop_channels("dropout3d", 3, std::move(x), p, training, generator);
}

Tensor alpha_dropout(In x, double p, bool training, Generator& generator) {
  check_probability(p);
  if (!training || p == 0) return x;
  const Shape shape = x.shape();
  return drop_alpha(std::move(x), shape, p, generator);
}

Tensor feature_alpha_dropout(In x, double p, bool training, Generator& generator) {
  check_probability(p);
  const Shape shape = channel_mask("feature_alpha_dropout", x);
  if (!training || p == 0) return x;
  return drop_alpha(std::move(x), shape, p, generator);
}

Dropout::Dropout(double probability) : p(check_probability(probability)) {}
Tensor Dropout::forward(In x) const { return dropout(std::move(x), p, is_training()); }

AlphaDropout::AlphaDropout(double probability) : p(check_probability(probability)) {}
Tensor AlphaDropout::forward(In x) const { return alpha_dropout(std::move(x), p, is_training()); }

FeatureAlphaDropout::FeatureAlphaDropout(double probability) : p(check_probability(probability)) {}
Tensor FeatureAlphaDropout::forward(In x) const { return feature_alpha_dropout(std::move(x), p, is_training()); }

template <class Self, std::size_t axes>
ChannelDropout<Self, axes>::ChannelDropout(double probability) : p(check_probability(probability)) {}

template <class Self, std::size_t axes>
Tensor ChannelDropout<Self, axes>::forward(In x) const {
  return drop_channels(std::string(this->type()), axes, std::move(x), p, this->is_training(), default_generator());
}

template struct ChannelDropout<Dropout1d, 1>;
template struct ChannelDropout<Dropout2d, 2>;
template struct ChannelDropout<Dropout3d, 3>;

}  // namespace newtape::nn
