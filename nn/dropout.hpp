// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/random.hpp>
#include <newtape/nn/module.hpp>

namespace newtape::nn {

/// Sets each element to 0 with probability p and multiplies the others by 1/(1-p) (Srivastava et al. 2014, inverted).
/// x itself when not `training`. ValueError for p outside [0, 1].
Tensor dropout(In x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// `dropout` in training, the identity after eval(); draws from default_generator().
struct Dropout : Module<Dropout> {
  explicit Dropout(double p = 0.5);
  Tensor forward(In x) const;

  double p;
};

}  // namespace newtape::nn
