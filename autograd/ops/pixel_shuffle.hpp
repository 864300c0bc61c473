// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Channels as pixels, and the reverse (Shi et al. 2016).
namespace newtape {

/// x [.., c factor^2, h, w] -> [.., c, h factor, w factor]. ShapeError unless factor^2 divides the channels.
Tensor pixel_shuffle(In x, std::int64_t factor);
/// The inverse: x [.., c, h factor, w factor] -> [.., c factor^2, h, w].
Tensor pixel_unshuffle(In x, std::int64_t factor);

}  // namespace newtape
