// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>

#include <cstddef>

/// Dropout: random masks in training, the identity after eval(). ValueError for a probability outside [0, 1].
namespace newtape::nn {

/// Sets each element to 0 with probability p and multiplies the others by 1/(1-p) (Srivastava et al. 2014, inverted).
/// Returns x when not `training`.
Tensor dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// Dropout of entire channels of x [n, channels, spatial..] (Tompson et al. 2015).
Tensor feature_dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// feature_dropout of x [n, channels, l] or [channels, l]; ShapeError for others.
Tensor dropout1d(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());
/// feature_dropout of x [n, channels, h, w] or [channels, h, w]; ShapeError for others.
Tensor dropout2d(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());
/// feature_dropout of x [n, channels, d, h, w] or [channels, d, h, w]; ShapeError for others.
Tensor dropout3d(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// Sets elements to selu(-inf), then scales and shifts to preserve mean 0 and variance 1 (Klambauer et al. 2017).
Tensor alpha_dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// alpha_dropout of entire channels of x [n, channels, spatial..].
Tensor feature_alpha_dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// `dropout`; uses default_generator(), as the modules below do.
struct Dropout : Module<Dropout> {
  explicit Dropout(double p = 0.5);
  Tensor forward(In x) const;

  double p;
};

/// `alpha_dropout`, for networks with SELU.
struct AlphaDropout : Module<AlphaDropout> {
  explicit AlphaDropout(double p = 0.5);
  Tensor forward(In x) const;

  double p;
};

/// `feature_alpha_dropout`, for networks with SELU.
struct FeatureAlphaDropout : Module<FeatureAlphaDropout> {
  explicit FeatureAlphaDropout(double p = 0.5);
  /// x [n, channels, spatial..]
  Tensor forward(In x) const;

  double p;
};

/// The base of Dropout1d, Dropout2d and Dropout3d.
template <class Self, std::size_t axes>
struct ChannelDropout : Module<Self> {
  explicit ChannelDropout(double p = 0.5);
  /// x [n, channels, spatial..] or [channels, spatial..]
  Tensor forward(In x) const;

  double p;
};

/// Dropout of entire channels of x [n, channels, l] or [channels, l]; ShapeError for others.
struct Dropout1d : ChannelDropout<Dropout1d, 1> {
  using ChannelDropout::ChannelDropout;
};
/// Dropout of entire channels of x [n, channels, h, w] or [channels, h, w]; ShapeError for others.
struct Dropout2d : ChannelDropout<Dropout2d, 2> {
  using ChannelDropout::ChannelDropout;
};
/// Dropout of entire channels of x [n, channels, d, h, w] or [channels, d, h, w]; ShapeError for others.
struct Dropout3d : ChannelDropout<Dropout3d, 3> {
  using ChannelDropout::ChannelDropout;
};

}  // namespace newtape::nn
