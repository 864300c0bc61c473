// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/interpolate.hpp>
#include <newtape/nn/module/module.hpp>

#include <utility>

namespace newtape::nn {

/// Resizing of images; see newtape::interpolate: `Upsample({.scale_factor = {2}, .mode = InterpolateMode::bilinear})`.
struct Upsample : Module<Upsample> {
  explicit Upsample(InterpolateOptions o) : options(std::move(o)) {}
  Tensor forward(In x) const { return interpolate(std::move(x), options); }
  InterpolateOptions options;
};

}  // namespace newtape::nn
