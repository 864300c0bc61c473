// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/ops/resample.hpp>

#include <memory>
#include <vector>

/// For pooling and interpolation: linear maps along single axes.
namespace newtape::detail {

/// A matrix and its transpose, which is what the pullback needs.
struct Resampling {
  core::BandMatrix matrix, transposed;
};
using ResamplingRef = std::shared_ptr<const Resampling>;

ResamplingRef resampling(core::BandMatrix matrix);

/// Replaces the last axes of x, as many as there are maps, by the maps' products with them.
Tensor resample(In x, const std::vector<ResamplingRef>& maps);

}  // namespace newtape::detail
