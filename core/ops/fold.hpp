// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/conv.hpp>

/// im2col and col2im: the patches that a convolution multiplies with its kernel, as columns of a matrix. Floats only.
namespace newtape::core {

/// x [n, c, input..] -> [n, c * prod(kernel), prod(output)]; zeros outside x. Ignores the geometry's groups.
Array unfold(const Array& x, const ConvGeometry& geometry);
/// The adjoint: columns [n, c * prod(kernel), prod(output)] -> x [n, c, input..]; overlapping patches are summed.
Array fold(const Array& columns, const ConvGeometry& geometry);

}  // namespace newtape::core
