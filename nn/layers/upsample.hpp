// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/interpolate.hpp>
#include <newtape/nn/module/module.hpp>

#include <string>
#include <utility>

namespace newtape::nn {

/// Resizing of images; see newtape::interpolate: `Upsample({.scale_factor = {2}, .mode = "bilinear"})`.
struct Upsample : Module<Upsample> {
  explicit Upsample(InterpolateOptions how) : options(std::move(how)), mode(options.mode) {}
  Tensor forward(In x) const {
    InterpolateOptions with = options;
    with.mode = mode;
    return interpolate(std::move(x), with);
  }
  InterpolateOptions options;
  std::string mode;  ///< a copy, as the string_view options.mode may dangle
};

}  // namespace newtape::nn
