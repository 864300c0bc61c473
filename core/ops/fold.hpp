// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/conv.hpp>

/// The patches that a convolution multiplies with its kernel, as columns of a matrix. Floats only.
namespace newtape::core {

/// x [n, c, input..] -> [n, c kernel.., output..] with the last two lists each as one axis; zeros from outside of x.
/// The geometry's groups do not matter.
Array unfold(const Array& x, const ConvGeometry& geometry);
/// The adjoint: columns [n, c kernel.., output..] -> x [n, c, input..], where patches overlap their sum.
Array fold(const Array& columns, const ConvGeometry& geometry);

}  // namespace newtape::core
