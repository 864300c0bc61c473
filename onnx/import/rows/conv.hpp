// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/rows/windows.hpp>

namespace newtape::onnx::detail {

/// The convolution of x with w, and b unless undefined, with a node's attributes; padded with `fill`.
Tensor convolve(Call& c, Tensor x, const Tensor& w, const Tensor& b, double fill = 0);

}  // namespace newtape::onnx::detail
