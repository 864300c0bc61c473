// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/ops/resample.hpp>

#include <memory>
#include <vector>

/// Linear maps along single axes, for pooling and interpolation.
namespace newtape::detail {

/// A matrix, and its transpose for the pullback.
struct Resampling {
  core::BandMatrix matrix, transposed;
};
using ResamplingRef = std::shared_ptr<const Resampling>;

ResamplingRef resampling(core::BandMatrix matrix);

/// Applies maps[i] along axis i of the last maps.size() axes of x.
Tensor resample(In x, const std::vector<ResamplingRef>& maps);

}  // namespace newtape::detail
