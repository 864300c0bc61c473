// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "reference.hpp"

#include <newtape/autograd/tensor.hpp>

/// Whether two tensors have one shape and dtype, and elements that differ by at most `tolerance`, relative to the larger
/// of 1 and the elements.
inline bool agree(const newtape::Tensor& a, const newtape::Tensor& b, double tolerance = 1e-10) {
  return distance(a.value(), b.value()) <= tolerance;
}
