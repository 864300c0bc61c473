// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>

#include <cstddef>

/// Noise against overfitting: in training only, the identity after eval(). ValueError for a probability outside [0, 1].
namespace newtape::nn {

/// Sets each element to 0 with probability p and multiplies the others by 1/(1-p) (Srivastava et al. 2014, inverted).
/// x itself when not `training`.
Tensor dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// The same for whole channels of x [n, channels, spatial..], where neighbours tell the same (Tompson et al. 2015).
Tensor feature_dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// Sets elements to what selu has for its far negative end, and scales so that mean 0 and variance 1 stay
/// (Klambauer et al. 2017).
Tensor alpha_dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// `dropout`; draws from default_generator(), as those below do.
struct Dropout : Module<Dropout> {
  explicit Dropout(double p = 0.5);
  Tensor forward(In x) const;

  double p;
};

struct AlphaDropout : Module<AlphaDropout> {
  explicit AlphaDropout(double p = 0.5);
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

struct Dropout1d : ChannelDropout<Dropout1d, 1> {
  using ChannelDropout::ChannelDropout;
};
struct Dropout2d : ChannelDropout<Dropout2d, 2> {
  using ChannelDropout::ChannelDropout;
};
struct Dropout3d : ChannelDropout<Dropout3d, 3> {
  using ChannelDropout::ChannelDropout;
};

}  // namespace newtape::nn
