// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Convolutions over one to three spatial axes. All three functions are derivatives of the trilinear form
///
///     sum over n, o, p, c, k of y[n, o, p] w[o, c, k] x[n, c, p stride - padding + k dilation],
///
/// where x is zero outside its bounds, with respect to one array; hence the pullbacks of each are the other two.
namespace newtape::core {

/// Lengths of all spatial axes of x (`input`), y (`output`) and w (`kernel`); y[p] w[k] reads x[p stride - padding + k
/// dilation].
struct ConvGeometry {
  Shape input, output, kernel;
  Dims stride, padding, dilation;
  std::int64_t groups = 1;
};

/// x [n, c, input..], w [o, c / groups, kernel..], b [o] or undefined -> y [n, o, output..], b added to each pixel.
Array conv(const Array& x, const Array& w, const Array& b, const ConvGeometry& geometry);
/// y [n, o, output..], w [o, c / groups, kernel..], b [c] or undefined -> x [n, c, input..].
Array conv_transpose(const Array& y, const Array& w, const Array& b, const ConvGeometry& geometry);
/// x [n, c, input..], y [n, o, output..] -> w [o, c / groups, kernel..].
Array conv_weight(const Array& x, const Array& y, const ConvGeometry& geometry);

}  // namespace newtape::core
