// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// The operations. Tensors broadcast by NumPy's rules; numbers, i64 and booleans take the dtype of a float operand; two
/// float dtypes do not mix (DTypeError names both). Axes may be negative. Unless stated otherwise, every operation is differentiable
/// to any order, and takes constants, variables and temporaries.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/as_strided.hpp>
#include <newtape/autograd/ops/calculus.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detection.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/fft.hpp>
#include <newtape/autograd/ops/fft_nd.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/grid_sample.hpp>
#include <newtape/autograd/ops/histogram.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/interpolate.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/kronecker.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/number_parts.hpp>
#include <newtape/autograd/ops/pixel_shuffle.hpp>
#include <newtape/autograd/ops/polynomials.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/rearrange.hpp>
#include <newtape/autograd/ops/recurrent.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/resize.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/ops/windows.hpp>
